import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { root } from '../docs/blocks.ts'
import type { Ledger, Shop } from './webhooks.ts'
import { until, workerSettings } from './webhooks.ts'

export type Worker = Readonly<{
  pid: number
  isReady: () => boolean
  signal: (signal: NodeJS.Signals) => void
  kill: (signal: NodeJS.Signals) => Promise<void>
}>

/** Attempts of one worker at a time: what its death can send twice. */
export const slotsOfWorker = 16

/** A real process that delivers and nothing else. */
export function startWorker(databaseUrl: string, env: Readonly<Record<string, string>> = {}): Worker {
  return startServer(databaseUrl, { DUNWELL_ROLES: 'worker', DUNWELL_WEBHOOK_CONCURRENCY: String(slotsOfWorker), ...env })
}

export type Server = Worker & Readonly<{ url: () => string }>

/** A real process. */
export function startServer(databaseUrl: string, env: Readonly<Record<string, string>>): Server {
  return serverOf(spawnServer(databaseUrl, env))
}

export type Watched = Worker &
  Readonly<{
    /** Collects its garbage. @returns what is left of its heap, in megabytes. */
    collect: () => Promise<number>
  }>

/** A worker whose memory is looked at. */
export function startWatched(databaseUrl: string, env: Readonly<Record<string, string>>): Watched {
  const flags = ['--expose-gc', '--import=./test/support/collector.ts']
  const child = spawnServer(databaseUrl, { DUNWELL_ROLES: 'worker', ...env }, flags)
  return {
    ...serverOf(child),
    async collect() {
      child.send('collect')
      const [heapMb] = await once(child, 'message')
      return heapMb
    }
  }
}

function spawnServer(databaseUrl: string, env: Readonly<Record<string, string>>, flags: readonly string[] = []): ChildProcess {
  const own = { ...workerSettings, LOG_LEVEL: 'info', ...env, DATABASE_URL: databaseUrl }
  return spawn(process.execPath, [...flags, 'src/cli.ts', 'serve'], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...own },
    stdio: ['ignore', 'pipe', 'inherit', ...(flags.length > 0 ? ['ipc' as const] : [])]
  })
}

function serverOf(child: ChildProcess): Server {
  const ended = once(child, 'exit')
  let ready: RegExpExecArray | null = null
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    if (ready !== null) return
    text += chunk.toString()
    ready = /^.*"msg":"ready".*$/m.exec(text)
  })
  return {
    pid: child.pid ?? 0,
    isReady: () => ready !== null,
    url: () => /"url":"([^"]+)"/.exec(ready?.[0] ?? '')?.[1] ?? '',
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
export async function startCrew(size: number, databaseUrl: string, env: Readonly<Record<string, string>> = {}): Promise<Crew> {
  const workers = Array.from({ length: size }, () => startWorker(databaseUrl, env))
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
      workers.push(startWorker(databaseUrl, env))
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
export async function underTraffic(name: string, traffic: Traffic): Promise<Report> {
  await exposeToFaults(traffic)
  await untilDrained(traffic.shop, 120_000)
  const report = await reportOn(name, traffic)
  print(report)
  return report
}

/** Fires events while faults happen. */
export async function exposeToFaults({ shop, forMs, perSecond, everyMs, fault }: Omit<Traffic, 'ledger'>): Promise<void> {
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
}

/** One line of figures. */
export function print({ name, sent, lost, duplicated, medianDelayMs, worstDelayMs }: Report, more = ''): void {
  const share = ((duplicated / sent) * 100).toFixed(2)
  process.stdout.write(
    `  ${name}: ${sent} sent, ${lost} lost, ${duplicated} duplicated (${share} %), delay median ${medianDelayMs} ms, worst ${worstDelayMs} ms${more}\n`
  )
}

/** Until nothing waits to be sent, a database that is away included. */
export function untilDrained(shop: Shop, timeoutMs = 60_000): Promise<void> {
  const isDone = async () => (await shop.sql('select from webhook_queue limit 1').catch(() => [{}])).length === 0
  return until('everything is delivered', isDone, timeoutMs)
}

type Told = Readonly<{ id: string; eventId: string; path: string; at: Date; attempts: number }>

/** Compares what was committed, for endpoints that are still there, with what arrived. */
export async function reportOn(name: string, { shop, ledger }: Pick<Traffic, 'shop' | 'ledger'>): Promise<Report> {
  const deliveries = await shop.sql<Told>(
    `select d.id, d.event_id as "eventId", regexp_replace(p.url, '^https?://[^/]*', '') as path, e.recorded_at as at, d.attempts
     from webhook_deliveries d join events e on e.org_id = d.org_id and e.id = d.event_id
     join webhook_endpoints p on p.org_id = d.org_id and p.id = d.endpoint_id`
  )
  const times = new Map<string, number>()
  const firstMs = new Map<string, number>()
  for (const { id, atMs, request } of ledger.received) {
    const key = `${id} ${request.path}`
    times.set(key, (times.get(key) ?? 0) + 1)
    if (!firstMs.has(key)) firstMs.set(key, atMs)
  }
  const keyOf = ({ eventId, path }: Told) => `${eventId} ${path}`
  const known = new Set(deliveries.map(keyOf))
  const misnumbered = await shop.sql(
    `select d.id from webhook_deliveries d left join webhook_attempts a on a.org_id = d.org_id and a.delivery_id = d.id
     group by d.id, d.attempts having count(*) <> d.attempts or min(a.attempt) <> 1 or max(a.attempt) <> d.attempts
       or count(*) filter (where a.succeeded) <> 1 or count(distinct a.attempt) <> count(*)`
  )
  const delays = deliveries.map((told) => (firstMs.get(keyOf(told)) ?? Number.NaN) - told.at.getTime())
  return {
    name,
    sent: deliveries.length,
    lost: deliveries.filter((told) => !firstMs.has(keyOf(told))).length,
    invented: [...firstMs.keys()].filter((key) => !known.has(key)).length,
    duplicated: ledger.received.length - firstMs.size,
    unexplained: deliveries.filter((told) => (times.get(keyOf(told)) ?? 0) > told.attempts).length,
    unverified: ledger.received.filter(({ verified }) => !verified).length,
    misnumbered: misnumbered.length,
    worstDelayMs: Math.round(quantile(delays, 1)),
    medianDelayMs: Math.round(quantile(delays, 0.5))
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** What holds after every fault: nothing lost or made up, attempts numbered without a gap, all of it verifies. */
export const unharmed = { lost: 0, invented: 0, unexplained: 0, unverified: 0, misnumbered: 0 }
