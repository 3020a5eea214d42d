import { columnsOf } from '../../db/arrays.ts'
import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import { useWorkerSettings } from './claim-repository.ts'
import type { Failing } from './failing.ts'
import type { Health } from './health.ts'
import type { Settlement } from './settlement.ts'

export type EndpointHealth = Health &
  Failing &
  Readonly<{ endpointId: string; url: string; maxInFlight: number; isEnabled: boolean; skippedAt: Date | null; now: Date }>

/** An endpoint without a blemish that answered well again is left alone, so that outcomes of a busy one do not wait for its claims. */
const lockHealth = statement<EndpointHealth>(
  'webhooks.lock_health',
  `select h.endpoint_id as "endpointId", h.consecutive_failures as "consecutiveFailures", h.opens, h.open_until as "openUntil",
     h.slow_start_limit as "slowStartLimit", h.failing_since as "failingSince",
     h.disables_at as "disablesAt", h.announced_percent as "announcedPercent", h.announced_at as "announcedAt", e.max_in_flight as "maxInFlight",
     h.skipped_at as "skippedAt", e.url, e.status = 'enabled' as "isEnabled", statement_timestamp() as now
   from webhook_endpoint_health h join webhook_endpoints e on e.org_id = h.org_id and e.id = h.endpoint_id
   where h.org_id = $1 and h.endpoint_id = any($2::uuid[])
     and (h.endpoint_id = any($3::uuid[]) or h.consecutive_failures > 0 or h.opens > 0 or h.open_until is not null
       or h.slow_start_limit is not null)
   order by h.endpoint_id for no key update of h`
)

/** @param changed endpoints whose health changes whatever it is now: something failed there. */
export async function lockForOutcomes(
  tx: Tx,
  { endpointIds, changed }: { endpointIds: readonly string[]; changed: readonly string[] }
): Promise<EndpointHealth[]> {
  const [rows] = await Promise.all([tx.run(lockHealth, [tx.orgId, endpointIds, changed]), useWorkerSettings(tx)])
  return rows
}

/**
 * Before what is written of them, as a statement of its own: that one sees the rows as whoever held them last has left them. A row
 * that was changed while it waited for its lock would be found by its fence, and missed at its place.
 */
const lockClaims = statement<object>(
  'webhooks.lock_claims',
  `select from unnest($2::uuid[]) as o(delivery_id) cross join lateral (
     select from webhook_queue q where q.org_id = $1 and q.delivery_id = o.delivery_id for update) q`
)

/**
 * Queue row, attempt row and delivery in one statement, all behind one fence: the queue row must still hold the number of the
 * attempt. Queue rows are reached by key, then by place. A delivery is always there already: as an insert that finds it so, its change
 * takes the key, where a join may take any index that the organization leads and read all of it.
 */
const settleClaims = statement<{ deliveryId: string }>(
  'webhooks.settle',
  `with outcome as materialized (
     select q.place, q.endpoint_id, q.event_id, o.*
     from unnest($2::uuid[], $3::int[], $4::text[], $5::bigint[], $6::int[], $7::timestamptz[], $8::int[], $9::boolean[], $10::int[], $11::text[],
       $12::text[]) as o(delivery_id, attempt, ends, delay_ms, failures, started_at, duration_ms, succeeded, status, error, answer)
     cross join lateral (
       select q.ctid as place, q.endpoint_id, q.event_id from webhook_queue q
       where q.org_id = $1 and q.delivery_id = o.delivery_id and q.attempt = o.attempt limit 1) q
   ), ended as (
     delete from webhook_queue q where q.org_id = $1 and q.ctid = any(array(select place from outcome where ends is not null))
   ), waits as (
     update webhook_queue q set claimed_at = null, failures = o.failures,
       ready_at = date_trunc('milliseconds', statement_timestamp()) + o.delay_ms * interval '1 millisecond'
     from outcome o where q.org_id = $1 and q.ctid = o.place and o.ends is null
   ), logged as (
     insert into webhook_attempts (org_id, delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded, status, error, answer)
     select $1, delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded, status, error, answer from outcome
   ), told as (
     insert into webhook_deliveries as d (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     select $1, delivery_id, endpoint_id, event_id, coalesce(ends, 'queued'), attempt, now(), now() from outcome
     on conflict (org_id, id) do update set status = excluded.status, attempts = excluded.attempts, updated_at = excluded.updated_at
   )
   select delivery_id as "deliveryId" from outcome`
)

/** @returns the deliveries that were written; another claim had taken over the others. */
export async function settle(tx: Tx, settlements: readonly Settlement[]): Promise<string[]> {
  const of = columnsOf(settlements)
  const ids = of('uuid', (one) => one.deliveryId)
  const locked = tx.run(lockClaims, [tx.orgId, ids])
  const written = tx.run(settleClaims, [
    tx.orgId,
    ids,
    of('int4', (one) => one.attempt),
    of('text', (one) => one.ends),
    of('int8', (one) => BigInt(Math.round(one.delayMs))),
    of('int4', (one) => one.failures),
    of('timestamptz', (one) => one.startedAt),
    of('int4', (one) => one.durationMs),
    of('bool', (one) => one.succeeded),
    of('int4', (one) => one.status),
    of('text', (one) => one.error),
    of('text', (one) => one.answer)
  ])
  const [, rows] = await Promise.all([locked, written])
  return rows.map(({ deliveryId }) => deliveryId)
}

const selectAnswered = statement<{ id: string }>(
  'webhooks.answered_before',
  `select t.id from unnest($2::uuid[]) as t(id)
   where exists (select from webhook_attempts a where a.org_id = $1 and a.delivery_id = t.id and a.succeeded)`
)

/** Which of these deliveries succeeded once, and were sent again since. */
export async function answeredBefore(reader: Reader, deliveryIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (deliveryIds.length === 0) return new Set()
  return new Set((await reader.run(selectAnswered, [reader.orgId, deliveryIds])).map(({ id }) => id))
}

export type HealthWrite = Readonly<{
  endpointId: string
  health: Health
  failing: Failing
  failedAt: Date | null
  failure: string | null
}>

const saveHealth = setStatement(
  'webhooks.save_health',
  `update webhook_endpoint_health h set consecutive_failures = w.consecutive_failures, opens = w.opens, open_until = w.open_until,
     slow_start_limit = w.slow_start_limit, last_failure_at = coalesce(w.failed_at, h.last_failure_at), last_failure = coalesce(w.failure, h.last_failure),
     failing_since = w.failing_since, disables_at = w.disables_at, announced_percent = w.announced_percent, announced_at = w.announced_at
   from unnest($2::uuid[], $3::int[], $4::int[], $5::timestamptz[], $6::int[], $7::timestamptz[], $8::text[],
     $9::timestamptz[], $10::timestamptz[], $11::int[], $12::timestamptz[])
     as w(endpoint_id, consecutive_failures, opens, open_until, slow_start_limit, failed_at, failure,
       failing_since, disables_at, announced_percent, announced_at)
   where h.org_id = $1 and h.endpoint_id = w.endpoint_id`
)

/** Writes the health of endpoints that are locked. */
export function heal(tx: Tx, writes: readonly HealthWrite[]): void {
  if (writes.length === 0) return
  const { statement: write, of } = setOf(saveHealth, writes)
  tx.write(write, [
    tx.orgId,
    of('uuid', (w) => w.endpointId),
    of('int4', (w) => w.health.consecutiveFailures),
    of('int4', (w) => w.health.opens),
    of('timestamptz', (w) => w.health.openUntil),
    of('int4', (w) => w.health.slowStartLimit),
    of('timestamptz', (w) => w.failedAt),
    of('text', (w) => w.failure),
    of('timestamptz', (w) => w.failing.failingSince),
    of('timestamptz', (w) => w.failing.disablesAt),
    of('int4', (w) => w.failing.announcedPercent),
    of('timestamptz', (w) => w.failing.announcedAt)
  ])
}

const keepSuccesses = statement<object>(
  'webhooks.keep_successes',
  `update webhook_endpoint_successes s set last_at = statement_timestamp()
   from unnest($2::uuid[], $3::text[]) as t(endpoint_id, url)
   where s.org_id = $1 and s.endpoint_id = t.endpoint_id and (s.last_at is null or s.last_at < statement_timestamp() - interval '1 second')
     and exists (select from webhook_endpoints e where e.org_id = $1 and e.id = t.endpoint_id and e.url = t.url)`
)

export type Answering = Readonly<{ endpointId: string; url: string }>

/**
 * These answered well, at URLs that may be their former ones. Written last: outcomes of the same endpoints wait for each other here, all
 * of them in the order of their ids.
 */
export function keepLastSuccess(tx: Tx, answering: readonly Answering[]): void {
  if (answering.length === 0) return
  const inOrder = answering.toSorted((a, b) => (a.endpointId < b.endpointId ? -1 : 1))
  tx.write(keepSuccesses, [tx.orgId, inOrder.map(({ endpointId }) => endpointId), inOrder.map(({ url }) => url)])
}

const freshHealth = statement<{ id: string }>(
  'webhooks.fresh_health',
  `with success as (insert into webhook_endpoint_successes (org_id, endpoint_id) values ($1, $2) on conflict do nothing)
   insert into webhook_endpoint_health (org_id, endpoint_id, consecutive_failures, opens) values ($1, $2, 0, 0)
   on conflict (org_id, endpoint_id) do update set consecutive_failures = 0, opens = 0, open_until = null, slow_start_limit = null,
     failing_since = null, disables_at = null, announced_percent = 0, announced_at = null`
)

/** A closed circuit, for a new endpoint or one that starts over. When it last succeeded or failed stays. */
export async function resetHealth(tx: Tx, endpointId: string): Promise<void> {
  await tx.run(freshHealth, [tx.orgId, endpointId])
}
