import { expect, it } from 'vitest'
import { unharmed } from '../support/delivery-faults.ts'
import { holdSnapshot, soak } from '../support/long-runs.ts'

/** Two minutes unless said; an hour is a good soak. */
const soakMs = Number(process.env['SOAK_SECONDS'] ?? 120) * 1_000

it('a snapshot that is held for a minute slows neither claims nor deliveries', async () => {
  const { first, last, medianFirstMs, medianLastMs, ...report } = await holdSnapshot(60_000)
  expect(report).toMatchObject({ ...unharmed, duplicated: 0 })
  expect(last.perSecond).toBeGreaterThan(first.perSecond / 2)
  expect(medianLastMs).toBeLessThanOrEqual(2 * medianFirstMs + 100)
}, 180_000)

it(
  'memory, queue and dead rows stay what they are while it works',
  async () => {
    const { first, last, ...report } = await soak(soakMs)
    expect(report).toMatchObject({ ...unharmed, duplicated: 0 })
    // Garbage is collected late: a leak shows in what a collection leaves.
    expect(last.memory.heap).toBeLessThan(first.memory.heap * 1.25 + 5)
    expect(last.memory.held).toBeLessThan(first.memory.held * 1.25 + 20)
    expect(last.memory.peak).toBeLessThan(300)
    expect(last.queued).toBeLessThan(1_000)
    expect(last.dead).toBeLessThan(20_000)
  },
  soakMs + 180_000
)
