import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { NOTICE_DUE } from './told-facts.ts'

const insertRows = statement<{ id: string }>(
  'dunning_notice_reissues.insert',
  `insert into dunning_notice_reissues (org_id, event_id, endpoint_id, created_at)
   select $1, e.id, t.endpoint_id, $4 from unnest($2::uuid[], $3::uuid[]) as t(event_id, endpoint_id)
   join events e on e.org_id = $1 and e.id = t.event_id and e.type = '${NOTICE_DUE}'
   on conflict do nothing returning event_id as id`
)

export type Superseded = Readonly<{ eventId: string; endpointId: string }>

/** Of these, the notices are to be told afresh. @returns how many are. */
export async function insert(tx: Tx, { deliveries, at }: { deliveries: readonly Superseded[]; at: Date }): Promise<number> {
  const [eventIds, endpointIds] = [deliveries.map(({ eventId }) => eventId), deliveries.map(({ endpointId }) => endpointId)]
  return (await tx.run(insertRows, [tx.orgId, eventIds, endpointIds, at])).length
}

export type Waiting = Superseded & Readonly<{ clientId: string; body: string | null }>

const claimRows = statement<Waiting>(
  'dunning_notice_reissues.claim',
  `select r.event_id as "eventId", r.endpoint_id as "endpointId", e.client_id as "clientId", b.body
   from dunning_notice_reissues r
   join events e on e.org_id = r.org_id and e.id = r.event_id
   left join event_bodies b on b.org_id = r.org_id and b.event_id = r.event_id
   where r.org_id = $1 and r.done_at is null and r.event_id <> all($3::uuid[]) order by r.event_id, r.endpoint_id limit $2 for no key update of r skip locked`
)

/** @param except events that are left alone. */
export function claim(tx: Tx, { limit, except }: { limit: number; except: readonly string[] }): Promise<Waiting[]> {
  return tx.run(claimRows, [tx.orgId, limit, except])
}

const selectOther = statement<{ eventId: string; body: string }>(
  'dunning_notice_reissues.other',
  `select r.reissued_as as "eventId", b.body from dunning_notice_reissues r
   join event_bodies b on b.org_id = r.org_id and b.event_id = r.reissued_as
   where r.org_id = $1 and r.event_id = $2 order by r.done_at desc limit 1`
)

/** The notice that another endpoint got last in place of this one. */
export async function lastReissued(reader: Reader, eventId: string): Promise<{ eventId: string; body: string } | undefined> {
  const [row] = await reader.run(selectOther, [reader.orgId, eventId])
  return row
}

const finishRow = statement<{ id: string }>(
  'dunning_notice_reissues.finish',
  `update dunning_notice_reissues set done_at = $4, reissued_as = $5 where org_id = $1 and event_id = $2 and endpoint_id = $3`
)

/** @param reissuedAs null where nothing is left to tell. */
export async function finish(
  tx: Tx,
  { eventId, endpointId }: Superseded,
  { at, reissuedAs }: { at: Date; reissuedAs: string | null }
): Promise<void> {
  await tx.run(finishRow, [tx.orgId, eventId, endpointId, at, reissuedAs])
}

const selectOrganizations = statement<{ orgId: string }>(
  'dunning_notice_reissues.organizations',
  `select distinct org_id as "orgId" from dunning_notice_reissues where done_at is null and org_id > $1 order by org_id limit $2`
)

/** Needs the scheduler's reader. */
export async function organizationsWaiting(
  scheduler: Reader,
  { after, limit }: { after: string; limit: number }
): Promise<string[]> {
  return (await scheduler.run(selectOrganizations, [after, limit])).map(({ orgId }) => orgId)
}
