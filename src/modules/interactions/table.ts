import { sql } from 'drizzle-orm'
import { check, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { instant, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import { invoices } from '../invoices/table.ts'
import type { Direction, InteractionKind, InteractionOutcome, NonPaymentReason } from './interaction.ts'

/** Append-only. */
export const interactions = pgTable(
  'interactions',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    kind: text().$type<InteractionKind>().notNull(),
    direction: text().$type<Direction>(),
    /** No foreign key: a client's contacts come and go, and what was said to one who is gone stays said. */
    contactId: uuid(),
    by: text(),
    minutes: integer(),
    outcome: text().$type<InteractionOutcome>(),
    nonPaymentReason: text().$type<NonPaymentReason>(),
    occurredAt: instant().notNull(),
    summary: text(),
    /** The stage entry that it tells the outcome of. */
    dunningEntryId: uuid(),
    metadata: jsonb().$type<Record<string, string>>().notNull(),
    createdAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'interactions_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    check('interactions_kind', sql`${t.kind} in ('call', 'e_mail', 'sms', 'letter', 'meeting', 'visit', 'note')`),
    check('interactions_direction', sql`${t.direction} in ('inbound', 'outbound')`),
    check('interactions_note_undirected', sql`(${t.kind} = 'note') = (${t.direction} is null)`),
    check('interactions_minutes', sql`${t.minutes} between 0 and 1440`),
    check(
      'interactions_outcome',
      sql`${t.outcome} in ('reached', 'no_answer', 'replied', 'promised', 'disputed', 'refused', 'evasive', 'claims_paid', 'fee_haggling', 'after_hours_demand', 'abusive', 'scope_change', 'sent', 'delivered', 'bounced', 'suppressed', 'answered', 'other')`
    ),
    check(
      'interactions_non_payment_reason',
      sql`${t.nonPaymentReason} in ('cash_flow', 'seasonal', 'unaware_of_terms', 'invoice_not_received', 'awaiting_approval', 'claims_paid', 'dissatisfied', 'misunderstanding', 'unwilling', 'unknown')`
    ),
    check(
      'interactions_of_entry_outcome',
      sql`${t.dunningEntryId} is null or coalesce(${t.outcome} in ('sent', 'delivered', 'bounced', 'suppressed', 'answered'), false)`
    ),
    index('interactions_by_age').on(t.orgId, t.createdAt, t.id),
    index('interactions_of_client').on(t.orgId, t.clientId, t.createdAt, t.id),
    index('interactions_of_entry').on(t.orgId, t.dunningEntryId).where(sql`${t.dunningEntryId} is not null`)
  ]
)

/** What an interaction was about. Append-only as well. */
export const interactionInvoices = pgTable(
  'interaction_invoices',
  {
    orgId: orgId(),
    interactionId: uuid().notNull(),
    invoiceId: uuid().notNull(),
    position: integer().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.interactionId, t.invoiceId] }),
    foreignKey({
      name: 'interaction_invoices_interaction',
      columns: [t.orgId, t.interactionId],
      foreignColumns: [interactions.orgId, interactions.id]
    }),
    foreignKey({
      name: 'interaction_invoices_invoice',
      columns: [t.orgId, t.invoiceId],
      foreignColumns: [invoices.orgId, invoices.id]
    }),
    uniqueIndex('interaction_invoices_in_order').on(t.orgId, t.interactionId, t.position),
    index('interaction_invoices_of_invoice').on(t.orgId, t.invoiceId, t.interactionId)
  ]
)
