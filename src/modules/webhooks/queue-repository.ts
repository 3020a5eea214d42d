import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'

// The queue runs on the database's own clock: workers whose clocks differ, or jump, still agree on what is due and leased.

const fanOutStatement = statement<{ id: string }>(
  'webhooks.fan_out',
  `with matched as materialized (
     select dunwell_uuidv7() as id, e.id as endpoint_id, i.event_id
     from unnest($2::uuid[], $3::text[]) as i(event_id, type)
     join webhook_endpoints e on e.event_types && array[i.type, split_part(i.type, '.', 1) || '.*', '*']
     where e.org_id = $1 and e.status = 'enabled'
   ), made as (
     insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     select $1, id, endpoint_id, event_id, 'queued', 0, now(), now() from matched
   )
   insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, claimed_at, attempt, failures, first_at)
   select $1, id, endpoint_id, event_id, date_trunc('milliseconds', now()), null, 0, 0, null from matched
   returning delivery_id as id`
)

/** One delivery for each event and endpoint that wants its type. @returns whether there is anything to send. */
export async function fanOut(tx: Tx, events: readonly { id: string; type: string }[]): Promise<boolean> {
  const rows = await tx.run(fanOutStatement, [tx.orgId, events.map(({ id }) => id), events.map(({ type }) => type)])
  return rows.length > 0
}

const deliverOne = statement<{ id: string }>(
  'webhooks.deliver_to',
  `with made as (
     insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     values ($1, dunwell_uuidv7(), $2, $3, 'queued', 0, now(), now()) on conflict do nothing returning id
   )
   insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, claimed_at, attempt, failures, first_at)
   select $1, id, $2, $3, date_trunc('milliseconds', now()), null, 0, 0, null from made returning delivery_id as id`
)

/** One event to one endpoint, whatever it subscribed to; nothing where it got it by its subscription already. */
export async function deliverTo(tx: Tx, { endpointId, eventId }: { endpointId: string; eventId: string }): Promise<void> {
  await tx.run(deliverOne, [tx.orgId, endpointId, eventId])
}

export type ReadyEndpoint = Readonly<{ orgId: string; endpointId: string }>

const selectReady = statement<ReadyEndpoint>(
  'webhooks.ready_endpoints',
  `select h.org_id as "orgId", h.endpoint_id as "endpointId" from webhook_endpoint_health h
   join webhook_endpoints e on e.org_id = h.org_id and e.id = h.endpoint_id
   where e.status = 'enabled' and (h.open_until is null or h.open_until <= now())
     and exists (select from webhook_queue q where q.org_id = h.org_id and q.endpoint_id = h.endpoint_id and q.ready_at <= now())
   order by random() limit $1`
)

/** Needs the scheduler's reader: endpoints with something due and a circuit that lets it through. No locks. */
export function readyEndpoints(scheduler: Reader, limit: number): Promise<ReadyEndpoint[]> {
  return scheduler.run(selectReady, [limit])
}

export type Claimed = Readonly<{
  deliveryId: string
  endpointId: string
  eventId: string
  /** Fences what is written of this attempt. */
  attempt: number
  failures: number
  firstAt: Date
  claimedAt: Date
  /** The former claim's lease ran out: its process died or stalled. */
  wasLeased: boolean
  url: string
  headers: Record<string, string>
  timeoutMs: number
  maxInFlight: number
  /** Sealed, newest first. */
  secrets: string[]
  body: string | null
  traceparent: string | null
}>

const claimStatement = statement<Claimed>(
  'webhooks.claim',
  `with endpoint as materialized (
     select e.id, e.url, e.headers, e.timeout_ms, e.max_in_flight, h.open_until, h.slow_start_limit
     from webhook_endpoint_health h join webhook_endpoints e on e.org_id = h.org_id and e.id = h.endpoint_id
     where h.org_id = $1 and h.endpoint_id = any($2::uuid[]) and e.status = 'enabled'
     order by h.endpoint_id for no key update of h skip locked
   ), room as materialized (
     select endpoint.*, least($3::int, greatest(0,
       case when open_until > now() then 0 when open_until is not null then 1 else least(max_in_flight, coalesce(slow_start_limit, max_in_flight)) end
       - (select count(*) from webhook_queue q where q.org_id = $1 and q.endpoint_id = endpoint.id and q.claimed_at is not null and q.ready_at > now())))
       as room
     from endpoint
   ), picked as materialized (
     select p.* from room cross join lateral (
       select q.delivery_id, q.claimed_at is not null as was_leased from webhook_queue q
       where q.org_id = $1 and q.endpoint_id = room.id and q.ready_at <= now()
       order by q.ready_at limit room.room for update skip locked) p
   ), claimed as (
     update webhook_queue set attempt = attempt + 1, claimed_at = now(), ready_at = now() + $4::int * interval '1 millisecond',
       first_at = coalesce(first_at, now())
     where org_id = $1 and delivery_id = any(array(select delivery_id from picked))
     returning delivery_id, endpoint_id, event_id, attempt, failures, first_at, claimed_at
   )
   select c.delivery_id as "deliveryId", c.endpoint_id as "endpointId", c.event_id as "eventId", c.attempt, c.failures, c.first_at as "firstAt",
     c.claimed_at as "claimedAt", p.was_leased as "wasLeased", r.url, r.headers, r.timeout_ms as "timeoutMs", r.max_in_flight as "maxInFlight",
     array(select s.sealed from webhook_endpoint_secrets s where s.org_id = $1 and s.endpoint_id = c.endpoint_id
       and (s.expires_at is null or s.expires_at > now()) order by s.created_at desc) as secrets,
     b.body, e.traceparent
   from claimed c join picked p on p.delivery_id = c.delivery_id join room r on r.id = c.endpoint_id
   join events e on e.org_id = $1 and e.id = c.event_id left join event_bodies b on b.org_id = $1 and b.event_id = c.event_id`
)

/**
 * Claims what may start now, under the health lock of each endpoint, so that its limits hold over all processes. An
 * endpoint that another process is claiming from is left to it.
 * @param perEndpoint at most so many of each; the endpoint's own room may be less.
 */
export function claim(
  tx: Tx,
  { endpointIds, perEndpoint, leaseMs }: { endpointIds: readonly string[]; perEndpoint: number; leaseMs: number }
): Promise<Claimed[]> {
  return tx.run(claimStatement, [tx.orgId, endpointIds, perEndpoint, leaseMs])
}

/** What is written of an attempt. `delayMs` is until the next one; null where there is none. */
export type Settled = Readonly<{
  deliveryId: string
  endpointId: string
  eventId: string
  attempt: number
  startedAt: Date
  durationMs: number
  succeeded: boolean
  status: number | null
  error: string | null
  answer: string | null
  delayMs: number | null
  failures: number
}>

const settleStatement = statement<{ deliveryId: string }>(
  'webhooks.settle',
  `with outcome as materialized (
     select * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::timestamptz[], $7::int[], $8::boolean[], $9::int[], $10::text[], $11::text[],
       $12::bigint[], $13::int[])
       as o(delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded, status, error, answer, delay_ms, failures)
   ), ended as (
     delete from webhook_queue q using outcome o
     where q.org_id = $1 and q.delivery_id = any($2::uuid[]) and q.delivery_id = o.delivery_id and q.attempt = o.attempt and o.delay_ms is null
     returning q.delivery_id
   ), later as (
     update webhook_queue q set ready_at = now() + o.delay_ms * interval '1 millisecond', claimed_at = null, failures = o.failures
     from outcome o
     where q.org_id = $1 and q.delivery_id = any($2::uuid[]) and q.delivery_id = o.delivery_id and q.attempt = o.attempt and o.delay_ms is not null
     returning q.delivery_id
   ), mine as (select delivery_id from ended union all select delivery_id from later), logged as (
     insert into webhook_attempts (org_id, delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded, status, error, answer)
     select $1, o.delivery_id, o.endpoint_id, o.event_id, o.attempt, o.started_at, o.duration_ms, o.succeeded, o.status, o.error, o.answer
     from outcome o join mine using (delivery_id)
   ), told as (
     update webhook_deliveries d set attempts = o.attempt, updated_at = now(),
       status = case when o.succeeded then 'succeeded' when o.delay_ms is null then 'failed' else d.status end
     from outcome o join mine using (delivery_id)
     where d.org_id = $1 and d.id = any($2::uuid[]) and d.id = o.delivery_id
   )
   select delivery_id as "deliveryId" from mine`
)

/**
 * Writes outcomes: queue row, attempt row and delivery together, each only where the claim is still ours.
 * @returns the deliveries that were written; the others were taken over by another claim in the meantime.
 */
export async function settle(tx: Tx, outcomes: readonly Settled[]): Promise<string[]> {
  const rows = await tx.run(settleStatement, [
    tx.orgId,
    outcomes.map((o) => o.deliveryId),
    outcomes.map((o) => o.endpointId),
    outcomes.map((o) => o.eventId),
    outcomes.map((o) => o.attempt),
    outcomes.map((o) => o.startedAt),
    outcomes.map((o) => o.durationMs),
    outcomes.map((o) => o.succeeded),
    outcomes.map((o) => o.status),
    outcomes.map((o) => o.error),
    outcomes.map((o) => o.answer),
    outcomes.map((o) => o.delayMs),
    outcomes.map((o) => o.failures)
  ])
  return rows.map(({ deliveryId }) => deliveryId)
}

const cancelQueued = statement<{ id: string }>(
  'webhooks.cancel_queued',
  `with gone as (delete from webhook_queue where org_id = $1 and endpoint_id = $2 returning delivery_id)
   update webhook_deliveries set status = 'cancelled', updated_at = now() where org_id = $1 and id in (select delivery_id from gone)`
)

/** What is queued for an endpoint will not be sent. What is under way is; its outcome finds no row and is not written. */
export async function cancelQueue(tx: Tx, endpointId: string): Promise<void> {
  await tx.run(cancelQueued, [tx.orgId, endpointId])
}

const requeueOne = statement<{ id: string }>(
  'webhooks.requeue',
  `with again as (
     update webhook_deliveries set status = 'queued', updated_at = now()
     where org_id = $1 and id = $2 and status in ('failed', 'cancelled', 'superseded') returning id, endpoint_id, event_id, attempts
   )
   insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, claimed_at, attempt, failures, first_at)
   select $1, id, endpoint_id, event_id, date_trunc('milliseconds', now()), null, attempts, 0, null from again returning delivery_id as id`
)

/** Starts an ended delivery over; attempts go on counting. @returns false where it was not ended. */
export async function requeue(tx: Tx, deliveryId: string): Promise<boolean> {
  return (await tx.run(requeueOne, [tx.orgId, deliveryId])).length > 0
}

const selectOldest = statement<{ ageMs: number | null }>(
  'webhooks.oldest_due_age',
  `select (extract(epoch from now() - min(ready_at)) * 1000)::float8 as "ageMs" from webhook_queue where ready_at <= now()`
)

/** Needs the scheduler's reader: how long the oldest due delivery has waited, in milliseconds; for metrics. */
export async function oldestDueAgeMs(scheduler: Reader): Promise<number> {
  const [row] = await scheduler.run(selectOldest, [])
  return row?.ageMs ?? 0
}
