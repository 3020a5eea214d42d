import { sql } from 'drizzle-orm'
import { boolean, check, foreignKey, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import { invoices } from '../invoices/table.ts'
import type { HoldOrigin, HoldReason, HoldScope, Resumption } from './hold.ts'

/** Released holds stay: a clock that stood still has to be known afterwards. */
export const holds = pgTable(
  'holds',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    scope: text().$type<HoldScope>().notNull(),
    reason: text().$type<HoldReason>().notNull(),
    resume: text().$type<Resumption>().notNull(),
    fromOn: calendarDay().notNull(),
    untilOn: calendarDay(),
    amountMinor: minor(),
    currency: text(),
    /** From requests of former releases. Nothing reads it until there are fees. */
    stopsFees: boolean().notNull(),
    /** Service goes on while it holds. */
    restoresService: boolean().notNull().default(false),
    note: text(),
    originKind: text().$type<HoldOrigin['kind']>(),
    originId: uuid(),
    releasedAt: instant(),
    releasedOn: calendarDay(),
    releaseReason: text(),
    /** From then on nothing is left of what it was placed for, and it waits for somebody to release it. */
    reviewDueAt: instant(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'holds_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    check('holds_scope', sql`${t.scope} in ('client', 'invoices')`),
    check('holds_amount', sql`${t.amountMinor} > 0 and (${t.amountMinor} is null) = (${t.currency} is null)`),
    check('holds_origin', sql`(${t.originKind} is null) = (${t.originId} is null)`),
    check(
      'holds_release',
      sql`(${t.releasedAt} is null) = (${t.releasedOn} is null) and (${t.releasedAt} is null) = (${t.releaseReason} is null)`
    ),
    index('holds_of_client').on(t.orgId, t.clientId),
    index('holds_of_origin').on(t.orgId, t.originId).where(sql`${t.originId} is not null`),
    index('holds_by_age').on(t.orgId, t.createdAt, t.id)
  ]
)

export const holdInvoices = pgTable(
  'hold_invoices',
  {
    orgId: orgId(),
    holdId: uuid().notNull(),
    invoiceId: uuid().notNull(),
    /** What of the invoice is held, of a hold over parts. Null: as much as the hold says, or all of it. */
    amountMinor: minor()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.holdId, t.invoiceId] }),
    foreignKey({ name: 'hold_invoices_hold', columns: [t.orgId, t.holdId], foreignColumns: [holds.orgId, holds.id] }),
    foreignKey({ name: 'hold_invoices_invoice', columns: [t.orgId, t.invoiceId], foreignColumns: [invoices.orgId, invoices.id] }),
    check('hold_invoices_amount', sql`${t.amountMinor} >= 0`),
    index('hold_invoices_of_invoice').on(t.orgId, t.invoiceId)
  ]
)
