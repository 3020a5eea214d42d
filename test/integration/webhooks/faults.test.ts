import { expect, it, vi } from 'vitest'
import { hangOne } from '../../support/crowds.ts'
import { slotsOfWorker, unharmed } from '../../support/delivery-faults.ts'
import { endConnections, killWorkers, restartDatabase } from '../../support/fault-scenarios.ts'
import { workLongQueue } from '../../support/long-queue.ts'

// The short forms; `npm run test:faults` runs them in full length.
vi.setConfig({ testTimeout: 120_000 })

it('nothing is lost when workers are killed', async () => {
  const report = await killWorkers(12_000)
  expect(report).toMatchObject(unharmed)
  expect(report.killed).toBeGreaterThan(0)
  expect(report.duplicated).toBeLessThanOrEqual(report.killed * slotsOfWorker)
})

it('nothing is lost when connections to the database are cut', async () => {
  const report = await endConnections(6_000)
  expect(report).toMatchObject(unharmed)
  expect(report.duplicated / report.sent).toBeLessThan(0.02)
})

it('nothing is lost when the database restarts', async () => {
  expect(await restartDatabase(1)).toMatchObject(unharmed)
})

it('an endpoint that hangs with a long queue holds back none of the others', async () => {
  const report = await hangOne({ healthy: 30, queued: 1_000, forMs: 4_000, scale: 0.001 })
  expect(report).toMatchObject({ ...unharmed, twiceBeside: 0 })
  // Other tests run beside this one: what is held back would wait for seconds.
  expect(report.p95Ms).toBeLessThanOrEqual(Math.max(2 * report.p95AloneMs, report.p95AloneMs + 400))
})

it('a long queue is never read from end to end', async () => {
  for (const { scans, each } of await workLongQueue({ events: 2_000, least: 300 })) {
    // One is the nightly check of the books, which a process makes at its start, and whose connection tells of it late.
    expect(scans).toBeLessThanOrEqual(1)
    expect(each).toBeLessThan(100)
  }
})
