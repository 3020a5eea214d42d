import { expect, test } from 'vitest'
import { afterFailedAttempt, answering, type Failing, type FailingStep } from '../../../src/modules/webhooks/failing.ts'
import { paceRoom } from '../../../src/modules/webhooks/pacing.ts'

const HOUR_MS = 3_600_000
const start = new Date('2026-03-01T00:00:00Z').getTime()

/** Fails at these hours. @returns what was said at each, where something was */
function failAt(hours: readonly number[]): { said: string[]; failing: Failing } {
  let failing: Failing = answering
  const said: string[] = []
  for (const [index, hour] of hours.entries()) {
    const step: FailingStep = afterFailedAttempt(failing, { now: new Date(start + hour * HOUR_MS), failures: index + 1 })
    failing = step.failing
    if (step.verdict !== null) said.push(`${hour}h ${step.verdict.kind === 'announce' ? step.verdict.percent : 'disabled'}`)
  }
  return { said, failing }
}

const hourly = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

test('an endpoint that is silent is announced at half, 70 and 90 percent of five days, and disabled at their end', () => {
  expect(failAt(hourly(0, 125)).said.slice(0, 4)).toEqual(['60h 50', '84h 70', '108h 90', '120h disabled'])
})

test('the object says from the first failure on when it will be disabled', () => {
  const { failing } = failAt([0])
  expect(failing).toMatchObject({ failingSince: new Date(start), disablesAt: new Date(start + 120 * HOUR_MS) })
})

test('fewer than twenty failures disable nobody', () => {
  expect(failAt([0, 60, 84, 108, 121, 130, 140]).said).toEqual(['60h 50', '84h 70', '108h 90'])
})

test('whoever was not asked for long is announced first, and disabled no sooner than as long after as others', () => {
  const { said } = failAt([...hourly(0, 20), 200, 205, 211, 212, 230])
  expect(said).toEqual(['200h 90', '212h disabled', '230h disabled'])
})

test('a rate lets a tenth of a second’s worth go at once, and nothing more until that is used up', () => {
  const now = new Date(start)
  const room = (ratePerSecond: number | null, pacedUntil: Date | null = null) => paceRoom({ ratePerSecond, pacedUntil, now })
  expect([room(null), room(1), room(9), room(100), room(1000)]).toEqual([Number.POSITIVE_INFINITY, 1, 1, 10, 100])
  expect(room(100, new Date(start + 1))).toBe(0)
  expect(room(100, now)).toBe(10)
})
