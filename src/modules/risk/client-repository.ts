import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { forIds, idsStatement, statement } from '../../db/statement.ts'
import { type Day, dayFromEpochDay, epochDayOf } from '../../kernel/day.ts'
import { unfollowedInvoices } from './claim-repository.ts'
import type { ClientState } from './client-state.ts'
import type { OpenPart } from './exposure.ts'
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
// The page first: joined before, all rankings up to it would be read with it.
const selectPage = statement<Row>(
  'risk_clients.by_id',
  `select ${columns} from (select * from risk_clients where org_id = $1 and client_id > $2 order by client_id limit $3) c
   left join risk_rankings r on r.org_id = c.org_id and r.client_id = c.client_id order by c.client_id`
)

export async function find(reader: Reader, clientIds: readonly string[]): Promise<ClientRow[]> {
  const [by, parameter] = forIds(selectMany, clientIds)
  return (await reader.run(by, [reader.orgId, parameter])).map(fromRow)
}

type OneRow = Pick<Row, 'score' | 'band'> & { state: ClientState | null; unfollowed: string[] }

// A client that was never followed has no record, and may have invoices all the same.
const selectOne = statement<OneRow>(
  'risk_clients.one',
  `select c.state, r.score, r.band, ${unfollowedInvoices} as unfollowed
   from (select $1::uuid as org_id, $2::uuid as client_id) as asked
   left join risk_clients c on c.org_id = asked.org_id and c.client_id = asked.client_id
   left join risk_rankings r on r.org_id = asked.org_id and r.client_id = asked.client_id`
)

/** What is kept of one client, and its invoices that events after a number touched. */
export type FollowedClient = Readonly<{ state: ClientState | null; latest: Latest | null; unfollowed: readonly string[] }>

export async function findOne(
  reader: Reader,
  { clientId, followedSeq }: { clientId: string; followedSeq: bigint }
): Promise<FollowedClient> {
  const [row] = await reader.run(selectOne, [reader.orgId, clientId, followedSeq])
  if (row === undefined) return { state: null, latest: null, unfollowed: [] }
  return { state: row.state, latest: latestOf(row), unfollowed: row.unfollowed }
}

/** All of them in order of their ids, a page at a time. */
export async function pageById(reader: Reader, { after, limit }: { after: string; limit: number }): Promise<ClientRow[]> {
  return (await reader.run(selectPage, [reader.orgId, after, limit])).map(fromRow)
}

function fromRow({ clientId, state, ...ranked }: Row): ClientRow {
  return { clientId, state, latest: latestOf(ranked) }
}

function latestOf({ score, band }: Pick<Row, 'score' | 'band'>): Latest | null {
  return score === null || band === null ? null : { score, band }
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

type OpenRow = Omit<OpenPart, 'dueOn'> & { dueOn: Day }

const selectOpen = idsStatement<OpenRow>(
  'risk_clients.open_parts',
  `select client_id as "clientId", due_on as "dueOn", currency, sum(balance_minor)::bigint as "openMinor", overdue_from_on <= $3 as "isOverdue"
   from obligations where org_id = $1 and client_id = any($2::uuid[]) and balance_minor > 0
   group by client_id, due_on, currency, overdue_from_on <= $3`
)

/** What these clients owe now, by due day. */
export async function openParts(reader: Reader, { clientIds, day }: OfDay): Promise<OpenPart[]> {
  const [by, parameter] = forIds(selectOpen, clientIds)
  return (await reader.run(by, [reader.orgId, parameter, dayFromEpochDay(day)])).map(openFrom)
}

type OfDay = Readonly<{ clientIds: readonly string[]; day: EpochDay }>

const selectOpenOn = statement<OpenRow>(
  'risk_clients.open_parts_on',
  `select o.client_id as "clientId", o.due_on as "dueOn", o.currency, sum(was.balance)::bigint as "openMinor", o.overdue_from_on <= $3 as "isOverdue"
   from obligations o join lateral (
     select sum(l.balance_minor)::bigint as balance from ledger_entries l
     where l.org_id = o.org_id and l.obligation_id = o.id and l.effective_on < $3
   ) as was on was.balance > 0
   where o.org_id = $1 and o.client_id = $2 group by o.client_id, o.due_on, o.currency, o.overdue_from_on <= $3`
)

const selectOpenOfInvoice = statement<OpenRow>(
  'risk_clients.open_parts_of_invoice',
  `select client_id as "clientId", due_on as "dueOn", currency, balance_minor as "openMinor", overdue_from_on <= $3 as "isOverdue"
   from obligations where org_id = $1 and invoice_id = $2 and balance_minor > 0`
)

/** What is open of one invoice. */
export async function openPartsOf(reader: Reader, { invoiceId, day }: { invoiceId: string; day: EpochDay }): Promise<OpenPart[]> {
  return (await reader.run(selectOpenOfInvoice, [reader.orgId, invoiceId, dayFromEpochDay(day)])).map(openFrom)
}

/** What a client owed at the start of a day, by the ledger as it is known now; due dates are those of now. */
export async function openPartsOn(reader: Reader, { clientId, day }: { clientId: string; day: EpochDay }): Promise<OpenPart[]> {
  return (await reader.run(selectOpenOn, [reader.orgId, clientId, dayFromEpochDay(day)])).map(openFrom)
}

function openFrom(row: OpenRow): OpenPart {
  return { ...row, dueOn: epochDayOf(row.dueOn) }
}
