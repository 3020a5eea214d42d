import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { PaymentPromise } from './promise.ts'

type Row = Omit<PaymentPromise, 'currency'> & { currency: string }

const columns = `p.id, p.client_id as "clientId", p.currency, p.amount_minor as "amountMinor", p.made_on as "madeOn", p.promised_on as "promisedOn",
  p.grace_days as "graceDays", p.restores_service as "restoresService", p.already, p.channel, p.note, p.status, p.ended_on as "endedOn", p.end_reason as "endReason",
  p.version, p.created_at as "createdAt", p.updated_at as "updatedAt",
  array(select i.invoice_id::text from promise_invoices i where i.org_id = p.org_id and i.promise_id = p.id order by i.invoice_id) as "invoiceIds"`

const selectOne = statement<Row>('promises.find', `select ${columns} from promises p where p.org_id = $1 and p.id = $2`)
const selectOfInvoices = statement<Row>(
  'promises.of_invoices',
  `select ${columns} from promises p
   where p.org_id = $1 and p.status <> 'cancelled'
     and p.id = any(array(select promise_id from promise_invoices where org_id = $1 and invoice_id = any($2::uuid[])))
   order by p.created_at, p.id`
)

export async function find(reader: Reader, id: string): Promise<PaymentPromise | undefined> {
  const [row] = await reader.run(selectOne, [reader.orgId, id])
  return row && fromRow(row)
}

/** Those that money on these invoices may still decide, ended ones too. */
export async function ofInvoices(reader: Reader, invoiceIds: readonly string[]): Promise<PaymentPromise[]> {
  return (await reader.run(selectOfInvoices, [reader.orgId, invoiceIds])).map(fromRow)
}

const selectOver = statement<{ id: string }>(
  'promises.over',
  `select promise_id as id from promise_invoices
   where org_id = $1 and invoice_id = any(array(select invoice_id from obligations where org_id = $1 and id = any($2::uuid[]))) limit 1`
)

/** Whether anything was ever promised of what these obligations fall due of. */
export async function isOver(reader: Reader, obligationIds: readonly string[]): Promise<boolean> {
  return (await reader.run(selectOver, [reader.orgId, obligationIds])).length > 0
}

const selectPending = statement<{ promiseId: string; invoiceId: string }>(
  'promises.pending_on',
  `select promise_id as "promiseId", invoice_id as "invoiceId" from promise_invoices
   where org_id = $1 and invoice_id = any($2::uuid[]) and is_pending order by invoice_id limit 1`
)

/** An invoice of these that a promise is pending on already. */
export async function pendingOn(
  reader: Reader,
  invoiceIds: readonly string[]
): Promise<{ promiseId: string; invoiceId: string } | undefined> {
  const [row] = await reader.run(selectPending, [reader.orgId, invoiceIds])
  return row
}

const moveRow = statement<{ id: string }>(
  'promises.move',
  `with moved as (
     update promise_invoices m set invoice_id = $3 where m.org_id = $1 and m.invoice_id = $2 and m.is_pending
       and not exists (select from promise_invoices other where other.org_id = $1 and other.invoice_id = $3
         and (other.is_pending or other.promise_id = m.promise_id))
     returning m.promise_id
   )
   update promises set version = version + 1, updated_at = $4 where org_id = $1 and id in (select promise_id from moved) returning id`
)

/**
 * What was promised on an invoice is promised on the one that replaces it, unless that has a promise of its own.
 * @returns what moved.
 */
export async function moveInvoice(tx: Tx, { from, to, at }: { from: string; to: string; at: Date }): Promise<string[]> {
  return (await tx.run(moveRow, [tx.orgId, from, to, at])).map(({ id }) => id)
}

const insertRow = statement<{ id: string }>(
  'promises.insert',
  `with made as (
     insert into promises (org_id, id, client_id, currency, amount_minor, made_on, promised_on, grace_days, already, channel, note, status,
       version, created_at, updated_at, restores_service)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', 1, $12, $12, $14)
   )
   insert into promise_invoices (org_id, promise_id, invoice_id, is_pending) select $1, $2, invoice_id, true from unnest($13::uuid[]) as t(invoice_id)`
)

export async function insert(tx: Tx, p: PaymentPromise): Promise<void> {
  await tx.run(insertRow, [
    tx.orgId,
    p.id,
    p.clientId,
    p.currency,
    p.amountMinor,
    p.madeOn,
    p.promisedOn,
    p.graceDays,
    p.already,
    p.channel,
    p.note,
    p.createdAt,
    p.invoiceIds,
    p.restoresService
  ])
}

const updateRow = statement<{ id: string }>(
  'promises.save',
  `with covered as (
     update promise_invoices set is_pending = ($3 = 'pending') where org_id = $1 and promise_id = $2 and is_pending <> ($3 = 'pending')
   )
   update promises set status = $3, ended_on = $4, end_reason = $5, version = $6, updated_at = $7 where org_id = $1 and id = $2`
)

export async function save(tx: Tx, p: PaymentPromise): Promise<void> {
  await tx.run(updateRow, [tx.orgId, p.id, p.status, p.endedOn, p.endReason, p.version, p.updatedAt])
}

export type PromiseFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  status: string | null
  updatedSince: Date | null
}>

const selectPage = statement<Row>(
  'promises.page',
  `select ${columns} from promises p
   where p.org_id = $1 and ($3::timestamptz is null or (p.created_at, p.id) < ($3, $4::uuid))
     and ($5::uuid is null or p.client_id = $5)
     and ($6::uuid is null or exists (select from promise_invoices i where i.org_id = p.org_id and i.promise_id = p.id and i.invoice_id = $6))
     and ($7::text is null or p.status = $7) and ($8::timestamptz is null or p.updated_at >= $8)
   order by p.created_at desc, p.id desc limit $2`
)

export async function page(reader: Reader, filter: PromiseFilter): Promise<PaymentPromise[]> {
  const { limit, after, clientId, invoiceId, status, updatedSince } = filter
  const parameters = [limit, after?.at ?? null, after?.id ?? null, clientId, invoiceId, status, updatedSince]
  return (await reader.run(selectPage, [reader.orgId, ...parameters])).map(fromRow)
}

function fromRow(row: Row): PaymentPromise {
  return { ...row, currency: storedCurrency(row.currency) }
}
