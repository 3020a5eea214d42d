import { sql } from 'drizzle-orm'
import { boolean, check, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import { invoices } from '../invoices/table.ts'

export type PaymentStatus = 'pending' | 'settled' | 'failed' | 'reversed'
export type ReversalReason = 'bounced' | 'charged_back' | 'entered_wrongly' | 'deleted_upstream'
export type Instrument = Readonly<{ kind: string; number?: string; bank?: string; drawer?: string }>

export const payments = pgTable(
  'payments',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    currency: text().notNull(),
    amountMinor: minor().notNull(),
    /** What no obligation has used; zero unless settled. */
    unappliedMinor: minor().notNull(),
    status: text().$type<PaymentStatus>().notNull(),
    /** The day the money counts for; null while it is only announced. */
    receivedOn: calendarDay(),
    maturesOn: calendarDay(),
    instrument: jsonb().$type<Instrument>(),
    method: text(),
    reference: text(),
    /** Named purpose: such credit is never applied by itself. */
    reservedFor: text(),
    reversalReason: text().$type<ReversalReason>(),
    reversedOn: calendarDay(),
    reversalNote: text(),
    /** When the time was over in which announced money should have come, with nothing said of it. */
    unconfirmedAt: instant(),
    metadata: jsonb().$type<Record<string, string>>().notNull(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'payments_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    check('payments_amount', sql`${t.amountMinor} > 0`),
    check('payments_unapplied', sql`${t.unappliedMinor} between 0 and ${t.amountMinor}`),
    check('payments_unapplied_settled', sql`${t.status} = 'settled' or ${t.unappliedMinor} = 0`),
    check('payments_status', sql`${t.status} in ('pending', 'settled', 'failed', 'reversed')`),
    check('payments_received', sql`(${t.status} in ('settled', 'reversed')) = (${t.receivedOn} is not null)`),
    check(
      'payments_reversal',
      sql`(${t.status} = 'reversed') = (${t.reversalReason} is not null and ${t.reversedOn} is not null)`
    ),
    index('payments_by_update').on(t.orgId, t.updatedAt, t.id),
    index('payments_of_client').on(t.orgId, t.clientId, t.receivedOn),
    index('payments_pending').on(t.orgId, t.clientId).where(sql`${t.status} = 'pending'`),
    index('payments_reversed').on(t.orgId, t.clientId).where(sql`${t.status} = 'reversed'`),
    index('payments_with_credit').on(t.orgId, t.clientId).where(sql`${t.unappliedMinor} > 0`)
  ]
)

/** What a payment is named for: of announced money that is held, and settled once the money is there; of settled money nothing else is applied by itself. */
export const announcedAllocations = pgTable(
  'announced_allocations',
  {
    orgId: orgId(),
    paymentId: uuid().notNull(),
    position: integer().notNull(),
    /** Null while no invoice has the reference. */
    invoiceId: uuid(),
    /** By what the source calls the invoice: it is followed to whichever invoice has the reference. */
    invoiceSource: text(),
    invoiceExternalId: text(),
    amountMinor: minor().notNull(),
    /** Named by its source: what cannot be set against the invoice yet is kept for it. */
    waits: boolean().notNull().default(false)
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.paymentId, t.position] }),
    index('announced_of_invoice').on(t.orgId, t.invoiceId),
    check(
      'announced_names',
      sql`${t.invoiceId} is not null or (${t.invoiceSource} is not null and ${t.invoiceExternalId} is not null)`
    ),
    foreignKey({ name: 'announced_payment', columns: [t.orgId, t.paymentId], foreignColumns: [payments.orgId, payments.id] }),
    foreignKey({ name: 'announced_invoice', columns: [t.orgId, t.invoiceId], foreignColumns: [invoices.orgId, invoices.id] }),
    check('announced_amount', sql`${t.amountMinor} > 0`)
  ]
)
