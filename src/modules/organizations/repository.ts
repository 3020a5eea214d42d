import { and, desc, eq, gt, isNull, or, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { refusedBy } from '../../db/errors.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { PaymentTerms } from '../../kernel/terms.ts'
import type { Mode, OwnLimits, Scope } from './api-key.ts'
import type { CalendarSettings, Organization } from './organization.ts'
import { apiKeys, businessCalendars, organizations } from './table.ts'

type OrganizationRow = {
  id: string
  name: string
  mode: Mode
  timeZone: string
  locale: string
  defaultCurrency: string
  defaultPaymentTerms: PaymentTerms
  defaultDunningPolicyId: string | null
  autoApplyCredit: boolean
  promiseGraceDays: number
  clearingDays: number
  dunningFromOn: Day
  announcedDaysMax: number
  clockAt: Date | null
  clockTargetAt: Date | null
  version: number
  createdAt: Date
  updatedAt: Date
  calendarVersion: number
  weekend: number[]
  country: string | null
  region: string | null
  closedDays: Day[]
  policyVersions: Record<string, number> | null
  revision: string
}

const columns = `o.org_id as id, o.name, o.mode, o.time_zone as "timeZone", o.locale, o.default_currency as "defaultCurrency",
  o.default_payment_terms as "defaultPaymentTerms", o.default_dunning_policy_id as "defaultDunningPolicyId",
  o.auto_apply_credit as "autoApplyCredit", o.promise_grace_days as "promiseGraceDays", o.clearing_days as "clearingDays",
  o.announced_days_max as "announcedDaysMax", o.dunning_from_on as "dunningFromOn", o.clock_at as "clockAt", o.clock_target_at as "clockTargetAt", o.version,
  o.created_at as "createdAt", o.updated_at as "updatedAt", o.calendar_version as "calendarVersion",
  c.weekend, c.country, c.region, c.closed_days::text[] as "closedDays",
  (select jsonb_object_agg(p.id, p.version) from dunning_policies p where p.org_id = o.org_id) as "policyVersions", o.revision`
const source = 'organizations o join business_calendars c on c.org_id = o.org_id and c.version = o.calendar_version'

const select = statement<OrganizationRow>('organizations.find', `select ${columns} from ${source} where o.org_id = $1`)
const selectPresent = statement<{ timeZone: string; clockAt: Date | null }>(
  'organizations.present',
  'select time_zone as "timeZone", clock_at as "clockAt" from organizations where org_id = $1'
)

export async function findPresent(reader: Reader): Promise<{ timeZone: string; clockAt: Date | null } | undefined> {
  const [row] = await reader.run(selectPresent, [reader.orgId])
  return row
}

const lockRow = statement<{ id: string }>(
  'organizations.lock_row',
  'select org_id as id from organizations where org_id = $1 for no key update'
)

const selectRevision = statement<{ revision: string }>(
  'organizations.revision',
  'select revision from organizations where org_id = $1'
)

/** Tells one state of an organization from every other that it had, has, or would have had but for a rollback. */
export async function findRevision(reader: Reader): Promise<string | undefined> {
  const [row] = await reader.run(selectRevision, [reader.orgId])
  return row?.revision
}

export async function find(reader: Reader): Promise<{ organization: Organization; revision: string } | undefined> {
  const [row] = await reader.run(select, [reader.orgId])
  return row && { organization: fromRow(row), revision: row.revision }
}

/**
 * Locks, then reads, in one trip. In one statement, a calendar that changed while it waited for the lock would leave it with
 * the new row and no calendar to join it to: as if there were no organization.
 */
export async function findForUpdate(tx: Tx): Promise<Organization | undefined> {
  const [, [row]] = await Promise.all([tx.run(lockRow, [tx.orgId]), tx.run(select, [tx.orgId])])
  return row && fromRow(row)
}

export async function insert(tx: Tx, organization: Organization): Promise<void> {
  await tx.sql.insert(organizations).values(toRow(organization))
}

/** @throws DomainError `reference_not_found` for a default policy that does not exist. */
export async function save(tx: Tx, organization: Organization): Promise<void> {
  const { orgId, ...changes } = toRow(organization)
  await refusedBy(tx.sql.update(organizations).set(changes).where(eq(organizations.orgId, orgId)), (constraint) =>
    constraint === 'organizations_default_policy'
      ? new DomainError('reference_not_found', 'There is no such dunning policy.', { pointer: '/default_dunning_policy_id' })
      : undefined
  )
}

export async function insertCalendar(tx: Tx, settings: CalendarSettings, createdAt: Date): Promise<void> {
  const { version, weekend, country, region, closedDays } = settings
  await tx.sql
    .insert(businessCalendars)
    .values({ orgId: tx.orgId, version, weekend: [...weekend], country, region, closedDays: [...closedDays], createdAt })
}

export async function findCalendar(reader: Reader, version: number): Promise<CalendarSettings | undefined> {
  const where = and(eq(businessCalendars.orgId, reader.orgId), eq(businessCalendars.version, version))
  const [row] = await reader.sql.select().from(businessCalendars).where(where)
  return row && { ...row, closedDays: row.closedDays as Day[] }
}

export async function moveClock(tx: Tx, clock: { at: Date; targetAt: Date | null }): Promise<void> {
  await tx.sql
    .update(organizations)
    .set({ clockAt: clock.at, clockTargetAt: clock.targetAt, updatedAt: clock.at })
    .where(eq(organizations.orgId, tx.orgId))
}

const selectAdvancing = statement<{ orgId: string }>(
  'organizations.advancing',
  'select org_id as "orgId" from organizations where clock_target_at is not null limit $1'
)

/** Needs the scheduler's reader. Organizations whose test clock is on its way. */
export async function organizationsAdvancing(scheduler: Reader, limit: number): Promise<string[]> {
  return (await scheduler.run(selectAdvancing, [limit])).map((row) => row.orgId)
}

const selectAll = statement<{ orgId: string }>(
  'organizations.all',
  'select org_id as "orgId" from organizations where org_id > $1 order by org_id limit $2'
)

/** Needs the scheduler's reader. Every organization, by id, for passes that visit each. */
export async function organizationsAfter(
  scheduler: Reader,
  { after, limit }: { after: string; limit: number }
): Promise<string[]> {
  return (await scheduler.run(selectAll, [after, limit])).map((row) => row.orgId)
}

export type ApiKey = typeof apiKeys.$inferSelect

export type OrganizationLimits = Readonly<{ itemsPerMinute: number | null; connections: number | null }>
export type KeyLimits = Readonly<{ itemsPerMinute: number | null }>

type FoundKey = { orgId: string; id: string; scopes: Scope[]; expiresAt: Date | null } & OwnLimits &
  Pick<OrganizationLimits, 'connections'>
const selectKey = statement<FoundKey>(
  'api_keys.find_by_hash',
  `select k.org_id as "orgId", k.id, k.scopes, k.expires_at as "expiresAt", k.items_per_minute as "itemsPerKey",
     o.items_per_minute as "itemsPerOrganization", o.connections
   from api_keys k join organizations o on o.org_id = k.org_id where k.hash = $1 and k.revoked_at is null`
)

/** Needs the scheduler's reader: a key is looked up before its organization is known. */
export async function findKeyByHash(scheduler: Reader, hash: string): Promise<FoundKey | undefined> {
  const [row] = await scheduler.run(selectKey, [hash])
  return row
}

export async function insertKey(tx: Tx, key: ApiKey): Promise<void> {
  await tx.sql.insert(apiKeys).values(key)
}

export async function findKeyForUpdate(tx: Tx, id: string): Promise<ApiKey | undefined> {
  const where = and(eq(apiKeys.orgId, tx.orgId), eq(apiKeys.id, id), isNull(apiKeys.revokedAt))
  const [row] = await tx.sql.select().from(apiKeys).where(where).for('update')
  return row
}

/** Live keys, locked, so that two requests cannot each revoke the last but one. */
export function liveKeysForUpdate(tx: Tx): Promise<ApiKey[]> {
  return tx.sql
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.orgId, tx.orgId), isNull(apiKeys.revokedAt)))
    .orderBy(apiKeys.id)
    .for('update')
}

export async function saveKey(tx: Tx, key: ApiKey): Promise<void> {
  const { orgId, id, ...changes } = key
  await tx.sql
    .update(apiKeys)
    .set(changes)
    .where(and(eq(apiKeys.orgId, orgId), eq(apiKeys.id, id)))
}

const writeOrganizationLimits = statement<OrganizationLimits>(
  'organizations.limit',
  `update organizations set items_per_minute = case when $2 then $3::int else items_per_minute end,
     connections = case when $4 then $5::int else connections end
   where org_id = $1 returning items_per_minute as "itemsPerMinute", connections`
)

/** Omitted limits are unchanged. @returns all of them, or undefined where there is no such organization */
export async function saveOrganizationLimits(
  tx: Tx,
  { itemsPerMinute, connections }: Partial<OrganizationLimits>
): Promise<OrganizationLimits | undefined> {
  const values = [itemsPerMinute !== undefined, itemsPerMinute ?? null, connections !== undefined, connections ?? null]
  const [row] = await tx.run(writeOrganizationLimits, [tx.orgId, ...values])
  return row
}

const writeKeyLimits = statement<KeyLimits>(
  'api_keys.limit',
  `update api_keys set items_per_minute = case when $3 then $4::int else items_per_minute end
   where org_id = $1 and id = $2 and revoked_at is null returning items_per_minute as "itemsPerMinute"`
)

/** The same of a key that is not revoked. */
export async function saveKeyLimits(tx: Tx, id: string, { itemsPerMinute }: Partial<KeyLimits>): Promise<KeyLimits | undefined> {
  const [row] = await tx.run(writeKeyLimits, [tx.orgId, id, itemsPerMinute !== undefined, itemsPerMinute ?? null])
  return row
}

export async function touchKey(tx: Tx, { id, at }: { id: string; at: Date }): Promise<void> {
  await tx.sql
    .update(apiKeys)
    .set({ lastUsedAt: at })
    .where(and(eq(apiKeys.orgId, tx.orgId), eq(apiKeys.id, id)))
}

export function pageOfKeys(reader: Reader, { limit, after, updatedSince }: PageInput): Promise<ApiKey[]> {
  return reader.sql
    .select()
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.orgId, reader.orgId),
        isNull(apiKeys.revokedAt),
        updatedSince === null ? undefined : or(gt(apiKeys.updatedAt, updatedSince), eq(apiKeys.updatedAt, updatedSince)),
        after === null
          ? undefined
          : sql`(${apiKeys.createdAt}, ${apiKeys.id}) < (${after.at.toISOString()}::timestamptz, ${after.id}::uuid)`
      )
    )
    .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
    .limit(limit)
}

type PageInput = Readonly<{ limit: number; after: { at: Date; id: string } | null; updatedSince: Date | null }>

function fromRow({
  calendarVersion,
  weekend,
  country,
  region,
  closedDays,
  policyVersions,
  ...row
}: OrganizationRow): Organization {
  return {
    ...row,
    defaultCurrency: storedCurrency(row.defaultCurrency),
    calendar: { version: calendarVersion, weekend, country, region, closedDays },
    policyVersions: new Map(Object.entries(policyVersions ?? {}))
  }
}

function toRow({ id, calendar, policyVersions: _, ...organization }: Organization): typeof organizations.$inferInsert {
  return { ...organization, orgId: id, calendarVersion: calendar.version }
}
