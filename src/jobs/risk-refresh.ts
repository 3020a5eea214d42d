import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import { BEFORE_ALL_IDS } from '../kernel/keyset.ts'
import type { Services } from '../services.ts'
import type { Log } from './loop.ts'
import { inTurns } from './turns.ts'

export type RiskJobDeps = Readonly<{ services: Pick<Services, 'risk' | 'events'>; database: Database; clock: Clock; log: Log }>

const ORGANIZATIONS_PER_LOOK = 1_000

/** Brings the scores of every organization up to its ledger and its day. Any number of processes may: they take turns. */
export function createRiskJob({ services: { risk, events }, database, clock, log }: RiskJobDeps) {
  /** What is wrong in one organization must not keep the others from their scores; a database that is away does. */
  async function refreshSome(orgId: string): Promise<boolean> {
    try {
      // What is committed by now is followed now, not when somebody comes to number it.
      if ((await database.scoped(orgId, (tx) => events.seal(tx))).more) return true
      return await database.scoped(orgId, (tx) => risk.refresh(tx))
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId }, 'the scores of an organization failed and will be tried again')
      return false
    }
  }

  return {
    async refreshAll(signal?: AbortSignal): Promise<void> {
      for (let after = BEFORE_ALL_IDS; ; ) {
        const page = { now: clock.now(), after, limit: ORGANIZATIONS_PER_LOOK }
        const orgIds = await database.scheduling((scheduler) => risk.organizationsDue(scheduler, page))
        await inTurns(orgIds, { step: refreshSome, concurrency: 1, signal })
        const last = orgIds.at(-1)
        if (last === undefined || signal?.aborted === true) return
        after = last
      }
    }
  }
}

export type RiskJob = ReturnType<typeof createRiskJob>
