import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { StoredHeaders } from './header-secrets.ts'

export type Endpoint = Readonly<{
  id: string
  url: string
  description: string | null
  /** Exact types, `object.*` or `*`. */
  eventTypes: readonly string[]
  headers: StoredHeaders
  maxInFlight: number
  timeoutMs: number
  /** On average; null for as many as there are. */
  ratePerSecond: number | null
  payload: 'full' | 'thin'
  /** A dunning event that is no longer true when its turn comes is closed instead of sent. */
  supersede: boolean
  status: 'enabled' | 'disabled'
  disabledReason: string | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** An endpoint with how it fares. */
export type EndpointView = Endpoint &
  Readonly<{
    consecutiveFailures: number
    openUntil: Date | null
    /** The pause is over; one attempt will tell. */
    isProbing: boolean
    slowStartLimit: number | null
    lastSuccessAt: Date | null
    lastFailureAt: Date | null
    lastFailure: string | null
    failingSince: Date | null
    disablesAt: Date | null
    /** How much of the time to its disabling was announced, in percent; 0 where nothing was. */
    announcedPercent: number
    announcedAt: Date | null
    /** Of the newest secret, and of former ones while they still sign; null for a secret that both sides hold. */
    publicKeys: (string | null)[]
    queued: bigint
    /** Of these, claimed and within their lease. */
    inFlight: number
  }>

const columns = `e.id, e.url, e.description, e.event_types as "eventTypes", e.headers, e.max_in_flight as "maxInFlight", e.timeout_ms as "timeoutMs",
  e.rate_per_second as "ratePerSecond", e.payload, e.supersede, e.status, e.disabled_reason as "disabledReason", e.version, e.created_at as "createdAt", e.updated_at as "updatedAt",
  h.consecutive_failures as "consecutiveFailures", h.open_until as "openUntil", coalesce(h.open_until <= now(), false) as "isProbing",
  h.slow_start_limit as "slowStartLimit",
  s.last_at as "lastSuccessAt", h.last_failure_at as "lastFailureAt", h.last_failure as "lastFailure",
  h.failing_since as "failingSince", h.disables_at as "disablesAt", h.announced_percent as "announcedPercent",
  h.announced_at as "announcedAt",
  array(select k.public_key from webhook_endpoint_secrets k where k.org_id = e.org_id and k.endpoint_id = e.id
    and (k.expires_at is null or k.expires_at > now()) order by k.created_at desc, k.id desc) as "publicKeys",
  w.queued, w.in_flight as "inFlight"`
const source = `webhook_endpoints e join webhook_endpoint_health h on h.org_id = e.org_id and h.endpoint_id = e.id
  join webhook_endpoint_successes s on s.org_id = e.org_id and s.endpoint_id = e.id
  cross join lateral (
    select count(*) as queued, (count(*) filter (where q.claimed_at is not null and q.ready_at > now()))::int as in_flight
    from webhook_queue q where q.org_id = e.org_id and q.endpoint_id = e.id) w`

const select = statement<EndpointView>(
  'webhook_endpoints.find',
  `select ${columns} from ${source} where e.org_id = $1 and e.id = $2`
)
const selectForUpdate = statement<EndpointView>(
  'webhook_endpoints.find_for_update',
  `select ${columns} from ${source} where e.org_id = $1 and e.id = $2 for no key update of h`
)
const selectPage = statement<EndpointView>(
  'webhook_endpoints.page',
  `select ${columns} from ${source}
   where e.org_id = $1 and ($3::timestamptz is null or (e.created_at, e.id) < ($3, $4::uuid)) and ($5::timestamptz is null or e.updated_at >= $5)
   order by e.created_at desc, e.id desc limit $2`
)

export async function find(reader: Reader, id: string): Promise<EndpointView | undefined> {
  const [row] = await reader.run(select, [reader.orgId, id])
  return row
}

export type Receiver = Readonly<{ isEnabled: boolean; eventTypes: string[]; skippedAt: Date | null }>

const selectReceiver = statement<Receiver>(
  'webhook_endpoints.receiver',
  `select e.status = 'enabled' as "isEnabled", e.event_types as "eventTypes", h.skipped_at as "skippedAt"
   from webhook_endpoints e join webhook_endpoint_health h on h.org_id = e.org_id and h.endpoint_id = e.id where e.org_id = $1 and e.id = $2`
)

/** Whether it takes events, and which: for who asks often. How an endpoint fares includes the length of its queue, which is counted. */
export async function receiver(reader: Reader, id: string): Promise<Receiver | undefined> {
  const [row] = await reader.run(selectReceiver, [reader.orgId, id])
  return row
}

/** Locks the health row, which stands for the endpoint: claims, outcomes and changes of settings take turns at it. */
export async function findForUpdate(tx: Tx, id: string): Promise<EndpointView | undefined> {
  const [row] = await tx.run(selectForUpdate, [tx.orgId, id])
  return row
}

export type EndpointPage = Readonly<{ limit: number; after: { at: Date; id: string } | null; updatedSince: Date | null }>

export function page(reader: Reader, { limit, after, updatedSince }: EndpointPage): Promise<EndpointView[]> {
  return reader.run(selectPage, [reader.orgId, limit, after?.at ?? null, after?.id ?? null, updatedSince])
}

const lockLimitsOf = statement<object>(
  'webhook_endpoints.lock_limits',
  `select pg_advisory_xact_lock(hashtextextended('dunwell limits of webhooks ' || $1, 0))`
)

/**
 * Until its transaction ends, no other one of the organization counts what a limit holds for: two at once would both find room. After
 * any endpoint that is locked.
 */
export async function lockLimits(tx: Tx): Promise<void> {
  await tx.run(lockLimitsOf, [tx.orgId])
}

const countRows = statement<{ count: number }>(
  'webhook_endpoints.count',
  'select count(*)::int as count from webhook_endpoints where org_id = $1'
)

export async function count(reader: Reader): Promise<number> {
  const [row] = await reader.run(countRows, [reader.orgId])
  return row?.count ?? 0
}

const insertRow = statement<{ id: string }>(
  'webhook_endpoints.insert',
  `insert into webhook_endpoints (org_id, id, url, description, event_types, headers, max_in_flight, timeout_ms, rate_per_second, payload, supersede,
     status, version, created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)`
)
const updateRow = statement<{ id: string }>(
  'webhook_endpoints.save',
  `update webhook_endpoints set url = $3, description = $4, event_types = $5, headers = $6, max_in_flight = $7, timeout_ms = $8,
     rate_per_second = $9, payload = $10, supersede = $11, status = $12, disabled_reason = $13, version = $14, updated_at = $15
   where org_id = $1 and id = $2`
)
const deleteRow = statement<{ id: string }>(
  'webhook_endpoints.delete',
  'delete from webhook_endpoints where org_id = $1 and id = $2'
)

export async function insert(tx: Tx, e: Endpoint): Promise<void> {
  await tx.run(insertRow, [
    tx.orgId,
    e.id,
    e.url,
    e.description,
    e.eventTypes,
    JSON.stringify(e.headers),
    e.maxInFlight,
    e.timeoutMs,
    e.ratePerSecond,
    e.payload,
    e.supersede,
    e.status,
    e.version,
    e.createdAt
  ])
}

export async function save(tx: Tx, e: Endpoint): Promise<void> {
  await tx.run(updateRow, [
    tx.orgId,
    e.id,
    e.url,
    e.description,
    e.eventTypes,
    JSON.stringify(e.headers),
    e.maxInFlight,
    e.timeoutMs,
    e.ratePerSecond,
    e.payload,
    e.supersede,
    e.status,
    e.disabledReason,
    e.version,
    e.updatedAt
  ])
}

/** Its secrets and health go with it; its deliveries and attempts stay for the record. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.run(deleteRow, [tx.orgId, id])
}

const skipRow = statement<{ id: string }>(
  'webhook_endpoints.skip',
  'update webhook_endpoint_health set skipped_at = statement_timestamp() where org_id = $1 and endpoint_id = $2'
)

/** Of what is under way, nothing is sent again. */
export async function skip(tx: Tx, id: string): Promise<void> {
  await tx.run(skipRow, [tx.orgId, id])
}

const insertSecretRow = statement<{ id: string }>(
  'webhook_endpoints.insert_secret',
  'insert into webhook_endpoint_secrets (org_id, id, endpoint_id, sealed, public_key, created_at) values ($1, $2, $3, $4, $5, $6)'
)
const retireSecrets = statement<{ id: string }>(
  'webhook_endpoints.retire_secrets',
  `with signing as (
     select id from webhook_endpoint_secrets where org_id = $1 and endpoint_id = $2 and (expires_at is null or expires_at > now())
     order by expires_at desc nulls first limit $4
   ), spent as (
     delete from webhook_endpoint_secrets where org_id = $1 and endpoint_id = $2 and id <> all(array(select id from signing))
   )
   update webhook_endpoint_secrets set expires_at = now() + $3::bigint * interval '1 millisecond'
   where org_id = $1 and endpoint_id = $2 and expires_at is null`
)

export async function insertSecret(
  tx: Tx,
  secret: { id: string; endpointId: string; sealed: string; publicKey: string | null; createdAt: Date }
): Promise<void> {
  await tx.run(insertSecretRow, [tx.orgId, secret.id, secret.endpointId, secret.sealed, secret.publicKey, secret.createdAt])
}

export type Retirement = Readonly<{
  endpointId: string
  /** How long the secret in use goes on signing. */
  graceMs: number
  /** How many former ones sign at most, this one included. */
  formerMax: number
}>

/** Those that were retired before go on until their own end, but for the oldest where they are too many. */
export async function retireSecret(tx: Tx, { endpointId, graceMs, formerMax }: Retirement): Promise<void> {
  await tx.run(retireSecrets, [tx.orgId, endpointId, graceMs, formerMax])
}
