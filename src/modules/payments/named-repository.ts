import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Credit } from '../invoices/ports.ts'
import { firstRefOf } from '../references/reference.ts'
import type { Named } from './payment.ts'

/**
 * What a payment is named for. A reference is followed to the invoice that has it now; one without is followed to none.
 * @param alias of the payment.
 */
export function namedRows(alias: string): string {
  return `announced_allocations w left join external_refs x on x.org_id = w.org_id and x.kind = 'invoice' and x.source = w.invoice_source
       and x.external_id = w.invoice_external_id and x.object_id is not null
     where w.org_id = ${alias}.org_id and w.payment_id = ${alias}.id`
}

/**
 * SQL: the order in which money is applied. Oldest first, of one day by the first of their references, so that it says nothing which was
 * recorded first.
 * @param alias of the payment.
 */
export function oldestFirst(alias: string): string {
  return `${alias}.received_on, ${firstRefOf(`${alias}.id`)} nulls last, ${alias}.id`
}

const insertNamedRows = statement<{ id: string }>(
  'payments.insert_named',
  `insert into announced_allocations (org_id, payment_id, position, invoice_id, invoice_source, invoice_external_id, amount_minor, waits)
   select $1, $2, (select coalesce(max(position), 0) from announced_allocations where org_id = $1 and payment_id = $2) + t.position,
     t.invoice_id, t.source, t.external_id, t.amount_minor, t.waits
   from unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::boolean[]) with ordinality
     as t(invoice_id, source, external_id, amount_minor, waits, position)`
)

/** What money is named for, beside what it was before. */
export function insertNamed(tx: Tx, { paymentId, named }: { paymentId: string; named: readonly Named[] }): void {
  if (named.length === 0) return
  tx.write(insertNamedRows, [
    tx.orgId,
    paymentId,
    named.map((one) => one.invoiceId),
    named.map((one) => one.ref?.source ?? null),
    named.map((one) => one.ref?.id ?? null),
    named.map((one) => one.amountMinor),
    named.map((one) => one.waits)
  ])
}

const deleteNamedRows = statement<{ id: string }>(
  'payments.delete_named',
  'delete from announced_allocations where org_id = $1 and payment_id = $2'
)

/** It is named for something else by now. */
export function replaceNamed(tx: Tx, of: { paymentId: string; named: readonly Named[] }): void {
  tx.write(deleteNamedRows, [tx.orgId, of.paymentId])
  insertNamed(tx, of)
}

const moveWanted = statement<{ id: string }>(
  'payments.move_announced',
  `with moving as (
     select w.payment_id, w.amount_minor from announced_allocations w join payments p on p.org_id = w.org_id and p.id = w.payment_id
     where w.org_id = $1 and w.invoice_id = $2 and p.status = 'pending'
   ), joined as (
     update announced_allocations other set amount_minor = other.amount_minor + moving.amount_minor from moving
     where other.org_id = $1 and other.payment_id = moving.payment_id and other.invoice_id = $3 returning other.payment_id
   ), gone as (
     delete from announced_allocations w where w.org_id = $1 and w.invoice_id = $2 and w.payment_id in (select payment_id from joined)
   ), moved as (
     update announced_allocations w set invoice_id = $3
     where w.org_id = $1 and w.invoice_id = $2 and w.payment_id in (select payment_id from moving)
       and w.payment_id not in (select payment_id from joined)
   )
   update payments set version = version + 1, updated_at = $4 where org_id = $1 and id in (select payment_id from moving) returning id`
)

const selectPayers = statement<{ clientId: string }>(
  'payments.payers_of_announced',
  `select distinct p.client_id as "clientId" from announced_allocations w join payments p on p.org_id = w.org_id and p.id = w.payment_id
   where w.org_id = $1 and w.invoice_id = $2 and p.status = 'pending' order by 1`
)

/** Whose money is announced for an invoice. */
export async function payersOf(reader: Reader, invoiceId: string): Promise<string[]> {
  return (await reader.run(selectPayers, [reader.orgId, invoiceId])).map(({ clientId }) => clientId)
}

/** Money that was announced for an invoice is meant for the one that replaces it. @returns the payments. */
export async function moveInvoice(tx: Tx, { from, to, at }: { from: string; to: string; at: Date }): Promise<string[]> {
  return (await tx.run(moveWanted, [tx.orgId, from, to, at])).map(({ id }) => id)
}

/** What of a named amount is not set against its invoice yet. */
const notSet = `greatest(0, w.amount_minor + coalesce((select sum(e.balance_minor) from ledger_entries e
     where e.org_id = w.org_id and e.payment_id = w.payment_id and e.invoice_id = coalesce(x.object_id, w.invoice_id)
       and e.kind in ('allocation', 'allocation_reversed')), 0))::bigint`
/** What of a payment's unapplied rest waits for an invoice that its source named. See \`waitingOf\`. */
const withWaiting = `payments p cross join lateral (
     select least(p.unapplied_minor, coalesce(sum(${notSet}), 0))::bigint as waiting_minor from ${namedRows('p')} and w.waits) n`

const selectCredit = statement<Credit>(
  'payments.credit_of_clients',
  `select p.id, p."clientId", p.currency, p.received_on as "receivedOn", p."waitingMinor", p."unappliedMinor" from (
     select p.org_id, p.id, p.client_id as "clientId", p.currency, p.received_on, n.waiting_minor as "waitingMinor",
       case when p.reserved_for is null then p.unapplied_minor - n.waiting_minor else 0 end as "unappliedMinor"
     from ${withWaiting}
     where p.org_id = $1 and p.client_id = any($2::uuid[]) and p.unapplied_minor > 0 and (p.reserved_for is null or n.waiting_minor > 0)
     union all
     select p.org_id, p.id, c.id, p.currency, p.received_on, n.waiting_minor, 0 from clients c join ${withWaiting} on p.org_id = c.org_id and p.client_id = c.parent_id
     where c.org_id = $1 and c.id = any($2::uuid[]) and p.unapplied_minor > 0 and n.waiting_minor > 0
   ) as p order by ${oldestFirst('p')}`
)

/**
 * Credit that may be applied by itself, oldest first. The clients are locked, so that it stays so. Of a parent's payments only what waits
 * for invoices that it names, which may be these clients'.
 */
export function creditOf(tx: Tx, clientIds: readonly string[]): Promise<Credit[]> {
  return tx.run(selectCredit, [tx.orgId, clientIds])
}

/**
 * What payments of the clients $2 are named for, and payments of their parents for invoices of theirs, where the invoice exists and the
 * payment's client may pay it.
 */
const namedInvoices = `payments p join announced_allocations w on w.org_id = p.org_id and w.payment_id = p.id
   left join external_refs x on x.org_id = w.org_id and x.kind = 'invoice' and x.source = w.invoice_source
     and x.external_id = w.invoice_external_id and x.object_id is not null
   join invoices i on i.org_id = p.org_id and i.id = coalesce(x.object_id, w.invoice_id)
   join clients c on c.org_id = i.org_id and c.id = i.client_id
   where p.org_id = $1 and (i.client_id = p.client_id or c.parent_id = p.client_id)
     and (p.client_id = any($2::uuid[]) or (i.client_id = any($2::uuid[])
       and p.client_id = any(array(select parent_id from clients where org_id = $1 and id = any($2::uuid[])))))`

const selectWaiting = statement<WaitingShare>(
  'payments.waiting_of_clients',
  `select p.id as "paymentId", p.client_id as "clientId", p.currency, p.received_on as "receivedOn", p.unapplied_minor as "unappliedMinor",
     i.id as "invoiceId", i.client_id as "ownerId", ${notSet} as "amountMinor"
   from ${namedInvoices} and w.waits and p.status = 'settled' and p.unapplied_minor > 0
   order by ${oldestFirst('p')}, w.position`
)

/** An amount that its source named for an invoice that exists, and that is not set against it yet. */
export type WaitingShare = Readonly<{
  paymentId: string
  clientId: string
  /** Whose invoice it is: the client's own, or that of a branch. */
  ownerId: string
  currency: Currency
  receivedOn: Day
  unappliedMinor: bigint
  invoiceId: string
  amountMinor: bigint
}>

/** Oldest payment first. The clients are locked. */
export function waitingShares(tx: Tx, clientIds: readonly string[]): Promise<WaitingShare[]> {
  return tx.run(selectWaiting, [tx.orgId, clientIds])
}

const selectAnnounced = statement<AnnouncedShare>(
  'payments.announced_of_clients',
  `select p.id as "paymentId", p.client_id as "clientId", p.currency, p.matures_on as "maturesOn", p.created_at as "announcedAt",
     (select time_zone from clients t where t.org_id = p.org_id and t.id = p.client_id) as "timeZone",
     i.id as "invoiceId", i.client_id as "ownerId", w.amount_minor as "amountMinor"
   from ${namedInvoices} and p.status = 'pending' and p.unconfirmed_at is null and i.status <> 'void' and i.currency = p.currency
     and ($3::uuid is null or p.id = $3) and ($4::uuid[] is null or i.id = any($4))
   order by p.created_at, p.id, w.position`
)

/** An amount of announced money that is named for an invoice that exists. */
export type AnnouncedShare = Readonly<{
  paymentId: string
  clientId: string
  currency: Currency
  maturesOn: Day | null
  announcedAt: Date
  /** The payment's client's own. */
  timeZone: string | null
  invoiceId: string
  /** Whose invoice it is: the client's own, or that of a branch. */
  ownerId: string
  amountMinor: bigint
}>

/** Which of it; all of the clients' where it is left out. */
export type AnnouncedOf = Readonly<{ clientIds: readonly string[]; paymentId?: string; invoiceIds?: readonly string[] }>

/** What is announced still, oldest first. The clients are locked. */
export function announcedShares(tx: Tx, { clientIds, paymentId, invoiceIds }: AnnouncedOf): Promise<AnnouncedShare[]> {
  return tx.run(selectAnnounced, [tx.orgId, clientIds, paymentId ?? null, invoiceIds ?? null])
}

const selectUnapplied = statement<Unapplied>(
  'payments.unapplied_of_clients',
  `select p.client_id as "clientId", p.currency, sum(p.unapplied_minor - n.waiting_minor)::bigint as "unappliedMinor" from ${withWaiting}
   where p.org_id = $1 and p.client_id = any($2::uuid[]) and p.unapplied_minor > 0 and p.reserved_for is null
   group by p.client_id, p.currency having sum(p.unapplied_minor - n.waiting_minor) > 0`
)

/** Credit that counts against what a client owes. Money that is kept for something else does not. */
export type Unapplied = Readonly<{ clientId: string; currency: string; unappliedMinor: bigint }>

export function unappliedOf(reader: Reader, clientIds: readonly string[]): Promise<Unapplied[]> {
  return reader.run(selectUnapplied, [reader.orgId, clientIds])
}
