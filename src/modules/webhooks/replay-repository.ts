import { and, desc, eq, gte, lt } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { webhookReplays } from './table.ts'

export type Replay = Omit<typeof webhookReplays.$inferSelect, 'orgId'>

export async function insert(tx: Tx, replay: Replay): Promise<void> {
  await tx.sql.insert(webhookReplays).values({ orgId: tx.orgId, ...replay })
}

export async function find(reader: Reader, id: string): Promise<Replay | undefined> {
  const where = and(eq(webhookReplays.orgId, reader.orgId), eq(webhookReplays.id, id))
  const [row] = await reader.sql.select().from(webhookReplays).where(where)
  return row
}

export type ReplayPage = Readonly<{ limit: number; after: string | null; endpointId: string | null; updatedSince: Date | null }>

/** Newest first: the ids are UUIDv7. */
export function page(reader: Reader, { limit, after, endpointId, updatedSince }: ReplayPage): Promise<Replay[]> {
  const own = eq(webhookReplays.orgId, reader.orgId)
  const where = and(
    own,
    after === null ? undefined : lt(webhookReplays.id, after),
    endpointId === null ? undefined : eq(webhookReplays.endpointId, endpointId),
    updatedSince === null ? undefined : gte(webhookReplays.updatedAt, updatedSince)
  )
  return reader.sql.select().from(webhookReplays).where(where).orderBy(desc(webhookReplays.id)).limit(limit)
}

const countRunning = statement<{ count: number }>(
  'webhook_replays.count_running',
  `select count(*)::int as count from webhook_replays r join webhook_endpoints e on e.org_id = r.org_id and e.id = r.endpoint_id
   where r.org_id = $1 and r.status = 'running' and e.status = 'enabled'`
)

/** Those of a disabled endpoint wait, for as long as it is, and are not counted. */
export async function running(reader: Reader): Promise<number> {
  const [row] = await reader.run(countRunning, [reader.orgId])
  return row?.count ?? 0
}

const FIRST_LOOKED_AT = 2_000
/** Ids and numbers are in nearly the same order: a transaction that took long is numbered late. */
const MARGIN = 5_000n

const selectStart = statement<{ seq: bigint | null }>(
  'webhook_replays.start',
  `select coalesce(min(seq), (select last_seq from event_chains where org_id = $1)) as seq from (
     select seq from events where org_id = $1 and seq is not null
       and id >= dunwell_uuidv7_at($2)
     order by id limit $3) first`
)

/**
 * A number before those of all events that were recorded from then on: ids are UUIDv7, which begin with their instant, and know none
 * before 1970.
 */
export async function seqBefore(reader: Reader, fromAt: Date): Promise<bigint> {
  const since = new Date(Math.max(0, fromAt.getTime()))
  const [row] = await reader.run(selectStart, [reader.orgId, since, FIRST_LOOKED_AT])
  const seq = (row?.seq ?? 0n) - MARGIN
  return seq > 0n ? seq : 0n
}

const lockRunning = statement<Replay & { waiting: number }>(
  'webhook_replays.lock',
  `select r.id, r.endpoint_id as "endpointId", r.from_at as "fromAt", r.to_at as "toAt", r.event_types as "eventTypes", r.client_id as "clientId",
     r.states, r.status, r.after_seq as "afterSeq", r.queued, r.created_at as "createdAt", r.updated_at as "updatedAt", r.finished_at as "finishedAt",
     (select count(*)::int from (
       select from webhook_queue q where q.org_id = $1 and q.endpoint_id = r.endpoint_id limit $3) q) as waiting
   from webhook_replays r where r.org_id = $1 and r.id = $2 and r.status = 'running' for no key update of r skip locked`
)

/** With how much waits for its endpoint, counted up to `waitingMax`; undefined where it has ended, or another process is at it. */
export async function lock(
  tx: Tx,
  { id, waitingMax }: { id: string; waitingMax: number }
): Promise<(Replay & { waiting: number }) | undefined> {
  const [row] = await tx.run(lockRunning, [tx.orgId, id, waitingMax])
  return row
}

export type Step = Readonly<{ looked: number; lastSeq: bigint | null; queued: number }>

/**
 * Looks at the next events in their order, and queues those that the endpoint takes, the replay names, and that are in one of its
 * states: what is queued already is in none, so that nothing is queued twice. What happened to the endpoint itself was for others. A
 * notice that one endpoint was told in place of another is missing at no other: these have had the former, or are told afresh when it
 * is superseded there.
 */
const queueNext = statement<Step>(
  'webhook_replays.queue_next',
  `with looked as materialized (
     select id, seq, type, object_id, client_id, recorded_at from events where org_id = $1 and seq > $2 order by seq limit $3
   ), wanted as materialized (
     select l.id as event_id, l.type from looked l
     join webhook_endpoints p on p.org_id = $1 and p.id = $4
     cross join lateral (select array[l.type, split_part(l.type, '.', 1) || '.*', '*'] as names) t
     where l.recorded_at >= $5 and l.recorded_at < $6 and p.event_types && t.names and l.type <> 'webhook_endpoint.test'
       and not (t.names[2] = 'webhook_endpoint.*' and l.object_id = $4) and ($7::text[] is null or $7 && t.names) and ($8::uuid is null or l.client_id = $8)
       and exists (select from event_bodies b where b.org_id = $1 and b.event_id = l.id)
   ), picked as materialized (
     select w.event_id, d.id, d.status from wanted w
     left join webhook_deliveries d on d.org_id = $1 and d.event_id = w.event_id and d.endpoint_id = $4
     where coalesce(d.status, 'missing') = any($9::text[]) and not (d.id is null and w.type in ('client.dunning_notice_due', 'invoice.dunning_stage_entered') and exists (
       select from event_bodies b where b.org_id = $1 and b.event_id = w.event_id
         and b.body::json #> '{data,context,replaces_event_ids}' is not null))
   ), made as (
     insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     select $1, dunwell_uuidv7(), $4, event_id, 'queued', 0, now(), now() from picked where id is null
     on conflict do nothing returning id, event_id, attempts
   ), again as (
     update webhook_deliveries d set status = 'queued', updated_at = now() from picked p
     where d.org_id = $1 and d.id = p.id and d.status = p.status returning d.id, d.event_id, d.attempts
   ), queued as (
     insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
     select $1, id, $4, event_id, date_trunc('milliseconds', now()), attempts, 0 from (select * from made union all select * from again) all_of
     on conflict do nothing returning delivery_id
   )
   select (select count(*)::int from looked) as looked, (select max(seq) from looked) as "lastSeq", (select count(*)::int from queued) as queued`
)

export async function step(tx: Tx, replay: Replay, limit: number): Promise<Step> {
  const { afterSeq, endpointId, fromAt, toAt, eventTypes, clientId, states } = replay
  const filters = [fromAt, toAt, eventTypes, clientId, states]
  const [row] = await tx.run(queueNext, [tx.orgId, afterSeq, limit, endpointId, ...filters])
  return row ?? { looked: 0, lastSeq: null, queued: 0 }
}

const saveRow = statement<{ id: string }>(
  'webhook_replays.save',
  `update webhook_replays set status = $3, after_seq = $4, queued = $5, updated_at = $6, finished_at = $7 where org_id = $1 and id = $2`
)

export async function save(tx: Tx, { id, status, afterSeq, queued, updatedAt, finishedAt }: Replay): Promise<void> {
  await tx.run(saveRow, [tx.orgId, id, status, afterSeq, queued, updatedAt, finishedAt])
}

const cancelRunning = statement<{ id: string }>(
  'webhook_replays.cancel',
  `update webhook_replays set status = 'cancelled', updated_at = $3, finished_at = $3 where org_id = $1 and status = 'running' and (id = $2 or endpoint_id = $2)`
)

/** One replay, or all of one endpoint. */
export async function cancel(tx: Tx, { of, at }: { of: string; at: Date }): Promise<void> {
  await tx.run(cancelRunning, [tx.orgId, of, at])
}

const failRunning = statement<{ id: string }>(
  'webhook_replays.fail',
  `update webhook_replays set status = 'failed', updated_at = $3, finished_at = $3 where org_id = $1 and status = 'running' and id = $2`
)

export async function fail(tx: Tx, { id, at }: { id: string; at: Date }): Promise<void> {
  await tx.run(failRunning, [tx.orgId, id, at])
}

export type Running = Readonly<{ orgId: string; id: string }>

const selectRunning = statement<Running>(
  'webhook_replays.all_running',
  `select org_id as "orgId", id from webhook_replays where status = 'running' and (org_id, id) > ($1::uuid, $2::uuid)
   order by org_id, id limit $3`
)

/** Needs the scheduler's reader. */
export function allRunning(scheduler: Reader, { after, limit }: { after: Running; limit: number }): Promise<Running[]> {
  return scheduler.run(selectRunning, [after.orgId, after.id, limit])
}
