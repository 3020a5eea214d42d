import { column } from '../../db/arrays.ts'
import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'

/** What a client was told of one currency, or is still to be told. */
export type NoticeRow = Readonly<{
  id: string
  clientId: string
  currency: string
  /** Entries made from then on are told with it. */
  sinceAt: Date
  /** Null while it waits. */
  told: Readonly<{ at: Date; on: Day }> | null
}>

type Row = Omit<NoticeRow, 'told'> & { toldAt: Date | null; toldOn: Day | null }

const selectOfClients = statement<Row>(
  'dunning_notices.of_clients',
  `select id, client_id as "clientId", currency, since_at as "sinceAt", told_at as "toldAt", told_on as "toldOn" from dunning_notices
   where org_id = $1 and client_id = any($2::uuid[]) and (told_on is null or told_on >= $3)`
)

/** What waits, and what was told from that day on. */
export async function ofClients(
  reader: Reader,
  { clientIds, fromOn }: { clientIds: readonly string[]; fromOn: Day }
): Promise<NoticeRow[]> {
  const rows = await reader.run(selectOfClients, [reader.orgId, column('uuid', clientIds), fromOn])
  return rows.map(({ toldAt: at, toldOn: on, ...row }) => ({ ...row, told: at === null || on === null ? null : { at, on } }))
}

const insertNotices = setStatement(
  'dunning_notices.insert',
  `insert into dunning_notices (org_id, id, client_id, currency, since_at, told_at, told_on)
   select $1, t.* from unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::date[]) as t`
)

export async function insert(tx: Tx, notices: readonly NoticeRow[]): Promise<void> {
  if (notices.length === 0) return
  const { statement: insertAll, of } = setOf(insertNotices, notices)
  await tx.run(insertAll, [
    tx.orgId,
    of('uuid', ({ id }) => id),
    of('uuid', ({ clientId }) => clientId),
    of('text', ({ currency }) => currency),
    of('timestamptz', ({ sinceAt }) => sinceAt),
    of('timestamptz', ({ told }) => told?.at ?? null),
    of('date', ({ told }) => told?.on ?? null)
  ])
}

const deleteWaiting = statement<{ id: string }>(
  'dunning_notices.end_wait',
  'delete from dunning_notices where org_id = $1 and id = any($2::uuid[]) and told_at is null'
)

/** They wait no longer: they were told, or there is nothing left to tell. */
export async function endWait(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.run(deleteWaiting, [tx.orgId, column('uuid', ids)])
}
