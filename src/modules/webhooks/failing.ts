import { assert } from '../../kernel/assert.ts'

const DAY_MS = 86_400_000

/** How long an endpoint has given no 2xx, and what was announced of it. All null or 0 for one that answers. */
export type Failing = Readonly<{
  /** Of its first failure since its last 2xx. */
  failingSince: Date | null
  /** From then on a failure disables it. */
  disablesAt: Date | null
  /** How much of the time between the two had passed when it was last announced, in percent, and when; 0 where it was not. */
  announcedPercent: number
  announcedAt: Date | null
}>

/** Numbers, not constants, so that a run with injected faults can scale days down to seconds. */
export type DisablingConfig = Readonly<{
  /** Without a 2xx. */
  afterMs: number
  /** Failed attempts in that time: an endpoint that is hardly asked proves little. */
  failuresMin: number
  announceAtPercent: readonly number[]
}>

export const standardDisabling: DisablingConfig = Object.freeze({
  afterMs: 5 * DAY_MS,
  failuresMin: 20,
  announceAtPercent: Object.freeze([50, 70, 90])
})

export const answering: Failing = Object.freeze({
  failingSince: null,
  disablesAt: null,
  announcedPercent: 0,
  announcedAt: null
})

export type FailingStep = Readonly<{
  failing: Failing
  /** Null where nothing is due to be said. */
  verdict: Readonly<{ kind: 'announce'; percent: number }> | Readonly<{ kind: 'disable' }> | null
}>

/**
 * After a failed attempt. Nobody is disabled unannounced: the last announcement was made by an earlier failure, and then as much
 * time is left as had been before its disabling.
 * @param failures failed attempts since the last 2xx, this one included.
 */
export function afterFailedAttempt(
  before: Failing,
  { now, failures, config = standardDisabling }: Readonly<{ now: Date; failures: number; config?: DisablingConfig }>
): FailingStep {
  const { failingSince, disablesAt, announcedPercent, announcedAt } = before
  if (failingSince === null || disablesAt === null) {
    const failing = { ...answering, failingSince: now, disablesAt: new Date(now.getTime() + config.afterMs) }
    return { failing, verdict: null }
  }
  const last = config.announceAtPercent.at(-1)
  assert(last !== undefined && last < 100, 'A disabling is announced before it comes.')
  const percent = (100 * (now.getTime() - failingSince.getTime())) / (disablesAt.getTime() - failingSince.getTime())
  const reached = config.announceAtPercent.findLast((level) => level <= percent) ?? 0
  if (reached > announcedPercent) {
    return {
      failing: { ...before, announcedPercent: reached, announcedAt: now },
      verdict: { kind: 'announce', percent: reached }
    }
  }
  const graceMs = (config.afterMs * (100 - last)) / 100
  const isWarned = announcedPercent === last && announcedAt !== null && now.getTime() - announcedAt.getTime() >= graceMs
  const isOver = percent >= 100 && failures >= config.failuresMin && isWarned
  return { failing: before, verdict: isOver ? { kind: 'disable' } : null }
}
