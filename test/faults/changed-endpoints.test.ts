import { expect, it } from 'vitest'
import { changeInFlight, changes, rotateSecrets } from '../support/changes.ts'
import { unharmed } from '../support/delivery-faults.ts'

it('every request verifies with the newest secret or the one before while secrets are rotated', async () => {
  const report = await rotateSecrets(6)
  expect(report).toMatchObject({ ...unharmed, refused: 0, duplicated: 0, rotations: 6 })
})

it.each(changes)('nothing that is claimed after goes to an endpoint when $what in flight', async (change) => {
  const result = await changeInFlight(change)
  expect(result).toMatchObject({ claimedAfter: 0, queued: 0, unlogged: 0 })
  expect(result.requests).toBeGreaterThan(0)
  // An attempt may take two seconds here.
  expect(result.lastMs).toBeLessThan(2_500)
})
