import { type Static, Type } from 'typebox'
import { closed, Id, InstantText, named, nullable, oneOf, optional, pageQuery, updatedSince } from '../../http/schemas.ts'
import { eventTypes } from '../events/event.ts'
import type { Delivery, LoggedAttempt } from './delivery-repository.ts'
import type { EndpointView } from './endpoint-repository.ts'
import type { EndpointSettings } from './endpoint-service.ts'
import { HEADER_NAME } from './signature.ts'

const families = [...new Set(eventTypes.map((type) => `${type.split('.')[0]}.*`))]
export const Subscription = oneOf(['*', ...families, ...eventTypes] as [string, ...string[]], {
  description: 'An event type, all of an object, or all'
})
const deliveryStatuses = ['queued', 'succeeded', 'failed', 'cancelled', 'superseded'] as const

const shown = {
  url: Type.String({ minLength: 1, maxLength: 2000, description: 'https, public, without user name or password' }),
  event_types: Type.Array(Subscription, { minItems: 1, maxItems: 60, uniqueItems: true }),
  description: nullable(Type.String({ minLength: 1, maxLength: 200 })),
  max_in_flight: Type.Integer({ minimum: 1, maximum: 1000, description: 'Attempts at a time, over all processes' }),
  timeout_ms: Type.Integer({ minimum: 100, maximum: 30_000, description: 'How long an attempt may take' }),
  rate_per_second: nullable(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'Attempts a second on average, over all processes; null is no limit' })
  ),
  payload: oneOf(['full', 'thin'], {
    description: '`thin` says what an event is about, by type, id and version; GET /v1/events/{id} has all of it'
  }),
  supersede: Type.Boolean({
    description:
      'A dunning event that waited, and is no longer true when its turn comes, is closed as superseded instead of sent; it is told once it is true again, what is left of notices afresh'
  })
}
const settings = {
  ...shown,
  headers: Type.Record(Type.String({ pattern: HEADER_NAME.source }), Type.String({ maxLength: 1024 }), {
    maxProperties: 20,
    additionalProperties: false,
    // Says which rule a name breaks; alone, the pattern would make of it a field that is not known.
    propertyNames: { pattern: HEADER_NAME.source },
    description:
      'Sent with each request, beside our own. The values are sealed at rest and not shown again: they are often secrets'
  })
}
const defaults = { maxInFlight: 20, timeoutMs: 15_000, ratePerSecond: null, payload: 'full', supersede: true } as const
const Signature = oneOf(['v1', 'v1a'], {
  description: '`v1`: HMAC-SHA256 with a secret that you keep; `v1a`: ed25519, which you verify with the public key'
})

const endpointFields = {
  id: Id,
  ...shown,
  header_names: Type.Array(Type.String(), { description: 'Of the headers that are sent beside our own' }),
  status: oneOf(['enabled', 'disabled']),
  disabled_reason: nullable(Type.String()),
  signature: Signature,
  public_keys: Type.Array(Type.String(), {
    description: 'That verify `v1a` signatures, newest first; former ones too while they sign'
  }),
  health: closed(
    {
      state: oneOf(['closed', 'open', 'probing', 'slow_start', 'disabled'], {
        description:
          '`open`: it failed five times in a row and is left alone until open_until; `probing`: one attempt will tell; `slow_start`: it answers again, and gets more at a time with each answer; `disabled`: it gets nothing'
      }),
      open_until: nullable(InstantText),
      slow_start_limit: nullable(
        Type.Integer({ description: 'How many it gets at a time while it is in `slow_start`; null while it is not' })
      ),
      consecutive_failures: Type.Integer(),
      last_success_at: nullable(InstantText),
      last_failure_at: nullable(InstantText),
      last_failure: nullable(Type.String()),
      failing_since: nullable(Type.String({ format: 'date-time', description: 'Since then it has not answered 2xx' })),
      disables_at: nullable(
        Type.String({
          format: 'date-time',
          description: 'Unless it answers before, it is disabled by a failure after that; null once it is'
        })
      ),
      announced_percent: Type.Integer({
        description: 'How much of the time to that was over when `webhook_endpoint.failing` last told it; 0 while it did not'
      }),
      announced_at: nullable(Type.String({ format: 'date-time', description: 'When it last did' })),
      queued: Type.Integer({ description: 'Deliveries that wait or are under way' }),
      in_flight: Type.Integer({ description: 'Deliveries that are under way, in all processes' })
    },
    { description: 'How it fares' }
  ),
  version: Type.Integer(),
  created_at: InstantText,
  updated_at: InstantText
}
const Secret = nullable(
  Type.String({ description: 'Verifies what it is sent; shown this once. Null with `v1a`', examples: ['whsec_…'] })
)

export const EndpointSchema = named('WebhookEndpoint', closed(endpointFields))
export const NewEndpointSchema = named('NewWebhookEndpoint', closed({ ...endpointFields, secret: Secret }))
export type EndpointDocument = Static<typeof EndpointSchema>

const { url, event_types, ...others } = settings
export const CreateEndpoint = closed(
  { url, event_types, ...optional({ ...others, signature: Signature }) },
  { examples: [{ url: 'https://example.com/hooks/dunwell', event_types: ['invoice.*', 'client.dunning_notice_due'] }] }
)
export const UpdateEndpoint = closed(optional(settings), { minProperties: 1 })
export const RotateSecret = closed(optional({ signature: Signature }))
export const EnableEndpoint = closed(
  optional({
    resume: oneOf(['continue', 'skip'], { description: 'What is queued is sent (unless said) or dropped' }),
    replay_since: Type.String({
      format: 'date-time',
      description:
        'What it missed from then on, in real time, is sent too: what failed, was cancelled, or happened while it was disabled'
    })
  })
)
export const EndpointQuery = closed({ ...pageQuery, ...updatedSince })

const deliveryFields = {
  id: Id,
  endpoint_id: Id,
  event_id: Type.String({ format: 'uuid', description: 'The webhook-id that it is sent with' }),
  event_type: Type.String(),
  status: oneOf(deliveryStatuses),
  attempts: Type.Integer({ description: 'How many have begun, the one under way included' }),
  next_attempt_at: nullable(
    Type.String({
      format: 'date-time',
      description:
        'The next attempt starts no earlier; null once it ended, while one is under way, and while the endpoint is disabled'
    })
  ),
  created_at: InstantText,
  updated_at: InstantText
}
const AttemptSchema = closed({
  attempt: Type.Integer(),
  started_at: InstantText,
  duration_ms: Type.Integer(),
  succeeded: Type.Boolean(),
  status: nullable(Type.Integer({ description: 'What the endpoint answered' })),
  error: nullable(Type.String({ description: 'Why there is no answer' })),
  answer: nullable(Type.String({ description: 'The beginning of its body' }))
})
export const DeliverySchema = named('WebhookDelivery', closed(deliveryFields))
export const DeliveryWithAttemptsSchema = named(
  'WebhookDeliveryWithAttempts',
  closed({ ...deliveryFields, log: Type.Array(AttemptSchema) })
)

export const DeliveryQuery = closed({
  ...pageQuery,
  ...updatedSince,
  ...optional({ endpoint_id: Id, event_id: Id, status: oneOf(deliveryStatuses) })
})

export const webhookSchemas = [EndpointSchema, NewEndpointSchema, DeliverySchema, DeliveryWithAttemptsSchema]

export function endpointToApi(view: EndpointView): EndpointDocument {
  return {
    id: view.id,
    url: view.url,
    event_types: [...view.eventTypes],
    description: view.description,
    header_names: Object.keys(view.headers),
    max_in_flight: view.maxInFlight,
    timeout_ms: view.timeoutMs,
    rate_per_second: view.ratePerSecond,
    payload: view.payload,
    supersede: view.supersede,
    signature: signatureOf(view),
    public_keys: view.publicKeys.filter((key) => key !== null),
    status: view.status,
    disabled_reason: view.disabledReason,
    health: {
      state: stateOf(view),
      open_until: view.openUntil?.toISOString() ?? null,
      slow_start_limit: view.slowStartLimit,
      consecutive_failures: view.consecutiveFailures,
      last_success_at: view.lastSuccessAt?.toISOString() ?? null,
      last_failure_at: view.lastFailureAt?.toISOString() ?? null,
      last_failure: view.lastFailure,
      failing_since: view.failingSince?.toISOString() ?? null,
      disables_at: view.status === 'disabled' ? null : (view.disablesAt?.toISOString() ?? null),
      announced_percent: view.announcedPercent,
      announced_at: view.announcedAt?.toISOString() ?? null,
      queued: Number(view.queued),
      in_flight: view.inFlight
    },
    version: view.version,
    created_at: view.createdAt.toISOString(),
    updated_at: view.updatedAt.toISOString()
  }
}

/** What the newest secret signs. */
export function signatureOf({ publicKeys: [newest] }: EndpointView): 'v1' | 'v1a' {
  return typeof newest === 'string' ? 'v1a' : 'v1'
}

function stateOf({ status, openUntil, isProbing, slowStartLimit }: EndpointView): EndpointDocument['health']['state'] {
  if (status === 'disabled') return 'disabled'
  if (openUntil !== null) return isProbing ? 'probing' : 'open'
  return slowStartLimit === null ? 'closed' : 'slow_start'
}

export function deliveryToApi(delivery: Delivery): Static<typeof DeliverySchema> {
  return {
    id: delivery.id,
    endpoint_id: delivery.endpointId,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    status: delivery.status,
    attempts: delivery.attempts,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    created_at: delivery.createdAt.toISOString(),
    updated_at: delivery.updatedAt.toISOString()
  }
}

export function attemptToApi(attempt: LoggedAttempt): Static<typeof AttemptSchema> {
  const { startedAt, durationMs, ...rest } = attempt
  return { ...rest, started_at: startedAt.toISOString(), duration_ms: durationMs }
}

export function settingsFrom(body: Static<typeof CreateEndpoint>): EndpointSettings {
  return {
    url: body.url,
    eventTypes: body.event_types,
    description: body.description ?? null,
    headers: body.headers ?? {},
    maxInFlight: body.max_in_flight ?? defaults.maxInFlight,
    timeoutMs: body.timeout_ms ?? defaults.timeoutMs,
    ratePerSecond: body.rate_per_second ?? defaults.ratePerSecond,
    payload: body.payload ?? defaults.payload,
    supersede: body.supersede ?? defaults.supersede
  }
}

export function changeFrom(body: Static<typeof UpdateEndpoint>): Partial<EndpointSettings> {
  return {
    ...(body.url !== undefined && { url: body.url }),
    ...(body.event_types !== undefined && { eventTypes: body.event_types }),
    ...(body.description !== undefined && { description: body.description }),
    ...(body.headers !== undefined && { headers: body.headers }),
    ...(body.max_in_flight !== undefined && { maxInFlight: body.max_in_flight }),
    ...(body.timeout_ms !== undefined && { timeoutMs: body.timeout_ms }),
    ...(body.rate_per_second !== undefined && { ratePerSecond: body.rate_per_second }),
    ...(body.payload !== undefined && { payload: body.payload }),
    ...(body.supersede !== undefined && { supersede: body.supersede })
  }
}
