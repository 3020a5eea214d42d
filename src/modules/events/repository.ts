import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { EventType, Place } from './event.ts'

export type EventRow = Readonly<{
  id: string
  type: EventType
  objectKind: string
  objectId: string
  objectVersion: number
  clientId: string | null
  occurredAt: Date
  recordedAt: Date
  bodySha256: string
  seq: bigint | null
  chainHash: string | null
  body: string | null
}>

export type NewEventRow = Readonly<Omit<EventRow, 'seq' | 'chainHash' | 'body'> & { body: string }>

const insertEvents = setStatement(
  'events.insert',
  `with input as (
     select * from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::int[], $7::uuid[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[])
       as t(id, type, object_kind, object_id, object_version, client_id, occurred_at, recorded_at, body_sha256, body)
   ), kept as (
     insert into events (org_id, id, type, object_kind, object_id, object_version, client_id, occurred_at, recorded_at, body_sha256, traceparent)
     select $1, id, type, object_kind, object_id, object_version, client_id, occurred_at, recorded_at, body_sha256, $12 from input
   )
   insert into event_bodies (org_id, event_id, body) select $1, id, body from input`
)

export function insert(tx: Tx, rows: readonly NewEventRow[]): void {
  const { statement: insertAll, of } = setOf(insertEvents, rows)
  tx.write(insertAll, [
    tx.orgId,
    of('uuid', (row) => row.id),
    of('text', (row) => row.type),
    of('text', (row) => row.objectKind),
    of('uuid', (row) => row.objectId),
    of('int4', (row) => row.objectVersion),
    of('uuid', (row) => row.clientId),
    of('timestamptz', (row) => row.occurredAt),
    of('timestamptz', (row) => row.recordedAt),
    of('text', (row) => row.bodySha256),
    of('text', (row) => row.body),
    tx.traceparent
  ])
}

const columns = `e.id, e.type, e.object_kind as "objectKind", e.object_id as "objectId", e.object_version as "objectVersion",
  e.client_id as "clientId", e.occurred_at as "occurredAt", e.recorded_at as "recordedAt", e.body_sha256 as "bodySha256",
  e.seq, e.chain_hash as "chainHash", b.body`

const selectById = statement<EventRow>(
  'events.find',
  `select ${columns} from events e left join event_bodies b on b.org_id = e.org_id and b.event_id = e.id
   where e.org_id = $1 and e.id = $2`
)

export async function find(reader: Reader, id: string): Promise<EventRow | undefined> {
  const [row] = await reader.run(selectById, [reader.orgId, id])
  return row
}

export type EventFilter = Readonly<{
  afterSeq: bigint
  limit: number
  types: readonly string[] | null
  objectId: string | null
  clientId: string | null
  from: Date | null
  to: Date | null
}>

const selectPage = statement<EventRow>(
  'events.page',
  `select ${columns} from events e left join event_bodies b on b.org_id = e.org_id and b.event_id = e.id
   where e.org_id = $1 and e.seq > $2
     and ($4::text[] is null or e.type = any($4))
     and ($5::uuid is null or e.object_id = $5)
     and ($6::uuid is null or e.client_id = $6)
     and ($7::timestamptz is null or e.occurred_at >= $7)
     and ($8::timestamptz is null or e.occurred_at < $8)
   order by e.seq limit $3`
)

export function page(reader: Reader, filter: EventFilter): Promise<EventRow[]> {
  const { afterSeq, limit, types, objectId, clientId, from, to } = filter
  return reader.run(selectPage, [reader.orgId, afterSeq, limit, types, objectId, clientId, from, to])
}

const selectPlace = statement<Place>(
  'events.place',
  `select (select id from events where org_id = $1 and seq = $2) as id,
     coalesce((select last_seq from event_chains where org_id = $1), 0) as "lastSeq"`
)

/** Which event the organization's log has at this number, and the number of its last one. */
export async function placeAt(reader: Reader, seq: bigint): Promise<Place> {
  const [place] = await reader.run(selectPlace, [reader.orgId, seq])
  return place ?? { id: null, lastSeq: 0n }
}

const selectSeq = statement<{ seq: bigint | null }>('events.seq', 'select seq from events where org_id = $1 and id = $2')

/** @returns null for an event that has no number yet, undefined where there is none. */
export async function seqOf(reader: Reader, id: string): Promise<bigint | null | undefined> {
  const [row] = await reader.run(selectSeq, [reader.orgId, id])
  return row?.seq
}

const lockChain = statement<{ lastSeq: bigint; lastHash: string }>(
  'events.lock_chain',
  `insert into event_chains (org_id, last_seq, last_hash) values ($1, 0, '')
   on conflict (org_id) do update set last_seq = event_chains.last_seq
   returning last_seq as "lastSeq", last_hash as "lastHash"`
)

const selectUnsealed = statement<{ id: string; type: string; bodySha256: string }>(
  'events.unsealed',
  `select id, type, body_sha256 as "bodySha256" from events where org_id = $1 and seq is null order by id limit $2`
)

const writeSeals = statement<{ id: string }>(
  'events.seal',
  `with sealed as (
     update events e set seq = s.seq, chain_hash = s.hash
     from unnest($2::uuid[], $3::bigint[], $4::text[]) as s(id, seq, hash)
     where e.org_id = $1 and e.id = s.id
   )
   update event_chains set last_seq = $5, last_hash = $6 where org_id = $1`
)

/** Locks the organization's chain until the transaction ends: sealing is one at a time. */
export async function chainForUpdate(tx: Tx): Promise<{ lastSeq: bigint; lastHash: string }> {
  const [chain] = await tx.run(lockChain, [tx.orgId])
  return chain ?? { lastSeq: 0n, lastHash: '' }
}

export function unsealed(tx: Tx, limit: number): Promise<{ id: string; type: string; bodySha256: string }[]> {
  return tx.run(selectUnsealed, [tx.orgId, limit])
}

export async function seal(tx: Tx, seals: readonly { id: string; seq: bigint; hash: string }[]): Promise<void> {
  const last = seals.at(-1)
  if (last === undefined) return
  const [ids, seqs, hashes] = [seals.map((s) => s.id), seals.map((s) => s.seq), seals.map((s) => s.hash)]
  await tx.run(writeSeals, [tx.orgId, ids, seqs, hashes, last.seq, last.hash])
}

const selectOrganizationsUnsealed = statement<{ orgId: string }>(
  'events.organizations_unsealed',
  `select o.org_id as "orgId" from organizations o
   where exists (select from events e where e.org_id = o.org_id and e.seq is null) limit $1`
)

/** Needs the scheduler's reader: it looks across organizations. */
export async function organizationsWithUnsealed(scheduler: Reader, limit: number): Promise<string[]> {
  const rows = await scheduler.run(selectOrganizationsUnsealed, [limit])
  return rows.map((row) => row.orgId)
}

const deleteBodies = statement<{ id: string }>(
  'events.erase_bodies',
  `with rests as (
     delete from event_rests where org_id = $1 and event_id = any(array(
       select event_id from event_rests where org_id = $1
         and event_id < dunwell_uuidv7_at($2)
       order by event_id limit $3))
   )
   delete from event_bodies where org_id = $1 and event_id = any(array(
     select event_id from event_bodies where org_id = $1
       and event_id < dunwell_uuidv7_at($2)
     order by event_id limit $3)) returning event_id as id`
)

/** Bodies of events from before that instant: ids are UUIDv7, which begin with theirs. @returns how many, at most `limit` */
export async function eraseBodies(tx: Tx, { before, limit }: { before: Date; limit: number }): Promise<number> {
  return (await tx.run(deleteBodies, [tx.orgId, before, limit])).length
}
