import type { Database } from '../db/client.ts'
import { isUnavailable, passesByItself } from '../db/errors.ts'
import { BEFORE_ALL_IDS } from '../kernel/keyset.ts'
import type { ReplayService } from '../modules/webhooks/replay-service.ts'
import type { Log } from './loop.ts'

export type ReplayJobDeps = Readonly<{ replays: ReplayService; database: Database; log: Log }>

type Running = Awaited<ReturnType<ReplayService['allRunning']>>[number]

const REPLAYS_PER_LOOK = 200
const START: Running = { orgId: BEFORE_ALL_IDS, id: BEFORE_ALL_IDS }

/** Goes on with every replay that runs, a step of each in turn. A process that dies leaves them to the others. */
export function createReplayJob({ replays, database, log }: ReplayJobDeps) {
  async function stepOf({ orgId, id }: Running): Promise<'more' | 'enough' | 'ended'> {
    try {
      return await database.scoped(orgId, (tx) => replays.step(tx, id))
    } catch (error) {
      if (isUnavailable(error)) throw error
      const passes = passesByItself(error)
      log.error(
        { err: error, organization: orgId, replay: id },
        passes ? 'a replay failed and will be tried again' : 'a replay failed'
      )
      if (!passes) await fail({ orgId, id })
      return 'ended'
    }
  }

  /** To try again leads nowhere, and whoever asked for it is told. */
  async function fail({ orgId, id }: Running): Promise<void> {
    try {
      await database.scoped(orgId, (tx) => replays.fail(tx, id))
    } catch (error) {
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId, replay: id }, 'a replay that failed could not be ended')
    }
  }

  /** All of them: those that wait for endpoints which take nothing may be many, and hold back nobody's. */
  async function allRunning(): Promise<Running[]> {
    const running: Running[] = []
    for (let after = START; ; ) {
      const page = { after, limit: REPLAYS_PER_LOOK }
      const found = await database.scheduling((scheduler) => replays.allRunning(scheduler, page))
      running.push(...found)
      const last = found.at(-1)
      if (last === undefined || found.length < REPLAYS_PER_LOOK) return running
      after = last
    }
  }

  return {
    /** Until every endpoint has enough for now: the next look finds what was asked for meanwhile. */
    async replayAll(signal?: AbortSignal): Promise<void> {
      const isStopping = () => signal?.aborted === true
      let running = await allRunning()
      while (running.length > 0 && !isStopping()) {
        const left: typeof running = []
        for (const replay of running) if (!isStopping() && (await stepOf(replay)) === 'more') left.push(replay)
        running = left
      }
    }
  }
}
