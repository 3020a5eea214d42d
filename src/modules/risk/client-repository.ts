import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { forIds, idsStatement, statement } from '../../db/statement.ts'
import { type Day, dayFromEpochDay, epochDayOf } from '../../kernel/day.ts'
import type { ClientState } from './client-state.ts'
import type { OpenInvoice } from './exposure.ts'
import type { EpochDay } from './invoice-facts.ts'
import type { Band } from './score.ts'

/** What is kept of a client: its record, and its latest score; null for who never had one. */
export type ClientRow = Readonly<{ clientId: string; state: ClientState; latest: Latest | null }>
export type Latest = Readonly<{ score: number; band: Band }>

type Row = { clientId: string; state: ClientState; score: number | null; band: Band | null }

const columns = 'c.client_id as "clientId", c.state, r.score, r.band'
const source = 'risk_clients c left join risk_rankings r on r.org_id = c.org_id and r.client_id = c.client_id'

const selectMany = idsStatement<Row>(
  'risk_clients.find',
  `select ${columns} from ${source} where c.org_id = $1 and c.client_id = any($2::uuid[])`
)
const selectPage = statement<Row>(
  'risk_clients.by_id',
  `select ${columns} from ${source} where c.org_id = $1 and c.client_id > $2 order by c.client_id limit $3`
)

export async function find(reader: Reader, clientIds: readonly string[]): Promise<ClientRow[]> {
  const [by, parameter] = forIds(selectMany, clientIds)
  return (await reader.run(by, [reader.orgId, parameter])).map(fromRow)
}

/** All of them in order of their ids, a page at a time. */
export async function pageById(reader: Reader, { after, limit }: { after: string; limit: number }): Promise<ClientRow[]> {
  return (await reader.run(selectPage, [reader.orgId, after, limit])).map(fromRow)
}

function fromRow({ clientId, state, score, band }: Row): ClientRow {
  return { clientId, state, latest: score === null || band === null ? null : { score, band } }
}

const upsert = setStatement(
  'risk_clients.save',
  `insert into risk_clients (org_id, client_id, state) select $1, client_id, state::json from unnest($2::uuid[], $3::text[]) as t(client_id, state)
   on conflict (org_id, client_id) do update set state = excluded.state`
)

export async function save(tx: Tx, rows: readonly Pick<ClientRow, 'clientId' | 'state'>[]): Promise<void> {
  if (rows.length === 0) return
  const { statement: write, of } = setOf(upsert, rows)
  await tx.run(write, [tx.orgId, of('uuid', (row) => row.clientId), of('text', (row) => JSON.stringify(row.state))])
}

const selectInvoiced = statement<{ id: string }>(
  'risk_clients.invoiced',
  `select c.id from clients c
   where c.org_id = $1 and c.id > $2 and exists (select from invoices i where i.org_id = c.org_id and i.client_id = c.id)
   order by c.id limit $3`
)

/** Clients that were ever invoiced, in order of their ids, a page at a time. */
export async function invoiced(reader: Reader, { after, limit }: { after: string; limit: number }): Promise<string[]> {
  return (await reader.run(selectInvoiced, [reader.orgId, after, limit])).map(({ id }) => id)
}

const selectOpen = idsStatement<Omit<OpenInvoice, 'dueOn'> & { dueOn: Day }>(
  'risk_clients.open_invoices',
  `select i.id as "invoiceId", o.client_id as "clientId", i.due_on as "dueOn", o.currency, sum(o.balance_minor)::bigint as "openMinor",
     coalesce(sum(o.balance_minor) filter (where o.overdue_from_on <= $3), 0)::bigint as "overdueMinor"
   from obligations o join invoices i on i.org_id = o.org_id and i.id = o.invoice_id
   where o.org_id = $1 and o.client_id = any($2::uuid[]) and o.balance_minor > 0
   group by i.id, o.client_id, i.due_on, o.currency`
)

/** What these clients owe now, invoice by invoice. */
export async function openInvoices(reader: Reader, { clientIds, day }: OfDay): Promise<OpenInvoice[]> {
  const [by, parameter] = forIds(selectOpen, clientIds)
  const rows = await reader.run(by, [reader.orgId, parameter, dayFromEpochDay(day)])
  return rows.map((row) => ({ ...row, dueOn: epochDayOf(row.dueOn) }))
}

type OfDay = Readonly<{ clientIds: readonly string[]; day: EpochDay }>

const selectOpenOn = statement<Omit<OpenInvoice, 'dueOn'> & { dueOn: Day }>(
  'risk_clients.open_invoices_on',
  `select i.id as "invoiceId", i.client_id as "clientId", i.due_on as "dueOn", i.currency, sum(was.balance)::bigint as "openMinor",
     coalesce(sum(was.balance) filter (where o.overdue_from_on <= $3), 0)::bigint as "overdueMinor"
   from invoices i join obligations o on o.org_id = i.org_id and o.invoice_id = i.id
   join lateral (
     select sum(l.balance_minor) as balance from ledger_entries l
     where l.org_id = o.org_id and l.obligation_id = o.id and l.effective_on < $3
   ) as was on was.balance > 0
   where i.org_id = $1 and i.client_id = $2
   group by i.id, i.client_id, i.due_on, i.currency`
)

/** What a client owed at the start of a day, by the ledger as it is known now; due dates are those of now. */
export async function openInvoicesOn(
  reader: Reader,
  { clientId, day }: { clientId: string; day: EpochDay }
): Promise<OpenInvoice[]> {
  const rows = await reader.run(selectOpenOn, [reader.orgId, clientId, dayFromEpochDay(day)])
  return rows.map((row) => ({ ...row, dueOn: epochDayOf(row.dueOn) }))
}
