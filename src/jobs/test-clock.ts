import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { Services } from '../services.ts'
import type { Log } from './loop.ts'

export type TestClockJobDeps = Readonly<{
  services: Pick<Services, 'deadlines' | 'dunning' | 'invoices' | 'organizations'>
  database: Database
  log: Log
}>

const CLIENTS_PER_BATCH = 500
/** Organizations whose clocks move at a time in this process. */
const CONCURRENCY = 2

/** Moves the clocks of test organizations that were sent on their way, through everything that falls due in between. */
export function createTestClockJob({
  services: { deadlines, dunning, invoices, organizations },
  database,
  log
}: TestClockJobDeps) {
  /**
   * One transaction: to the next instant at which something is due, and what is due there, or to the end. The clock is
   * kept with what happened at its time, so that a crash is resumed, and thirty days at once give what thirty times a day
   * gives. While more is due at an instant, the clock stays there.
   */
  function step(orgId: string): Promise<'moving' | 'arrived'> {
    return database.scoped(orgId, async (tx) => {
      const { organization } = await organizations.booksForUpdate(tx)
      const { clockAt, clockTargetAt: targetAt } = organization
      if (clockAt === null || targetAt === null) return 'arrived'
      const [agreedAt, dunnedAt] = await Promise.all([deadlines.nextAt(tx, targetAt), invoices.nextDueAt(tx, targetAt)])
      const dueAt = earliest(agreedAt, dunnedAt)
      if (dueAt === null) {
        await organizations.clockReached(tx, { at: targetAt, targetAt: null })
        return 'arrived'
      }
      const at = dueAt < clockAt ? clockAt : dueAt
      if (at > clockAt) await organizations.clockReached(tx, { at, targetAt })
      // What is agreed first: a hold that ends at this instant lets out what is dunned at it.
      const batch = { at, clients: CLIENTS_PER_BATCH, wait: true }
      if (agreedAt !== null && agreedAt <= at) await deadlines.meetBatch(tx, batch)
      else await dunning.sweepBatch(tx, batch)
      return 'moving'
    })
  }

  /** What is wrong in one organization must not stop the clocks of the others; a database that is away does. */
  async function advance(orgId: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      while (signal?.aborted !== true) if ((await step(orgId)) === 'arrived') return
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId }, 'a test clock stopped on its way and will be tried again')
    }
  }

  return {
    /** @returns how many clocks were on their way; they have arrived unless the signal or an error stopped them. */
    async advanceAll(signal?: AbortSignal): Promise<number> {
      const orgIds = await database.scheduling((scheduler) => organizations.organizationsAdvancing(scheduler))
      const waiting = [...orgIds]
      async function work(): Promise<void> {
        for (let orgId = waiting.shift(); orgId !== undefined; orgId = waiting.shift()) await advance(orgId, signal)
      }
      await Promise.all(Array.from({ length: CONCURRENCY }, work))
      return orgIds.length
    }
  }
}

export type TestClockJob = ReturnType<typeof createTestClockJob>

function earliest(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b
  return a < b ? a : b
}
