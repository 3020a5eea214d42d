import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { addressesDebtor } from '../events/addressing.ts'
import { eventTypes } from '../events/event.ts'
import { NOTICE_DUE } from './told-facts.ts'

// By the database's own clock, like the queue of which these fell out.

const insertRows = statement<{ id: string }>(
  'dunning_notice_reissues.insert',
  `insert into dunning_notice_reissues (org_id, event_id, endpoint_id, client_id, created_at, look_at)
   select $1, e.id, t.endpoint_id, e.client_id, now(), now() from unnest($2::uuid[], $3::uuid[]) as t(event_id, endpoint_id)
   join events e on e.org_id = $1 and e.id = t.event_id and e.client_id is not null
     and e.type in (${eventTypes.filter(addressesDebtor).map((type) => `'${type}'`)})
   on conflict (org_id, event_id, endpoint_id) do update set created_at = now(), look_at = now() + interval '10 seconds', entries = null, done_at = null
   returning event_id as id`
)

export type Superseded = Readonly<{ eventId: string; endpointId: string }>

/** These may have to be told all the same. One that was sent again, and superseded again, starts over, and is not looked at at once. */
export async function insert(tx: Tx, deliveries: readonly Superseded[]): Promise<number> {
  const [eventIds, endpointIds] = [deliveries.map(({ eventId }) => eventId), deliveries.map(({ endpointId }) => endpointId)]
  return (await tx.run(insertRows, [tx.orgId, eventIds, endpointIds])).length
}

/** Whom something was not told, and where. */
export type Missed = Readonly<{ clientId: string; endpointId: string }>

const selectDue = statement<Missed>(
  'dunning_notice_reissues.due',
  `select r.client_id as "clientId", r.endpoint_id as "endpointId" from dunning_notice_reissues r
   where r.org_id = $1 and r.done_at is null and r.look_at <= now() and r.client_id <> all($3::uuid[])
   group by 1, 2 order by min(r.look_at) limit $2`
)

/** @param except clients that are left alone. */
export function due(reader: Reader, { limit, except }: { limit: number; except: readonly string[] }): Promise<Missed[]> {
  return reader.run(selectDue, [reader.orgId, limit, except])
}

export type Waiting = Superseded &
  Readonly<{ type: string; body: string | null; createdAt: Date; entries: readonly string[] | null }>

const selectOpen = statement<Waiting>(
  'dunning_notice_reissues.open',
  `select r.event_id as "eventId", r.endpoint_id as "endpointId", e.type, b.body, r.created_at as "createdAt", r.entries
   from dunning_notice_reissues r
   join events e on e.org_id = r.org_id and e.id = r.event_id
   left join event_bodies b on b.org_id = r.org_id and b.event_id = r.event_id
   where r.org_id = $1 and r.client_id = $2 and r.endpoint_id = $3 and r.done_at is null order by r.event_id for no key update of r`
)

/** All that a client was not told there, with the client locked. */
export function open(tx: Tx, { clientId, endpointId }: Missed): Promise<Waiting[]> {
  return tx.run(selectOpen, [tx.orgId, clientId, endpointId])
}

export type Notice = Readonly<{ eventId: string; body: string }>

const selectOther = statement<Notice>(
  'dunning_notice_reissues.other',
  `select r.reissued_as as "eventId", b.body from dunning_notice_reissues r
   join event_bodies b on b.org_id = r.org_id and b.event_id = r.reissued_as
   where r.org_id = $1 and r.event_id = any($2::uuid[]) and r.reissued_as is not null order by r.reissued_as desc limit 1`
)

/** The notice that was told last in place of one of these, to whomever. */
export async function lastReissued(reader: Reader, eventIds: readonly string[]): Promise<Notice | undefined> {
  const [row] = await reader.run(selectOther, [reader.orgId, eventIds])
  return row
}

const selectNotices = statement<Notice>(
  'dunning_notice_reissues.later_notices',
  `select e.id as "eventId", b.body from events e join event_bodies b on b.org_id = e.org_id and b.event_id = e.id
   where e.org_id = $1 and e.object_id = $2 and e.type = '${NOTICE_DUE}' and e.id > $3 order by e.id`
)

/** The notices of a client that were made after this one. */
export function noticesAfter(reader: Reader, { clientId, eventId }: { clientId: string; eventId: string }): Promise<Notice[]> {
  return reader.run(selectNotices, [reader.orgId, clientId, eventId])
}

const finishRows = statement<{ id: string }>(
  'dunning_notice_reissues.finish',
  `update dunning_notice_reissues set done_at = now(), reissued_as = coalesce($4, reissued_as)
   where org_id = $1 and endpoint_id = $2 and event_id = any($3::uuid[])`
)

type Ended = Readonly<{ endpointId: string; eventIds: readonly string[]; reissuedAs?: string | undefined }>

/** Nothing of these is left to be told. */
export async function finish(tx: Tx, { endpointId, eventIds, reissuedAs }: Ended): Promise<void> {
  if (eventIds.length > 0) await tx.run(finishRows, [tx.orgId, endpointId, eventIds, reissuedAs ?? null])
}

/** The older it is, the less often: for what is held for weeks, an hour is soon. */
const waitRow = statement<{ id: string }>(
  'dunning_notice_reissues.wait',
  `update dunning_notice_reissues set entries = $4, reissued_as = coalesce($5, reissued_as),
     look_at = now() + least(interval '1 hour', greatest(interval '10 seconds', (now() - created_at) / 4))
   where org_id = $1 and endpoint_id = $2 and event_id = $3`
)

type Left = Superseded & Readonly<{ entries: readonly string[] | null; reissuedAs?: string | undefined }>

/** Something of it is left, which cannot be told now. */
export async function wait(tx: Tx, { eventId, endpointId, entries, reissuedAs }: Left): Promise<void> {
  await tx.run(waitRow, [tx.orgId, endpointId, eventId, entries, reissuedAs ?? null])
}

const selectOrganizations = statement<{ orgId: string }>(
  'dunning_notice_reissues.organizations',
  `select distinct org_id as "orgId" from dunning_notice_reissues where done_at is null and look_at <= now() and org_id > $1
   order by org_id limit $2`
)

/** Needs the scheduler's reader. */
export async function organizationsWaiting(
  scheduler: Reader,
  { after, limit }: { after: string; limit: number }
): Promise<string[]> {
  return (await scheduler.run(selectOrganizations, [after, limit])).map(({ orgId }) => orgId)
}
