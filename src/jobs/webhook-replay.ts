import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { ReplayService } from '../modules/webhooks/replay-service.ts'
import type { Log } from './loop.ts'

export type ReplayJobDeps = Readonly<{ replays: ReplayService; database: Database; log: Log }>

const REPLAYS_PER_LOOK = 200
/** While endpoints have enough for now. */
const REST_MS = 100
/** Of the passes while something goes on; then the loop looks anew, for what was asked for meanwhile. */
const PASSES = 50

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
    async replayAll(signal?: AbortSignal): Promise<void> {
      let running = await database.scheduling((scheduler) => replays.allRunning(scheduler, REPLAYS_PER_LOOK))
      for (let pass = 0; running.length > 0 && pass < PASSES && signal?.aborted !== true; pass += 1) {
        const left: typeof running = []
        let canGoOn = false
        for (const replay of running) {
          const progress = await stepOf(replay)
          if (progress !== 'ended') left.push(replay)
          canGoOn ||= progress === 'more'
        }
        running = left
        if (!canGoOn && running.length > 0) await pause(REST_MS)
      }
    }
  }
}
