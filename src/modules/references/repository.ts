import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { ExternalRef, ReferenceKind } from './reference.ts'

export type Found = Readonly<{ objectId: string; sourceVersion: bigint | null; deletedVersion: bigint | null }>
export type Name = Readonly<{ kind: ReferenceKind; source: string; id: string }>

const named = 'org_id = $1 and kind = $2 and source = $3 and external_id = $4'
const found = 'object_id as "objectId", source_version as "sourceVersion", deleted_version as "deletedVersion"'
const isGiven = `${named} and object_id is not null`

const select = statement<Found>('references.find', `select ${found} from external_refs where ${isGiven}`)
const selectForUpdate = statement<Found>(
  'references.find_for_update',
  `select ${found} from external_refs where ${isGiven} for update`
)

export async function find(reader: Reader, { kind, source, id }: Name): Promise<Found | undefined> {
  const [row] = await reader.run(select, [reader.orgId, kind, source, id])
  return row
}

export async function findForUpdate(tx: Tx, { kind, source, id }: Name): Promise<Found | undefined> {
  const [row] = await tx.run(selectForUpdate, [tx.orgId, kind, source, id])
  return row
}

/** A name that an object got just now, and whether something waits for it. */
export type Given = ExternalRef & Readonly<{ isAwaited: boolean }>

const insertRefs = statement<Given>(
  'references.insert',
  `insert into external_refs (org_id, kind, source, external_id, object_id, created_at)
   select $1, $2, source, external_id, $5, $6 from unnest($3::text[], $4::text[]) as t(source, external_id)
   on conflict (org_id, kind, source, external_id) do update set object_id = excluded.object_id where external_refs.object_id is null
   returning source, external_id as id, is_awaited as "isAwaited"`
)

export type NewRefs = Readonly<{ kind: ReferenceKind; objectId: string; refs: readonly ExternalRef[]; createdAt: Date }>

/** Waits for who is about to take one of the names. @returns those that were free; the others are somebody's. */
export function insertFree(tx: Tx, { kind, objectId, refs, createdAt }: NewRefs): Promise<Given[]> {
  const { sources, ids } = columnsOf(refs)
  return tx.run(insertRefs, [tx.orgId, kind, sources, ids, objectId, createdAt])
}

const lockRow = statement<Omit<Found, 'objectId'> & { objectId: string | null }>(
  'references.lock',
  `insert into external_refs (org_id, kind, source, external_id, is_awaited, created_at) values ($1, $2, $3, $4, $5, $6)
   on conflict (org_id, kind, source, external_id) do update set is_awaited = external_refs.is_awaited or excluded.is_awaited
   returning ${found}`
)

/**
 * Locks a name, whether it has an object or not. Waits for who is about to give it to one, and has who comes after wait.
 * @param how.isAwaited has it remember that something waits for it. @returns its object, where it has one.
 */
export async function lock(
  tx: Tx,
  { kind, source, id }: Name,
  { isAwaited, createdAt }: Readonly<{ isAwaited: boolean; createdAt: Date }>
): Promise<Found | undefined> {
  const [row] = await tx.run(lockRow, [tx.orgId, kind, source, id, isAwaited, createdAt])
  if (row === undefined || row.objectId === null) return undefined
  return { ...row, objectId: row.objectId }
}

const lockSiblingRows = statement<{ source: string }>(
  'references.lock_siblings',
  `select source from external_refs where org_id = $1 and kind = $2 and object_id = (select object_id from external_refs where ${isGiven})
   order by source collate "C", external_id collate "C" for update`
)

/** Locks all names of the object that has this one, in the order in which everybody does. */
export async function lockSiblings(tx: Tx, { kind, source, id }: Name): Promise<void> {
  await tx.run(lockSiblingRows, [tx.orgId, kind, source, id])
}

const lockRows = statement<object>(
  'references.lock_all',
  `insert into external_refs (org_id, kind, source, external_id, created_at)
   select $1, $2, source, external_id, $5 from unnest($3::text[], $4::text[]) as t(source, external_id)
   on conflict (org_id, kind, source, external_id) do update set is_awaited = external_refs.is_awaited`
)

/** The same for many, in the order given. Each is there once. */
export async function lockAll(
  tx: Tx,
  { kind, refs, createdAt }: Readonly<{ kind: ReferenceKind; refs: readonly ExternalRef[]; createdAt: Date }>
): Promise<void> {
  const { sources, ids } = columnsOf(refs)
  await tx.run(lockRows, [tx.orgId, kind, sources, ids, createdAt])
}

const insertAwaited = statement<object>(
  'references.await_missing',
  `insert into external_refs (org_id, kind, source, external_id, is_awaited, created_at)
   select $1, $2, source, external_id, true, $5 from unnest($3::text[], $4::text[]) as t(source, external_id)
   where not exists (select from external_refs x where x.org_id = $1 and x.kind = $2 and x.source = t.source
     and x.external_id = t.external_id and x.object_id is not null)
   on conflict (org_id, kind, source, external_id) do update set is_awaited = true`
)

/** Locks those of the names that have no object, in the order given, and has them remember that something waits. Each is there once. */
export async function awaitMissing(
  tx: Tx,
  { kind, refs, createdAt }: Readonly<{ kind: ReferenceKind; refs: readonly ExternalRef[]; createdAt: Date }>
): Promise<void> {
  const { sources, ids } = columnsOf(refs)
  await tx.run(insertAwaited, [tx.orgId, kind, sources, ids, createdAt])
}

const selectOwners = statement<ExternalRef & { objectId: string }>(
  'references.owners',
  `select source, external_id as id, object_id as "objectId" from external_refs
   where org_id = $1 and kind = $2 and object_id is not null
     and (source, external_id) in (select * from unnest($3::text[], $4::text[]))`
)

export function owners(
  reader: Reader,
  { kind, refs }: { kind: ReferenceKind; refs: readonly ExternalRef[] }
): Promise<(ExternalRef & { objectId: string })[]> {
  const { sources, ids } = columnsOf(refs)
  return reader.run(selectOwners, [reader.orgId, kind, sources, ids])
}

const lockOwners = statement<ExternalRef & { objectId: string }>(
  'references.lock_owners',
  `select source, external_id as id, object_id as "objectId" from external_refs
   where org_id = $1 and kind = $2 and object_id is not null
     and (source, external_id) in (select * from unnest($3::text[], $4::text[]))
     order by source collate "C", external_id collate "C" for update`
)

/** The same, who stay so. */
export function ownersForUpdate(
  tx: Tx,
  { kind, refs }: { kind: ReferenceKind; refs: readonly ExternalRef[] }
): Promise<(ExternalRef & { objectId: string })[]> {
  const { sources, ids } = columnsOf(refs)
  return tx.run(lockOwners, [tx.orgId, kind, sources, ids])
}

const theirs = `org_id = $1 and kind = $2 and object_id = any($6::uuid[])
  and (source, external_id) in (select * from unnest($4::text[], $5::text[]))`
const moveThese = statement<{ source: string }>(
  'references.move_these',
  `update external_refs set object_id = $3
   where ${theirs} and cardinality($4::text[]) = (select count(*) from external_refs where ${theirs}) returning source`
)

/**
 * All of these names are another object's from now on. They keep the versions that their sources sent.
 * @returns false, having moved none, where one of them is no longer one of these owners'.
 */
export async function moveSome(
  tx: Tx,
  {
    kind,
    objectId,
    refs,
    ownerIds
  }: { kind: ReferenceKind; objectId: string; refs: readonly ExternalRef[]; ownerIds: readonly string[] }
): Promise<boolean> {
  const { sources, ids } = columnsOf(refs)
  return (await tx.run(moveThese, [tx.orgId, kind, objectId, sources, ids, ownerIds])).length > 0
}

/** A name that something waits for stays, without its object, so that whoever gets it next is found. */
const takingAway = (which: string) => `with emptied as (
     update external_refs set object_id = null, source_version = null, deleted_version = null
     where org_id = $1 and kind = $2 and object_id = $3 and is_awaited and (source, external_id) ${which}
   )
   delete from external_refs
   where org_id = $1 and kind = $2 and object_id = $3 and not is_awaited and (source, external_id) ${which}`

const deleteOthers = statement<{ source: string }>(
  'references.delete_others',
  takingAway('not in (select * from unnest($4::text[], $5::text[]))')
)

/** Takes away what the object is called beside the names to keep. */
export async function deleteAllBut(
  tx: Tx,
  { kind, objectId, refs }: { kind: ReferenceKind; objectId: string; refs: readonly ExternalRef[] }
): Promise<void> {
  const { sources, ids } = columnsOf(refs)
  await tx.run(deleteOthers, [tx.orgId, kind, objectId, sources, ids])
}

const deleteThese = statement<{ source: string }>(
  'references.delete_these',
  takingAway('in (select * from unnest($4::text[], $5::text[]))')
)

export async function deleteSome(
  tx: Tx,
  { kind, objectId, refs }: { kind: ReferenceKind; objectId: string; refs: readonly ExternalRef[] }
): Promise<void> {
  const { sources, ids } = columnsOf(refs)
  await tx.run(deleteThese, [tx.orgId, kind, objectId, sources, ids])
}

const moveAll = statement<{ source: string }>(
  'references.move',
  'update external_refs set object_id = $4 where org_id = $1 and kind = $2 and object_id = $3 returning source'
)

/** The names keep the versions that their sources sent. */
export async function move(
  tx: Tx,
  { kind, from, to }: Readonly<{ kind: ReferenceKind; from: string; to: string }>
): Promise<void> {
  await tx.run(moveAll, [tx.orgId, kind, from, to])
}

const updateVersion = statement<{ objectId: string }>(
  'references.set_source_version',
  `update external_refs set source_version = $5
   where ${named} and (source_version is null or source_version <= $5)
   returning object_id as "objectId"`
)

/** @returns false when the reference has a newer version already. */
export async function raiseVersion(tx: Tx, { kind, source, id }: Name, sourceVersion: bigint): Promise<boolean> {
  const rows = await tx.run(updateVersion, [tx.orgId, kind, source, id, sourceVersion])
  return rows.length > 0
}

const updateDeletedVersion = statement<{ objectId: string }>(
  'references.set_deleted_version',
  `update external_refs set deleted_version = $5 where ${named}`
)

export function setDeletedVersion(tx: Tx, { kind, source, id }: Name, version: bigint | null): void {
  tx.write(updateDeletedVersion, [tx.orgId, kind, source, id, version])
}

const selectOfObjects = statement<ExternalRef & { objectId: string }>(
  'references.of_objects',
  `select object_id as "objectId", source, external_id as id from external_refs where org_id = $1 and object_id = any($2::uuid[])`
)

export function ofObjects(reader: Reader, objectIds: readonly string[]): Promise<(ExternalRef & { objectId: string })[]> {
  return reader.run(selectOfObjects, [reader.orgId, objectIds])
}

function columnsOf(refs: readonly ExternalRef[]): { sources: string[]; ids: string[] } {
  return { sources: refs.map((ref) => ref.source), ids: refs.map((ref) => ref.id) }
}
