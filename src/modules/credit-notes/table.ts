import { sql } from 'drizzle-orm'
import { check, foreignKey, index, integer, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import { invoices } from '../invoices/table.ts'
import type { CreditReason } from './credit-note.ts'

/** What each took from its invoice stands in the ledger, under the kind `credit_note`. */
export const creditNotes = pgTable(
  'credit_notes',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    invoiceId: uuid().notNull(),
    disputeId: uuid(),
    currency: text().notNull(),
    amountMinor: minor().notNull(),
    /** What payments had settled of it, and got back. */
    releasedMinor: minor().notNull(),
    reason: text().$type<CreditReason>().notNull(),
    note: text(),
    issuedOn: calendarDay().notNull(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'credit_notes_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    foreignKey({ name: 'credit_notes_invoice', columns: [t.orgId, t.invoiceId], foreignColumns: [invoices.orgId, invoices.id] }),
    unique('credit_notes_dispute').on(t.orgId, t.disputeId),
    check('credit_notes_amount', sql`${t.amountMinor} > 0`),
    check('credit_notes_released', sql`${t.releasedMinor} between 0 and ${t.amountMinor}`),
    index('credit_notes_of_client').on(t.orgId, t.clientId),
    index('credit_notes_of_invoice').on(t.orgId, t.invoiceId),
    index('credit_notes_by_age').on(t.orgId, t.createdAt, t.id)
  ]
)
