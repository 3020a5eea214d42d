import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Services, Wake } from '../services.ts'
import { createSweepJob } from './dunning-sweep.ts'
import { createLoop } from './loop.ts'
import { scheduleEvery } from './scheduler.ts'
import { createTestClockJob } from './test-clock.ts'
import { createUpkeepJob } from './upkeep.ts'

export type JobDeps = Readonly<{
  services: Services
  database: Database
  clock: Clock
  config: Pick<Config, 'DUNWELL_SWEEP_CRON'>
  log: FastifyBaseLogger
}>

export type Jobs = Readonly<{ wake: Wake; stop: () => Promise<void> }>

const CLOCK_EVERY_MS = 500
const RUNS_EVERY_MS = 2_000
const UPKEEP_CRON = '17 3 * * *'

/** Everything that a worker does. Any number of processes may run all of it at once. */
export function startJobs(deps: JobDeps): Jobs {
  const { config, log } = deps
  const sweepJob = createSweepJob(deps)
  const clockJob = createTestClockJob(deps)
  const upkeepJob = createUpkeepJob(deps)
  const sweep = createLoop({ name: 'sweep', everyMs: null, log, run: (signal) => sweepJob.sweepAll(signal) })
  const runs = createLoop({ name: 'dunning runs', everyMs: RUNS_EVERY_MS, log, run: (signal) => sweepJob.executeRuns(signal) })
  const clocks = createLoop({ name: 'test clocks', everyMs: CLOCK_EVERY_MS, log, run: (signal) => clockJob.advanceAll(signal) })
  const upkeep = createLoop({ name: 'upkeep', everyMs: null, log, run: (signal) => upkeepJob.run(signal) })
  const minute = scheduleEvery(config.DUNWELL_SWEEP_CRON, { name: 'sweep', run: sweep.wake })
  const night = scheduleEvery(UPKEEP_CRON, { name: 'upkeep', run: upkeep.wake })
  const loops = [sweep, runs, clocks, upkeep]
  return {
    wake: { deliveries: () => {}, sealer: () => {}, clock: clocks.wake, sweep: runs.wake },
    stop: async () => {
      await Promise.all([minute.stop(), night.stop()])
      await Promise.all(loops.map((loop) => loop.stop()))
    }
  }
}
