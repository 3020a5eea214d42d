import { expect, it } from 'vitest'
import { loseTheWay, refuseOutcomes, takeAllConnections } from '../support/database-faults.ts'
import { unharmed } from '../support/delivery-faults.ts'

it('connections to the database that go silent are given up, and nothing is lost', async () => {
  const report = await loseTheWay(6_000)
  expect(report).toMatchObject(unharmed)
  expect(report.duplicated / report.sent).toBeLessThan(0.02)
  // What was claimed by an answer that never came waits for its lease.
  expect(report.worstDelayMs).toBeLessThan(60_000)
})

it('nothing is lost or sent twice while others hold all connections to the database', async () => {
  const report = await takeAllConnections(9_000)
  expect(report).toMatchObject({ ...unharmed, refused: true })
  expect(report.duplicated / report.sent).toBeLessThan(0.02)
})

it('outcomes that cannot be written for a while are written afterwards, and nothing is sent again', async () => {
  expect(await refuseOutcomes(18_000)).toMatchObject({ ...unharmed, duplicated: 0 })
})
