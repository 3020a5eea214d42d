import { expect, it } from 'vitest'
import { unharmed } from '../support/delivery-faults.ts'
import { askTwice } from '../support/replays.ts'

const EVENTS = 50_000

it('a span of 50,000 that is replayed twice at once is sent once, and so is a delivery that is retried twice', async () => {
  const report = await askTwice(EVENTS)
  expect(report).toMatchObject({ ...unharmed, sent: EVENTS, duplicated: 0, queued: EVENTS })
  expect(report.retries).toEqual([202, 409, 1])
})
