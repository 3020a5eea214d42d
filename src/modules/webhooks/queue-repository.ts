import type { Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { FanOut } from '../events/service.ts'

// The queue runs on the database's own clock: workers whose clocks differ, or jump, still agree on what is due and leased.

/** An endpoint does not hear of itself that it fails: it would once that is over. */
const fanOutStatement = setStatement<{ made: number }>(
  'webhooks.fan_out',
  `with matched as materialized (
     select dunwell_uuidv7() as id, e.id as endpoint_id, i.event_id
     from unnest($2::uuid[], $3::text[], $4::uuid[]) as i(event_id, type, object_id)
     join webhook_endpoints e on e.event_types && array[i.type, split_part(i.type, '.', 1) || '.*', '*']
     where e.org_id = $1 and e.status = 'enabled' and not (i.type = 'webhook_endpoint.failing' and i.object_id = e.id)
   ), made as (
     insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     select $1, id, endpoint_id, event_id, 'queued', 0, now(), now() from matched
   ), queued as (
     insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
     select $1, id, endpoint_id, event_id, date_trunc('milliseconds', now()), 0, 0 from matched
   )
   select count(*)::int as made from matched`
)

/** One delivery for each event and endpoint that wants its type. `told` learns how many there are to send. */
export function fanOut(tx: Tx, events: Parameters<FanOut>[1], told: (made: number) => void): void {
  const { statement: write, of } = setOf(fanOutStatement, events)
  tx.write(
    write,
    [tx.orgId, of('uuid', ({ id }) => id), of('text', ({ type }) => type), of('uuid', ({ objectId }) => objectId)],
    ([row]) => told(row?.made ?? 0)
  )
}

const deliverOne = statement<{ id: string }>(
  'webhooks.deliver_to',
  `with made as (
     insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     values ($1, dunwell_uuidv7(), $2, $3, 'queued', 0, now(), now()) on conflict do nothing returning id
   )
   insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
   select $1, id, $2, $3, date_trunc('milliseconds', now()), 0, 0 from made returning delivery_id as id`
)

/** One event to one endpoint, whatever it subscribed to. @returns the delivery; undefined where the endpoint has it already. */
export async function deliverTo(
  tx: Tx,
  { endpointId, eventId }: { endpointId: string; eventId: string }
): Promise<string | undefined> {
  const [row] = await tx.run(deliverOne, [tx.orgId, endpointId, eventId])
  return row?.id
}

const requeueOne = statement<{ id: string }>(
  'webhooks.requeue',
  `with again as (
     update webhook_deliveries d set status = 'queued', updated_at = now()
     where d.org_id = $1 and d.id = $2 and d.status in ('failed', 'cancelled', 'superseded')
       and exists (select from webhook_endpoints e where e.org_id = $1 and e.id = d.endpoint_id and e.status = 'enabled')
       and exists (select from event_bodies b where b.org_id = $1 and b.event_id = d.event_id)
     returning d.id, d.endpoint_id, d.event_id, d.attempts
   )
   insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
   select $1, id, endpoint_id, event_id, date_trunc('milliseconds', now()), attempts, 0 from again returning delivery_id as id`
)

/**
 * Starts an ended delivery over, with the whole schedule before it; attempts go on counting.
 * @returns false where it was not ended, or cannot be sent: no endpoint that takes it, no body to send.
 */
export async function requeue(tx: Tx, deliveryId: string): Promise<boolean> {
  return (await tx.run(requeueOne, [tx.orgId, deliveryId])).length > 0
}

const renewRows = statement<{ id: string }>(
  'webhooks.renew',
  'update webhook_queue set first_at = null where org_id = $1 and endpoint_id = $2 and first_at is not null'
)

/** What waits for an endpoint may be sent for another seven days, from its next attempt on. */
export async function renew(tx: Tx, endpointId: string): Promise<void> {
  await tx.run(renewRows, [tx.orgId, endpointId])
}

const CANCEL_BATCH = 5_000

/** What another transaction changed between the look and the lock is missed at its place, and found by the next look. */
const cancelIdle = statement<{ looked: number; cancelled: number }>(
  'webhooks.cancel_idle',
  `with idle as materialized (
     select q.ctid as place from webhook_queue q where q.org_id = $1 and q.endpoint_id = $2 and (q.claimed_at is null or q.ready_at <= statement_timestamp())
     order by q.ready_at limit $3 for update skip locked
   ), gone as (
     delete from webhook_queue q where q.org_id = $1 and q.ctid = any(array(select place from idle))
     returning q.delivery_id, q.endpoint_id, q.event_id, q.attempt, q.claimed_at, q.ready_at
   ), lost as (
     insert into webhook_attempts (org_id, delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded, error)
     select $1, delivery_id, endpoint_id, event_id, attempt, claimed_at, extract(epoch from ready_at - claimed_at) * 1000, false, $4
     from gone where claimed_at is not null
   ), told as (
     insert into webhook_deliveries as d (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     select $1, delivery_id, endpoint_id, event_id, case when exists (
       select from webhook_attempts a where a.org_id = $1 and a.delivery_id = gone.delivery_id and a.succeeded) then 'succeeded' else 'cancelled' end,
       attempt, now(), now() from gone
     on conflict (org_id, id) do update set status = excluded.status, attempts = excluded.attempts, updated_at = excluded.updated_at
   )
   select (select count(*)::int from idle) as looked, (select count(*)::int from gone) as cancelled`
)

/** What an attempt is logged with whose process died, or was stopped, before it could tell. */
export const LOST = 'lost: The process that made this attempt did not live to tell what came of it.'

/**
 * What waits for an endpoint will not be sent; what succeeded before, and was to be sent again, has succeeded. What is under way is
 * finished, and written. @returns how many were cancelled.
 */
export async function cancelQueue(tx: Tx, endpointId: string): Promise<number> {
  let total = 0
  for (let looked = 1; looked > 0; ) {
    const [row] = await tx.run(cancelIdle, [tx.orgId, endpointId, CANCEL_BATCH, LOST])
    looked = row?.looked ?? 0
    total += row?.cancelled ?? 0
  }
  return total
}
