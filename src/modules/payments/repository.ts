import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { ExternalRef } from '../invoices/invoice.ts'
import { externalRefsOf } from '../references/reference.ts'
import { sharesOf } from './allocation-repository.ts'
import type { Announcement } from './announced.ts'
import { namedRows, oldestFirst } from './named-repository.ts'
import {
  ALLOCATIONS_SHOWN,
  knownOf,
  type Named,
  type Payment,
  type PaymentView,
  type Share,
  type WholePayment
} from './payment.ts'

type Row = Omit<Payment, 'currency'> & {
  currency: string
  refs: ExternalRef[]
  shares: { count: number; of: { obligationId: string; invoiceId: string; amountMinor: string }[] }
  named: { invoiceId: string | null; ref: ExternalRef | null; amountMinor: string; waits: boolean }[]
}

const columnsWith = (
  which: string
) => `p.id, p.client_id as "clientId", p.currency, p.amount_minor as "amountMinor", p.unapplied_minor as "unappliedMinor", p.status,
  p.received_on as "receivedOn", p.matures_on as "maturesOn", p.instrument, p.method, p.reference, p.reserved_for as "reservedFor",
  p.reversal_reason as "reversalReason", p.reversed_on as "reversedOn", p.reversal_note as "reversalNote", p.unconfirmed_at as "unconfirmedAt", p.metadata, p.version, p.created_at as "createdAt", p.updated_at as "updatedAt",
  ${externalRefsOf('p.id')} as refs,
  ${sharesOf(which)},
  (select coalesce(json_agg(json_build_object('invoiceId', coalesce(x.object_id, w.invoice_id), 'amountMinor', w.amount_minor::text, 'waits', w.waits,
       'ref', case when w.invoice_source is not null then json_build_object('source', w.invoice_source, 'id', w.invoice_external_id) end)
     order by w.position), '[]') from ${namedRows('p')}) as named`
const columns = columnsWith(
  `a.place <= ${ALLOCATIONS_SHOWN} or a.invoice_id in (select coalesce(x.object_id, w.invoice_id) from ${namedRows('p')} and w.waits)`
)
const wholeColumns = columnsWith('true')

const select = statement<Row>('payments.find', `select ${columns} from payments p where p.org_id = $1 and p.id = $2`)

export async function find(reader: Reader, id: string): Promise<PaymentView | undefined> {
  const [row] = await reader.run(select, [reader.orgId, id])
  return row && fromRow(row)
}

const selectWhole = statement<Row>(
  'payments.find_whole',
  `select ${wholeColumns} from payments p where p.org_id = $1 and p.id = $2`
)

export async function findWhole(reader: Reader, id: string): Promise<WholePayment | undefined> {
  const [row] = await reader.run(selectWhole, [reader.orgId, id])
  return row && wholeFromRow(row)
}

const selectSettled = statement<Row>(
  'payments.settled_of_client',
  `select ${wholeColumns} from payments p
   where p.org_id = $1 and p.client_id = $2 and ($3::text is null or p.currency = $3) and p.status = 'settled' and p.reserved_for is null
   order by ${oldestFirst('p')}`
)

/** Money of a client that came in and is not reserved, in the order in which it is applied anew. The client is locked. */
export async function settledOf(
  tx: Tx,
  { clientId, currency }: { clientId: string; currency: string | null }
): Promise<WholePayment[]> {
  return (await tx.run(selectSettled, [tx.orgId, clientId, currency])).map(wholeFromRow)
}

export type PaymentFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  status: string | null
  hasCredit: boolean | null
  updatedSince: Date | null
}>

const selectPage = statement<Row>(
  'payments.page',
  `select ${columns} from payments p
   where p.org_id = $1 and ($3::timestamptz is null or (p.created_at, p.id) < ($3, $4::uuid))
     and ($5::uuid is null or p.client_id = $5) and ($6::text is null or p.status = $6)
     and ($7::boolean is null or $7 = (p.unapplied_minor > 0)) and ($8::timestamptz is null or p.updated_at >= $8)
   order by p.created_at desc, p.id desc limit $2`
)

export async function page(reader: Reader, filter: PaymentFilter): Promise<PaymentView[]> {
  const { limit, after, clientId, status, hasCredit, updatedSince } = filter
  const rows = await reader.run(selectPage, [
    reader.orgId,
    limit,
    after?.at ?? null,
    after?.id ?? null,
    clientId,
    status,
    hasCredit,
    updatedSince
  ])
  return rows.map(fromRow)
}

const insertRow = statement<{ id: string }>(
  'payments.insert',
  `insert into payments (org_id, id, client_id, currency, amount_minor, unapplied_minor, status, received_on, matures_on, instrument, method, reference,
     reserved_for, metadata, version, created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`
)

export function insert(tx: Tx, p: Payment): void {
  tx.write(insertRow, [
    tx.orgId,
    p.id,
    p.clientId,
    p.currency,
    p.amountMinor,
    p.unappliedMinor,
    p.status,
    p.receivedOn,
    p.maturesOn,
    json(p.instrument),
    p.method,
    p.reference,
    p.reservedFor,
    JSON.stringify(p.metadata),
    p.version,
    p.createdAt,
    p.updatedAt
  ])
}

const updateRow = statement<{ id: string }>(
  'payments.save',
  `update payments set unapplied_minor = $3, status = $4, received_on = $5, matures_on = $6, instrument = $7, method = $8, reference = $9,
     reserved_for = $10, reversal_reason = $11, reversed_on = $12, metadata = $13, version = $14, updated_at = $15, unconfirmed_at = $16,
     reversal_note = $17
   where org_id = $1 and id = $2`
)

export function save(tx: Tx, p: Payment): void {
  tx.write(updateRow, [
    tx.orgId,
    p.id,
    p.unappliedMinor,
    p.status,
    p.receivedOn,
    p.maturesOn,
    json(p.instrument),
    p.method,
    p.reference,
    p.reservedFor,
    p.reversalReason,
    p.reversedOn,
    JSON.stringify(p.metadata),
    p.version,
    p.updatedAt,
    p.unconfirmedAt,
    p.reversalNote
  ])
}

const selectOtherAnnouncements = statement<Row>(
  'payments.other_announcements',
  `select ${columns} from payments p
   where p.org_id = $1 and p.client_id = $2 and p.currency = $3 and p.id <> $4 and p.status = 'pending' and p.unconfirmed_at is null
     and (p.reserved_for is null or exists (select from announced_allocations w where w.org_id = p.org_id and w.payment_id = p.id))`
)

/** What else this client announced in the currency and is still waited for. What it leaves open is the same in any order. The client is locked. */
export async function otherAnnouncements(
  tx: Tx,
  { id, clientId, currency: code }: Pick<Payment, 'id' | 'clientId' | 'currency'>
): Promise<Announcement[]> {
  const rows = await tx.run(selectOtherAnnouncements, [tx.orgId, clientId, code, id])
  return rows.map(({ amountMinor, named }) => ({ amountMinor, named: knownOf(named.map(namedFrom)) }))
}

const selectClients = statement<{ id: string; clientId: string }>(
  'payments.clients_of',
  'select id, client_id as "clientId" from payments where org_id = $1 and id = any($2::uuid[])'
)

/** Whose each payment is, by payment id. */
export async function clientsOf(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await reader.run(selectClients, [reader.orgId, ids])
  return new Map(rows.map(({ id, clientId }) => [id, clientId]))
}

const moveUnappliedRows = statement<{ id: string }>(
  'payments.move_unapplied',
  `update payments p set unapplied_minor = p.unapplied_minor + t.by_minor, version = p.version + 1, updated_at = $4
   from (select id, sum(by_minor)::bigint as by_minor from unnest($2::uuid[], $3::bigint[]) as u(id, by_minor) group by id) t
   where p.org_id = $1 and p.id = t.id`
)

export async function moveUnapplied(
  tx: Tx,
  { changes, at }: { changes: readonly { paymentId: string; byMinor: bigint }[]; at: Date }
): Promise<void> {
  await tx.run(moveUnappliedRows, [tx.orgId, changes.map((c) => c.paymentId), changes.map((c) => c.byMinor), at])
}

export type CurrencyBalance = Readonly<{
  currency: string
  openMinor: bigint
  overdueMinor: bigint
  creditMinor: bigint
  /** The part of the credit that is reserved for a purpose. */
  reservedMinor: bigint
  pendingMinor: bigint
  openInvoices: bigint
}>

/** As text: a sum of many amounts can be more than a bigint column keeps. */
type BalanceRow = Readonly<Record<keyof CurrencyBalance, string>>

const selectBalances = statement<BalanceRow>(
  'payments.balances_of_clients',
  `with whose as (
     select * from unnest($2::uuid[], $3::date[]) as w(client_id, today)
   ), owed as (
     select o.currency, sum(o.balance_minor) as open, coalesce(sum(o.balance_minor) filter (where o.overdue_from_on <= w.today), 0) as overdue,
       count(distinct o.invoice_id) as invoices
     from whose w join obligations o on o.org_id = $1 and o.client_id = w.client_id where o.balance_minor > 0 group by o.currency
   ), paid as (
     select p.currency, sum(p.unapplied_minor) as credit,
       coalesce(sum(p.unapplied_minor) filter (where p.reserved_for is not null), 0) as reserved,
       coalesce(sum(p.amount_minor) filter (where p.status = 'pending'), 0) as pending
     from whose w join payments p on p.org_id = $1 and p.client_id = w.client_id group by p.currency
   )
   select currency, coalesce(open, 0)::text as "openMinor", coalesce(overdue, 0)::text as "overdueMinor", coalesce(credit, 0)::text as "creditMinor",
     coalesce(reserved, 0)::text as "reservedMinor", coalesce(pending, 0)::text as "pendingMinor", coalesce(invoices, 0)::text as "openInvoices"
   from owed full join paid using (currency) order by currency`
)

/** What clients owe and have together, per currency; never added across them. Each is overdue by its own day. */
export async function balancesOf(
  reader: Reader,
  of: readonly Readonly<{ clientId: string; today: string }>[]
): Promise<CurrencyBalance[]> {
  if (of.length === 0) return []
  const whose = [of.map(({ clientId }) => clientId), of.map(({ today }) => today)]
  const rows = await reader.run(selectBalances, [reader.orgId, ...whose])
  return rows.map((row) => ({
    currency: row.currency,
    openMinor: BigInt(row.openMinor),
    overdueMinor: BigInt(row.overdueMinor),
    creditMinor: BigInt(row.creditMinor),
    reservedMinor: BigInt(row.reservedMinor),
    pendingMinor: BigInt(row.pendingMinor),
    openInvoices: BigInt(row.openInvoices)
  }))
}

const json = (value: unknown) => (value === null ? null : JSON.stringify(value))

function fromRow({ refs, shares, named, ...row }: Row): PaymentView {
  const allocations: Share[] = shares.of.map((share) => ({ ...share, amountMinor: BigInt(share.amountMinor) }))
  const payment = { ...row, currency: storedCurrency(row.currency) }
  return { payment, allocations, allocationsCount: shares.count, named: named.map(namedFrom), externalRefs: refs }
}

function wholeFromRow(row: Row): WholePayment {
  return { ...fromRow(row), isWhole: true }
}

function namedFrom(row: Row['named'][number]): Named {
  return { ...row, amountMinor: BigInt(row.amountMinor) }
}
