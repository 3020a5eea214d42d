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
import type { PromiseStatus } from './promise.ts'

export const promises = pgTable(
  'promises',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    currency: text().notNull(),
    amountMinor: minor().notNull(),
    madeOn: calendarDay().notNull(),
    promisedOn: calendarDay().notNull(),
    graceDays: integer().notNull(),
    /** Service goes on while it is pending. */
    restoresService: boolean().notNull().default(false),
    already: jsonb().$type<Already>().notNull(),
    channel: text(),
    note: text(),
    status: text().$type<PromiseStatus>().notNull(),
    endedOn: calendarDay(),
    endReason: text(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'promises_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    check('promises_amount', sql`${t.amountMinor} > 0`),
    check('promises_days', sql`${t.promisedOn} >= ${t.madeOn} and ${t.graceDays} >= 0`),
    check('promises_status', sql`${t.status} in ('pending', 'kept', 'broken', 'cancelled')`),
    check('promises_end', sql`(${t.status} = 'pending') = (${t.endedOn} is null)`),
    index('promises_of_client').on(t.orgId, t.clientId),
    index('promises_by_age').on(t.orgId, t.createdAt, t.id)
  ]
)

export const promiseInvoices = pgTable(
  'promise_invoices',
  {
    orgId: orgId(),
    promiseId: uuid().notNull(),
    invoiceId: uuid().notNull(),
    /** One promise at a time on each invoice: the same money must not keep two. */
    isPending: boolean().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.promiseId, t.invoiceId] }),
    foreignKey({
      name: 'promise_invoices_promise',
      columns: [t.orgId, t.promiseId],
      foreignColumns: [promises.orgId, promises.id]
    }),
    foreignKey({
      name: 'promise_invoices_invoice',
      columns: [t.orgId, t.invoiceId],
      foreignColumns: [invoices.orgId, invoices.id]
    }),
    uniqueIndex('promise_invoices_once').on(t.orgId, t.invoiceId).where(sql`${t.isPending}`)
  ]
)
