import { describe, expect, test } from 'vitest'
import { isCovered, isOlder, joined, type PendingWrite, type Write } from '../../../src/modules/pending-writes/pending-write.ts'

const ref = { source: 'erp', id: 'i' }
const write = (body: object, sourceVersion: bigint | null = null): Write => ({
  ...{ kind: 'invoice', ref, sourceVersion },
  body: { ...body }
})
const waiting = (body: object, more: Partial<PendingWrite> = {}): PendingWrite => ({
  ...{ id: '1', kind: 'invoice', ref, operation: 'put', sourceVersion: 1n, state: 'waiting', problem: null, version: 1 },
  ...{ awaited: { kind: 'client', source: 'erp', id: 'c' }, createdAt: new Date(0), updatedAt: new Date(0) },
  body: { ...body },
  ...more
})

describe('what a source says of a write that waits', () => {
  test('joins it: what is not stated stays, and one of two alternatives replaces the other', () => {
    const before = waiting({ client_ref: ref, number: 'A', due_on: '2026-01-01' })
    expect(joined(before, write({ number: 'B', due_schedule: [] }, 2n))).toMatchObject({
      body: { client_ref: ref, number: 'B', due_schedule: [] },
      sourceVersion: 2n
    })
    expect(joined(before, write({ client_id: 'x' })).body).toEqual({ client_id: 'x', number: 'A', due_on: '2026-01-01' })
    expect(joined(before, write({})).sourceVersion).toBe(1n)
  })

  test('replaces what was refused, and a deletion', () => {
    expect(joined(waiting({ number: 'A' }, { state: 'refused' }), write({ total: '1' })).body).toEqual({ total: '1' })
    expect(joined(waiting({}, { operation: 'delete', body: null }), write({ total: '1' })).body).toEqual({ total: '1' })
    expect(joined(undefined, write({ total: '1' })).body).toEqual({ total: '1' })
  })

  test.for([
    [1n, 2n, true],
    [2n, 2n, false],
    [3n, 2n, false],
    [null, 2n, false],
    [1n, null, false]
  ] as const)('version %s after %s is outdated: %s', ([version, last, outdated]) => {
    expect(isOlder({ sourceVersion: version }, last)).toBe(outdated)
    const equal = version !== null && version === last
    expect(isCovered({ sourceVersion: version }, last)).toBe(outdated || equal)
  })
})
