import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import { type Day, dayFromEpochDay, epochDayOf } from '../../kernel/day.ts'
import type { ClientState } from './client-state.ts'
import type { EpochDay } from './invoice-facts.ts'
import type { Band } from './score.ts'

/** What is kept of a client: its record, and the score that the last pass gave it. */
export type ClientRow = Readonly<{ clientId: string; state: ClientState; scoredOn: Day; score: number; band: Band }> & Chances
export type Chances = Readonly<{ late: number; seriouslyLate: number }>

const columns = `client_id as "clientId", state, scored_on as "scoredOn", score, band, late, seriously_late as "seriouslyLate"`

const selectMany = statement<ClientRow>(
  'risk_clients.find',
  `select ${columns} from risk_clients where org_id = $1 and client_id = any($2::uuid[])`
)
const selectPage = statement<ClientRow>(
  'risk_clients.by_id',
  `select ${columns} from risk_clients where org_id = $1 and client_id > $2 order by client_id limit $3`
)

export function find(reader: Reader, clientIds: readonly string[]): Promise<ClientRow[]> {
  return reader.run(selectMany, [reader.orgId, clientIds])
}

/** All of them in order of their ids, a page at a time. */
export function pageById(reader: Reader, { after, limit }: { after: string; limit: number }): Promise<ClientRow[]> {
  return reader.run(selectPage, [reader.orgId, after, limit])
}

const upsert = setStatement(
  'risk_clients.save',
  `insert into risk_clients (org_id, client_id, state, scored_on, score, band, late, seriously_late)
   select $1, client_id, state::jsonb, scored_on, score, band, late, serious
   from unnest($2::uuid[], $3::text[], $4::date[], $5::int[], $6::text[], $7::float8[], $8::float8[])
     as t(client_id, state, scored_on, score, band, late, serious)
   on conflict (org_id, client_id) do update set state = excluded.state, scored_on = excluded.scored_on, score = excluded.score,
     band = excluded.band, late = excluded.late, seriously_late = excluded.seriously_late`
)

export async function save(tx: Tx, rows: readonly ClientRow[]): Promise<void> {
  if (rows.length === 0) return
  const { statement: write, of } = setOf(upsert, rows)
  await tx.run(write, [
    tx.orgId,
    of('uuid', (row) => row.clientId),
    of('text', (row) => JSON.stringify(row.state)),
    of('date', (row) => row.scoredOn),
    of('int4', (row) => row.score),
    of('text', (row) => row.band),
    of('float8', (row) => row.late),
    of('float8', (row) => row.seriouslyLate)
  ])
}

const selectDistribution = statement<{ score: number; clients: number }>(
  'risk_clients.distribution',
  'select score, count(*)::int as clients from risk_clients where org_id = $1 group by score'
)

/** How many clients have each score, from 0 to the highest there is. */
export async function distribution(reader: Reader): Promise<number[]> {
  const found = new Map((await reader.run(selectDistribution, [reader.orgId])).map(({ score, clients }) => [score, clients]))
  return Array.from({ length: Math.max(-1, ...found.keys()) + 1 }, (_, score) => found.get(score) ?? 0)
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

/** What is open of an invoice: amounts in minor units of its currency. */
export type OpenInvoice = Readonly<{
  invoiceId: string
  clientId: string
  dueOn: EpochDay
  currency: string
  openMinor: bigint
  overdueMinor: bigint
}>

const selectOpen = statement<Omit<OpenInvoice, 'dueOn'> & { dueOn: Day }>(
  'risk_clients.open_invoices',
  `select i.id as "invoiceId", o.client_id as "clientId", i.due_on as "dueOn", o.currency, sum(o.balance_minor)::bigint as "openMinor",
     coalesce(sum(o.balance_minor) filter (where o.overdue_from_on <= $3), 0)::bigint as "overdueMinor"
   from obligations o join invoices i on i.org_id = o.org_id and i.id = o.invoice_id
   where o.org_id = $1 and o.client_id = any($2::uuid[]) and o.balance_minor > 0
   group by i.id, o.client_id, i.due_on, o.currency`
)

/** What these clients owe now, invoice by invoice. */
export async function openInvoices(reader: Reader, { clientIds, day }: OfDay): Promise<OpenInvoice[]> {
  const rows = await reader.run(selectOpen, [reader.orgId, clientIds, dayFromEpochDay(day)])
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

export type RankingFilter = Readonly<{
  sort: 'risk' | 'expected_bad'
  band: Band | null
  /** Whose amounts `expected_bad` sorts by. */
  currency: string | null
  /** Where the page before ended: the score or the amount, and the client. */
  after: Readonly<{ rank: bigint; id: string }> | null
  limit: number
}>

type Ranked = Omit<ClientRow, 'state'> & { rank: bigint }

const rankedColumns = `c.client_id as "clientId", c.scored_on as "scoredOn", c.score, c.band, c.late, c.seriously_late as "seriouslyLate"`
const afterPage = (rank: string) => `($3::bigint is null or (${rank}, c.client_id) < ($3, $4::uuid))`

const selectByRisk = statement<Ranked>(
  'risk_clients.by_risk',
  `select ${rankedColumns}, c.score::bigint as rank from risk_clients c
   where c.org_id = $1 and ($2::text is null or c.band = $2) and ${afterPage('c.score')}
   order by c.score desc, c.client_id desc limit $5`
)
const selectByExpectedBad = statement<Ranked>(
  'risk_clients.by_expected_bad',
  `select ${rankedColumns}, e.expected_bad_minor as rank from risk_exposures e
   join risk_clients c on c.org_id = e.org_id and c.client_id = e.client_id
   where e.org_id = $1 and e.currency = $6 and ($2::text is null or c.band = $2) and ${afterPage('e.expected_bad_minor')}
   order by e.expected_bad_minor desc, c.client_id desc limit $5`
)

/** By score or by expected loss, the highest first. Those who owe nothing in the currency are in no list of losses. */
export function ranking(reader: Reader, { sort, band, currency, after, limit }: RankingFilter): Promise<Ranked[]> {
  const parameters = [reader.orgId, band, after?.rank ?? null, after?.id ?? null, limit]
  return sort === 'risk' ? reader.run(selectByRisk, parameters) : reader.run(selectByExpectedBad, [...parameters, currency])
}
