import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { StoredHeaders } from './header-secrets.ts'
import type { Health } from './health.ts'
import type { Pace } from './pacing.ts'
import { LOST } from './queue-repository.ts'

/**
 * For each transaction of a worker. With no other scan and no sort allowed, each row is reached in the one way that there is, by the
 * one index that knows its key or in the one index's order: the plans are the same for an empty table as for a long one, whatever its
 * statistics say, and are kept. A worker that stalls within a transaction must not hold its locks for long.
 */
const workerSettings = statement<object>(
  'webhooks.worker_settings',
  `select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
     set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true), set_config('jit', 'off', true),
     set_config('idle_in_transaction_session_timeout', '5s', true)`
)

export async function useWorkerSettings(reader: Reader): Promise<void> {
  await reader.run(workerSettings, [])
}

export type WaitingEndpoint = Health &
  Pace &
  Readonly<{
    orgId: string
    endpointId: string
    /** Null when there is no such endpoint any more. */
    isEnabled: boolean | null
    maxInFlight: number
    /** When its first delivery, or lease, is due. */
    dueAt: Date
    /** How many of its deliveries are under way, in all processes. */
    live: number
  }>

/**
 * For looks, which are many and read little. Where nothing may be sorted, there is one index by which the queue can be read in order,
 * and one key for each endpoint: the plan is the same for an empty queue as for a long one, and is kept.
 */
const lookSettings = statement<object>(
  'webhooks.look_settings',
  `select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_sort', 'off', true),
     set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true),
     set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)`
)

/** Steps from endpoint to endpoint along the index: what it costs grows with the endpoints that wait, not with their queues. */
const selectWaiting = statement<WaitingEndpoint>(
  'webhooks.waiting_endpoints',
  `with recursive waiting as (
     (select q.org_id, q.endpoint_id, q.ready_at, 1 as n from webhook_queue q where q.endpoint_id > $1
      order by q.endpoint_id, q.ready_at limit 1)
     union all
     select next.org_id, next.endpoint_id, next.ready_at, w.n + 1 from waiting w cross join lateral (
       select q.org_id, q.endpoint_id, q.ready_at from webhook_queue q where q.endpoint_id > w.endpoint_id
       order by q.endpoint_id, q.ready_at limit 1) next
     where w.n < $2
   )
   select w.org_id as "orgId", w.endpoint_id as "endpointId", w.ready_at as "dueAt", statement_timestamp() as now,
     e.status = 'enabled' as "isEnabled", coalesce(e.max_in_flight, 1) as "maxInFlight",
     coalesce(h.consecutive_failures, 0) as "consecutiveFailures", coalesce(h.opens, 0) as opens, h.open_until as "openUntil",
     h.slow_start_limit as "slowStartLimit", h.paced_until as "pacedUntil", e.rate_per_second as "ratePerSecond",
     case when w.ready_at > statement_timestamp() then 0 else (select count(*)::int from (
       select from webhook_queue l where l.endpoint_id = w.endpoint_id and l.claimed_at is not null
         and l.ready_at > statement_timestamp() and l.ready_at <= statement_timestamp() + $3::int * interval '1 millisecond'
       order by l.ready_at limit 1000) l) end as live
   from waiting w
   left join webhook_endpoints e on e.org_id = w.org_id and e.id = w.endpoint_id
   left join webhook_endpoint_health h on h.org_id = w.org_id and h.endpoint_id = w.endpoint_id`
)

/**
 * Needs the scheduler's reader. A read without locks: the next endpoints, by id, that something waits for.
 * @param after the endpoint at which the last look ended.
 */
export async function waitingEndpoints(
  scheduler: Reader,
  { after, limit, leaseMs }: { after: string; limit: number; leaseMs: number }
): Promise<WaitingEndpoint[]> {
  const [, rows] = await Promise.all([scheduler.run(lookSettings, []), scheduler.run(selectWaiting, [after, limit, leaseMs])])
  return rows
}

export type LockedEndpoint = Health &
  Pace &
  Readonly<{
    id: string
    url: string
    headers: StoredHeaders
    maxInFlight: number
    timeoutMs: number
    payload: 'full' | 'thin'
    supersede: boolean
    /** Sealed, newest first. */
    secrets: string[]
  }>

const lockEndpoints = statement<LockedEndpoint>(
  'webhooks.lock_endpoints',
  `select e.id, e.url, e.headers, e.max_in_flight as "maxInFlight", e.timeout_ms as "timeoutMs", e.payload, e.supersede,
     e.rate_per_second as "ratePerSecond", h.paced_until as "pacedUntil", statement_timestamp() as now,
     h.consecutive_failures as "consecutiveFailures", h.opens, h.open_until as "openUntil", h.slow_start_limit as "slowStartLimit",
     array(select s.sealed from webhook_endpoint_secrets s where s.org_id = $1 and s.endpoint_id = e.id
       and (s.expires_at is null or s.expires_at > statement_timestamp()) order by s.created_at desc, s.id desc) as secrets
   from webhook_endpoint_health h join webhook_endpoints e on e.org_id = h.org_id and e.id = h.endpoint_id
   where h.org_id = $1 and h.endpoint_id = any($2::uuid[]) and e.status = 'enabled'
   order by h.endpoint_id for no key update of h skip locked`
)

/**
 * Locks the health of endpoints, which holds their limits over all processes, and reads what is needed to send. An endpoint that
 * another process is claiming from is left to it.
 */
export async function lockForClaim(tx: Tx, endpointIds: readonly string[]): Promise<LockedEndpoint[]> {
  // Before the settings: of a few endpoints by their ids, one plan serves for good.
  const [rows] = await Promise.all([tx.run(lockEndpoints, [tx.orgId, endpointIds]), useWorkerSettings(tx)])
  return rows
}

export type Claimed = Readonly<{
  deliveryId: string
  endpointId: string
  eventId: string
  eventType: string
  /** Fences what is written of this attempt. */
  attempt: number
  failures: number
  firstAt: Date
  claimedAt: Date
  /** The former claim, whose lease had run out: its process died or stalled. Null where nobody had it. */
  lostAt: Date | null
  lostLeaseMs: number | null
  body: string | null
  traceparent: string | null
}>

/**
 * A statement of its own after the lock, so that it counts what the last holder of the lock has claimed. Each row is reached in the
 * order of an index, and then by its place. The event is the first from its id on, for which no index serves but the key: of those
 * that the organization leads, another might do for an equal id while there are few.
 */
const claimDue = statement<Claimed>(
  'webhooks.claim',
  `with room as materialized (
     select t.endpoint_id, greatest(0, t.room - (select count(*)::int from (
       select from webhook_queue l where l.org_id = $1 and l.endpoint_id = t.endpoint_id and l.claimed_at is not null
         and l.ready_at > statement_timestamp() and l.ready_at <= statement_timestamp() + $5::int * interval '1 millisecond'
       order by l.ready_at limit 1000) l)) as room, t.wanted
     from unnest($2::uuid[], $3::int[], $4::int[]) as t(endpoint_id, room, wanted)
   ), picked as materialized (
     select p.* from room r cross join lateral (
       select q.ctid as place, q.delivery_id, q.endpoint_id, q.event_id, q.attempt, q.claimed_at, q.ready_at from webhook_queue q
       where q.org_id = $1 and q.endpoint_id = r.endpoint_id and q.ready_at <= statement_timestamp()
       order by q.ready_at limit least(r.room, r.wanted) for update skip locked) p
   ), former as materialized (
     select delivery_id, claimed_at as at, (extract(epoch from ready_at - claimed_at) * 1000)::int as lease_ms
     from picked where claimed_at is not null
   ), claimed as (
     update webhook_queue q set attempt = q.attempt + 1, claimed_at = date_trunc('milliseconds', statement_timestamp()),
       ready_at = date_trunc('milliseconds', statement_timestamp()) + $5::int * interval '1 millisecond',
       first_at = coalesce(q.first_at, date_trunc('milliseconds', statement_timestamp()))
     where q.org_id = $1 and q.ctid = any(array(select place from picked))
     returning q.delivery_id, q.endpoint_id, q.event_id, q.attempt, q.failures, q.first_at, q.claimed_at
   )
   select c.delivery_id as "deliveryId", c.endpoint_id as "endpointId", c.event_id as "eventId", c.attempt, c.failures, c.first_at as "firstAt",
     c.claimed_at as "claimedAt", f.at as "lostAt", f.lease_ms as "lostLeaseMs",
     (select b.body from event_bodies b where b.org_id = $1 and b.event_id = c.event_id) as body,
     e.type as "eventType", e.traceparent
   from claimed c left join former f on f.delivery_id = c.delivery_id
   cross join lateral (
     select e.id, e.type, e.traceparent from events e where e.org_id = $1 and e.id >= c.event_id order by e.id limit 1) e
   where e.id = c.event_id`
)

export type Want = Readonly<{
  endpointId: string
  /** How many may be under way in all processes. */
  room: number
  /** How many this process would start. */
  wanted: number
}>

const logLost = setStatement(
  'webhooks.lost',
  `insert into webhook_attempts (org_id, delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded, error)
   select $1, t.*, false, $8 from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::timestamptz[], $7::int[]) as t`
)

/**
 * Takes what is due of endpoints that are locked, for as long as the lease lasts. A claim whose lease has run out is logged as lost:
 * every number of an attempt has its row.
 */
export async function claim(tx: Tx, { wants, leaseMs }: { wants: readonly Want[]; leaseMs: number }): Promise<Claimed[]> {
  const columns = [wants.map((w) => w.endpointId), wants.map((w) => w.room), wants.map((w) => w.wanted)]
  const claimed = await tx.run(claimDue, [tx.orgId, ...columns, leaseMs])
  const lost = claimed.filter(({ lostAt }) => lostAt !== null)
  if (lost.length > 0) {
    const { statement: write, of } = setOf(logLost, lost)
    tx.write(write, [
      tx.orgId,
      of('uuid', (c) => c.deliveryId),
      of('uuid', (c) => c.endpointId),
      of('uuid', (c) => c.eventId),
      of('int4', (c) => c.attempt - 1),
      of('timestamptz', (c) => c.lostAt),
      of('int4', (c) => c.lostLeaseMs),
      LOST
    ])
  }
  return claimed
}

const pace = statement<{ id: string }>(
  'webhooks.pace',
  `update webhook_endpoint_health h
   set paced_until = statement_timestamp() + ceil(t.claimed * 1000.0 / t.rate) * interval '1 millisecond'
   from unnest($2::uuid[], $3::int[], $4::int[]) as t(endpoint_id, claimed, rate)
   where h.org_id = $1 and h.endpoint_id = t.endpoint_id`
)

/** Counts what was claimed of locked endpoints towards their rates. */
export function countTowardsRates(
  tx: Tx,
  counts: readonly Readonly<{ endpointId: string; claimed: number; rate: number }>[]
): void {
  if (counts.length === 0) return
  tx.write(pace, [tx.orgId, counts.map((c) => c.endpointId), counts.map((c) => c.claimed), counts.map((c) => c.rate)])
}
