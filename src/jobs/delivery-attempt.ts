import { BoundedMap } from '../kernel/bounded-map.ts'
import { type Tracing, untraced } from '../kernel/tracing.ts'
import type { AttemptOutcome } from '../modules/webhooks/attempt.ts'
import type { Assignment } from '../modules/webhooks/dispatch-service.ts'
import { secretContext } from '../modules/webhooks/endpoint-service.ts'
import { openHeaders } from '../modules/webhooks/header-secrets.ts'
import type { RetrySchedule } from '../modules/webhooks/schedule.ts'
import type { SecretBox } from '../modules/webhooks/secret-box.ts'
import type { Sender, SendRequest } from '../modules/webhooks/sender.ts'
import { notReady, reasonNotToSend, type Settlement, settlementOf, unsent } from '../modules/webhooks/settlement.ts'
import { headersFor } from '../modules/webhooks/signature.ts'
import { thinBodyOf } from '../modules/webhooks/thin.ts'
import type { Log } from './loop.ts'

export type AttemptDeps = Readonly<{
  sender: Sender
  secretBox: SecretBox
  random: () => number
  schedule: RetrySchedule
  timeoutMaxMs: number
  log: Log
  /** Absent where nothing is traced. */
  tracing?: Tracing
}>

const SECRETS_KEPT = 10_000

/** Makes one attempt of what was claimed: opens the secrets and headers, signs, sends, and says what came of it. Never throws. */
export function createAttempts({ sender, secretBox, random, schedule, timeoutMaxMs, log, tracing = untraced }: AttemptDeps) {
  const opened = new BoundedMap<string, string>(SECRETS_KEPT)

  /** Opening takes longer than signing, and a secret signs often. */
  function open(sealed: string, context: string): string {
    return opened.getOrMake(sealed, () => secretBox.open(sealed, context))
  }

  /** @returns undefined where it could not even be tried: its secret cannot be opened, say. */
  async function send(orgId: string, assignment: Assignment, signal: AbortSignal): Promise<AttemptOutcome | undefined> {
    try {
      const { eventType, traceparent: from } = assignment.claimed
      const attributes = { 'http.request.method': 'POST', 'dunwell.event_type': eventType }
      return await tracing.follow({ name: 'webhook', kind: 'client', from, attributes }, async (span) => {
        const outcome = await sender.send({ ...signedRequest(orgId, assignment), signal })
        if (outcome.kind === 'response') span.set({ 'http.response.status_code': outcome.status })
        if (outcome.kind === 'error') span.fail(outcome.reason)
        else if (outcome.status >= 400) span.fail(String(outcome.status))
        return outcome
      })
    } catch (error) {
      const { claimed, endpoint } = assignment
      log.error({ err: error, delivery: claimed.deliveryId, endpoint: endpoint.id }, 'an attempt could not be made, and waits')
      return undefined
    }
  }

  function signedRequest(orgId: string, { claimed, endpoint }: Assignment): SendRequest {
    const whole = claimed.body ?? ''
    const body = Buffer.from(endpoint.payload === 'thin' ? thinBodyOf(whole) : whole)
    const context = secretContext(orgId, endpoint.id)
    const headers = headersFor({
      id: claimed.eventId,
      // The database's time: a receiver refuses what a wrong clock has dated.
      timestampS: Math.floor(claimed.claimedAt.getTime() / 1_000),
      body,
      secrets: endpoint.secrets.map((sealed) => open(sealed, context)),
      custom: openHeaders(endpoint.headers, { open, orgId, endpointId: endpoint.id })
    })
    const traceparent = tracing.current() ?? claimed.traceparent
    if (traceparent !== null) headers['traceparent'] = traceparent
    return { url: endpoint.url, headers, body, timeoutMs: Math.min(endpoint.timeoutMs, timeoutMaxMs) }
  }

  return async (orgId: string, assignment: Assignment, signal: AbortSignal): Promise<Settlement> => {
    const { claimed, outdated } = assignment
    const reason = reasonNotToSend(claimed, { schedule, outdated })
    if (reason !== undefined) return unsent(claimed, reason)
    const outcome = await send(orgId, assignment, signal)
    if (outcome === undefined) return unsent(claimed, notReady)
    return settlementOf(claimed, { url: assignment.endpoint.url, outcome, random: random(), schedule })
  }
}
