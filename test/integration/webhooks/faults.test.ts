import { expect, it, vi } from 'vitest'
import { slotsOfWorker, unharmed } from '../../support/delivery-faults.ts'
import { endConnections, killWorkers, restartDatabase } from '../../support/fault-scenarios.ts'

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
