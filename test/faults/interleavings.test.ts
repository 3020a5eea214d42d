import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Interleaving, type Step, steps } from '../support/interleavings.ts'
import { openShop } from '../support/webhooks.ts'

const RUNS = 40

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(...steps),
  worker: fc.constantFrom(0, 1),
  count: fc.integer({ min: 1, max: 6 })
})

it('two workers whose claims, deaths, late outcomes and leases interleave with changes keep the promise', async () => {
  await using shop = await openShop({ roles: 'api' })
  const totals = { steps: 0, deliveries: 0, attempts: 0, late: 0, lost: 0 }
  const property = fc.asyncProperty(fc.array(fc.tuple(step, step), { minLength: 8, maxLength: 30 }), async (pairs) => {
    const run = await Interleaving.begin(shop)
    for (const pair of pairs) await Promise.all(pair.map((one) => run.take(one)))
    await run.drain()
    const { broken, ...figures } = await run.check()
    for (const [name, count] of Object.entries(figures)) totals[name as keyof typeof figures] += count
    totals.steps += pairs.length * 2
    expect(broken).toEqual([])
  })
  await fc.assert(property, { seed: 31, numRuns: RUNS, endOnFailure: true })
  process.stdout.write(
    `  31 ${RUNS} interleavings of ${totals.steps} steps: ${totals.deliveries} deliveries, ${totals.attempts} attempts, ${totals.late} outcomes came too late and were refused, ${totals.lost} claims lost\n`
  )
  expect(totals.late).toBeGreaterThan(0)
})
