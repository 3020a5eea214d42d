import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { EventService } from '../modules/events/service.ts'
import type { Log } from './loop.ts'
import { inTurns } from './turns.ts'

/** Gives committed events their numbers and their place in each organization's chain, one transaction per batch. */
export function createSealingJob({ events, database, log }: { events: EventService; database: Database; log: Log }) {
  async function sealSome(orgId: string): Promise<boolean> {
    try {
      return (await database.scoped(orgId, (tx) => events.seal(tx))).more
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId }, 'the events of an organization could not be sealed and will be tried again')
      return false
    }
  }

  return {
    async sealAll(signal: AbortSignal): Promise<void> {
      const orgIds = await database.scheduling((scheduler) => events.organizationsWithUnsealed(scheduler))
      await inTurns(orgIds, { step: sealSome, concurrency: 1, signal })
    }
  }
}
