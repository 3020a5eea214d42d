import { expect, it } from 'vitest'
import { unharmed } from '../support/delivery-faults.ts'
import { comeBack, failTogether } from '../support/outages.ts'

it('a receiver that was down for two hours gets 20,000 after it is up, slowly at first', async () => {
  const report = await comeBack({ queued: 20_000, scale: 0.002 })
  expect(report).toMatchObject({ ...unharmed, sent: 20_000, duplicated: 0 })
  // Its circuit asks for it: fewer than one attempt for a hundred that wait.
  expect(report.attemptsWhileDown).toBeLessThan(200)
  expect(report.stampede).toBeLessThanOrEqual(0)
})

it('what fails together is tried again apart: never before its time, and spread over what may be added', async () => {
  const { waitsMs, ...report } = await failTogether(500)
  expect(report).toMatchObject({ ...unharmed, sent: 500 })
  const [scheduledMs, addedMs, parts] = [5_000, 2_000, 10]
  const leastMs = Math.min(...waitsMs)
  expect(leastMs).toBeGreaterThanOrEqual(scheduledMs)
  const shares = Array.from({ length: parts }, (_, n) => {
    const [from, to] = [leastMs + (n * addedMs) / parts, leastMs + ((n + 1) * addedMs) / parts]
    return waitsMs.filter((ms) => ms >= from && ms < to).length / waitsMs.length
  })
  expect(Math.min(...shares)).toBeGreaterThan(0.02)
  expect(Math.max(...shares)).toBeLessThan(0.3)
})
