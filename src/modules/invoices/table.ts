import { sql } from 'drizzle-orm'
import { boolean, check, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'

export type InvoiceStatus = 'open' | 'paid' | 'void' | 'written_off'
export type PaymentLink = Readonly<{ kind: string; url: string }>

export const invoices = pgTable(
  'invoices',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    number: text().notNull(),
    currency: text().notNull(),
    totalMinor: minor().notNull(),
    balanceMinor: minor().notNull(),
    issuedOn: calendarDay().notNull(),
    /** The last day on which something of it falls due. */
    dueOn: calendarDay().notNull(),
    status: text().$type<InvoiceStatus>().notNull(),
    collectionMethod: text().$type<'manual' | 'autopay'>().notNull(),
    dunningStart: text().$type<'normal' | 'baseline' | 'off'>().notNull(),
    dunningPolicyId: uuid(),
    paymentLinks: jsonb().$type<PaymentLink[]>().notNull(),
    metadata: jsonb().$type<Record<string, string>>().notNull(),
    replacedById: uuid(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'invoices_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    foreignKey({ name: 'invoices_replaced_by', columns: [t.orgId, t.replacedById], foreignColumns: [t.orgId, t.id] }),
    check('invoices_total', sql`${t.totalMinor} > 0`),
    check('invoices_balance', sql`${t.balanceMinor} between 0 and ${t.totalMinor}`),
    check('invoices_status', sql`${t.status} in ('open', 'paid', 'void', 'written_off')`),
    check('invoices_open_balance', sql`(${t.status} = 'open') = (${t.balanceMinor} > 0)`),
    index('invoices_by_update').on(t.orgId, t.updatedAt, t.id),
    index('invoices_of_client').on(t.orgId, t.clientId, t.issuedOn),
    index('invoices_by_number').on(t.orgId, t.number)
  ]
)

/** What falls due. Balance and dunning state are kept per obligation; the invoice's balance is their sum. */
export const obligations = pgTable(
  'obligations',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    invoiceId: uuid().notNull(),
    clientId: uuid().notNull(),
    kind: text().$type<'invoice' | 'part'>().notNull(),
    dueOn: calendarDay().notNull(),
    currency: text().notNull(),
    amountMinor: minor().notNull(),
    balanceMinor: minor().notNull(),
    /** Moving the due date starts the next one; a stage is entered once in each. */
    cycle: integer().notNull(),
    /** The first day on which it is overdue: the day after its due date, or after the open day that takes its place. */
    overdueFromOn: calendarDay().notNull(),
    /** Whether `invoice.overdue` was said in this cycle. */
    overdueAnnounced: boolean().notNull(),
    stageCode: text(),
    stageEnteredAt: instant(),
    nextStageCode: text(),
    /** When the next stage is entered, if nothing changes; null exactly where no next stage is known. */
    nextEntryAt: instant(),
    /** The earliest instant at which deciding again could change something: an entry, or becoming overdue. Null if nothing can by itself. */
    nextAt: instant(),
    /** Since when deciding it makes no progress, whenever it is looked at; null while it does. */
    parkedAt: instant(),
    /** A hold keeps it from being dunned. */
    isHeld: boolean().notNull().default(false),
    /** Pinned at the cycle's first entry. */
    policyId: uuid(),
    policyVersion: integer()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'obligations_invoice', columns: [t.orgId, t.invoiceId], foreignColumns: [invoices.orgId, invoices.id] }),
    foreignKey({ name: 'obligations_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    // A part that was lowered to 0 is none any more; its ledger entries are kept.
    check('obligations_amount', sql`${t.amountMinor} >= 0`),
    check('obligations_balance', sql`${t.balanceMinor} between 0 and ${t.amountMinor}`),
    check('obligations_policy_pinned', sql`(${t.policyId} is null) = (${t.policyVersion} is null)`),
    index('obligations_of_invoice').on(t.orgId, t.invoiceId),
    index('obligations_open_of_client').on(t.orgId, t.clientId, t.dueOn).where(sql`${t.balanceMinor} > 0`),
    index('obligations_due').on(t.orgId, t.nextAt).where(sql`${t.nextAt} is not null`)
  ]
)

export type LedgerKind =
  | 'invoice_issued'
  | 'total_adjusted'
  | 'payment'
  | 'allocation'
  | 'allocation_reversed'
  | 'payment_reversed'
  | 'plan_discount'
  | 'plan_discount_reversed'
  | 'credit_note'
  | 'voided'
  | 'written_off'
  | 'write_off_recovered'

/**
 * Append-only. What an obligation's balance and a payment's unapplied rest changed by, on the day it counts for and
 * at the instant it was recorded: any day's receivables can be rebuilt from it.
 */
export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    kind: text().$type<LedgerKind>().notNull(),
    clientId: uuid().notNull(),
    currency: text().notNull(),
    invoiceId: uuid(),
    obligationId: uuid(),
    paymentId: uuid(),
    /** Signed: what the obligation's balance changed by. */
    balanceMinor: minor().notNull(),
    /** Signed: what the payment's unapplied rest changed by. */
    unappliedMinor: minor().notNull(),
    effectiveOn: calendarDay().notNull(),
    recordedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'ledger_entries_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    foreignKey({
      name: 'ledger_entries_obligation',
      columns: [t.orgId, t.obligationId],
      foreignColumns: [obligations.orgId, obligations.id]
    }),
    check('ledger_entries_balance_side', sql`(${t.obligationId} is not null) = (${t.balanceMinor} <> 0)`),
    // A recovery says which payment brought it in, whose rest the allocation beside it moves.
    check(
      'ledger_entries_payment_side',
      sql`(${t.paymentId} is not null) = (${t.unappliedMinor} <> 0 or ${t.kind} = 'write_off_recovered')`
    ),
    index('ledger_entries_of_obligation').on(t.orgId, t.obligationId),
    index('ledger_entries_of_payment').on(t.orgId, t.paymentId).where(sql`${t.paymentId} is not null`),
    index('ledger_entries_of_client').on(t.orgId, t.clientId, t.effectiveOn)
  ]
)
