import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import type { DeliveryService, Outcome } from '../modules/webhooks/delivery-service.ts'
import { secretContext } from '../modules/webhooks/endpoint-service.ts'
import { verdictOf } from '../modules/webhooks/health.ts'
import type { Claimed, ReadyEndpoint } from '../modules/webhooks/queue-repository.ts'
import { mayStart, nextAttempt, type RetrySchedule } from '../modules/webhooks/schedule.ts'
import type { SecretBox } from '../modules/webhooks/secret-box.ts'
import type { AttemptOutcome, Sender } from '../modules/webhooks/sender.ts'
import { headersFor } from '../modules/webhooks/signature.ts'
import { createOutbox } from './delivery-outbox.ts'
import type { Log } from './loop.ts'

export type DeliveryMetrics = Readonly<{
  attempt: (verdict: Outcome['verdict']) => void
  fencedOut: (count: number) => void
  leaseExpired: () => void
}>

export type DeliveryJobDeps = Readonly<{
  deliveries: DeliveryService
  database: Database
  sender: Sender
  secretBox: SecretBox
  clock: Clock
  random: () => number
  schedule: RetrySchedule
  log: Log
  metrics: DeliveryMetrics
  /** Attempts of this process at a time. */
  concurrency: number
  leaseMs: number
  timeoutMaxMs: number
  /** Has `pump` called again soon: an endpoint has room for more. */
  wake: () => void
}>

const ENDPOINTS_PER_LOOK = 1_000
const SECRETS_KEPT = 10_000

/**
 * Claims what may start now, sends it without a transaction open, and writes what came of it together. Any number of
 * processes may run it; a dead one's claims are taken over when their lease ends.
 */
export function createDeliveryJob(deps: DeliveryJobDeps) {
  const { deliveries, database, sender, secretBox, clock, random, schedule, log, metrics, concurrency, leaseMs, timeoutMaxMs } =
    deps
  const underWay = new Set<Promise<void>>()
  const opened = new Map<string, string>()
  const outbox = createOutbox({ write, onWritten: deps.wake, log })

  async function write(orgId: string, outcomes: readonly Outcome[]): Promise<void> {
    const mine = await database.scoped(orgId, (tx) => deliveries.settle(tx, outcomes))
    if (mine.size < outcomes.length) metrics.fencedOut(outcomes.length - mine.size)
  }

  /** Opening costs as much as signing does, and a secret is used for thousands of deliveries. */
  function open(sealed: string, context: string): string {
    const known = opened.get(sealed)
    if (known !== undefined) return known
    const secret = secretBox.open(sealed, context)
    if (opened.size >= SECRETS_KEPT) opened.clear()
    opened.set(sealed, secret)
    return secret
  }

  async function attempt(orgId: string, claimed: Claimed): Promise<AttemptOutcome> {
    const { body, secrets, endpointId, eventId: id, traceparent } = claimed
    if (body === null)
      return { kind: 'error', reason: 'aborted', detail: 'The body was dropped at the end of its retention.', durationMs: 0 }
    const bytes = Buffer.from(body)
    const timestampS = Math.floor(clock.now().getTime() / 1000)
    const keys = secrets.map((sealed) => open(sealed, secretContext(orgId, endpointId)))
    const headers = headersFor({ id, timestampS, body: bytes, secrets: keys, custom: claimed.headers })
    if (traceparent !== null) headers['traceparent'] = traceparent
    return sender.send({ url: claimed.url, headers, body: bytes, timeoutMs: Math.min(claimed.timeoutMs, timeoutMaxMs) })
  }

  async function deliver(orgId: string, claimed: Claimed): Promise<void> {
    const startedAt = clock.now()
    if (claimed.wasLeased) metrics.leaseExpired()
    const sent = await attempt(orgId, claimed).catch((error: unknown): AttemptOutcome => {
      log.error({ err: error, delivery: claimed.deliveryId }, 'an attempt could not be made')
      // Counted as a failure, so that the schedule bounds it: what cannot be made now would be claimed again at once.
      return { kind: 'error', reason: 'connection', detail: 'The attempt could not be made.', durationMs: 0 }
    })
    const outcome = outcomeOf(claimed, { sent, startedAt })
    metrics.attempt(outcome.verdict)
    outbox.add(orgId, outcome)
  }

  function outcomeOf(claimed: Claimed, { sent, startedAt }: { sent: AttemptOutcome; startedAt: Date }): Outcome {
    const { deliveryId, endpointId, eventId, attempt: number, firstAt } = claimed
    const verdict = claimed.body === null ? 'failed' : verdictOf(sent)
    const failures = claimed.failures + (verdict === 'succeeded' || verdict === 'interrupted' ? 0 : 1)
    const said =
      sent.kind === 'response'
        ? { status: sent.status, error: null, answer: sent.bodyExcerpt }
        : { status: null, error: `${sent.reason}: ${sent.detail}`, answer: null }
    return {
      ...{ deliveryId, endpointId, eventId, attempt: number, startedAt, verdict, failures },
      ...said,
      durationMs: sent.durationMs,
      succeeded: verdict === 'succeeded',
      delayMs: delayOf({ verdict, failures, firstAt, hasBody: claimed.body !== null, sent })
    }
  }

  function delayOf(after: {
    verdict: Outcome['verdict']
    failures: number
    firstAt: Date
    hasBody: boolean
    sent: AttemptOutcome
  }): number | null {
    const { verdict, failures, firstAt, hasBody, sent } = after
    if (verdict === 'succeeded' || verdict === 'gone' || !hasBody) return null
    const now = clock.now()
    if (verdict === 'interrupted') return mayStart(now, firstAt, schedule) ? 0 : null
    const retryAfterMs = sent.kind === 'response' && (sent.status === 429 || sent.status === 503) ? sent.retryAfterMs : undefined
    const next = nextAttempt(failures, { now, firstAttemptAt: firstAt, random: random(), retryAfterMs, schedule })
    return next.kind === 'at' ? next.at.getTime() - now.getTime() : null
  }

  async function claimFrom(orgId: string, endpoints: readonly ReadyEndpoint[], perEndpoint: number): Promise<number> {
    const endpointIds = endpoints.map(({ endpointId }) => endpointId)
    const claimed = await database.scoped(orgId, (tx) => deliveries.claim(tx, { endpointIds, perEndpoint, leaseMs }))
    for (const one of claimed) {
      const sending = deliver(orgId, one).finally(() => underWay.delete(sending))
      underWay.add(sending)
    }
    return claimed.length
  }

  return {
    /** Claims and starts until nothing more may start now; what is under way goes on. */
    async pump(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const free = concurrency - underWay.size
        if (free <= 0) {
          await Promise.race(underWay)
          continue
        }
        const ready = await database.scheduling((scheduler) => deliveries.readyEndpoints(scheduler, ENDPOINTS_PER_LOOK))
        const chosen = ready.slice(0, free)
        if (chosen.length === 0) return
        const perEndpoint = Math.max(1, Math.floor(free / chosen.length))
        const byOrganization = [...Map.groupBy(chosen, ({ orgId }) => orgId)]
        const claims = await Promise.all(byOrganization.map(([orgId, endpoints]) => claimSafely(orgId, endpoints, perEndpoint)))
        if (claims.every((count) => count === 0)) return
      }
    },

    /** Waits for what is under way and writes what came of it. */
    async drain(): Promise<void> {
      await Promise.all(underWay)
      await outbox.flush()
    }
  }

  /** What is wrong in one organization must not hold back the others; a database that is away does. */
  async function claimSafely(orgId: string, endpoints: readonly ReadyEndpoint[], perEndpoint: number): Promise<number> {
    try {
      return await claimFrom(orgId, endpoints, perEndpoint)
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId }, 'deliveries of an organization could not be claimed and will be tried again')
      return 0
    }
  }
}

export type DeliveryJob = ReturnType<typeof createDeliveryJob>
