import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { ReplayService } from '../modules/webhooks/replay-service.ts'
import type { Log } from './loop.ts'

export type ReplayJobDeps = Readonly<{ replays: ReplayService; database: Database; log: Log }>

const REPLAYS_PER_LOOK = 200

/** Goes on with every replay that runs, a step of each in turn. A process that dies leaves them to the others. */
export function createReplayJob({ replays, database, log }: ReplayJobDeps) {
  async function stepOf({ orgId, id }: { orgId: string; id: string }): Promise<'more' | 'enough' | 'ended'> {
    try {
      return await database.scoped(orgId, (tx) => replays.step(tx, id))
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId, replay: id }, 'a replay failed and will be tried again')
      return 'ended'
    }
  }

  return {
    /** Until every endpoint has enough for now: the next look finds what was asked for meanwhile. */
    async replayAll(signal?: AbortSignal): Promise<void> {
      let running = await database.scheduling((scheduler) => replays.allRunning(scheduler, REPLAYS_PER_LOOK))
      while (running.length > 0 && signal?.aborted !== true) {
        const left: typeof running = []
        for (const replay of running) if ((await stepOf(replay)) === 'more') left.push(replay)
        running = left
      }
    }
  }
}
