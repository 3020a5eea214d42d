import { expect, it } from 'vitest'
import { unharmed } from '../support/delivery-faults.ts'
import { askTwice, killAmidReplay } from '../support/replays.ts'

const EVENTS = 50_000

it('a span of 50,000 that is replayed twice at once is sent once, and so is a delivery that is retried twice', async () => {
  const report = await askTwice(EVENTS)
  expect(report).toMatchObject({ ...unharmed, sent: EVENTS, duplicated: 0, queued: EVENTS })
  expect(report.retries).toEqual([202, 409, 1])
})

it('a replay whose workers are killed is gone on with: all of it is queued once and nothing is lost', async () => {
  const report = await killAmidReplay(10_000)
  expect(report).toMatchObject({ ...unharmed, sent: 10_000, queued: 10_000 })
  expect(report.killed).toBeGreaterThan(0)
  expect(report.duplicated / report.sent).toBeLessThan(0.05)
}, 180_000)
