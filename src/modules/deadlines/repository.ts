import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { lockOrder } from '../clients/owned.ts'
import type { Deadline, Due } from './deadline.ts'

const upsert = statement<{ objectId: string }>(
  'deadlines.set',
  `insert into deadlines (org_id, kind, object_id, client_id, at) values ($1, $2, $3, $4, $5)
   on conflict (org_id, kind, object_id) do update set at = excluded.at, parked_at = null`
)
const remove = statement<{ objectId: string }>(
  'deadlines.clear',
  'delete from deadlines where org_id = $1 and kind = $2 and object_id = $3'
)

/** @param at null when nothing is to happen any more. */
export async function set(tx: Tx, { kind, objectId, clientId, at }: Deadline & Readonly<{ at: Date | null }>): Promise<void> {
  if (at === null) await tx.run(remove, [tx.orgId, kind, objectId])
  else await tx.run(upsert, [tx.orgId, kind, objectId, clientId, at])
}

const upsertParked = statement<{ objectId: string }>(
  'deadlines.park',
  `insert into deadlines (org_id, kind, object_id, client_id, at, parked_at) values ($1, $2, $3, $4, $5, $6)
   on conflict (org_id, kind, object_id) do update set at = excluded.at, parked_at = excluded.parked_at`
)

/** Puts it off to `at`. */
export async function park(tx: Tx, { kind, objectId, clientId, at, parkedAt }: Due): Promise<void> {
  await tx.run(upsertParked, [tx.orgId, kind, objectId, clientId, at, parkedAt])
}

const lockOne = statement<Due>(
  'deadlines.lock',
  `select kind, object_id as "objectId", client_id as "clientId", at, parked_at as "parkedAt" from deadlines
   where org_id = $1 and kind = $2 and object_id = $3 for update`
)

export async function findForUpdate(tx: Tx, { kind, objectId }: Pick<Deadline, 'kind' | 'objectId'>): Promise<Due | undefined> {
  const [row] = await tx.run(lockOne, [tx.orgId, kind, objectId])
  return row
}

const lockClients = (name: string, how: string) =>
  statement<{ id: string }>(
    `deadlines.lock_clients_${name}`,
    `select c.id from clients c
     where c.org_id = $1 and c.id = any(array(select distinct d.client_id from (
       select client_id from deadlines where org_id = $1 and at <= $2 order by at limit $4) d))
     order by ${lockOrder} limit $3 for no key update ${how}`
  )
const lockWaiting = lockClients('waiting', '')
const lockSkipping = lockClients('skipping', 'skip locked')
const LOOK_AHEAD = 8

const takeDue = statement<Due>(
  'deadlines.take',
  `delete from deadlines where org_id = $1 and client_id = any($3::uuid[]) and at <= $2
   returning kind, object_id as "objectId", client_id as "clientId", at, parked_at as "parkedAt"`
)

/**
 * Locks clients that have something due and takes what is due of them: whoever meets a deadline says what comes next.
 * @param wait false leaves clients that another transaction holds to it.
 */
export async function take(tx: Tx, { until, clients, wait }: { until: Date; clients: number; wait: boolean }): Promise<Due[]> {
  const locked = await tx.run(wait ? lockWaiting : lockSkipping, [tx.orgId, until, clients, clients * LOOK_AHEAD])
  if (locked.length === 0) return []
  return tx.run(takeDue, [tx.orgId, until, locked.map(({ id }) => id)])
}

const selectNext = statement<{ at: Date | null }>(
  'deadlines.next',
  'select min(at) as at from deadlines where org_id = $1 and at <= $2'
)

/** The earliest instant up to `until` at which something happens by itself. */
export async function nextAt(reader: Reader, until: Date): Promise<Date | null> {
  const [row] = await reader.run(selectNext, [reader.orgId, until])
  return row?.at ?? null
}

const selectOrganizations = statement<{ orgId: string }>(
  'deadlines.organizations_due',
  `select o.org_id as "orgId" from organizations o
   where o.mode = 'live' and o.org_id > $2 and exists (select from deadlines d where d.org_id = o.org_id and d.at <= $1)
   order by o.org_id limit $3`
)

/** Needs the scheduler's reader. Live organizations with something due, by id; a test organization follows its own clock. */
export async function organizationsDue(
  scheduler: Reader,
  { now, after, limit }: { now: Date; after: string; limit: number }
): Promise<string[]> {
  return (await scheduler.run(selectOrganizations, [now, after, limit])).map(({ orgId }) => orgId)
}
