import { expect, it } from 'vitest'
import type { WaitingEndpoint } from '../../../src/modules/webhooks/claim-repository.ts'
import { planTurn, START } from '../../../src/modules/webhooks/turn.ts'

const now = new Date('2026-03-02T09:00:00Z')
const waiting = (endpointId: string, changed: Partial<WaitingEndpoint> = {}): WaitingEndpoint => ({
  ...{ orgId: 'o', endpointId, isEnabled: true, maxInFlight: 10, dueAt: now, live: 0, now },
  ...{ consecutiveFailures: 0, opens: 0, openUntil: null, slowStartLimit: null, pacedUntil: null, ratePerSecond: null },
  ...changed
})
const later = new Date(now.getTime() + 60_000)

it('what endpoints under suspicion have under way counts against their half, though they have nothing more to claim', () => {
  // Of eight slots they may hold four; the two that failed hold these and have nothing due, the third is due.
  const failed = ['a', 'b'].map((id) => waiting(id, { consecutiveFailures: 3, dueAt: later, live: 2 }))
  const due = waiting('c', { consecutiveFailures: 1 })
  const held = new Map([
    ['a', 2],
    ['b', 2]
  ])
  const heldBy = (ids: ReadonlySet<string>) => [...ids].reduce((sum, id) => sum + (held.get(id) ?? 0), 0)
  const look = { isCut: false, free: 4, suspectSlotsMax: 4, heldBy, slow: new Set<string>() }
  expect(planTurn({ ...look, waiting: [...failed, due] }).claims).toEqual([])
  expect(planTurn({ ...look, waiting: [...failed, due, waiting('d')] }).claims).toEqual([
    { orgId: 'o', wanted: new Map([['d', 4]]) }
  ])
  expect(planTurn({ ...look, waiting: [due] }).next).toEqual(START)
})
