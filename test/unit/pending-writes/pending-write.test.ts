import { describe, expect, test } from 'vitest'
import { restatedOwned } from '../../../src/modules/pending-writes/parent-client.ts'
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
  test('joins it by the rule of its kind', () => {
    const before = waiting({ client_ref: ref, number: 'A' })
    const after = joined(before, write({ number: 'B' }, 2n), restatedOwned)
    expect(after).toMatchObject({ body: { client_ref: ref, number: 'B' }, sourceVersion: 2n })
    expect(joined(before, write({ client_id: 'x' }), restatedOwned).body).toEqual({ client_id: 'x', number: 'A' })
    expect(joined(before, write({}), restatedOwned).sourceVersion).toBe(1n)
  })

  test('replaces what was refused, and a deletion', () => {
    const said = write({ total: '1' })
    const refused = waiting({ number: 'A' }, { state: 'refused' })
    for (const before of [refused, waiting({}, { operation: 'delete', body: null }), undefined])
      expect(joined(before, said, restatedOwned).body).toEqual({ total: '1' })
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
