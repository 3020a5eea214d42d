import { sql } from 'drizzle-orm'
import { check, foreignKey, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import { creditNotes } from '../credit-notes/table.ts'
import { invoices } from '../invoices/table.ts'
import type { DisputeReason, DisputeStatus, Fault } from './dispute.ts'

export const disputes = pgTable(
  'disputes',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    invoiceId: uuid().notNull(),
    currency: text().notNull(),
    amountMinor: minor().notNull(),
    reason: text().$type<DisputeReason>().notNull(),
    note: text(),
    openedOn: calendarDay().notNull(),
    respondByOn: calendarDay(),
    /** When the day for our answer had passed without one; said once. */
    overdueAt: instant(),
    status: text().$type<DisputeStatus>().notNull(),
    atFault: text().$type<Fault>(),
    creditMinor: minor(),
    creditNoteId: uuid(),
    /** Why it ended by itself. */
    endReason: text().$type<'invoice_closed'>(),
    resolutionNote: text(),
    resolvedOn: calendarDay(),
    resolvedAt: instant(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'disputes_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    foreignKey({ name: 'disputes_invoice', columns: [t.orgId, t.invoiceId], foreignColumns: [invoices.orgId, invoices.id] }),
    foreignKey({
      name: 'disputes_credit_note',
      columns: [t.orgId, t.creditNoteId],
      foreignColumns: [creditNotes.orgId, creditNotes.id]
    }),
    check('disputes_amount', sql`${t.amountMinor} > 0`),
    check('disputes_status', sql`${t.status} in ('open', 'upheld', 'partly_upheld', 'rejected', 'withdrawn')`),
    check('disputes_credit', sql`${t.creditMinor} between 0 and ${t.amountMinor}`),
    check(
      'disputes_resolution',
      sql`(${t.status} <> 'open') = (${t.resolvedOn} is not null and ${t.resolvedAt} is not null and ${t.creditMinor} is not null)`
    ),
    check('disputes_credited', sql`(${t.creditNoteId} is not null) = (coalesce(${t.creditMinor}, 0) > 0)`),
    index('disputes_of_client').on(t.orgId, t.clientId),
    index('disputes_of_invoice').on(t.orgId, t.invoiceId),
    index('disputes_by_age').on(t.orgId, t.createdAt, t.id)
  ]
)
