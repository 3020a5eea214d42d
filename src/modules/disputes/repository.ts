import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { Dispute, Fault } from './dispute.ts'

type Row = Omit<Dispute, 'currency' | 'resolution'> & {
  currency: string
  atFault: Fault | null
  creditMinor: bigint | null
  creditNoteId: string | null
  endReason: 'invoice_closed' | null
  resolutionNote: string | null
  resolvedOn: Day | null
  resolvedAt: Date | null
}

const columns = `d.id, d.client_id as "clientId", d.invoice_id as "invoiceId", d.currency, d.amount_minor as "amountMinor", d.reason, d.note,
  d.opened_on as "openedOn", d.respond_by_on as "respondByOn", d.overdue_at as "overdueAt", d.status, d.at_fault as "atFault",
  d.credit_minor as "creditMinor", d.credit_note_id as "creditNoteId", d.end_reason as "endReason", d.resolution_note as "resolutionNote",
  d.resolved_on as "resolvedOn", d.resolved_at as "resolvedAt", d.version, d.created_at as "createdAt", d.updated_at as "updatedAt"`

const selectOne = statement<Row>('disputes.find', `select ${columns} from disputes d where d.org_id = $1 and d.id = $2`)
const selectOpen = statement<Row>(
  'disputes.open_of_invoice',
  `select ${columns} from disputes d where d.org_id = $1 and d.invoice_id = $2 and d.status = 'open' order by d.created_at, d.id`
)

export async function find(reader: Reader, id: string): Promise<Dispute | undefined> {
  const [row] = await reader.run(selectOne, [reader.orgId, id])
  return row && fromRow(row)
}

/** Oldest first. */
export async function openOf(reader: Reader, invoiceId: string): Promise<Dispute[]> {
  return (await reader.run(selectOpen, [reader.orgId, invoiceId])).map(fromRow)
}

const moveRow = statement<{ id: string }>(
  'disputes.move',
  `update disputes d set invoice_id = $3, amount_minor = least(d.amount_minor, i.balance_minor), version = d.version + 1, updated_at = $4
   from invoices i where d.org_id = $1 and d.invoice_id = $2 and d.status = 'open' and i.org_id = $1 and i.id = $3 returning d.id`
)

/** What is contested of an invoice is contested of the one that replaces it, as far as that goes. @returns what moved. */
export async function moveInvoice(tx: Tx, { from, to, at }: { from: string; to: string; at: Date }): Promise<string[]> {
  return (await tx.run(moveRow, [tx.orgId, from, to, at])).map(({ id }) => id)
}

const insertRow = statement<{ id: string }>(
  'disputes.insert',
  `insert into disputes (org_id, id, client_id, invoice_id, currency, amount_minor, reason, note, opened_on, respond_by_on, status, version,
     created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
)

export async function insert(tx: Tx, d: Dispute): Promise<void> {
  await tx.run(insertRow, [
    tx.orgId,
    d.id,
    d.clientId,
    d.invoiceId,
    d.currency,
    d.amountMinor,
    d.reason,
    d.note,
    d.openedOn,
    d.respondByOn,
    d.status,
    d.version,
    d.createdAt,
    d.updatedAt
  ])
}

const updateRow = statement<{ id: string }>(
  'disputes.save',
  `update disputes set overdue_at = $3, status = $4, at_fault = $5, credit_minor = $6, credit_note_id = $7, end_reason = $8,
     resolution_note = $9, resolved_on = $10, resolved_at = $11, version = $12, updated_at = $13
   where org_id = $1 and id = $2`
)

export async function save(tx: Tx, { resolution, ...d }: Dispute): Promise<void> {
  await tx.run(updateRow, [
    tx.orgId,
    d.id,
    d.overdueAt,
    d.status,
    resolution?.atFault ?? null,
    resolution?.creditMinor ?? null,
    resolution?.creditNoteId ?? null,
    resolution?.reason ?? null,
    resolution?.note ?? null,
    resolution?.resolvedOn ?? null,
    resolution?.resolvedAt ?? null,
    d.version,
    d.updatedAt
  ])
}

export type DisputeFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  status: string | null
  updatedSince: Date | null
}>

const selectPage = statement<Row>(
  'disputes.page',
  `select ${columns} from disputes d
   where d.org_id = $1 and ($3::timestamptz is null or (d.created_at, d.id) < ($3, $4::uuid))
     and ($5::uuid is null or d.client_id = $5) and ($6::uuid is null or d.invoice_id = $6)
     and ($7::text is null or d.status = $7) and ($8::timestamptz is null or d.updated_at >= $8)
   order by d.created_at desc, d.id desc limit $2`
)

export async function page(reader: Reader, filter: DisputeFilter): Promise<Dispute[]> {
  const { limit, after, clientId, invoiceId, status, updatedSince } = filter
  const parameters = [limit, after?.at ?? null, after?.id ?? null, clientId, invoiceId, status, updatedSince]
  return (await reader.run(selectPage, [reader.orgId, ...parameters])).map(fromRow)
}

function fromRow(row: Row): Dispute {
  const { atFault, creditMinor, creditNoteId, endReason: reason, resolutionNote: note, resolvedOn, resolvedAt, ...rest } = row
  return {
    ...rest,
    currency: storedCurrency(row.currency),
    resolution:
      resolvedOn === null || resolvedAt === null
        ? null
        : { atFault, creditMinor: creditMinor ?? 0n, creditNoteId, reason, note, resolvedOn, resolvedAt }
  }
}
