import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid
} from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import type { Already } from '../invoices/ledger.ts'
import { invoices } from '../invoices/table.ts'
import type { InstallmentStatus, PlanStatus } from './plan.ts'

/** An acceptance as it is stored; `at` is an instant in RFC 3339. */
export type StoredAcceptance = Readonly<{
  by: string
  at: string
  channel: string | null
  note: string | null
  documentUrl: string | null
}>

export const paymentPlans = pgTable(
  'payment_plans',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    currency: text().notNull(),
    coveredMinor: minor().notNull(),
    discountMinor: minor().notNull(),
    givenMinor: minor().notNull().default(sql`0`),
    graceDays: integer().notNull(),
    breakAfterMissed: integer().notNull(),
    /** Service goes on while it is active. */
    restoresService: boolean().notNull().default(false),
    expiresOn: calendarDay().notNull(),
    status: text().$type<PlanStatus>().notNull(),
    acceptance: jsonb().$type<StoredAcceptance>(),
    acceptedOn: calendarDay(),
    already: jsonb().$type<Already>().notNull(),
    replacesId: uuid(),
    replacedById: uuid(),
    endedOn: calendarDay(),
    endReason: text(),
    note: text(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'payment_plans_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    foreignKey({ name: 'payment_plans_replaces', columns: [t.orgId, t.replacesId], foreignColumns: [t.orgId, t.id] }),
    foreignKey({ name: 'payment_plans_replaced_by', columns: [t.orgId, t.replacedById], foreignColumns: [t.orgId, t.id] }),
    check('payment_plans_amounts', sql`${t.discountMinor} >= 0 and ${t.discountMinor} < ${t.coveredMinor}`),
    check(
      'payment_plans_status',
      sql`${t.status} in ('proposed', 'active', 'completed', 'broken', 'cancelled', 'rejected', 'expired')`
    ),
    check('payment_plans_accepted', sql`(${t.acceptance} is null) = (${t.acceptedOn} is null)`),
    index('payment_plans_of_client').on(t.orgId, t.clientId),
    index('payment_plans_by_age').on(t.orgId, t.createdAt, t.id)
  ]
)

export const paymentPlanInvoices = pgTable(
  'payment_plan_invoices',
  {
    orgId: orgId(),
    planId: uuid().notNull(),
    invoiceId: uuid().notNull(),
    /** One active plan at a time on each invoice. */
    isActive: boolean().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.planId, t.invoiceId] }),
    foreignKey({
      name: 'payment_plan_invoices_plan',
      columns: [t.orgId, t.planId],
      foreignColumns: [paymentPlans.orgId, paymentPlans.id]
    }),
    foreignKey({
      name: 'payment_plan_invoices_invoice',
      columns: [t.orgId, t.invoiceId],
      foreignColumns: [invoices.orgId, invoices.id]
    }),
    uniqueIndex('payment_plan_invoices_once').on(t.orgId, t.invoiceId).where(sql`${t.isActive}`),
    index('payment_plan_invoices_of_invoice').on(t.orgId, t.invoiceId)
  ]
)

export const installments = pgTable(
  'installments',
  {
    orgId: orgId(),
    planId: uuid().notNull(),
    position: integer().notNull(),
    dueOn: calendarDay().notNull(),
    amountMinor: minor().notNull(),
    paidMinor: minor().notNull(),
    creditedMinor: minor().notNull().default(sql`0`),
    status: text().$type<InstallmentStatus>().notNull(),
    missedOn: calendarDay(),
    toldSoon: boolean().notNull(),
    toldDue: boolean().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.planId, t.position] }),
    foreignKey({
      name: 'installments_plan',
      columns: [t.orgId, t.planId],
      foreignColumns: [paymentPlans.orgId, paymentPlans.id]
    }),
    check('installments_amount', sql`${t.amountMinor} > 0 and ${t.paidMinor} between 0 and ${t.amountMinor}`),
    check('installments_credited', sql`${t.creditedMinor} between 0 and ${t.amountMinor} - ${t.paidMinor}`),
    check('installments_status', sql`${t.status} in ('upcoming', 'due', 'missed', 'paid')`)
  ]
)
