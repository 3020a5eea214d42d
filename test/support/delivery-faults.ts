import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { root } from '../docs/blocks.ts'
import type { Ledger, Shop } from './webhooks.ts'
import { until, workerSettings } from './webhooks.ts'

export type Worker = Readonly<{
  isReady: () => boolean
  signal: (signal: NodeJS.Signals) => void
  kill: (signal: NodeJS.Signals) => Promise<void>
}>

/** Attempts of one worker at a time: what its death can send twice. */
export const slotsOfWorker = 16

/** A real process that delivers and nothing else. */
export function startWorker(databaseUrl: string, env: Readonly<Record<string, string>> = {}): Worker {
  const own = {
    ...workerSettings,
    LOG_LEVEL: 'info',
    DUNWELL_WEBHOOK_CONCURRENCY: String(slotsOfWorker),
    ...env,
    DATABASE_URL: databaseUrl,
    DUNWELL_ROLES: 'worker'
  }
  const child = spawn(process.execPath, ['src/cli.ts', 'serve'], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...own },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(child, 'exit')
  let isReady = false
  child.stdout.on('data', (chunk: Buffer) => (isReady ||= chunk.includes('"msg":"ready"')))
  return {
    isReady: () => isReady,
    signal: (signal) => void child.kill(signal),
    async kill(signal) {
      child.kill(signal)
      await ended
    }
  }
}

export type Crew = AsyncDisposable &
  Readonly<{ killOne: () => Promise<void>; pauseOne: (ms: number) => Promise<void>; killed: () => number }>

/** Workers that are at work when this resolves. */
export async function startCrew(size: number, databaseUrl: string): Promise<Crew> {
  const workers = Array.from({ length: size }, () => startWorker(databaseUrl))
  await until('all workers are ready', () => workers.every(({ isReady }) => isReady()), 60_000)
  let killed = 0
  return {
    killed: () => killed,
    /** SIGKILL for the one that has been at work the longest, which is replaced at once. Where starting takes long, another is left. */
    async killOne() {
      await until('two workers are at work', () => workers.filter(({ isReady }) => isReady()).length > 1, 60_000)
      const [oldest] = workers.splice(
        workers.findIndex(({ isReady }) => isReady()),
        1
      )
      await oldest?.kill('SIGKILL')
      workers.push(startWorker(databaseUrl))
      killed += 1
    },
    /** SIGSTOP, then SIGCONT: its clocks go on and it does not. */
    async pauseOne(ms) {
      const [first] = workers.splice(0, 1)
      if (first === undefined) return
      first.signal('SIGSTOP')
      await pause(ms)
      first.signal('SIGCONT')
      workers.push(first)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map(({ kill }) => kill('SIGTERM')))
    }
  }
}

export type Traffic = Readonly<{
  shop: Shop
  ledger: Ledger
  forMs: number
  perSecond: number
  everyMs: number
  /** The fault, once in each interval. */
  fault: () => Promise<unknown>
}>

export type Report = Readonly<{
  name: string
  sent: number
  lost: number
  invented: number
  duplicated: number
  /** Events that arrived more often than attempts were made: no claim is sent twice. */
  unexplained: number
  unverified: number
  /** Deliveries whose attempts are not numbered 1, 2, 3 …, or that have not exactly one success. */
  misnumbered: number
  worstDelayMs: number
  medianDelayMs: number
}>

const BURST_MS = 50

/** Fires events while faults happen, waits until nothing is queued, and compares what was committed with what arrived. */
export async function underTraffic(name: string, { shop, ledger, forMs, perSecond, everyMs, fault }: Traffic): Promise<Report> {
  const endsAt = performance.now() + forMs
  const traffic = async () => {
    // What the database refuses while it is away was never promised.
    for (; performance.now() < endsAt; await pause(BURST_MS)) {
      await shop.fire(Math.ceil((perSecond * BURST_MS) / 1000)).catch(() => [])
    }
  }
  const faults = async () => {
    for (await pause(everyMs); performance.now() < endsAt; await pause(everyMs)) await fault()
  }
  await Promise.all([traffic(), faults()])
  const isDone = async () => (await shop.sql('select from webhook_queue limit 1').catch(() => [{}])).length === 0
  await until('everything is delivered', isDone, 60_000)
  const report = await reportOn(name, { shop, ledger })
  const { sent, lost, duplicated, medianDelayMs, worstDelayMs } = report
  process.stdout.write(
    `  ${name}: ${sent} sent, ${lost} lost, ${duplicated} duplicated (${((duplicated / sent) * 100).toFixed(2)} %), delay median ${medianDelayMs} ms, worst ${worstDelayMs} ms\n`
  )
  return report
}

export async function reportOn(name: string, { shop, ledger }: Pick<Traffic, 'shop' | 'ledger'>): Promise<Report> {
  const events = await shop.sql<{ id: string; at: Date }>('select id, recorded_at as at from events')
  const firstMs = new Map<string, number>()
  for (const { id, atMs } of ledger.received) if (!firstMs.has(id)) firstMs.set(id, atMs)
  const known = new Set(events.map(({ id }) => id))
  const delays = events.map(({ id, at }) => (firstMs.get(id) ?? Number.NaN) - at.getTime()).sort((a, b) => a - b)
  const misnumbered = await shop.sql(
    `select d.id from webhook_deliveries d left join webhook_attempts a on a.org_id = d.org_id and a.delivery_id = d.id
     group by d.id, d.attempts having count(*) <> d.attempts or min(a.attempt) <> 1 or max(a.attempt) <> d.attempts
       or count(*) filter (where a.succeeded) <> 1 or count(distinct a.attempt) <> count(*)`
  )
  const attempts = await shop.sql<{ id: string; attempts: number }>('select event_id as id, attempts from webhook_deliveries')
  const times = new Map<string, number>()
  for (const { id } of ledger.received) times.set(id, (times.get(id) ?? 0) + 1)
  return {
    name,
    sent: events.length,
    lost: events.filter(({ id }) => !firstMs.has(id)).length,
    invented: [...firstMs.keys()].filter((id) => !known.has(id)).length,
    duplicated: ledger.received.length - firstMs.size,
    unexplained: attempts.filter((made) => (times.get(made.id) ?? 0) > made.attempts).length,
    unverified: ledger.received.filter(({ verified }) => !verified).length,
    misnumbered: misnumbered.length,
    worstDelayMs: Math.round(delays.at(-1) ?? 0),
    medianDelayMs: Math.round(delays[Math.floor(delays.length / 2)] ?? 0)
  }
}

/** What holds after every fault: nothing lost or made up, attempts numbered without a gap, all of it verifies. */
export const unharmed = { lost: 0, invented: 0, unexplained: 0, unverified: 0, misnumbered: 0 }
