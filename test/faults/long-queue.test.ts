import { expect, it } from 'vitest'
import { workLongQueue } from '../support/long-queue.ts'

it('a long queue is never read from end to end, by looks, claims or outcomes, however old the statistics are', async () => {
  for (const { scans, each } of await workLongQueue({ events: 10_000, least: 1_000 })) {
    expect(scans).toBe(0)
    expect(each).toBeLessThan(100)
  }
}, 180_000)
