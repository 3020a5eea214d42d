import { and, desc, eq, gte, lt, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { dunningRuns } from './table.ts'

export type Run = Omit<typeof dunningRuns.$inferSelect, 'orgId'>

const columns = `id, status, failure, dry_run as "dryRun", entered, overdue, created_at as "createdAt", finished_at as "finishedAt"`

const selectQueued = statement<Run>(
  'dunning_runs.find_queued',
  `select ${columns} from dunning_runs where org_id = $1 and status = 'queued' and dry_run = $2 order by id limit 1`
)

/** The oldest run that asks for the same and has not been finished. */
export async function findQueued(reader: Reader, dryRun: boolean): Promise<Run | undefined> {
  const [row] = await reader.run(selectQueued, [reader.orgId, dryRun])
  return row
}

export async function insert(tx: Tx, run: Run): Promise<void> {
  await tx.sql.insert(dunningRuns).values({ orgId: tx.orgId, ...run })
}

export async function find(reader: Reader, id: string): Promise<Run | undefined> {
  const [row] = await reader.sql
    .select()
    .from(dunningRuns)
    .where(and(eq(dunningRuns.orgId, reader.orgId), eq(dunningRuns.id, id)))
  return row
}

type Page = Readonly<{ limit: number; after: { at: Date; id: string } | null; updatedSince: Date | null }>

/** Newest first: ids sort by when they were made. */
export function page(reader: Reader, { limit, after, updatedSince }: Page): Promise<Run[]> {
  return reader.sql
    .select()
    .from(dunningRuns)
    .where(
      and(
        eq(dunningRuns.orgId, reader.orgId),
        after === null ? undefined : lt(dunningRuns.id, after.id),
        updatedSince === null ? undefined : gte(sql`coalesce(${dunningRuns.finishedAt}, ${dunningRuns.createdAt})`, updatedSince)
      )
    )
    .orderBy(desc(dunningRuns.id))
    .limit(limit)
}

const addCounts = statement<{ id: string }>(
  'dunning_runs.add_counts',
  `update dunning_runs set entered = entered + $3, overdue = overdue + $4 where org_id = $1 and id = $2`
)

type Counts = Readonly<{ id: string; entered: number; overdue: number }>

/** In the transaction of the batch, so that a run that a crash cut in two counts what both halves did. */
export async function addTo(tx: Tx, { id, entered, overdue }: Counts): Promise<void> {
  await tx.run(addCounts, [tx.orgId, id, entered, overdue])
}

const finishQueued = statement<{ id: string }>(
  'dunning_runs.finish',
  `update dunning_runs set status = case when $4::text is null then 'done' else 'failed' end, failure = $4, finished_at = $3
   where org_id = $1 and id = $2 and status = 'queued'`
)

/** @param failure why it failed; null where it did not. */
export async function finish(tx: Tx, { id, at, failure }: { id: string; at: Date; failure: string | null }): Promise<void> {
  await tx.run(finishQueued, [tx.orgId, id, at, failure])
}

const selectWaiting = statement<{ orgId: string; id: string }>(
  'dunning_runs.waiting',
  `select org_id as "orgId", id from dunning_runs where status = 'queued' order by id limit $1`
)

/** Needs the scheduler's reader: it looks across organizations. Oldest first. */
export function waiting(scheduler: Reader, limit: number): Promise<{ orgId: string; id: string }[]> {
  return scheduler.run(selectWaiting, [limit])
}
