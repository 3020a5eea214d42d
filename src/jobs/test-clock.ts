import { isUnavailable } from '../db/errors.ts'
import type { Parked } from '../modules/deadlines/parking.ts'
import type { Services } from '../services.ts'
import { createParking, type ParkingJobDeps } from './parking.ts'

export type TestClockJobDeps = ParkingJobDeps &
  Readonly<{ services: Pick<Services, 'deadlines' | 'dunning' | 'invoices' | 'organizations'> }>

/** Organizations whose clocks move at a time in this process. */
const CONCURRENCY = 2
/** Of one clock before the next has its turn. */
const STEPS_PER_TURN = 200

type Step = Readonly<{ went: 'on' | 'to_the_end'; parked: readonly Parked[] }>

/** Moves the clocks of test organizations that were sent on their way, through everything that falls due in between. */
export function createTestClockJob(deps: TestClockJobDeps) {
  const { services, database, log } = deps
  const { deadlines, dunning, invoices, organizations } = services
  const parking = createParking(deps)

  /**
   * One transaction: to the next instant at which something is due, and what is due there, or to the end. The clock is
   * kept with what happened at its time, so that a crash is resumed, and thirty days at once give what thirty times a day
   * gives. While more is due at an instant, the clock stays there.
   */
  function step(orgId: string): Promise<Step> {
    return database.scoped(orgId, async (tx) => {
      const { organization } = await organizations.booksForUpdate(tx)
      const { clockAt, clockTargetAt: targetAt } = organization
      if (clockAt === null || targetAt === null) return arrived
      const [agreedAt, dunnedAt] = await Promise.all([deadlines.nextAt(tx, targetAt), invoices.nextDueAt(tx, targetAt)])
      const dueAt = earliest(agreedAt, dunnedAt)
      if (dueAt === null) {
        await organizations.clockReached(tx, { at: targetAt, targetAt: null })
        return arrived
      }
      const at = dueAt < clockAt ? clockAt : dueAt
      if (at > clockAt) await organizations.clockReached(tx, { at, targetAt })
      // What is agreed first: a hold that ends at this instant lets out what is dunned at it.
      const batch = { at, clients: parking.clientsOf(orgId), wait: true }
      const isAgreed = agreedAt !== null && agreedAt <= at
      const { parked } = await (isAgreed ? deadlines.meetBatch(tx, batch) : dunning.sweepBatch(tx, batch)).catch(failedAt(at))
      return { went: 'on', parked }
    })
  }

  /**
   * So many steps of a clock. What is wrong in one organization must not stop the clocks of the others; a database that is away does.
   * @returns whether it is to have another turn.
   */
  async function advance(orgId: string, signal: AbortSignal | undefined): Promise<boolean> {
    for (let steps = 0; steps < STEPS_PER_TURN && signal?.aborted !== true; steps += 1) {
      try {
        const { went, parked } = await step(orgId)
        parking.report(orgId, parked)
        if (went === 'to_the_end') return false
      } catch (error) {
        if (isUnavailable(error)) throw error
        if (error instanceof FailedAt && (await parking.goesOn(orgId, error.cause, error.at))) continue
        log.error({ err: error, organization: orgId }, 'a test clock stopped on its way and will be tried again')
        return false
      }
    }
    return true
  }

  return {
    /** @returns how many clocks were on their way; they have arrived unless the signal or an error stopped them. */
    async advanceAll(signal?: AbortSignal): Promise<number> {
      const seen = new Set<string>()
      const over = new Set<string>()
      while (signal?.aborted !== true) {
        const found = await database.scheduling((scheduler) => organizations.organizationsAdvancing(scheduler))
        const waiting = found.filter((orgId) => !over.has(orgId))
        if (waiting.length === 0) break
        for (const orgId of waiting) seen.add(orgId)
        const work = async () => {
          for (let orgId = waiting.shift(); orgId !== undefined; orgId = waiting.shift()) {
            if (!(await advance(orgId, signal))) over.add(orgId)
          }
        }
        await Promise.all(Array.from({ length: CONCURRENCY }, work))
      }
      return seen.size
    }
  }
}

const arrived: Step = { went: 'to_the_end', parked: [] }

/** What is due at an instant failed; the clock that went there is where it was. */
class FailedAt extends Error {
  readonly at: Date

  constructor(at: Date, cause: unknown) {
    super(`What was due at ${at.toISOString()} failed.`, { cause })
    this.at = at
  }
}

const failedAt = (at: Date) => (cause: unknown) => {
  throw new FailedAt(at, cause)
}

export type TestClockJob = ReturnType<typeof createTestClockJob>

function earliest(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b
  return a < b ? a : b
}
