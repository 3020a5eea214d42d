import { and, eq, exists, getTableColumns, gt, lte, min, type SQL, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { count, listOf } from '../../db/parameters.ts'
import { build, query } from '../../db/query.ts'
import { clients, inLockOrder } from '../clients/table.ts'
import { organizations } from '../organizations/table.ts'
import type { Deadline, Due } from './deadline.ts'
import { deadlines } from './table.ts'

const { orgId: _, ...columns } = getTableColumns(deadlines)
const isOne = (p: { orgId: SQL; kind: SQL; objectId: SQL }) =>
  and(eq(deadlines.orgId, p.orgId), eq(deadlines.kind, p.kind), eq(deadlines.objectId, p.objectId))

const upsert = query('deadlines.set', columns, ({ at, parkedAt, ...p }) =>
  build
    .insert(deadlines)
    .values({ ...p, at, parkedAt })
    .onConflictDoUpdate({ target: [deadlines.orgId, deadlines.kind, deadlines.objectId], set: { at, parkedAt } })
)
const remove = query('deadlines.clear', { kind: deadlines.kind, objectId: deadlines.objectId }, (p) =>
  build.delete(deadlines).where(isOne(p))
)

/** @param at null when nothing is to happen any more. */
export async function set(tx: Tx, { kind, objectId, clientId, at }: Deadline & Readonly<{ at: Date | null }>): Promise<void> {
  if (at === null) await tx.run(remove, { kind, objectId })
  else await tx.run(upsert, { kind, objectId, clientId, at, parkedAt: null })
}

/** Puts it off to `at`. */
export async function park(tx: Tx, due: Due): Promise<void> {
  await tx.run(upsert, due)
}

const lockOne = query('deadlines.lock', { kind: deadlines.kind, objectId: deadlines.objectId }, (p) =>
  build.select(columns).from(deadlines).where(isOne(p)).for('update')
)

export async function findForUpdate(tx: Tx, { kind, objectId }: Pick<Deadline, 'kind' | 'objectId'>): Promise<Due | undefined> {
  const [row] = await tx.run(lockOne, { kind, objectId })
  return row
}

const lockClients = (name: string, how: { skipLocked?: true }) =>
  query(`deadlines.lock_clients_${name}`, { until: deadlines.at, limit: count, looks: count }, (p) => {
    const due = build
      .select({ clientId: deadlines.clientId })
      .from(deadlines)
      .where(and(eq(deadlines.orgId, p.orgId), lte(deadlines.at, p.until)))
      .orderBy(deadlines.at)
      .limit(p.looks)
      .as('due')
    const ids = build.selectDistinct({ clientId: due.clientId }).from(due)
    return build
      .select({ id: clients.id })
      .from(clients)
      .where(and(eq(clients.orgId, p.orgId), sql`${clients.id} = any(array${ids})`))
      .orderBy(...inLockOrder)
      .limit(p.limit)
      .for('no key update', how)
  })
const lockWaiting = lockClients('waiting', {})
const lockSkipping = lockClients('skipping', { skipLocked: true })
const LOOK_AHEAD = 8

const takeDue = query('deadlines.take', { clientIds: listOf(deadlines.clientId), until: deadlines.at }, (p) =>
  build
    .delete(deadlines)
    .where(and(eq(deadlines.orgId, p.orgId), p.clientIds.has(deadlines.clientId), lte(deadlines.at, p.until)))
    .returning(columns)
)

/**
 * Locks clients that have something due and takes what is due of them: whoever meets a deadline says what comes next.
 * @param wait false leaves clients that another transaction holds to it.
 */
export async function take(
  tx: Tx,
  { until, clients: limit, wait }: { until: Date; clients: number; wait: boolean }
): Promise<Due[]> {
  const locked = await tx.run(wait ? lockWaiting : lockSkipping, { until, limit, looks: limit * LOOK_AHEAD })
  if (locked.length === 0) return []
  return tx.run(takeDue, { until, clientIds: locked.map(({ id }) => id) })
}

const selectNext = query('deadlines.next', { until: deadlines.at }, (p) =>
  build
    .select({ at: min(deadlines.at) })
    .from(deadlines)
    .where(and(eq(deadlines.orgId, p.orgId), lte(deadlines.at, p.until)))
)

/** The earliest instant up to `until` at which something happens by itself. */
export async function nextAt(reader: Reader, until: Date): Promise<Date | null> {
  const [row] = await reader.run(selectNext, { until })
  return row?.at ?? null
}

const selectOrganizations = query(
  'deadlines.organizations_due',
  { now: deadlines.at, after: organizations.orgId, limit: count },
  (p) =>
    build
      .select({ orgId: organizations.orgId })
      .from(organizations)
      .where(
        and(
          eq(organizations.mode, 'live'),
          gt(organizations.orgId, p.after),
          exists(
            build
              .select({ one: sql`1` })
              .from(deadlines)
              .where(and(eq(deadlines.orgId, organizations.orgId), lte(deadlines.at, p.now)))
          )
        )
      )
      .orderBy(organizations.orgId)
      .limit(p.limit)
)

/** Needs the scheduler's reader. Live organizations with something due, by id; a test organization follows its own clock. */
export async function organizationsDue(
  scheduler: Reader,
  { now, after, limit }: { now: Date; after: string; limit: number }
): Promise<string[]> {
  return (await scheduler.run(selectOrganizations, { now, after, limit })).map(({ orgId }) => orgId)
}
