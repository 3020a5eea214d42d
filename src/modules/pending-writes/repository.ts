import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { ReferenceKind } from '../references/reference.ts'
import type { Name, PendingWrite } from './pending-write.ts'

const columns = `w.id, w.kind, json_build_object('source', w.source, 'id', w.external_id) as ref, w.operation, w.source_version as "sourceVersion", w.body,
  w.state, json_build_object('kind', w.awaited_kind, 'source', w.awaited_source, 'id', w.awaited_id) as awaited, w.problem, w.version,
  w.created_at as "createdAt", w.updated_at as "updatedAt"`
const named = 'w.org_id = $1 and w.kind = $2 and w.source = $3 and w.external_id = $4'
const awaiting = 'w.org_id = $1 and w.awaited_kind = $2 and w.awaited_source = $3 and w.awaited_id = $4'

const select = statement<PendingWrite>(
  'pending_writes.find',
  `select ${columns} from pending_writes w where w.org_id = $1 and w.id = $2`
)
const selectByName = statement<PendingWrite>(
  'pending_writes.find_by_name',
  `select ${columns} from pending_writes w where ${named}`
)

export async function find(reader: Reader, id: string): Promise<PendingWrite | undefined> {
  const [row] = await reader.run(select, [reader.orgId, id])
  return row
}

export async function findByName(reader: Reader, { kind, source, id }: Name): Promise<PendingWrite | undefined> {
  const [row] = await reader.run(selectByName, [reader.orgId, kind, source, id])
  return row
}

const selectAwaiting = statement<PendingWrite>(
  'pending_writes.awaiting',
  `select ${columns} from pending_writes w where ${awaiting} and w.operation = 'put' and w.state = 'waiting'
   order by w.kind, w.source collate "C", w.external_id collate "C"`
)

/** What waits for the name, in the order in which it is applied: invoices before payments, and by their names. */
export function awaitingName(reader: Reader, { kind, source, id }: Name): Promise<PendingWrite[]> {
  return reader.run(selectAwaiting, [reader.orgId, kind, source, id])
}

const lockCounts = statement<object>(
  'pending_writes.lock_counts',
  `select pg_advisory_xact_lock(hashtextextended('dunwell pending writes ' || $1, 0))`
)
const selectCounts = statement<{ all: number; ofName: number }>(
  'pending_writes.count',
  `select (select count(*)::int from pending_writes w where w.org_id = $1) as all,
     (select count(*)::int from pending_writes w where ${awaiting}) as "ofName"`
)

/** Until its transaction ends, no other one of the organization counts: two at once would both find room. After any name that is locked. */
export async function countLocked(tx: Tx, { kind, source, id }: Name): Promise<{ all: number; ofName: number }> {
  await tx.run(lockCounts, [tx.orgId])
  const [row] = await tx.run(selectCounts, [tx.orgId, kind, source, id])
  return row ?? { all: 0, ofName: 0 }
}

const upsertRow = statement<{ id: string }>(
  'pending_writes.save',
  `insert into pending_writes (org_id, id, kind, source, external_id, operation, source_version, body, state, awaited_kind, awaited_source,
     awaited_id, problem, version, created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
   on conflict (org_id, kind, source, external_id) do update set operation = excluded.operation, source_version = excluded.source_version,
     body = excluded.body, state = excluded.state, awaited_kind = excluded.awaited_kind, awaited_source = excluded.awaited_source,
     awaited_id = excluded.awaited_id, problem = excluded.problem, version = excluded.version, updated_at = excluded.updated_at`
)

/** Its name is locked. */
export function save(tx: Tx, w: PendingWrite): void {
  tx.write(upsertRow, [
    tx.orgId,
    w.id,
    w.kind,
    w.ref.source,
    w.ref.id,
    w.operation,
    w.sourceVersion,
    json(w.body),
    w.state,
    w.awaited.kind,
    w.awaited.source,
    w.awaited.id,
    json(w.problem),
    w.version,
    w.createdAt,
    w.updatedAt
  ])
}

const deleteRow = statement<{ id: string }>(
  'pending_writes.remove',
  'delete from pending_writes where org_id = $1 and id = $2 returning id'
)

/** @returns whether it was there. */
export async function remove(tx: Tx, id: string): Promise<boolean> {
  return (await tx.run(deleteRow, [tx.orgId, id])).length > 0
}

export type PendingWriteFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  kind: ReferenceKind | null
  source: string | null
  state: string | null
  awaitedKind: string | null
  awaitedSource: string | null
  awaitedId: string | null
  updatedSince: Date | null
}>

const selectPage = statement<PendingWrite>(
  'pending_writes.page',
  `select ${columns} from pending_writes w
   where w.org_id = $1 and ($3::timestamptz is null or (w.created_at, w.id) < ($3, $4::uuid))
     and ($5::text is null or w.kind = $5) and ($6::text is null or w.source = $6) and ($7::text is null or w.state = $7)
     and ($8::text is null or w.awaited_kind = $8) and ($9::text is null or w.awaited_source = $9)
     and ($10::text is null or w.awaited_id = $10) and ($11::timestamptz is null or w.updated_at >= $11)
   order by w.created_at desc, w.id desc limit $2`
)

export function page(reader: Reader, filter: PendingWriteFilter): Promise<PendingWrite[]> {
  const { limit, after, kind, source, state, awaitedKind, awaitedSource, awaitedId, updatedSince } = filter
  const parameters = [limit, after?.at ?? null, after?.id ?? null, kind, source, state, awaitedKind, awaitedSource, awaitedId]
  return reader.run(selectPage, [reader.orgId, ...parameters, updatedSince])
}

const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
