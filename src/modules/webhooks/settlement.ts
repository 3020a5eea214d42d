import type { AttemptOutcome } from './attempt.ts'
import { type AttemptVerdict, verdictOf } from './health.ts'
import { mayStart, nextAttempt, type RetrySchedule } from './schedule.ts'

/** What of a claim its settlement needs. Its instants are the database's, so that a worker's clock decides nothing. */
export type ClaimFacts = Readonly<{
  deliveryId: string
  endpointId: string
  eventId: string
  attempt: number
  failures: number
  firstAt: Date
  claimedAt: Date
}>

/** What is written of one attempt. */
export type Settlement = Readonly<{
  deliveryId: string
  endpointId: string
  eventId: string
  attempt: number
  /** What the delivery ends as; null when it is to be tried again, after `delayMs`; see `dueAgain`. */
  ends: 'succeeded' | 'failed' | 'cancelled' | 'superseded' | null
  delayMs: number
  failures: number
  startedAt: Date
  durationMs: number
  succeeded: boolean
  status: number | null
  /** `reason: sentence` where no answer came, or none was asked for. */
  error: string | null
  answer: string | null
  /** What it says of the endpoint; null when the endpoint was not asked. */
  verdict: AttemptVerdict | null
  /** Where it was sent to; null when it was not. The endpoint may have moved on since. */
  url: string | null
}>

/** What an attempt's outcome changes: the delivery ends, or waits for the next attempt. An interruption is no failure. */
export function settlementOf(
  claim: ClaimFacts,
  { url, outcome, random, schedule }: { url: string; outcome: AttemptOutcome; random: number; schedule: RetrySchedule }
): Settlement {
  const verdict = verdictOf(outcome)
  const failures = claim.failures + (verdict === 'succeeded' || verdict === 'interrupted' ? 0 : 1)
  return {
    ...base(claim, failures),
    ...endOf(claim, { outcome, verdict, failures, random, schedule }),
    durationMs: outcome.durationMs,
    succeeded: verdict === 'succeeded',
    ...said(outcome),
    verdict,
    url
  }
}

type Attempted = Readonly<{
  outcome: AttemptOutcome
  verdict: AttemptVerdict
  failures: number
  random: number
  schedule: RetrySchedule
}>

function endOf(claim: ClaimFacts, after: Attempted): Pick<Settlement, 'ends' | 'delayMs'> {
  const { outcome, verdict, failures, random, schedule } = after
  if (verdict === 'succeeded') return { ends: 'succeeded', delayMs: 0 }
  if (verdict === 'interrupted') return dueAgain(pauseOf(claim))
  if (verdict === 'gone' || verdict === 'too_large') return { ends: 'failed', delayMs: 0 }
  const now = new Date(claim.claimedAt.getTime() + outcome.durationMs)
  const retryAfterMs = outcome.kind === 'response' ? outcome.retryAfterMs : undefined
  const next = nextAttempt(failures, { now, firstAttemptAt: claim.firstAt, random, schedule, retryAfterMs })
  return next.kind === 'at' ? dueAgain(next.at.getTime() - now.getTime()) : { ends: 'failed', delayMs: 0 }
}

/** When what has not ended is due again: always later, so that nothing is claimed again and again at one instant. */
export function dueAgain(delayMs: number): Pick<Settlement, 'ends' | 'delayMs'> {
  return { ends: null, delayMs: Math.max(1, Math.ceil(delayMs)) }
}

const SECOND_MS = 1_000
const PAUSE_MAX_MS = 60_000

/**
 * After an attempt that we hung up ourselves, which uses up no attempt of the schedule: another process takes the first at once; where
 * it comes to that again and again, each pause is a second longer.
 */
function pauseOf({ attempt, failures }: ClaimFacts): number {
  return Math.min(PAUSE_MAX_MS, (attempt - 1 - failures) * SECOND_MS)
}

function said(outcome: AttemptOutcome): Pick<Settlement, 'status' | 'error' | 'answer'> {
  if (outcome.kind === 'response') return { status: outcome.status, error: null, answer: outcome.bodyExcerpt }
  return { status: null, error: storable(`${outcome.reason}: ${outcome.detail}`), answer: null }
}

/** What others threw may hold what PostgreSQL does not keep as text. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

function base(claim: ClaimFacts, failures: number) {
  const { deliveryId, endpointId, eventId, attempt, claimedAt } = claim
  return { deliveryId, endpointId, eventId, attempt, failures, startedAt: claimedAt }
}

/** Why a claimed delivery is not sent, and what it ends as; null when it is to be claimed again, after `delayMs`. */
export type NotSent = Readonly<{ error: string }> &
  (Readonly<{ ends: 'failed' | 'cancelled' | 'superseded' }> | Readonly<{ ends: null; delayMs: number }>)

/** Nothing was sent, for a reason that lies here: a key that opens no secret, say. It is no failure of the endpoint's. */
export const notReady: NotSent = Object.freeze({
  ends: null,
  delayMs: 60_000,
  error: 'not_ready: Not sent: the attempt could not be made. The log of the service says why.'
})

/**
 * @param outdated why the event is no longer true, null where it is, undefined where that could not be told.
 * @returns undefined for what is to be sent.
 */
export function reasonNotToSend(
  claim: ClaimFacts & Readonly<{ body: string | null }>,
  { schedule, outdated }: Readonly<{ schedule: RetrySchedule; outdated: string | null | undefined }>
): NotSent | undefined {
  if (claim.body === null) return { ends: 'cancelled', error: 'body_gone: Not sent: the body of the event was erased.' }
  if (typeof outdated === 'string') return { ends: 'superseded', error: `superseded: Not sent: ${outdated}` }
  if (!mayStart(claim.claimedAt, claim.firstAt, schedule))
    return { ends: 'failed', error: 'too_late: Not sent: seven days have passed since the first attempt.' }
  return outdated === undefined ? notReady : undefined
}

/** The attempt has its number, so it has its row, which says that nothing was sent. */
export function unsent(claim: ClaimFacts, reason: NotSent): Settlement {
  return {
    ...base(claim, claim.failures),
    ...(reason.ends === null ? dueAgain(reason.delayMs) : { ends: reason.ends, delayMs: 0 }),
    durationMs: 0,
    succeeded: false,
    status: null,
    error: reason.error,
    answer: null,
    verdict: null,
    url: null
  }
}
