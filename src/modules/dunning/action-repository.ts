import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Cause } from './actions.ts'

const selectCauses = statement<Cause>(
  'stage_entries.causes',
  `select e.client_id as "clientId", e.id as "entryId", e.invoice_id as "invoiceId", e.stage_code as stage, e.action
   from stage_entries e join obligations o on o.org_id = e.org_id and o.id = e.obligation_id and o.cycle = e.cycle
   where e.org_id = $1 and e.client_id = any($2::uuid[]) and e.action is not null
     and e.mistaken_at is null and e.kind = 'entered' and o.balance_minor > 0
   order by e.entered_at, e.id`
)

/** The stages with an action that stand for these clients, oldest first. */
export function causesOf(reader: Reader, clientIds: readonly string[]): Promise<Cause[]> {
  return reader.run(selectCauses, [reader.orgId, clientIds])
}

const selectMistaken = statement<{ id: string }>(
  'stage_entries.mistaken_among',
  'select id from stage_entries where org_id = $1 and id = any($2::uuid[]) and mistaken_at is not null'
)

export async function mistakenAmong(reader: Reader, entryIds: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await reader.run(selectMistaken, [reader.orgId, entryIds])).map(({ id }) => id))
}

const selectConcerned = statement<{ id: string }>(
  'stage_entries.service_clients',
  `select id from clients where org_id = $1 and service_status <> 'active'
   union select client_id from stage_entries where org_id = $1 and action is not null and mistaken_at is null and kind = 'entered'`
)

/** The clients of whom a stage asked for something, or whose service is not as usual. */
export async function clientsServedByStages(reader: Reader): Promise<string[]> {
  return (await reader.run(selectConcerned, [reader.orgId])).map(({ id }) => id)
}
