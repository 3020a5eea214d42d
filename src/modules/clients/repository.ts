import { and, eq } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { LockOutdated, refusedBy } from '../../db/errors.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { PaymentTerms } from '../../kernel/terms.ts'
import { type ExternalRef, externalRefsOf } from '../references/reference.ts'
import type { Client, ClientTerms, Contact, ServiceStatus } from './client.ts'
import { lockOrder } from './owned.ts'
import { clients } from './table.ts'

type TermsRow = Readonly<{
  id: string
  name: string
  locale: string | null
  timeZone: string | null
  currency: string | null
  paymentTerms: PaymentTerms | null
  dunningPolicyId: string | null
  dunningExemptUntilOn: Day | null
  archivedAt: Date | null
  offboardingStartedAt: Date | null
  parentId: string | null
}>

type ClientRow = TermsRow &
  Readonly<{
    serviceStatus: ServiceStatus
    offboardedAt: Date | null
    nextNoticeAt: Date | null
    holdReviewDueAt: Date | null
    tags: string[]
    metadata: Record<string, string>
    contacts: Contact[]
    externalRefs: ExternalRef[]
    version: number
    createdAt: Date
    updatedAt: Date
  }>

const termsColumns = `c.id, c.name, c.locale, c.time_zone as "timeZone", c.currency, c.payment_terms as "paymentTerms",
  c.dunning_policy_id as "dunningPolicyId", c.dunning_exempt_until_on as "dunningExemptUntilOn", c.archived_at as "archivedAt",
  c.offboarding_started_at as "offboardingStartedAt", c.parent_id as "parentId"`

const columns = `${termsColumns}, c.service_status as "serviceStatus", c.offboarded_at as "offboardedAt", c.next_notice_at as "nextNoticeAt",
  (select min(h.review_due_at) from holds h where h.org_id = c.org_id and h.client_id = c.id and h.released_at is null) as "holdReviewDueAt",
  c.tags, c.metadata, c.version, c.created_at as "createdAt", c.updated_at as "updatedAt",
  coalesce((select json_agg(json_build_object('id', k.id, 'ref', k.ref, 'name', k.name, 'salutation', k.salutation, 'role', k.role, 'email', k.email,
      'phone', k.phone, 'locale', k.locale, 'doNotContact', k.do_not_contact) order by k.position)
    from contacts k where k.org_id = c.org_id and k.client_id = c.id), '[]'::json) as contacts,
  ${externalRefsOf('c.id')} as "externalRefs"`

const select = statement<ClientRow>('clients.find', `select ${columns} from clients c where c.org_id = $1 and c.id = $2`)
const selectMany = statement<ClientRow>(
  'clients.find_many',
  `select ${columns} from clients c where c.org_id = $1 and c.id = any($2::uuid[])`
)
const lockRow = statement<{ id: string }>(
  'clients.lock_row',
  'select id from clients where org_id = $1 and id = $2 for no key update'
)

export async function find(reader: Reader, id: string): Promise<Client | undefined> {
  const [row] = await reader.run(select, [reader.orgId, id])
  return row && fromRow(row)
}

export async function findMany(reader: Reader, ids: readonly string[]): Promise<Client[]> {
  return (await reader.run(selectMany, [reader.orgId, ids])).map(fromRow)
}

/**
 * Locks first, then reads, in one trip: a statement that does both would wait for the lock and then show contacts and
 * references as they were before the wait.
 */
export async function findForUpdate(tx: Tx, id: string): Promise<Client | undefined> {
  const [, [row]] = await Promise.all([tx.run(lockRow, [tx.orgId, id]), tx.run(select, [tx.orgId, id])])
  return row && fromRow(row)
}

/** With its parent, whose money may be set against the client's invoices: nobody else moves that meanwhile. */
const lockTerms = statement<TermsRow>(
  'clients.lock',
  `select ${termsColumns} from clients c
   where c.org_id = $1 and (c.id = any($2::uuid[])
     or c.id = any(array(select parent_id from clients where org_id = $1 and id = any($2::uuid[]) and parent_id is not null)))
   order by ${lockOrder} for no key update`
)

const lockOneTerms = statement<TermsRow>(
  'clients.lock_one',
  `select ${termsColumns} from clients c
   where c.org_id = $1 and c.id = any(array[$2::uuid, (select parent_id from clients where org_id = $1 and id = $2)])
   order by ${lockOrder} for no key update`
)

/** One alone has a statement of its own: a list of ids would be planned anew each time. */
export async function lockOne(tx: Tx, id: string): Promise<ClientTerms | undefined> {
  return requested(await tx.run(lockOneTerms, [tx.orgId, id]), [id])[0]
}

export async function lock(tx: Tx, ids: readonly string[]): Promise<ClientTerms[]> {
  return requested(await tx.run(lockTerms, [tx.orgId, ids]), ids)
}

/** @throws LockOutdated where a client was given another parent while its lock was waited for, and that one is not locked. */
function requested(rows: readonly TermsRow[], ids: readonly string[]): ClientTerms[] {
  const locked = new Set(rows.map(({ id }) => id))
  const wanted = new Set(ids)
  const found = rows.filter(({ id }) => wanted.has(id))
  if (found.some(({ parentId }) => parentId !== null && !locked.has(parentId)))
    throw new LockOutdated('A client got another parent meanwhile.')
  return found.map(termsFrom)
}

export type ClientFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  updatedSince: Date | null
  tag: string | null
}>

/** Conditions without `or`, so that one plan serves them all: what is not asked for compares with the end of the range. */
const selectPage = statement<ClientRow>(
  'clients.page',
  `select ${columns} from clients c
   where c.org_id = $1
     and (c.created_at, c.id) < (coalesce($3, 'infinity'::timestamptz), coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
     and c.updated_at >= coalesce($5, '-infinity'::timestamptz)
     and c.tags @> coalesce($6::text[], '{}')
   order by c.created_at desc, c.id desc limit $2`
)

export async function page(reader: Reader, { limit, after, updatedSince, tag }: ClientFilter): Promise<Client[]> {
  const tags = tag === null ? null : [tag]
  const rows = await reader.run(selectPage, [reader.orgId, limit, after?.at, after?.id, updatedSince, tags])
  return rows.map(fromRow)
}

const lockParent = statement<{ parentId: string | null }>(
  'clients.lock_parent',
  'select parent_id as "parentId" from clients where org_id = $1 and id = $2 for no key update'
)
const lockPair = statement<{ id: string }>(
  'clients.lock_pair',
  `select c.id from clients c where c.org_id = $1 and c.id = any(array[$2::uuid, $3::uuid])
     and exists (select from clients where org_id = $1 and id = $2 and parent_id is distinct from $3)
   order by ${lockOrder} for no key update`
)
const selectChild = statement<{ id: string }>(
  'clients.find_child',
  'select id from clients where org_id = $1 and parent_id = $2 limit 1'
)

/**
 * Locks the parent against being given a parent itself until this transaction ends, and as whoever moves money of its branches does, so
 * that what the branch does next does not wait for another one that has come under it.
 */
export async function findParent(tx: Tx, id: string): Promise<{ parentId: string | null } | undefined> {
  const [row] = await tx.run(lockParent, [tx.orgId, id])
  return row
}

/** Locks a client and the parent that it is to be given, in the order in which all lock several. Nothing where it has this parent. */
export async function lockWithParent(tx: Tx, { id, parentId }: { id: string; parentId: string }): Promise<void> {
  await tx.run(lockPair, [tx.orgId, id, parentId])
}

export type Branch = Readonly<{ id: string; timeZone: string | null }>

const selectBranches = statement<Branch>(
  'clients.branches',
  'select id, time_zone as "timeZone" from clients where org_id = $1 and parent_id = $2'
)

/** The clients that have this one as their parent. */
export const branchesOf = (reader: Reader, parentId: string): Promise<Branch[]> =>
  reader.run(selectBranches, [reader.orgId, parentId])

export async function hasChild(reader: Reader, id: string): Promise<boolean> {
  return (await reader.run(selectChild, [reader.orgId, id])).length > 0
}

/** @throws DomainError `reference_not_found` for a dunning policy that does not exist. */
export async function insert(tx: Tx, client: Client): Promise<void> {
  await refusedBy(tx.sql.insert(clients).values(toRow(tx, client)), refusalOfWrite)
}

/** @throws DomainError `reference_not_found` for a dunning policy that does not exist. */
export async function save(tx: Tx, client: Client): Promise<void> {
  const { orgId, id, ...changes } = toRow(tx, client)
  const where = and(eq(clients.orgId, orgId), eq(clients.id, id))
  await refusedBy(tx.sql.update(clients).set(changes).where(where), refusalOfWrite)
}

const writeNextNotice = statement<{ id: string }>(
  'clients.set_next_notice',
  'update clients set next_notice_at = $3 where org_id = $1 and id = $2'
)

/** No change of the client's own: its version stays. */
export async function setNextNotice(tx: Tx, { id, at }: { id: string; at: Date | null }): Promise<void> {
  await tx.run(writeNextNotice, [tx.orgId, id, at])
}

const upsertContacts = statement<{ id: string }>(
  'clients.save_contacts',
  `with gone as (delete from contacts where org_id = $1 and client_id = $2 and id <> all($3::uuid[]))
   insert into contacts (org_id, client_id, id, position, name, salutation, role, email, phone, locale, do_not_contact, ref)
   select $1, $2, t.* from unnest($3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bool[], $12::text[]) as t
   on conflict (org_id, id) do update set position = excluded.position, name = excluded.name, salutation = excluded.salutation,
     role = excluded.role, email = excluded.email, phone = excluded.phone, locale = excluded.locale, do_not_contact = excluded.do_not_contact,
     ref = excluded.ref`
)

/** The list replaces the client's contacts. */
export async function saveContacts(tx: Tx, { id, contacts }: Pick<Client, 'id' | 'contacts'>): Promise<void> {
  await tx.run(upsertContacts, [
    tx.orgId,
    id,
    contacts.map((contact) => contact.id),
    contacts.map((_, index) => index),
    contacts.map((contact) => contact.name),
    contacts.map((contact) => contact.salutation),
    contacts.map((contact) => contact.role),
    contacts.map((contact) => contact.email),
    contacts.map((contact) => contact.phone),
    contacts.map((contact) => contact.locale),
    contacts.map((contact) => contact.doNotContact),
    contacts.map((contact) => contact.ref)
  ])
}

/** @throws DomainError `client_has_ledger` or `client_has_children` while anything refers to the client. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await saveContacts(tx, { id, contacts: [] })
  await refusedBy(tx.sql.delete(clients).where(and(eq(clients.orgId, tx.orgId), eq(clients.id, id))), refusalOfRemoval)
}

function refusalOfWrite(constraint: string): DomainError | undefined {
  if (constraint !== 'clients_policy') return undefined
  return new DomainError('reference_not_found', 'There is no such dunning policy.', { pointer: '/dunning_policy_id' })
}

function refusalOfRemoval(constraint: string): DomainError {
  if (constraint === 'clients_parent')
    return new DomainError('client_has_children', 'This client is the parent of others: give them another or none before.')
  return new DomainError(
    'client_has_ledger',
    'This client has invoices, payments or interactions, which are kept for good: archive it instead.'
  )
}

function fromRow(row: ClientRow): Client {
  return { ...row, ...termsFrom(row) }
}

function termsFrom<Row extends TermsRow>(row: Row) {
  return { ...row, currency: row.currency === null ? null : storedCurrency(row.currency) }
}

function toRow(
  tx: Tx,
  { contacts: _contacts, externalRefs: _refs, holdReviewDueAt: _reviewDueAt, ...client }: Client
): typeof clients.$inferInsert {
  return { ...client, orgId: tx.orgId, tags: [...client.tags] }
}

/** Goes from one zone to the next in the index: there are few zones, and many clients may have each. */
const selectZones = statement<{ timeZone: string }>(
  'clients.zones',
  `with recursive zones as (
     (select time_zone from clients where org_id = $1 and time_zone is not null order by time_zone limit 1)
     union all
     select (select c.time_zone from clients c where c.org_id = $1 and c.time_zone > z.time_zone order by c.time_zone limit 1)
     from zones z where z.time_zone is not null
   ) select time_zone as "timeZone" from zones where time_zone is not null`
)

/** The zones that clients have of their own. */
export async function zones(reader: Reader): Promise<string[]> {
  return (await reader.run(selectZones, [reader.orgId])).map(({ timeZone }) => timeZone)
}
