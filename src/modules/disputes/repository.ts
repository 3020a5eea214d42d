import { and, eq, gte, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { ifGiven, orNull } from '../../db/parameters.ts'
import { build, query } from '../../db/query.ts'
import { begun, columnsBut, insertion, newestFirst, olderThan, pageOf, saving } from '../../db/rows.ts'
import { storedCurrency } from '../../kernel/money.ts'
import { invoices } from '../invoices/table.ts'
import type { Dispute, DisputeStatus } from './dispute.ts'
import { disputes } from './table.ts'

const select = () => build.select(columnsBut(disputes, 'orgId')).from(disputes)

const selectOne = query('disputes.find', { id: disputes.id }, (p) =>
  select().where(and(eq(disputes.orgId, p.orgId), eq(disputes.id, p.id)))
)
const selectOpen = query('disputes.open_of_invoice', { invoiceId: disputes.invoiceId }, (p) =>
  select()
    .where(and(eq(disputes.orgId, p.orgId), eq(disputes.invoiceId, p.invoiceId), eq(disputes.status, 'open')))
    .orderBy(disputes.createdAt, disputes.id)
)

export async function find(reader: Reader, id: string): Promise<Dispute | undefined> {
  const [row] = await reader.run(selectOne, { id })
  return row && fromRow(row)
}

/** Oldest first. */
export async function openOf(reader: Reader, invoiceId: string): Promise<Dispute[]> {
  return (await reader.run(selectOpen, { invoiceId })).map(fromRow)
}

const moveRow = query('disputes.move', { from: disputes.invoiceId, to: invoices.id, at: disputes.updatedAt }, ({ orgId, ...p }) =>
  build
    .update(disputes)
    .set({
      invoiceId: p.to,
      amountMinor: sql`least(${disputes.amountMinor}, ${invoices.balanceMinor})`,
      version: sql`${disputes.version} + 1`,
      updatedAt: p.at
    })
    .from(invoices)
    .where(
      and(
        eq(disputes.orgId, orgId),
        eq(disputes.invoiceId, p.from),
        eq(disputes.status, 'open'),
        eq(invoices.orgId, orgId),
        eq(invoices.id, p.to)
      )
    )
    .returning({ id: disputes.id })
)

/** What is contested of an invoice is contested of the one that replaces it, as far as that goes. @returns what moved. */
export async function moveInvoice(tx: Tx, { from, to, at }: { from: string; to: string; at: Date }): Promise<string[]> {
  return (await tx.run(moveRow, { from, to, at })).map(({ id }) => id)
}

const insertRows = insertion('disputes.insert', disputes)

export async function insert(tx: Tx, dispute: Dispute): Promise<void> {
  await tx.run(insertRows, { rows: [rowOf(dispute)] })
}

const saveRows = saving('disputes.save', disputes, [
  'overdueAt',
  'status',
  'atFault',
  'creditMinor',
  'creditNoteId',
  'endReason',
  'resolutionNote',
  'resolvedOn',
  'resolvedAt',
  'version',
  'updatedAt'
])

export async function save(tx: Tx, dispute: Dispute): Promise<void> {
  await tx.run(saveRows, { rows: [rowOf(dispute)] })
}

export type DisputeFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  status: DisputeStatus | null
  updatedSince: Date | null
}>

const selectPage = query(
  'disputes.page',
  {
    ...pageOf(disputes),
    clientId: orNull(disputes.clientId),
    invoiceId: orNull(disputes.invoiceId),
    status: orNull(disputes.status),
    updatedSince: orNull(disputes.updatedAt)
  },
  (p) =>
    select()
      .where(
        and(
          eq(disputes.orgId, p.orgId),
          olderThan(disputes, p),
          ifGiven(p.clientId, eq(disputes.clientId, p.clientId)),
          ifGiven(p.invoiceId, eq(disputes.invoiceId, p.invoiceId)),
          ifGiven(p.status, eq(disputes.status, p.status)),
          ifGiven(p.updatedSince, gte(disputes.updatedAt, p.updatedSince))
        )
      )
      .orderBy(...newestFirst(disputes))
      .limit(p.limit)
)

export async function page(reader: Reader, { after, ...filter }: DisputeFilter): Promise<Dispute[]> {
  return (await reader.run(selectPage, { ...filter, ...begun(after) })).map(fromRow)
}

type Row = Omit<typeof disputes.$inferSelect, 'orgId'>

function rowOf({ resolution, ...dispute }: Dispute): Row {
  return {
    ...dispute,
    atFault: resolution?.atFault ?? null,
    creditMinor: resolution?.creditMinor ?? null,
    creditNoteId: resolution?.creditNoteId ?? null,
    endReason: resolution?.reason ?? null,
    resolutionNote: resolution?.note ?? null,
    resolvedOn: resolution?.resolvedOn ?? null,
    resolvedAt: resolution?.resolvedAt ?? null
  }
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
