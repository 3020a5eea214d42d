import type { Reader, Tx } from '../db/client.ts'
import { isUnavailable, passesByItself } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import { BEFORE_ALL_IDS } from '../kernel/keyset.ts'
import { OneFailed } from '../kernel/one-failed.ts'
import { type Tracing, untraced } from '../kernel/tracing.ts'
import { nothingSwept, type SweepCounts } from '../modules/dunning/sweep-service.ts'
import type { Services } from '../services.ts'
import { createParking, type ParkingJobDeps } from './parking.ts'
import { inTurns } from './turns.ts'

export type SweepJobDeps = ParkingJobDeps &
  Readonly<{ services: Pick<Services, 'deadlines' | 'dunning' | 'invoices' | 'organizations'>; clock: Clock; tracing?: Tracing }>

/** Batches at a time in this process: one computes while the other's rows are written. */
const CONCURRENCY = 2
const NOTICES_PER_BATCH = 100
const ORGANIZATIONS_PER_LOOK = 1_000

type LookForDue = (scheduler: Reader, page: { now: Date; after: string; limit: number }) => Promise<string[]>

/** Organizations that had something due at `now`. */
type Page = Readonly<{ orgIds: readonly string[]; now: Date }>

type WaitingRun = Readonly<{ orgId: string; id: string }>

/**
 * The sweep of everything that is due, and of what was asked for by hand. It knows nothing of former runs: it claims what
 * is due, so that any number of processes may sweep at once and none of it is lost or done twice. What is due when it begins is what
 * it ends with, whatever becomes due meanwhile.
 */
export function createSweepJob(deps: SweepJobDeps) {
  const { services, database, clock, log, tracing = untraced } = deps
  const { deadlines, dunning, invoices, organizations } = services
  const parking = createParking(deps)

  /** A batch of an organization is a trace of its own. What is wrong in one must not keep the others from being swept; a database that is away does. */
  async function attempt(orgId: string, until: Date, batch: (clients: number) => Promise<boolean>): Promise<boolean> {
    try {
      const span = { name: 'sweep', kind: 'internal', from: null, attributes: { 'dunwell.organization': orgId } } as const
      return await tracing.follow(span, () => batch(parking.clientsOf(orgId)))
    } catch (error) {
      return parking.goesOn(orgId, error, until)
    }
  }

  /** What agreements do by themselves. */
  async function meetDeadlines(signal: AbortSignal | undefined): Promise<void> {
    for await (const { orgIds, now: until } of pagesOf(deadlines.organizationsDue)) {
      const step = (orgId: string) =>
        attempt(orgId, until, async (clients) => {
          const { met, parked } = await database.scoped(orgId, (tx) =>
            deadlines.meetBatch(tx, { at: clock.now(), until, clients, wait: false })
          )
          parking.report(orgId, parked)
          return met > 0
        })
      await inTurns(orgIds, { step, concurrency: CONCURRENCY, signal })
    }
  }

  async function sweepOrganizations({ orgIds, now: until }: Page, signal: AbortSignal | undefined): Promise<SweepCounts> {
    let total = nothingSwept
    const step = (orgId: string) =>
      attempt(orgId, until, async (clients) => {
        const { parked, ...counts } = await database.scoped(orgId, (tx) =>
          dunning.sweepBatch(tx, { at: clock.now(), until, clients, wait: false })
        )
        parking.report(orgId, parked)
        total = sumOf(total, counts)
        return counts.decided > 0
      })
    await inTurns(orgIds, { step, concurrency: CONCURRENCY, signal })
    return total
  }

  /** Done or failed, it has an end: whoever asked is told what cannot be decided. What passes is tried again. */
  async function executeDryRun({ orgId, id }: WaitingRun): Promise<void> {
    const { failure, ...counts } = await database
      .reading(orgId, async (reader) => {
        const { now } = await organizations.books(reader)
        return { ...(await dunning.foresee(reader, now)), failure: null }
      })
      .catch((error: unknown) => {
        if (isUnavailable(error) || passesByItself(error)) throw error
        log.error({ err: error, organization: orgId, run: id }, 'a dry run failed')
        return { entered: 0, overdue: 0, failure: failureOf(error) }
      })
    await database.scoped(orgId, async (tx) => {
      await dunning.countRun(tx, { id, ...counts })
      await dunning.finishRun(tx, id, failure)
    })
  }

  /** The instant of a run's batch. A test organization is locked, so that a clock on its way and the run take turns. */
  async function nowOf(tx: Tx): Promise<Date> {
    const books = await organizations.books(tx)
    return books.organization.mode === 'test' ? (await organizations.booksForUpdate(tx)).now : books.now
  }

  /** One batch of a run, or its end. @returns whether there may be more. */
  async function executeBatch({ orgId, id }: WaitingRun, until: Date): Promise<boolean> {
    const { parked, more } = await database.scoped(orgId, async (tx) => {
      const batch = { at: await nowOf(tx), until, clients: parking.clientsOf(orgId), wait: false }
      const agreed = await deadlines.meetBatch(tx, batch)
      if (agreed.met > 0) return { parked: agreed.parked, more: true }
      const counts = await dunning.sweepBatch(tx, batch)
      const isDone = counts.decided === 0
      await (isDone ? dunning.finishRun(tx, id) : dunning.countRun(tx, { id, ...counts }))
      return { parked: counts.parked, more: !isDone }
    })
    parking.report(orgId, parked)
    return more
  }

  async function executeRun(run: WaitingRun, signal: AbortSignal | undefined): Promise<void> {
    const { orgId } = run
    const [{ dryRun, status }, { now: until }] = await database.reading(orgId, (reader) =>
      Promise.all([dunning.getRun(reader, run.id), organizations.books(reader)])
    )
    if (status !== 'queued') return
    if (dryRun) return executeDryRun(run)
    for (let more = true; more && signal?.aborted !== true; ) {
      more = await executeBatch(run, until).catch(async (error: unknown) => {
        if (await parking.goesOn(orgId, error, until)) return true
        if (passesByItself(error)) return false
        throw error
      })
    }
  }

  async function attemptRun(run: WaitingRun, signal: AbortSignal | undefined): Promise<void> {
    try {
      await executeRun(run, signal)
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: run.orgId, run: run.id }, 'a run failed')
      if (!passesByItself(error)) await failRun(run)
    }
  }

  /** What is wrong is no client's, whose part could be put off: to try again leads nowhere, and whoever asked is told. */
  async function failRun({ orgId, id }: WaitingRun): Promise<void> {
    try {
      await database.scoped(orgId, (tx) => dunning.finishRun(tx, id, UNDECIDED))
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId, run: id }, 'a run that failed could not be ended')
    }
  }

  /** Organizations with something due, a page at a time, by id: one that fails is passed, and looked for again next time. */
  async function* pagesOf(look: LookForDue): AsyncGenerator<Page> {
    for (let after = BEFORE_ALL_IDS; ; ) {
      const now = clock.now()
      const orgIds = await database.scheduling((scheduler) => look(scheduler, { now, after, limit: ORGANIZATIONS_PER_LOOK }))
      const last = orgIds.at(-1)
      if (last === undefined) return
      yield { orgIds, now }
      after = last
    }
  }

  /** What is left of notices that were superseded, told afresh where they were. */
  async function reissueNotices(signal: AbortSignal | undefined): Promise<void> {
    for await (const { orgIds } of pagesOf(dunning.organizationsReissuing)) {
      const failed = new Map<string, string[]>()
      await inTurns(orgIds, { step: (orgId) => reissueSome(orgId, failed), concurrency: 1, signal })
    }
  }

  /** What fails is passed over, and left to the next look. */
  async function reissueSome(orgId: string, failed: Map<string, string[]>): Promise<boolean> {
    const except = failed.get(orgId) ?? []
    try {
      return (await database.scoped(orgId, (tx) => dunning.reissueBatch(tx, { limit: NOTICES_PER_BATCH, except }))) > 0
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId }, 'a notice could not be told afresh and will be tried again')
      if (!(error instanceof OneFailed)) return false
      failed.set(orgId, [...except, error.id])
      return true
    }
  }

  return {
    reissueNotices,

    /** Meets every deadline, then sweeps until nothing is due in any live organization. */
    async sweepAll(signal?: AbortSignal): Promise<SweepCounts> {
      await meetDeadlines(signal)
      let total = nothingSwept
      for await (const page of pagesOf(invoices.organizationsDue)) {
        if (signal?.aborted === true) return total
        total = sumOf(total, await sweepOrganizations(page, signal))
      }
      return total
    },

    /** Executes the runs that were asked for by hand, of test organizations too, each at the time of its organization. */
    async executeRuns(signal?: AbortSignal): Promise<number> {
      const waiting = await database.scheduling((scheduler) => dunning.waitingRuns(scheduler))
      for (const run of waiting) {
        if (signal?.aborted === true) break
        await attemptRun(run, signal)
      }
      return waiting.length
    }
  }
}

export type SweepJob = ReturnType<typeof createSweepJob>

const UNDECIDED = 'What is due could not be decided. The log of the service says why, by the id of this run.'

/** Of a dry run, for whoever asked for it: what is inside of other errors is for the log alone. */
function failureOf(error: unknown): string {
  if (!(error instanceof OneFailed)) return UNDECIDED
  return `${error.message} A run that is not dry puts it off and decides the rest.`
}

function sumOf(a: SweepCounts, b: SweepCounts): SweepCounts {
  return {
    decided: a.decided + b.decided,
    overdue: a.overdue + b.overdue,
    entered: a.entered + b.entered,
    notices: a.notices + b.notices
  }
}
