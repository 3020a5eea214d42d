import { assert } from '../../kernel/assert.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Numbers, not constants, so that a run with injected faults can scale hours down to milliseconds. */
export type RetrySchedule = Readonly<{
  /** The wait before each attempt; the first belongs to the first attempt. Its length is the number of attempts. */
  delaysMs: readonly number[]
  /** How much of the wait may be added at random, from 0 to 1, and the bounds of that addition. */
  jitterShare: number
  jitterMinMs: number
  jitterMaxMs: number
  /** What a receiver may ask for by `Retry-After` at most. */
  hintMaxMs: number
  /** No attempt starts later than this after the first one. */
  horizonMs: number
}>

/** Standard Webhooks' example schedule: ten attempts in three days and some hours. */
export const standardSchedule: RetrySchedule = Object.freeze({
  delaysMs: Object.freeze([0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, DAY]),
  jitterShare: 0.1,
  jitterMinMs: 2 * SECOND,
  jitterMaxMs: 15 * MINUTE,
  hintMaxMs: DAY,
  horizonMs: 7 * DAY
})

/** The same schedule with every time multiplied by `factor`, which is greater than 0. */
export function scaleSchedule(schedule: RetrySchedule, factor: number): RetrySchedule {
  assert(factor > 0 && Number.isFinite(factor), 'A schedule is scaled by a positive number.')
  return {
    delaysMs: schedule.delaysMs.map((delayMs) => delayMs * factor),
    jitterShare: schedule.jitterShare,
    jitterMinMs: schedule.jitterMinMs * factor,
    jitterMaxMs: schedule.jitterMaxMs * factor,
    hintMaxMs: schedule.hintMaxMs * factor,
    horizonMs: schedule.horizonMs * factor
  }
}

export type Circumstances = Readonly<{
  /** Uniform, at least 0 and less than 1. */
  random: number
  schedule?: RetrySchedule
  /** What `parseRetryAfter` made of the answer's header. */
  retryAfterMs?: number | undefined
}>

/**
 * Whole milliseconds from now to the next attempt after `failures` failed ones; undefined when there is none. Jitter is
 * only added: nobody is asked again before the time the schedule or the receiver named, but many who failed together part.
 */
export function retryDelayMs(
  failures: number,
  { random, schedule = standardSchedule, retryAfterMs = 0 }: Circumstances
): number | undefined {
  assert(Number.isSafeInteger(failures) && failures >= 0, 'Failures are counted from 0.')
  assert(random >= 0 && random < 1, 'Randomness lies in [0, 1).')
  const scheduledMs = schedule.delaysMs[failures]
  if (scheduledMs === undefined) return undefined
  if (failures === 0) return scheduledMs
  const delayMs = Math.max(scheduledMs, Math.min(retryAfterMs, schedule.hintMaxMs))
  const spanMs = Math.min(Math.max(delayMs * schedule.jitterShare, schedule.jitterMinMs), schedule.jitterMaxMs)
  return Math.ceil(delayMs + spanMs * random)
}

export type NextAttempt = Readonly<{ kind: 'at'; at: Date }> | Readonly<{ kind: 'ended'; because: 'attempts_used' | 'too_late' }>

/** When the attempt after `failures` failed ones starts, or why there is none. */
export function nextAttempt(
  failures: number,
  { now, firstAttemptAt, ...rest }: Circumstances & Readonly<{ now: Date; firstAttemptAt: Date }>
): NextAttempt {
  const delayMs = retryDelayMs(failures, rest)
  if (delayMs === undefined) return { kind: 'ended', because: 'attempts_used' }
  const at = new Date(now.getTime() + delayMs)
  return mayStart(at, firstAttemptAt, rest.schedule) ? { kind: 'at', at } : { kind: 'ended', because: 'too_late' }
}

/** Whether an attempt may still start at `at`. To be asked again when one is claimed, since a closed circuit is waited for. */
export function mayStart(at: Date, firstAttemptAt: Date, schedule: RetrySchedule = standardSchedule): boolean {
  return at.getTime() - firstAttemptAt.getTime() <= schedule.horizonMs
}

/**
 * Milliseconds that a `Retry-After` asks to wait from `now`, at least 0, since a date that has passed asks for nothing;
 * undefined for what is neither seconds nor an HTTP date (RFC 9110, section 10.2.3). The limit is `retryDelayMs`'s.
 */
export function parseRetryAfter(value: string, now: Date): number | undefined {
  const text = value.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text) * SECOND, Number.MAX_SAFE_INTEGER)
  const at = parseHttpDate(text, now)
  return at === undefined ? undefined : Math.max(0, at - now.getTime())
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const WEEKDAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)'
/** RFC 9110, section 5.6.7: a recipient takes all three. */
const HTTP_DATES = [
  new RegExp(`^${WEEKDAY}, (?<date>\\d\\d) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{2,5}day, (?<date>\\d\\d)-(?<month>[A-Z][a-z]{2})-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^${WEEKDAY} (?<month>[A-Z][a-z]{2}) (?<date>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`)
]

/** Milliseconds since 1970 of an HTTP date in any of its three forms; undefined when it is none, or no such day exists. */
export function parseHttpDate(text: string, now: Date): number | undefined {
  for (const form of HTTP_DATES) {
    const parts = form.exec(text)?.groups
    if (parts === undefined) continue
    const number = (name: string) => Number(parts[name])
    const month = MONTHS.indexOf(parts['month'] ?? '')
    const year = parts['year']?.length === 2 ? fullYear(number('year'), now) : number('year')
    // A leap second is written as 60 and belongs to the next minute, which is what Date.UTC makes of it.
    if (month < 0 || number('hour') > 23 || number('minute') > 59 || number('second') > 60) return undefined
    const midnight = new Date(Date.UTC(year, month, number('date')))
    if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== number('date')) return undefined
    return midnight.getTime() + number('hour') * HOUR + number('minute') * MINUTE + number('second') * SECOND
  }
  return undefined
}

/** A year of two digits that seems more than 50 years ahead lies in the past. */
function fullYear(twoDigits: number, now: Date): number {
  const thisYear = now.getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}
