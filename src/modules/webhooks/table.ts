import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid
} from 'drizzle-orm/pg-core'
import { instant, orgId } from '../../db/columns.ts'
import { events } from '../events/table.ts'
import { organizations } from '../organizations/table.ts'
import type { StoredHeaders } from './header-secrets.ts'

export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    url: text().notNull(),
    description: text(),
    /** Exact types, `object.*` or `*`. */
    eventTypes: text().array().notNull(),
    /** The values are sealed: they are often secrets. */
    headers: jsonb().$type<StoredHeaders>().notNull(),
    maxInFlight: integer().notNull(),
    timeoutMs: integer().notNull(),
    /** On average, over all processes; null for as many as there are. */
    ratePerSecond: integer(),
    /** The whole event, or what it is about. */
    payload: text().$type<'full' | 'thin'>().notNull().default('full'),
    /** A dunning event that is no longer true when its turn comes is closed instead of sent. */
    supersede: boolean().notNull().default(true),
    status: text().$type<'enabled' | 'disabled'>().notNull(),
    disabledReason: text(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'webhook_endpoints_organization', columns: [t.orgId], foreignColumns: [organizations.orgId] }),
    check('webhook_endpoints_status', sql`${t.status} in ('enabled', 'disabled')`),
    check('webhook_endpoints_payload', sql`${t.payload} in ('full', 'thin')`),
    check('webhook_endpoints_limits', sql`${t.maxInFlight} between 1 and 1000 and ${t.timeoutMs} between 100 and 30000`),
    check('webhook_endpoints_rate', sql`${t.ratePerSecond} between 1 and 1000`),
    index('webhook_endpoints_by_update').on(t.orgId, t.updatedAt, t.id)
  ]
)

/** Sealed at rest: a dump of the database alone signs nothing. Former ones are live beside the newest while their grace lasts. */
export const webhookEndpointSecrets = pgTable(
  'webhook_endpoint_secrets',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    endpointId: uuid().notNull(),
    sealed: text().notNull(),
    /** Of a key pair, what receivers verify with; null for a secret that they share. */
    publicKey: text(),
    createdAt: instant().notNull(),
    expiresAt: instant()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({
      name: 'webhook_endpoint_secrets_endpoint',
      columns: [t.orgId, t.endpointId],
      foreignColumns: [webhookEndpoints.orgId, webhookEndpoints.id]
    }).onDelete('cascade'),
    index('webhook_endpoint_secrets_of_endpoint').on(t.orgId, t.endpointId)
  ]
)

/** Hot, apart from the settings. Its row lock is what holds an endpoint's limits over all processes. */
export const webhookEndpointHealth = pgTable(
  'webhook_endpoint_health',
  {
    orgId: orgId(),
    endpointId: uuid().notNull(),
    consecutiveFailures: integer().notNull(),
    /** How often the circuit opened since the last success. */
    opens: integer().notNull(),
    openUntil: instant(),
    /** How many may be in flight while it proves itself again; null when it has. */
    slowStartLimit: integer(),
    /** What was claimed so far fills the endpoint's rate until then. */
    pacedUntil: instant(),
    /** Of the first failure since it last answered 2xx. */
    failingSince: instant(),
    /** From then on a failure disables it. */
    disablesAt: instant(),
    /** How much of the time to its disabling was announced, in percent, and when; 0 where nothing was. */
    announcedPercent: integer().notNull().default(0),
    announcedAt: instant(),
    /** What was claimed before then is not sent again. */
    skippedAt: instant(),
    lastFailureAt: instant(),
    lastFailure: text()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.endpointId] }),
    foreignKey({
      name: 'webhook_endpoint_health_endpoint',
      columns: [t.orgId, t.endpointId],
      foreignColumns: [webhookEndpoints.orgId, webhookEndpoints.id]
    }).onDelete('cascade')
  ]
)

/** Apart from its health, because it changes all the time: whoever would claim passes over an endpoint whose health is locked. */
export const webhookEndpointSuccesses = pgTable(
  'webhook_endpoint_successes',
  {
    orgId: orgId(),
    endpointId: uuid().notNull(),
    /** To the second; null where there was none yet. */
    lastAt: instant()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.endpointId] }),
    foreignKey({
      name: 'webhook_endpoint_successes_endpoint',
      columns: [t.orgId, t.endpointId],
      foreignColumns: [webhookEndpoints.orgId, webhookEndpoints.id]
    }).onDelete('cascade')
  ]
)

export type DeliveryStatus = 'queued' | 'succeeded' | 'failed' | 'cancelled' | 'superseded'

/** One event to one endpoint. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    endpointId: uuid().notNull(),
    eventId: uuid().notNull(),
    status: text().$type<DeliveryStatus>().notNull(),
    attempts: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    unique('webhook_deliveries_once').on(t.orgId, t.eventId, t.endpointId),
    foreignKey({ name: 'webhook_deliveries_event', columns: [t.orgId, t.eventId], foreignColumns: [events.orgId, events.id] }),
    check('webhook_deliveries_status', sql`${t.status} in ('queued', 'succeeded', 'failed', 'cancelled', 'superseded')`),
    index('webhook_deliveries_of_endpoint').on(t.orgId, t.endpointId, t.id)
  ]
)

/**
 * The only hot table; a row leaves it when its delivery is done. `ready_at` is the due time when idle and the lease's
 * end when claimed, so nothing has to reap or beat. There must be no index on `ready_at` alone, and none that knows the
 * organization: by it alone much too much would be read wherever statistics have not seen it yet.
 */
export const webhookQueue = pgTable(
  'webhook_queue',
  {
    orgId: orgId(),
    deliveryId: uuid().notNull(),
    endpointId: uuid().notNull(),
    eventId: uuid().notNull(),
    readyAt: instant().notNull(),
    /** Null when idle: tells a lease from a wait. */
    claimedAt: instant(),
    /** Only grows; the fencing token of a claim. */
    attempt: integer().notNull(),
    /** Indexes the retry schedule; a crashed worker does not raise it. */
    failures: integer().notNull(),
    /** Of the first attempt: none starts later than seven days after it. */
    firstAt: instant()
  },
  (t) => [primaryKey({ columns: [t.deliveryId] }), index('webhook_queue_ready').on(t.endpointId, t.readyAt)]
)

/** Append-only, partitioned by month of `started_at`. Written only through the fence of the queue row. */
export const webhookAttempts = pgTable(
  'webhook_attempts',
  {
    orgId: orgId(),
    deliveryId: uuid().notNull(),
    endpointId: uuid().notNull(),
    eventId: uuid().notNull(),
    attempt: integer().notNull(),
    startedAt: instant().notNull(),
    durationMs: integer().notNull(),
    succeeded: boolean().notNull(),
    status: integer(),
    error: text(),
    answer: text()
  },
  (t) => [primaryKey({ columns: [t.orgId, t.deliveryId, t.attempt, t.startedAt] })]
)

export type ReplayStatus = 'running' | 'done' | 'cancelled' | 'failed'

/** Events of a span that are sent to an endpoint again. The row is its state: a worker takes it up, a crash leaves it to the next. */
export const webhookReplays = pgTable(
  'webhook_replays',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    endpointId: uuid().notNull(),
    /** When events were recorded, in real time: from, and before. */
    fromAt: instant().notNull(),
    toAt: instant().notNull(),
    /** As endpoints subscribe; null for whatever the endpoint takes. */
    eventTypes: text().array(),
    clientId: uuid(),
    /** What became of the event so far; `missing` where it was never to be delivered. */
    states: text().array().notNull(),
    status: text().$type<ReplayStatus>().notNull(),
    /** Everything up to this number of the organization's events has been looked at. */
    afterSeq: bigint({ mode: 'bigint' }).notNull(),
    queued: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull(),
    finishedAt: instant()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({
      name: 'webhook_replays_endpoint',
      columns: [t.orgId, t.endpointId],
      foreignColumns: [webhookEndpoints.orgId, webhookEndpoints.id]
    }).onDelete('cascade'),
    check('webhook_replays_status', sql`${t.status} in ('running', 'done', 'cancelled', 'failed')`),
    check('webhook_replays_finished', sql`(${t.status} = 'running') = (${t.finishedAt} is null)`),
    check('webhook_replays_span', sql`${t.fromAt} < ${t.toAt}`),
    index('webhook_replays_running').on(t.orgId, t.id).where(sql`${t.status} = 'running'`)
  ]
)
