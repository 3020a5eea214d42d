import { expect, it } from 'vitest'
import { unharmed } from '../support/delivery-faults.ts'
import { rollOver } from '../support/rolling-restart.ts'

it('five processes share the work, and replacing each under load loses nothing and answers no client with an error', async () => {
  const report = await rollOver(6_000)
  expect(report).toMatchObject({ ...unharmed, refused: [], duplicated: 0 })
  // What was acknowledged is there, once, and nothing else is.
  expect(report.made).toBe(new Set(report.acknowledged).size)
  expect(report.sent).toBe(report.made)
  for (const share of report.shares) expect(share).toBeGreaterThan(0)
})
