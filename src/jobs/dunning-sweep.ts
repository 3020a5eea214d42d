import type { Database, Reader, Tx } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import { BEFORE_ALL_IDS } from '../kernel/keyset.ts'
import { OneFailed } from '../kernel/one-failed.ts'
import { nothingSwept, type SweepCounts } from '../modules/dunning/sweep-service.ts'
import type { Services } from '../services.ts'
import type { Log } from './loop.ts'

export type SweepJobDeps = Readonly<{
  services: Pick<Services, 'deadlines' | 'dunning' | 'invoices' | 'organizations'>
  database: Database
  clock: Clock
  log: Log
}>

/** Large enough for set-wise writes to pay, small enough that a payment of a locked client waits for milliseconds. */
const CLIENTS_PER_BATCH = 500
/** Batches at a time in this process: one computes while the other's rows are written. */
const CONCURRENCY = 2
const NOTICES_PER_BATCH = 100
const ORGANIZATIONS_PER_LOOK = 1_000

type LookForDue = (scheduler: Reader, page: { now: Date; after: string; limit: number }) => Promise<string[]>

type Batches = Readonly<{
  signal: AbortSignal | undefined
  /** @returns how many were done. @throws OneFailed */
  run: (tx: Tx, except: readonly string[]) => Promise<number>
  failure: string
}>

type WaitingRun = Readonly<{ orgId: string; id: string }>

/**
 * The sweep of everything that is due, and of what was asked for by hand. It knows nothing of former runs: it claims what
 * is due, so that any number of processes may sweep at once and none of it is lost or done twice.
 */
export function createSweepJob({
  services: { deadlines, dunning, invoices, organizations },
  database,
  clock,
  log
}: SweepJobDeps) {
  function sweepOnce(orgId: string): Promise<SweepCounts> {
    return database.scoped(orgId, (tx) => dunning.sweepBatch(tx, { at: clock.now(), clients: CLIENTS_PER_BATCH, wait: false }))
  }

  /**
   * One batch of each organization in turn, so that a large one does not make the others wait. An organization leaves the
   * ring when a batch finds nothing that others do not hold, and comes back when another batch of it finds something.
   */
  async function sweepOrganizations(orgIds: readonly string[], signal: AbortSignal | undefined): Promise<SweepCounts> {
    const ring = new Set(orgIds)
    const underWay = new Set<Promise<unknown>>()
    let total = nothingSwept
    async function sweepNext(orgId: string): Promise<void> {
      ring.delete(orgId)
      ring.add(orgId)
      const counts = await attempt(orgId)
      total = sumOf(total, counts)
      if (counts.decided > 0) ring.add(orgId)
      else ring.delete(orgId)
    }
    async function work(): Promise<void> {
      while (signal?.aborted !== true) {
        const [orgId] = ring
        if (orgId === undefined) {
          if (underWay.size === 0) return
          await Promise.race(underWay)
          continue
        }
        const batch = sweepNext(orgId)
        underWay.add(batch)
        await batch.finally(() => underWay.delete(batch))
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
    return total
  }

  /** What is wrong in one organization must not keep the others from being swept; a database that is away does. */
  async function attempt(orgId: string): Promise<SweepCounts> {
    try {
      return await sweepOnce(orgId)
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId }, 'the sweep of an organization failed and will be tried again')
      return nothingSwept
    }
  }

  async function executeDryRun({ orgId, id }: WaitingRun): Promise<void> {
    const counts = await database.reading(orgId, async (reader) =>
      dunning.foresee(reader, (await organizations.books(reader)).now)
    )
    await database.scoped(orgId, async (tx) => {
      await dunning.countRun(tx, { id, ...counts })
      await dunning.finishRun(tx, id)
    })
  }

  /** One batch of a run, or its end. A test organization is locked, so that a clock on its way and the run take turns. */
  function executeBatch({ orgId, id }: WaitingRun): Promise<SweepCounts> {
    return database.scoped(orgId, async (tx) => {
      const books = await organizations.books(tx)
      const { now } = books.organization.mode === 'test' ? await organizations.booksForUpdate(tx) : books
      const batch = { at: now, clients: CLIENTS_PER_BATCH, wait: false }
      while ((await deadlines.meetBatch(tx, batch)) > 0);
      const counts = await dunning.sweepBatch(tx, batch)
      await (counts.decided > 0 ? dunning.countRun(tx, { id, ...counts }) : dunning.finishRun(tx, id))
      return counts
    })
  }

  async function executeRun(run: WaitingRun, signal: AbortSignal | undefined): Promise<void> {
    try {
      const { dryRun, status } = await database.reading(run.orgId, (reader) => dunning.getRun(reader, run.id))
      if (status === 'done') return
      if (dryRun) await executeDryRun(run)
      else while (signal?.aborted !== true) if ((await executeBatch(run)).decided === 0) return
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: run.orgId, run: run.id }, 'a run failed and will be tried again')
    }
  }

  /** Organizations with something due, a page at a time, by id: one that fails is passed, and looked for again next time. */
  async function* pagesOf(look: LookForDue): AsyncGenerator<string[]> {
    for (let after = BEFORE_ALL_IDS; ; ) {
      const page = { now: clock.now(), after, limit: ORGANIZATIONS_PER_LOOK }
      const orgIds = await database.scheduling((scheduler) => look(scheduler, page))
      const last = orgIds.at(-1)
      if (last === undefined) return
      yield orgIds
      after = last
    }
  }

  /** What agreements do by themselves, one organization after the other: it is little beside what is dunned. */
  async function meetDeadlines(signal: AbortSignal | undefined): Promise<void> {
    for await (const orgIds of pagesOf(deadlines.organizationsDue)) {
      for (const orgId of orgIds) {
        if (signal?.aborted === true) return
        await meetDeadlinesOf(orgId, signal)
      }
    }
  }

  /** A client whose deadline fails keeps no other's from being met. */
  const meetDeadlinesOf = (orgId: string, signal: AbortSignal | undefined) =>
    batchByBatch(orgId, {
      signal,
      run: (tx, except) => deadlines.meetBatch(tx, { at: clock.now(), clients: CLIENTS_PER_BATCH, wait: false, except }),
      failure: 'a deadline failed and will be tried again'
    })

  /** What is left of notices that were superseded, told afresh where they were. */
  async function reissueNotices(signal: AbortSignal | undefined): Promise<void> {
    for await (const orgIds of pagesOf(dunning.organizationsReissuing)) {
      for (const orgId of orgIds) await reissueOf(orgId, signal)
    }
  }

  const reissueOf = (orgId: string, signal: AbortSignal | undefined) =>
    batchByBatch(orgId, {
      signal,
      run: (tx, except) => dunning.reissueBatch(tx, { limit: NOTICES_PER_BATCH, except }),
      failure: 'a notice could not be told afresh and will be tried again'
    })

  /** Until a batch finds nothing. What fails is passed over, and left to the next sweep. */
  async function batchByBatch(orgId: string, { signal, run, failure }: Batches): Promise<void> {
    const except: string[] = []
    while (signal?.aborted !== true) {
      try {
        if ((await database.scoped(orgId, (tx) => run(tx, except))) === 0) return
      } catch (error) {
        if (isUnavailable(error)) throw error
        log.error({ err: error, organization: orgId }, failure)
        if (!(error instanceof OneFailed)) return
        except.push(error.id)
      }
    }
  }

  return {
    reissueNotices,

    /** Meets every deadline, then sweeps until nothing is due in any live organization. */
    async sweepAll(signal?: AbortSignal): Promise<SweepCounts> {
      await meetDeadlines(signal)
      let total = nothingSwept
      for await (const orgIds of pagesOf(invoices.organizationsDue)) {
        if (signal?.aborted === true) return total
        total = sumOf(total, await sweepOrganizations(orgIds, signal))
      }
      return total
    },

    /** Executes the runs that were asked for by hand, of test organizations too, each at the time of its organization. */
    async executeRuns(signal?: AbortSignal): Promise<number> {
      const waiting = await database.scheduling((scheduler) => dunning.waitingRuns(scheduler))
      for (const run of waiting) {
        if (signal?.aborted === true) break
        await executeRun(run, signal)
      }
      return waiting.length
    }
  }
}

export type SweepJob = ReturnType<typeof createSweepJob>

function sumOf(a: SweepCounts, b: SweepCounts): SweepCounts {
  return {
    decided: a.decided + b.decided,
    overdue: a.overdue + b.overdue,
    entered: a.entered + b.entered,
    notices: a.notices + b.notices
  }
}
