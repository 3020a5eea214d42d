import type { Reader, Tx } from '../../db/client.ts'
import { inParts, ROWS_PER_WRITE } from '../../db/parts.ts'
import { type ColumnOf, setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import { type ExternalRef, externalRefsOf, firstRefOf } from '../references/reference.ts'
import {
  type Allocation,
  alikeAmong,
  type BalanceChange,
  balanceChanges,
  type LedgerEntry,
  oldestDueFirst,
  type Payable,
  type Receipt
} from './ledger.ts'

/** What a set of entries is written with; its parameters begin at the given number and end with the instant of recording. */
export const entryInsert = (first: number) => {
  const [id, kind, client, currency, invoice, obligation, payment, balance, unapplied, effective, recorded] = Array.from(
    { length: 11 },
    (_, index) => `$${first + index}`
  )
  return `insert into ledger_entries (org_id, id, kind, client_id, currency, invoice_id, obligation_id, payment_id, balance_minor, unapplied_minor,
     effective_on, recorded_at)
   select $1, t.*, ${recorded} from unnest(${id}::uuid[], ${kind}::text[], ${client}::uuid[], ${currency}::text[], ${invoice}::uuid[],
     ${obligation}::uuid[], ${payment}::uuid[], ${balance}::bigint[], ${unapplied}::bigint[], ${effective}::date[]) as t`
}

/** The columns of `entryInsert`, in its order. */
export function entryColumns(of: ColumnOf<LedgerEntry>): unknown[] {
  return [
    of('uuid', (e) => e.id),
    of('text', (e) => e.kind),
    of('uuid', (e) => e.clientId),
    of('text', (e) => e.currency),
    of('uuid', (e) => e.invoiceId),
    of('uuid', (e) => e.obligationId),
    of('uuid', (e) => e.paymentId),
    of('int8', (e) => e.balanceMinor),
    of('int8', (e) => e.unappliedMinor),
    of('date', (e) => e.effectiveOn)
  ]
}

const insertEntries = setStatement('ledger.insert', entryInsert(2))

export function insertEntriesOf(tx: Tx, { entries, recordedAt }: { entries: readonly LedgerEntry[]; recordedAt: Date }): void {
  const { statement: insert, of } = setOf(insertEntries, entries)
  tx.write(insert, [tx.orgId, ...entryColumns(of), recordedAt])
}

const moveBalances = setStatement(
  'ledger.move_balances',
  `with change as (select * from unnest($2::uuid[], $3::uuid[], $4::bigint[]) as t(obligation_id, invoice_id, by_minor)),
   moved as (
     update obligations o set balance_minor = o.balance_minor + c.by_minor from change c
     where o.org_id = $1 and o.id = c.obligation_id
   )
   update invoices i set balance_minor = i.balance_minor + s.by_minor,
     status = case when i.balance_minor + s.by_minor > 0 then 'open' else 'paid' end, version = i.version + 1, updated_at = $5
   from (select invoice_id, sum(by_minor)::bigint as by_minor from change group by invoice_id) s
   where i.org_id = $1 and i.id = s.invoice_id returning i.id`
)

/**
 * Appends the entries and moves the balances that they sum to. The invoices are open or paid by what is left.
 * @param at the organization's time, when the invoices change; `recordedAt` is real time.
 */
export async function post(
  tx: Tx,
  { entries, at, recordedAt }: { entries: readonly LedgerEntry[]; at: Date; recordedAt: Date }
): Promise<void> {
  for await (const some of inParts(entries, ROWS_PER_WRITE)) insertEntriesOf(tx, { entries: some, recordedAt })
  // All of an invoice at once: what changes of it in one movement raises its version once.
  const byInvoice = Map.groupBy(balanceChanges(entries), ({ invoiceId }) => invoiceId)
  for await (const some of inParts([...byInvoice.values()], ROWS_PER_WRITE)) moveBalancesOf(tx, { changes: some.flat(), at })
}

function moveBalancesOf(tx: Tx, { changes, at }: { changes: readonly BalanceChange[]; at: Date }): void {
  const { statement: move, of } = setOf(moveBalances, changes)
  tx.write(move, [tx.orgId, of('uuid', (c) => c.obligationId), of('uuid', (c) => c.invoiceId), of('int8', (c) => c.byMinor), at])
}

const selectMovements = statement<{ obligationId: string; effectiveOn: Day; amountMinor: bigint }>(
  'ledger.movements',
  `select obligation_id as "obligationId", effective_on as "effectiveOn", balance_minor as "amountMinor" from ledger_entries
   where org_id = $1 and obligation_id = any($2::uuid[])`
)

export type Movement = Readonly<{ effectiveOn: Day; amountMinor: bigint }>

/** What moved each obligation's balance, by obligation. */
export async function movementsOf(reader: Reader, obligationIds: readonly string[]): Promise<Map<string, Movement[]>> {
  const movements = new Map<string, Movement[]>()
  for (const { obligationId, ...movement } of await reader.run(selectMovements, [reader.orgId, obligationIds])) {
    const known = movements.get(obligationId)
    if (known === undefined) movements.set(obligationId, [movement])
    else known.push(movement)
  }
  return movements
}

const payableColumns = `o.id as "obligationId", o.invoice_id as "invoiceId", o.client_id as "clientId", o.currency, i.number, i.issued_on as "issuedOn",
  o.due_on as "dueOn", o.balance_minor as "balanceMinor"`
const payableSource = 'obligations o join invoices i on i.org_id = o.org_id and i.id = o.invoice_id'

const selectPayables = statement<Payable>(
  'ledger.payables_of_clients',
  `select ${payableColumns} from ${payableSource}
   where o.org_id = $1 and o.client_id = any($2::uuid[]) and ($3::text is null or o.currency = $3) and o.balance_minor > 0 and i.status = 'open'`
)
const selectPayablesOfInvoices = statement<Payable>(
  'ledger.payables_of_invoices',
  `select ${payableColumns} from ${payableSource} where o.org_id = $1 and o.invoice_id = any($2::uuid[])`
)

const selectRefs = statement<{ id: string; refs: ExternalRef[] }>(
  'ledger.refs_of_invoices',
  `select i.id, ${externalRefsOf('i.id')} as refs from invoices i where i.org_id = $1 and i.id = any($2::uuid[])`
)

/** In the order of `oldestDueFirst`. Only where invoices are alike in all that they say, their references are read. */
export async function inDueOrder(reader: Reader, payables: readonly Payable[]): Promise<Payable[]> {
  const sorted = payables.toSorted(oldestDueFirst)
  const alike = alikeAmong(sorted)
  if (alike.length === 0) return sorted
  const refs = new Map((await reader.run(selectRefs, [reader.orgId, alike])).map((row) => [row.id, row.refs[0] ?? null]))
  return sorted.map((one) => ({ ...one, firstRef: refs.get(one.invoiceId) ?? null })).toSorted(oldestDueFirst)
}

const FIRST_PAYABLES = 250
const selectOldest = statement<Payable>(
  'ledger.oldest_payables',
  `select ${payableColumns} from ${payableSource}
   where o.org_id = $1 and o.client_id = $2 and o.currency = $3 and o.balance_minor > 0 and i.status = 'open'
     and ($4::date is null or o.due_on > $4)
   order by o.due_on fetch first ($5::int) rows with ties`
)

/**
 * As much of what is open of a client as an amount reaches, whole days, oldest due first: whatever else is open is not read. The client is
 * locked, so that it stays so.
 */
export async function oldestPayables(
  tx: Tx,
  { clientId, currency, amountMinor }: { clientId: string; currency: Currency; amountMinor: bigint }
): Promise<Payable[]> {
  const found: Payable[] = []
  let left = amountMinor
  for (let limit = FIRST_PAYABLES; left > 0n; limit *= 4) {
    const days = await tx.run(selectOldest, [tx.orgId, clientId, currency, found.at(-1)?.dueOn ?? null, limit])
    for await (const some of inParts(days)) {
      for (const one of some) {
        found.push(one)
        left -= one.balanceMinor
      }
    }
    if (days.length < limit) break
  }
  return inDueOrder(tx, found)
}

/** What is open of these clients, oldest due first. The clients are locked, so that it stays so. */
export async function payablesOf(
  tx: Tx,
  { clientIds, currency }: { clientIds: readonly string[]; currency: Currency | null }
): Promise<Payable[]> {
  return inDueOrder(tx, await tx.run(selectPayables, [tx.orgId, clientIds, currency]))
}

/** The obligations of these invoices, open or not, oldest due first. */
export async function payablesOfInvoices(tx: Tx, invoiceIds: readonly string[]): Promise<Payable[]> {
  return inDueOrder(tx, await tx.run(selectPayablesOfInvoices, [tx.orgId, invoiceIds]))
}

const selectAllocations = (name: string, { column, order }: { column: string; order: string }) =>
  statement<Allocation>(
    `ledger.allocations_of_${name}`,
    `select payment_id as "paymentId", obligation_id as "obligationId", min(invoice_id::text)::uuid as "invoiceId", min(client_id::text)::uuid as "clientId",
       min(currency) as currency, effective_on as "effectiveOn", (-sum(balance_minor))::bigint as "amountMinor"
     from ledger_entries l where org_id = $1 and ${column} = any($2::uuid[]) and kind in ('allocation', 'allocation_reversed')
     group by org_id, payment_id, obligation_id, effective_on having sum(balance_minor) <> 0
     order by effective_on, ${order}min(id::text)`
  )
const allocationsOfPayments = selectAllocations('payments', { column: 'payment_id', order: '' })
const order = `${firstRefOf('l.payment_id')} nulls last, `
const allocationsOfObligations = selectAllocations('obligations', { column: 'obligation_id', order })

/**
 * By payment and obligation and day, in the order in which they count: by day, of one obligation and day by the first reference of the
 * payment. Sums that came to nothing are left out.
 */
export const allocationsOf = {
  payments: (reader: Reader, ids: readonly string[]) => reader.run(allocationsOfPayments, [reader.orgId, ids]),
  obligations: (reader: Reader, ids: readonly string[]) => reader.run(allocationsOfObligations, [reader.orgId, ids])
}

const selectReceipts = statement<Receipt>(
  'ledger.receipts',
  `select payment_id as "paymentId", effective_on as "effectiveOn", (-sum(balance_minor))::bigint as "amountMinor" from ledger_entries
   where org_id = $1 and obligation_id = any(array(select id from obligations where org_id = $1 and invoice_id = any($2::uuid[])))
     and kind in ('allocation', 'allocation_reversed') and effective_on >= $3
   group by payment_id, effective_on having sum(balance_minor) <> 0 order by effective_on, payment_id`
)

/** What was paid on these invoices from a day on, by day and payment; what was taken back counts against its day. */
export function receiptsOf(
  reader: Reader,
  { invoiceIds, sinceOn }: { invoiceIds: readonly string[]; sinceOn: Day }
): Promise<Receipt[]> {
  return reader.run(selectReceipts, [reader.orgId, invoiceIds, sinceOn])
}

const selectClaims = statement<Movement>(
  'ledger.claims',
  `select case when kind = 'invoice_issued' then least(effective_on, $3::date) else effective_on end as "effectiveOn",
     sum(balance_minor)::bigint as "amountMinor" from ledger_entries
   where org_id = $1 and obligation_id = any(array(select id from obligations where org_id = $1 and invoice_id = any($2::uuid[])))
     and not (kind in ('plan_discount', 'plan_discount_reversed') and effective_on >= $3)
   group by 1 order by 1`
)

/** What moved the sum that is open of these invoices, by day. What plans gave up from a day on is left out: it was open until then. */
export function claimsOf(
  reader: Reader,
  { invoiceIds, sinceOn }: { invoiceIds: readonly string[]; sinceOn: Day }
): Promise<Movement[]> {
  return reader.run(selectClaims, [reader.orgId, invoiceIds, sinceOn])
}

const selectDiscounts = statement<Omit<Allocation, 'paymentId'>>(
  'ledger.discounts',
  `select obligation_id as "obligationId", min(invoice_id::text)::uuid as "invoiceId",
     min(client_id::text)::uuid as "clientId", min(currency) as currency, max(effective_on) as "effectiveOn", (-sum(balance_minor))::bigint as "amountMinor"
   from ledger_entries where org_id = $1 and obligation_id = any(array(select id from obligations where org_id = $1 and invoice_id = any($2::uuid[])))
     and kind in ('plan_discount', 'plan_discount_reversed')
   group by obligation_id having sum(balance_minor) <> 0 order by obligation_id`
)

/** What plans gave up of these invoices, by obligation. */
export function discountsOf(reader: Reader, invoiceIds: readonly string[]): Promise<Omit<Allocation, 'paymentId'>[]> {
  return reader.run(selectDiscounts, [reader.orgId, invoiceIds])
}

/** What payments, and what is agreed upon, need of the ledger. */
export const forPayments = {
  post,
  payablesOf,
  oldestPayables,
  payablesOfInvoices,
  inDueOrder,
  allocationsOf,
  receiptsOf,
  claimsOf
}
