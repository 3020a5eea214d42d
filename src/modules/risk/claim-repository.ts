import type { Reader, Tx } from '../../db/client.ts'
import { mapInParts } from '../../db/parts.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { forIds, type IdsStatement, idsStatement, statement } from '../../db/statement.ts'
import { type Day, dayFromEpochDay, epochDayOf } from '../../kernel/day.ts'
import { storedCurrency } from '../../kernel/money.ts'
import { type Payment, RECENT_LIMIT } from './client-state.ts'
import { type AlikeClaims, type AlikeLedger, amountOf, delayOf, type EpochDay, type LedgerClaim } from './invoice-facts.ts'
import { DELAY_DAYS_MAX, DELAY_DAYS_MIN } from './levels.ts'

/** An invoice as the score sees it, and whose it is. */
export type ClaimOf = LedgerClaim & Readonly<{ invoiceId: string; clientId: string }>

/** How an invoice stands in the ledger. Without a claim it was voided: as if it had never been. */
export type LedgerFact = Readonly<{ invoiceId: string; claim: ClaimOf | null }>

type FactRow = {
  invoiceId: string
  clientId: string
  number: string
  issuedOn: Day
  dueOn: Day
  totalMinor: bigint
  currency: string
  status: 'open' | 'paid' | 'void' | 'written_off'
  disputed: boolean
  settledOn: Day | null
}

// The first day after the last that ended with something open: a correction of what was paid long ago settles nothing anew.
const endOf = (counted: string) => `(
  select min(effective_on) from (
    select effective_on, max(effective_on) filter (where balance > 0) over () as last_open, sum(balance) filter (where is_last) over () as rest
    from (
      select l.effective_on, sum(sum(l.balance_minor)) over (order by l.effective_on) as balance,
        l.effective_on = max(l.effective_on) over () as is_last
      from obligations o join ledger_entries l on l.org_id = o.org_id and l.obligation_id = o.id
      where o.org_id = i.org_id and o.invoice_id = i.id and ${counted} group by l.effective_on
    ) as days
  ) as ended where rest = 0 and (last_open is null or effective_on > last_open)
)`

// What was given up and came after all is paid when it came; where only a part of it was given up, when the rest was.
const selectFacts = idsStatement<FactRow>(
  'risk_claims.facts',
  `select i.id as "invoiceId", i.client_id as "clientId", i.number, i.issued_on as "issuedOn", i.due_on as "dueOn",
     i.total_minor as "totalMinor", i.currency, i.status,
     exists (select from disputes d where d.org_id = i.org_id and d.invoice_id = i.id) as disputed,
     case i.status when 'paid' then coalesce(${endOf("l.kind not in ('written_off', 'write_off_recovered')")}, ${endOf('true')})
       when 'written_off' then ${endOf('true')} end as "settledOn"
   from invoices i where i.org_id = $1 and i.id = any($2::uuid[])`
)

export async function factsOf(reader: Reader, invoiceIds: readonly string[]): Promise<LedgerFact[]> {
  return (await read(reader, selectFacts, invoiceIds)).map(({ totalMinor, status, ...row }) => {
    const amount = amountOf(totalMinor, storedCurrency(row.currency))
    // A number may be given twice, and an order needs each once.
    const number = `${row.number} ${row.invoiceId}`
    const claim = claimFrom({ ...row, number, amount, isWrittenOff: status === 'written_off' })
    return { invoiceId: row.invoiceId, claim: status === 'void' ? null : claim }
  })
}

type Touched = { seq: bigint | null; count: number; invoiceIds: string[] }

/**
 * The invoices that events `e` touched; each event has its kind and id of an object, and its type. An event that only reports on an invoice
 * changes nothing of it.
 */
const touchedBy = `coalesce(array_agg(distinct coalesce(d.invoice_id, e.object_id)::text) filter (where d.id is not null
  or e.object_kind = 'invoice' and e.type not like 'invoice.dunning%' and e.type <> 'invoice.overdue'), '{}')`
const disputesOfEvents = `left join disputes d on e.object_kind = 'dispute' and d.org_id = $1 and d.id = e.object_id`

const selectTouched = statement<Touched>(
  'risk_claims.touched',
  `select max(e.seq) as seq, count(*)::int as count, ${touchedBy} as "invoiceIds"
   from (select seq, type, object_kind, object_id from events where org_id = $1 and seq > $2 order by seq limit $3) as e
   ${disputesOfEvents}`
)

/**
 * The invoices of client $2 that events after number $3, or without a number yet, touched: an array for a statement's columns. The range has an
 * end so that it is taken for a short one, and found by its index, whatever number it begins with: the statement is planned once.
 */
export const unfollowedInvoices = `(select ${touchedBy} from (
    select type, object_kind, object_id from events
    where org_id = $1 and client_id = $2 and seq > $3 and seq <= (select last_seq from event_chains where org_id = $1)
    union all
    select type, object_kind, object_id from events where org_id = $1 and client_id = $2 and seq is null
  ) as e ${disputesOfEvents})`

/** The invoices that the next sealed events touched, and how far these go; as many as the limit means that there are more. */
export async function touchedAfter(
  reader: Reader,
  { seq, limit }: { seq: bigint; limit: number }
): Promise<{ seq: bigint; more: boolean; invoiceIds: string[] }> {
  const [row] = await reader.run(selectTouched, [reader.orgId, seq, limit])
  return { seq: row?.seq ?? seq, more: row?.count === limit, invoiceIds: row?.invoiceIds ?? [] }
}

const selectInvoices = statement<{ id: string }>(
  'risk_claims.invoices_of_clients',
  'select id from invoices where org_id = $1 and client_id = any($2::uuid[])'
)

export async function invoicesOf(reader: Reader, clientIds: readonly string[]): Promise<string[]> {
  return (await reader.run(selectInvoices, [reader.orgId, clientIds])).map(({ id }) => id)
}

type Row = Omit<FactRow, 'totalMinor' | 'status'> & { amount: number; isWrittenOff: boolean }

const columns = `invoice_id as "invoiceId", client_id as "clientId", number, issued_on as "issuedOn", due_on as "dueOn", amount, currency,
  is_disputed as disputed, settled_on as "settledOn", is_written_off as "isWrittenOff"`

// Each by its key, also where statistics are of a time when the table was empty, as while everything is counted anew.
const selectMany = statement<Row>(
  'risk_claims.of_invoices',
  `select c.* from unnest($2::uuid[]) as w(id)
   cross join lateral (select ${columns} from risk_claims where org_id = $1 and invoice_id = w.id offset 0) as c`
)
const selectOfClients = idsStatement<Row>(
  'risk_claims.of_clients',
  `select ${columns} from risk_claims where org_id = $1 and client_id = any($2::uuid[])`
)

type AlikeRow = Pick<Row, 'clientId' | 'issuedOn' | 'dueOn' | 'currency' | 'settledOn' | 'isWrittenOff'> &
  Pick<AlikeLedger, 'count' | 'amount' | 'disputed'>

const alike = 'client_id, issued_on, due_on, currency, settled_on, is_written_off'
const alikeColumns = `client_id as "clientId", issued_on as "issuedOn", due_on as "dueOn", currency, settled_on as "settledOn",
  is_written_off as "isWrittenOff", count(*)::int as count, sum(amount) as amount, (count(*) filter (where is_disputed))::int as disputed`
const selectLedgers = idsStatement<AlikeRow>(
  'risk_claims.ledgers',
  `select ${alikeColumns} from risk_claims where org_id = $1 and client_id = any($2::uuid[]) group by ${alike}`
)
const selectOpen = idsStatement<AlikeRow>(
  'risk_claims.open_of_clients',
  `select ${alikeColumns} from risk_claims where org_id = $1 and client_id = any($2::uuid[]) and settled_on is null group by ${alike}`
)

type PaymentRow = { clientId: string; settledOn: Day; count: number; delayDays: number }

// The last days on which anything was settled that counts by then.
const selectPayments = statement<PaymentRow>(
  'risk_claims.recent_payments',
  `select client_id as "clientId", settled_on as "settledOn", count(*)::int as count, sum(case when c.is_written_off then $4
     else least(greatest(settled_on - due_on, $5), $4) end)::int as "delayDays"
   from unnest($2::uuid[], $3::date[]) as w(client, day)
   join lateral (
     select c.*, dense_rank() over (order by settled_on desc) as nth from risk_claims c
     where c.org_id = $1 and c.client_id = w.client and c.settled_on < w.day and c.issued_on < w.day and c.invoice_id <> all($6::uuid[])
   ) as c on nth <= $7
   group by client_id, settled_on`
)

export async function ofInvoices(reader: Reader, invoiceIds: readonly string[]): Promise<ClaimOf[]> {
  return (await reader.run(selectMany, [reader.orgId, invoiceIds])).map(claimFrom)
}

/** All that these clients were ever invoiced. */
export async function ofClients(reader: Reader, clientIds: readonly string[]): Promise<ClaimOf[]> {
  return mapInParts(await read(reader, selectOfClients, clientIds), claimFrom)
}

type AlikeOf<T> = T & Readonly<{ clientId: string }>

/** The same, what is alike together: as many as there are days and terms. */
export async function ledgersOf(reader: Reader, clientIds: readonly string[]): Promise<AlikeOf<AlikeLedger>[]> {
  return mapInParts(await read(reader, selectLedgers, clientIds), alikeFrom)
}

/** What is open of them. */
export async function openOfClients(reader: Reader, clientIds: readonly string[]): Promise<AlikeOf<AlikeClaims>[]> {
  return mapInParts(await read(reader, selectOpen, clientIds), alikeFrom)
}

/** The last payments that count at the start of each client's day, as these invoices were before others took their place. */
export async function recentPaymentsOf(
  reader: Reader,
  { clients, without }: { clients: readonly Readonly<{ clientId: string; day: EpochDay }>[]; without: readonly string[] }
): Promise<ReadonlyMap<string, Payment[]>> {
  const [ids, days] = [clients.map(({ clientId }) => clientId), clients.map(({ day }) => dayFromEpochDay(day))]
  const limits = [DELAY_DAYS_MAX, DELAY_DAYS_MIN, without, RECENT_LIMIT]
  const rows = await reader.run(selectPayments, [reader.orgId, ids, days, ...limits])
  const byClient = Map.groupBy(rows, ({ clientId }) => clientId)
  return new Map([...byClient].map(([clientId, own]) => [clientId, own.map(paymentFrom)]))
}

/** A claim with the days at whose start it is known whether it is late, at level 0 and at the serious one. */
export type KnownClaim = ClaimOf & Readonly<{ lateKnownOn: number; seriousKnownOn: number }>

const upsert = setStatement(
  'risk_claims.save',
  `insert into risk_claims (org_id, invoice_id, client_id, number, issued_on, due_on, amount, currency, is_disputed, settled_on,
     is_written_off, late_known_on, serious_known_on)
   select $1, t.* from unnest($2::uuid[], $3::uuid[], $4::text[], $5::date[], $6::date[], $7::float8[], $8::text[], $9::boolean[],
     $10::date[], $11::boolean[], $12::date[], $13::date[]) as t
   on conflict (org_id, invoice_id) do update set number = excluded.number, issued_on = excluded.issued_on, due_on = excluded.due_on,
     amount = excluded.amount, is_disputed = excluded.is_disputed, settled_on = excluded.settled_on,
     is_written_off = excluded.is_written_off, late_known_on = excluded.late_known_on, serious_known_on = excluded.serious_known_on`
)

export async function save(tx: Tx, claims: readonly KnownClaim[]): Promise<void> {
  if (claims.length === 0) return
  const { statement: write, of } = setOf(upsert, claims)
  await tx.run(write, [
    tx.orgId,
    of('uuid', (c) => c.invoiceId),
    of('uuid', (c) => c.clientId),
    of('text', (c) => c.number),
    of('date', (c) => dayFromEpochDay(c.issuedOn)),
    of('date', (c) => dayFromEpochDay(c.dueOn)),
    of('float8', (c) => c.amount),
    of('text', (c) => c.currency),
    of('bool', (c) => c.disputed),
    of('date', (c) => (c.settledOn === null ? null : dayFromEpochDay(c.settledOn))),
    of('bool', (c) => c.isWrittenOff),
    of('date', (c) => dayFromEpochDay(c.lateKnownOn)),
    of('date', (c) => dayFromEpochDay(c.seriousKnownOn))
  ])
}

const selectDispute = statement<{ id: string }>(
  'risk_claims.open_dispute',
  `select id from disputes where org_id = $1 and invoice_id = $2 and status = 'open' limit 1`
)

export async function isDisputedNow(reader: Reader, invoiceId: string): Promise<boolean> {
  return (await reader.run(selectDispute, [reader.orgId, invoiceId])).length > 0
}

const deleteMany = statement<object>(
  'risk_claims.remove',
  'delete from risk_claims where org_id = $1 and invoice_id = any($2::uuid[])'
)

export async function remove(tx: Tx, invoiceIds: readonly string[]): Promise<void> {
  if (invoiceIds.length > 0) await tx.run(deleteMany, [tx.orgId, invoiceIds])
}

function claimFrom({ issuedOn, dueOn, settledOn, ...row }: Row): ClaimOf {
  return {
    ...row,
    currency: storedCurrency(row.currency),
    issuedOn: epochDayOf(issuedOn),
    dueOn: epochDayOf(dueOn),
    settledOn: settledOn === null ? null : epochDayOf(settledOn)
  }
}

function paymentFrom({ settledOn, count, delayDays }: PaymentRow): Payment {
  return { settledOn: epochDayOf(settledOn), count, delayDays }
}

function alikeFrom({ clientId, settledOn, isWrittenOff, ...row }: AlikeRow): AlikeOf<AlikeLedger> {
  const [issuedOn, dueOn] = [epochDayOf(row.issuedOn), epochDayOf(row.dueOn)]
  const { count, amount, disputed } = row
  const issue = { clientId, issuedOn, dueOn, currency: storedCurrency(row.currency), count, amount, disputed }
  if (settledOn === null) return issue
  const ended = epochDayOf(settledOn)
  return { ...issue, settledOn: ended, delayDays: delayOf({ settledOn: ended, dueOn, isWrittenOff }) }
}

function read<Row extends object>(reader: Reader, by: IdsStatement<Row>, ids: readonly string[]): Promise<Row[]> {
  const [statementOf, parameter] = forIds(by, ids)
  return reader.run(statementOf, [reader.orgId, parameter])
}
