import { column } from '../../db/arrays.ts'
import type { Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'

/** `parkedAt`: since when deciding it makes no progress; null while it does. */
export type DueObligation = Readonly<{ id: string; clientId: string; nextAt: Date; parkedAt: Date | null }>

const lockDue = statement<DueObligation>(
  'obligations.lock_due_of',
  `select id, client_id as "clientId", next_at as "nextAt", parked_at as "parkedAt" from obligations
   where org_id = $1 and next_at <= $2 and ($3::uuid is null or client_id = $3) and ($4::uuid[] is null or id = any($4))
   order by id for no key update`
)

/** Due ones, of a client or by their ids. */
export function dueForUpdate(
  tx: Tx,
  { now, clientId, ids }: { now: Date; clientId?: string; ids?: readonly string[] }
): Promise<DueObligation[]> {
  return tx.run(lockDue, [tx.orgId, now, clientId ?? null, ids === undefined ? null : column('uuid', ids)])
}

const write = statement<{ id: string }>(
  'obligations.park',
  `update obligations o set next_at = t.look_again_at, parked_at = t.parked_at
   from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) as t(id, look_again_at, parked_at)
   where o.org_id = $1 and o.id = t.id`
)

/** Puts each off until it is looked at again. */
export async function park(tx: Tx, rows: readonly Readonly<{ id: string; lookAgainAt: Date; parkedAt: Date }>[]): Promise<void> {
  const ids = rows.map(({ id }) => id)
  const instants = rows.map(({ lookAgainAt }) => lookAgainAt)
  await tx.run(write, [tx.orgId, ids, instants, rows.map(({ parkedAt }) => parkedAt)])
}
