import { expect, it } from 'vitest'
import { workLongQueue } from '../support/long-queue.ts'

it('a long queue is never read from end to end, by looks, claims or outcomes, however old the statistics are', async () => {
  for (const { scans, each } of await workLongQueue({ events: 10_000, least: 1_000 })) {
    // One is the nightly check of the books, which a process makes at its start, and whose connection tells of it late.
    expect(scans).toBeLessThanOrEqual(1)
    expect(each).toBeLessThan(100)
  }
}, 180_000)
