import { sql } from 'drizzle-orm'
import { boolean, check, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { calendarDay, instant, orgId } from '../../db/columns.ts'
import type { PaymentTerms } from '../../kernel/terms.ts'

export const organizations = pgTable(
  'organizations',
  {
    orgId: orgId(),
    name: text().notNull(),
    mode: text().$type<'live' | 'test'>().notNull(),
    timeZone: text().notNull(),
    locale: text().notNull(),
    defaultCurrency: text().notNull(),
    defaultPaymentTerms: jsonb().$type<PaymentTerms>().notNull(),
    defaultDunningPolicyId: uuid(),
    autoApplyCredit: boolean().notNull(),
    /** Calendar days after a promised day on which money still keeps the promise. */
    promiseGraceDays: integer().notNull().default(2),
    /** How many days after it matures announced money may take to show on the account. */
    clearingDays: integer().notNull().default(3),
    /** What was overdue when it arrived and fell due before this day starts without events and actions. */
    dunningFromOn: calendarDay().notNull().default(sql`current_date`),
    /** How many days ahead money may be announced or promised. */
    announcedDaysMax: integer().notNull().default(400),
    /** Limits that the operator has set for it; null for those of the settings, 0 items for no limit. */
    itemsPerMinute: integer(),
    connections: integer(),
    calendarVersion: integer().notNull(),
    /** A test organization's own time; null for a live one. */
    clockAt: instant(),
    /** Where an advance of that clock is going; null when it stands still. */
    clockTargetAt: instant(),
    /** Another one whenever the row, or the version of one of its policies, changes, by triggers. Never one that was there before. */
    revision: uuid().notNull().default(sql`gen_random_uuid()`),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId] }),
    check('organizations_mode', sql`${t.mode} in ('live', 'test')`),
    check('organizations_clock', sql`(${t.mode} = 'test') = (${t.clockAt} is not null)`),
    check('organizations_clock_target', sql`${t.clockTargetAt} is null or ${t.clockTargetAt} >= ${t.clockAt}`),
    check('organizations_announced', sql`${t.announcedDaysMax} between 1 and 3650`),
    check('organizations_limits', sql`${t.itemsPerMinute} between 0 and 10000000 and ${t.connections} between 1 and 200`),
    check('organizations_clearing', sql`${t.clearingDays} between 0 and 30`),
    index('organizations_advancing').on(t.orgId).where(sql`${t.clockTargetAt} is not null`)
  ]
)

/** Append-only: a decision names the version that it was made with, so that history does not follow later edits. */
export const businessCalendars = pgTable(
  'business_calendars',
  {
    orgId: orgId(),
    version: integer().notNull(),
    weekend: integer().array().notNull(),
    country: text(),
    region: text(),
    closedDays: calendarDay().array().notNull(),
    createdAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.version] }),
    foreignKey({ name: 'business_calendars_organization', columns: [t.orgId], foreignColumns: [organizations.orgId] })
  ]
)

export const apiKeys = pgTable(
  'api_keys',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    name: text().notNull(),
    /** SHA-256 of the key, hex. The one global unique: it is looked up before any organization is known. */
    hash: text().notNull(),
    /** The first characters of the key, for people to tell keys apart. */
    prefix: text().notNull(),
    scopes: text().array().$type<('read' | 'write' | 'admin')[]>().notNull(),
    expiresAt: instant(),
    lastUsedAt: instant(),
    revokedAt: instant(),
    /** A limit that the operator has set for it; null for that of the settings, 0 for none. */
    itemsPerMinute: integer(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    unique('api_keys_hash').on(t.hash),
    check('api_keys_limit', sql`${t.itemsPerMinute} between 0 and 10000000`),
    foreignKey({ name: 'api_keys_organization', columns: [t.orgId], foreignColumns: [organizations.orgId] })
  ]
)

/** A key is stored with the answer that it got, in the transaction of its effect. There is no "in progress" state. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    orgId: orgId(),
    key: text().notNull(),
    fingerprint: text().notNull(),
    status: integer().notNull(),
    /** The answer's exact text; sealed where it holds a secret that is shown once. */
    body: text().notNull(),
    sealed: boolean().notNull(),
    createdAt: instant().notNull()
  },
  (t) => [primaryKey({ columns: [t.orgId, t.key] }), index('idempotency_keys_age').on(t.orgId, t.createdAt)]
)
