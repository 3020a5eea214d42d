import type { Registry } from 'prom-client'
import type { Database } from '../db/client.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Tracing } from '../kernel/tracing.ts'
import type { SecretBox } from '../modules/webhooks/secret-box.ts'
import { createSender } from '../modules/webhooks/sender.ts'
import type { Services, Wake } from '../services.ts'
import type { WebhookSettings } from '../webhook-settings.ts'
import { deliveryMetrics } from './delivery-metrics.ts'
import { createSweepJob } from './dunning-sweep.ts'
import { createSealingJob } from './event-sealing.ts'
import { createLoop, type Log } from './loop.ts'
import { parkingMetrics } from './parking.ts'
import { createRiskJob } from './risk-refresh.ts'
import { scheduleEvery } from './scheduler.ts'
import { measuredSweep } from './sweep-metrics.ts'
import { createTestClockJob } from './test-clock.ts'
import { createUpkeepJob, type Kept } from './upkeep.ts'
import { createWebhookDelivery } from './webhook-delivery.ts'
import { createReplayJob } from './webhook-replay.ts'

export type JobDeps = Readonly<{
  services: Services
  database: Database
  clock: Clock
  random: () => number
  secretBox: SecretBox
  webhooks: WebhookSettings
  kept: Kept
  sweepCron: string
  registry: Registry
  log: Log
  tracing: Tracing
}>

export type Jobs = Readonly<{ wake: Wake; stop: () => Promise<void> }>

const CLOCK_EVERY_MS = 500
const RUNS_EVERY_MS = 2_000
const SEAL_EVERY_MS = 1_000
/** Scores are of the start of the day: what happened a moment ago counts tomorrow, so that there is no hurry. */
const RISK_EVERY_MS = 5_000
/** As many as an endpoint may have in flight at most. */
const CONNECTIONS_PER_ORIGIN = 1_000
const REPLAY_EVERY_MS = 500
const MONTHS_EVERY_MS = 3_600_000
const UPKEEP_CRON = '17 3 * * *'

/** Everything that a worker does. Any number of processes may run all of it at once. */
export function startJobs(deps: JobDeps): Jobs {
  const { log } = deps
  const dunning = startDunning(deps)
  const sealing = createSealingJob({ ...deps, events: deps.services.events })
  const sealer = createLoop({ name: 'event sealing', everyMs: SEAL_EVERY_MS, log, run: sealing.sealAll })
  const riskJob = createRiskJob(deps)
  const risk = createLoop({ name: 'risk', everyMs: RISK_EVERY_MS, log, run: (signal) => riskJob.refreshAll(signal) })
  const delivery = startDelivery(deps)
  const replayJob = createReplayJob({ ...deps, replays: deps.services.replays })
  const replays = createLoop({ name: 'webhook replays', everyMs: REPLAY_EVERY_MS, log, run: replayJob.replayAll })
  const upkeepJob = createUpkeepJob(deps)
  const months = createLoop({ name: 'months of attempts', everyMs: MONTHS_EVERY_MS, log, run: upkeepJob.keepMonths })
  const upkeep = createLoop({ name: 'upkeep', everyMs: null, log, run: upkeepJob.run })
  const night = scheduleEvery(UPKEEP_CRON, { name: 'upkeep', run: upkeep.wake })
  return {
    wake: { deliveries: delivery.wake, replays: replays.wake, sealer: sealer.wake, ...dunning.wake },
    stop: async () => {
      await Promise.all([dunning.stop(), night.stop(), sealer.stop(), risk.stop(), replays.stop(), months.stop(), upkeep.stop()])
      await delivery.stop()
    }
  }
}

function startDunning(deps: JobDeps) {
  const { log } = deps
  const parked = parkingMetrics(deps.registry)
  const sweepJob = createSweepJob({ ...deps, parked })
  const clockJob = createTestClockJob({ ...deps, parked })
  const asked = async (signal: AbortSignal) => {
    await sweepJob.executeRuns(signal)
    await sweepJob.reissueNotices(signal)
  }
  const sweep = createLoop({ name: 'sweep', everyMs: null, log, run: measuredSweep(deps, sweepJob.sweepAll) })
  const runs = createLoop({ name: 'dunning runs', everyMs: RUNS_EVERY_MS, log, run: asked })
  const clocks = createLoop({ name: 'test clocks', everyMs: CLOCK_EVERY_MS, log, run: (signal) => clockJob.advanceAll(signal) })
  const minute = scheduleEvery(deps.sweepCron, { name: 'sweep', run: sweep.wake })
  return {
    wake: { clock: clocks.wake, sweep: runs.wake },
    stop: async () => {
      await minute.stop()
      await Promise.all([sweep.stop(), runs.stop(), clocks.stop()])
    }
  }
}

/** Stops claiming first; what is under way is finished and written before the sockets close. */
function startDelivery(deps: JobDeps) {
  const { clock, webhooks, services, database } = deps
  const sender = createSender({ policy: webhooks.addressPolicy, connections: CONNECTIONS_PER_ORIGIN, clock })
  const metrics = deliveryMetrics(deps.registry, (of) => database.scheduling((scheduler) => of(services.dispatch, scheduler)))
  const delivery = createWebhookDelivery({ ...deps, ...webhooks, dispatch: services.dispatch, sender, metrics })
  return {
    wake: delivery.wake,
    stop: async () => {
      await delivery.stop()
      await sender.close()
    }
  }
}
