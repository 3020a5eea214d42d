import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AttemptOutcome } from '../../../src/modules/webhooks/attempt.ts'
import { afterFailure, unblemished } from '../../../src/modules/webhooks/health.ts'
import { scaleSchedule, standardSchedule } from '../../../src/modules/webhooks/schedule.ts'
import { dueAgain, notReady, settlementOf, unsent } from '../../../src/modules/webhooks/settlement.ts'

const now = new Date('2026-01-05T09:00:00.000Z')
const ids = { deliveryId: 'd', endpointId: 'e', eventId: 'v' }
const claimOf = (attempt: number, failures: number) => ({ ...ids, attempt, failures, firstAt: now, claimedAt: now })
const hungUp: AttemptOutcome = { kind: 'error', reason: 'aborted', detail: 'The service stopped the attempt.', durationMs: 0 }

test('whatever comes of an attempt, one that is made again is due later than now', () => {
  const outcomes = fc.oneof(
    fc.constant(hungUp),
    fc.record({
      kind: fc.constant('error' as const),
      reason: fc.constant('timeout' as const),
      detail: fc.constant(''),
      durationMs: fc.nat()
    }),
    fc.record({
      kind: fc.constant('response' as const),
      status: fc.integer({ min: 200, max: 599 }),
      bodyExcerpt: fc.constant(''),
      retryAfterMs: fc.option(fc.nat(), { nil: undefined }),
      durationMs: fc.nat({ max: 60_000 })
    })
  )
  const schedule = fc.oneof(
    fc.constantFrom(standardSchedule, scaleSchedule(standardSchedule, 1e-9)),
    fc.constant({ ...standardSchedule, delaysMs: [0, 0, 0, 0], jitterMinMs: 0, jitterShare: 0 })
  )
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const made = fc.record({ failures: fc.nat({ max: 12 }), others: fc.nat({ max: 100 }), schedule, random })
  fc.assert(
    fc.property(outcomes, made, (outcome, { failures, others, ...rest }) => {
      const claim = claimOf(failures + others + 1, failures)
      const { ends, delayMs } = settlementOf(claim, { url: 'https://example.com', outcome: outcome as AttemptOutcome, ...rest })
      if (ends === null) expect(delayMs).toBeGreaterThanOrEqual(1)
      expect(Number.isSafeInteger(delayMs)).toBe(true)
    })
  )
  expect(unsent(claimOf(1, 0), { ends: null, delayMs: 0, error: 'not_ready' })).toMatchObject({ ends: null, delayMs: 1 })
  expect(unsent(claimOf(1, 0), notReady)).toMatchObject({ ends: null, delayMs: 60_000 })
  expect(dueAgain(-5)).toEqual({ ends: null, delayMs: 1 })
})

test('an attempt that we hung up is made again at once, and ever later where it comes to that again', () => {
  const delays = [1, 2, 3, 200].map((attempt) => {
    const how = { url: 'https://example.com', outcome: hungUp, random: 0, schedule: standardSchedule }
    return settlementOf(claimOf(attempt, 0), how).delayMs
  })
  expect(delays).toEqual([1, 1_000, 2_000, 60_000])
})

test('a circuit that opens is open until later than now, however short its pauses are', () => {
  const config = { failuresToOpen: 1, pauseMinMs: 1e-9, pauseMaxMs: 1e-9, jitterShare: 0 }
  const { openUntil } = afterFailure(unblemished, { now, random: 0, config })
  expect(openUntil?.getTime()).toBeGreaterThan(now.getTime())
})
