import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  mayStart,
  nextAttempt,
  parseRetryAfter,
  retryDelayMs,
  scaleSchedule,
  standardSchedule
} from '../../../src/modules/webhooks/schedule.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const anyHint = fc.option(fc.nat({ max: 10 * DAY }), { nil: undefined })

describe('the retry schedule', () => {
  it('without jitter is the promised one and ends after the tenth failure', () => {
    const delays = Array.from({ length: 11 }, (_, failures) => retryDelayMs(failures, { random: 0 }))
    const hours = [2, 5, 10, 14, 20, 24].map((n) => n * HOUR)
    expect(delays).toEqual([0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, ...hours, undefined])
  })

  it('sends the first attempt at once, whatever chance says', () => {
    fc.assert(
      fc.property(random, (chance) => {
        expect(retryDelayMs(0, { random: chance })).toBe(0)
      })
    )
  })

  it('adds 10 %, at least 2 s and at most 15 min, and never takes away', () => {
    const almostOne = 1 - Number.EPSILON
    const added = (failures: number) =>
      (retryDelayMs(failures, { random: almostOne }) ?? 0) - (retryDelayMs(failures, { random: 0 }) ?? 0)
    expect(added(1)).toBe(2 * SECOND)
    expect(added(2)).toBe(30 * SECOND)
    expect(added(4)).toBe(12 * MINUTE)
    expect(added(9)).toBe(15 * MINUTE)
  })

  it('never asks before the schedule and the hint, nor more than 15 min after the later of both', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), random, anyHint, (failures, chance, retryAfterMs) => {
        const earliestMs = Math.max(standardSchedule.delaysMs[failures] ?? 0, Math.min(retryAfterMs ?? 0, DAY))
        const delayMs = retryDelayMs(failures, { random: chance, retryAfterMs }) ?? Number.NaN
        expect(delayMs).toBeGreaterThanOrEqual(earliestMs)
        expect(delayMs).toBeLessThanOrEqual(earliestMs + 15 * MINUTE)
        expect(Number.isInteger(delayMs)).toBe(true)
      })
    )
  })

  it('follows a hint for 24 hours at most, even an endless one', () => {
    expect(retryDelayMs(1, { random: 0, retryAfterMs: 90 * SECOND })).toBe(90 * SECOND)
    expect(retryDelayMs(3, { random: 0, retryAfterMs: 90 * SECOND })).toBe(30 * MINUTE)
    expect(retryDelayMs(1, { random: 0, retryAfterMs: Number.MAX_SAFE_INTEGER })).toBe(DAY)
  })

  it('parts those who failed at the same moment', () => {
    const chances = Array.from({ length: 100 }, (_, n) => n / 100)
    expect(new Set(chances.map((chance) => retryDelayMs(1, { random: chance }))).size).toBe(100)
  })

  it('scaled down for a fault run keeps its shape', () => {
    const fast = scaleSchedule(standardSchedule, 1 / 1_000)
    expect(retryDelayMs(2, { random: 0, schedule: fast })).toBe(300)
    expect(retryDelayMs(10, { random: 0, schedule: fast })).toBeUndefined()
    expect(() => scaleSchedule(standardSchedule, 0)).toThrow('positive')
  })
})

describe('the end of a delivery', () => {
  const firstAttemptAt = new Date('2026-11-01T00:00:00Z')
  const past = (ms: number) => new Date(firstAttemptAt.getTime() + ms)

  it('comes with the tenth failed attempt', () => {
    expect(nextAttempt(9, { now: past(0), firstAttemptAt, random: 0 })).toEqual({ kind: 'at', at: past(DAY) })
    expect(nextAttempt(10, { now: past(0), firstAttemptAt, random: 0 })).toEqual({ kind: 'ended', because: 'attempts_used' })
  })

  it('comes when the next attempt would start later than seven days after the first', () => {
    const lastMoment = { now: past(6 * DAY), firstAttemptAt, random: 0, retryAfterMs: DAY }
    expect(nextAttempt(1, lastMoment)).toEqual({ kind: 'at', at: past(7 * DAY) })
    expect(nextAttempt(1, { ...lastMoment, now: past(6 * DAY + 1) })).toEqual({ kind: 'ended', because: 'too_late' })
    expect(mayStart(past(7 * DAY), firstAttemptAt)).toBe(true)
    expect(mayStart(past(7 * DAY + 1), firstAttemptAt)).toBe(false)
  })

  it('comes within seven days whatever the receiver asks for', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ chance: random, retryAfterMs: anyHint }), { minLength: 12, maxLength: 12 }), (answers) => {
        let now = firstAttemptAt
        let failures = 0
        for (const { chance, retryAfterMs } of answers) {
          failures += 1
          const next = nextAttempt(failures, { now, firstAttemptAt, random: chance, retryAfterMs })
          if (next.kind === 'ended') return
          expect(next.at.getTime()).toBeGreaterThan(now.getTime())
          expect(next.at.getTime() - firstAttemptAt.getTime()).toBeLessThanOrEqual(7 * DAY)
          now = next.at
        }
        expect.unreachable('A delivery must end.')
      })
    )
  })
})

describe('Retry-After', () => {
  const now = new Date('1994-11-06T08:49:00Z')

  it.each([
    ['120', 120 * SECOND],
    ['0', 0],
    [' 7 ', 7 * SECOND],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 37 * SECOND],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 37 * SECOND],
    ['Sun Nov  6 08:49:37 1994', 37 * SECOND],
    ['Mon, 07 Nov 1994 08:49:00 GMT', DAY],
    ['Sun, 06 Nov 1994 08:49:60 GMT', MINUTE],
    ['Sun, 06 Nov 1994 08:48:00 GMT', 0],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER]
  ])('%s is understood', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected)
  })

  it.each([
    '',
    '-1',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    '5 minutes',
    'tomorrow',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 PST',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    '120, 60',
    '\u0661\u0662'
  ])('%j is garbage and ignored', (value) => {
    expect(parseRetryAfter(value, now)).toBeUndefined()
  })

  it('takes a year of two digits for the century that is nearer', () => {
    const in2026 = new Date('2026-11-21T00:00:00Z')
    expect(parseRetryAfter('Sunday, 22-Nov-26 00:00:00 GMT', in2026)).toBe(DAY)
    expect(parseRetryAfter('Sunday, 06-Nov-94 08:49:37 GMT', in2026)).toBe(0)
  })

  it('throws for nothing that a receiver may say', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const hintMs = parseRetryAfter(value, now)
        expect(hintMs === undefined || (Number.isSafeInteger(hintMs) && hintMs >= 0)).toBe(true)
      })
    )
  })
})
