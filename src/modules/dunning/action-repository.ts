import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { StageAction } from './policy.ts'

export type Cause = Readonly<{ clientId: string; entryId: string; invoiceId: string; stage: string; action: StageAction }>

const selectCauses = statement<Cause>(
  'stage_entries.causes',
  `select e.client_id as "clientId", e.id as "entryId", e.invoice_id as "invoiceId", e.stage_code as stage, e.action
   from clients c join stage_entries e on e.org_id = c.org_id and e.client_id = c.id
     join obligations o on o.org_id = e.org_id and o.id = e.obligation_id and o.cycle = e.cycle
   where c.org_id = $1 and c.id = any($2::uuid[]) and c.service_status <> 'active' and e.action in ('suspend_service', 'end_service')
     and e.mistaken_at is null and e.kind = 'entered' and o.balance_minor > 0
   order by e.entered_at, e.id`
)

/** What still keeps these clients from being served: entries of stages that asked for it, with something open. */
export function causesOf(reader: Reader, clientIds: readonly string[]): Promise<Cause[]> {
  return reader.run(selectCauses, [reader.orgId, clientIds])
}

const selectUnserved = statement<{ id: string }>(
  'clients.unserved',
  `select id from clients where org_id = $1 and id = any($2::uuid[]) and service_status <> 'active'`
)

/** Those of these clients whose service is suspended or ending. */
export async function unserved(reader: Reader, clientIds: readonly string[]): Promise<string[]> {
  return (await reader.run(selectUnserved, [reader.orgId, clientIds])).map(({ id }) => id)
}
