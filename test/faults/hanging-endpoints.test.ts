import { expect, it } from 'vitest'
import { hangMany, hangOne } from '../support/crowds.ts'
import { unharmed } from '../support/delivery-faults.ts'

/** A p95 of some tens of milliseconds doubles by itself on a machine that does something else too. */
const NOISE_MS = 100

it('an endpoint that hangs with 5,000 queued holds back none of 99 others', async () => {
  const report = await hangOne({ healthy: 99, queued: 5_000, forMs: 10_000 })
  expect(report).toMatchObject({ ...unharmed, twiceBeside: 0 })
  expect(report.p95Ms).toBeLessThanOrEqual(Math.max(2 * report.p95AloneMs, report.p95AloneMs + NOISE_MS))
})

it('forty endpoints that hang at once do not make 160 others wait for them', async () => {
  const report = await hangMany(8_000)
  expect(report).toMatchObject({ ...unharmed, twiceBeside: 0 })
  expect(report.p95Ms).toBeLessThanOrEqual(Math.max(2 * report.p95AloneMs, report.p95AloneMs + NOISE_MS))
})
