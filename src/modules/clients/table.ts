import { sql } from 'drizzle-orm'
import { boolean, check, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import type { PaymentTerms } from '../../kernel/terms.ts'
import { organizations } from '../organizations/table.ts'
import type { ContactRole, ServiceStatus } from './client.ts'

export const clients = pgTable(
  'clients',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    name: text().notNull(),
    locale: text(),
    timeZone: text(),
    currency: text(),
    paymentTerms: jsonb().$type<PaymentTerms>(),
    /** From requests of former releases. Nothing reads or writes it until there are credit checks. */
    creditLimitMinor: minor(),
    creditLimitCurrency: text(),
    parentId: uuid(),
    dunningPolicyId: uuid(),
    dunningExemptUntilOn: calendarDay(),
    tags: text().array().notNull(),
    metadata: jsonb().$type<Record<string, string>>().notNull(),
    archivedAt: instant(),
    serviceStatus: text().$type<ServiceStatus>().notNull().default('active'),
    offboardingStartedAt: instant(),
    /** Nothing was owed any more. */
    offboardedAt: instant(),
    nextNoticeAt: instant(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'clients_organization', columns: [t.orgId], foreignColumns: [organizations.orgId] }),
    foreignKey({ name: 'clients_parent', columns: [t.orgId, t.parentId], foreignColumns: [t.orgId, t.id] }),
    check(
      'clients_credit_limit',
      sql`(${t.creditLimitMinor} is null) = (${t.creditLimitCurrency} is null) and ${t.creditLimitMinor} >= 0`
    ),
    check('clients_service_status', sql`${t.serviceStatus} in ('active', 'suspended', 'ending')`),
    check('clients_offboarded', sql`${t.offboardedAt} is null or ${t.offboardingStartedAt} is not null`),
    check('clients_not_own_parent', sql`${t.parentId} <> ${t.id}`),
    index('clients_by_update').on(t.orgId, t.updatedAt, t.id),
    index('clients_by_age').on(t.orgId, t.createdAt, t.id),
    index('clients_by_zone').on(t.orgId, t.timeZone).where(sql`${t.timeZone} is not null`),
    index('clients_of_parent').on(t.orgId, t.parentId).where(sql`${t.parentId} is not null`)
  ]
)

export const contacts = pgTable(
  'contacts',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    position: integer().notNull(),
    /** Unique within the client, checked at the commit: two may swap theirs in one request. */
    ref: text(),
    name: text().notNull(),
    salutation: text(),
    role: text().$type<ContactRole>().notNull(),
    email: text(),
    phone: text(),
    locale: text(),
    doNotContact: boolean().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'contacts_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    index('contacts_of_client').on(t.orgId, t.clientId, t.position),
    check('contacts_role', sql`${t.role} in ('billing', 'approver', 'owner', 'legal', 'guarantor')`)
  ]
)

/** In which order clients are locked; see `lockOrder`. */
export const inLockOrder = [sql`${clients.parentId} is not null`, clients.id] as const
