import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { subscribed } from './database-faults.ts'
import { print, type Report, reportOn, slotsOfWorker, startWatched, untilDrained, type Watched } from './delivery-faults.ts'
import { type Shop, until } from './webhooks.ts'

/** What the queue costs at one moment. Counters of the server come a second late. */
type Reading = Readonly<{
  at: number
  entries: number
  dead: number
  queued: number
  done: number
  memory: Memory
}>

/** Megabytes of a process: the most that it ever held, and what it holds, and its heap, once its garbage is collected. */
type Memory = Readonly<{ peak: number; held: number; heap: number }>

async function memoryOf({ pid, collect }: Watched): Promise<Memory> {
  const heap = await collect()
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024)
  return { peak: megabytes('VmHWM'), held: megabytes('VmRSS'), heap: Math.round(heap) }
}

async function read({ sql }: Shop, worker: Watched): Promise<Reading> {
  const memory = await memoryOf(worker)
  const [counted] = await sql<Omit<Reading, 'at' | 'memory'>>(
    `select (select sum(idx_tup_read)::int from pg_stat_user_indexes where relname = 'webhook_queue') as entries, n_dead_tup::int as dead, (select count(*)::int from webhook_queue) as queued,
       (select count(*)::int from webhook_attempts) as done from pg_stat_user_tables where relname = 'webhook_queue'`
  )
  return { at: performance.now(), memory, ...(counted ?? { entries: 0, dead: 0, queued: 0, done: 0 }) }
}

export type Stretch = Readonly<{
  perSecond: number
  entriesRead: number
  dead: number
  queued: number
  memory: Memory
}>
export type LongRun = Report & Readonly<{ first: Stretch; last: Stretch; medianFirstMs: number; medianLastMs: number }>

const stretch = (from: Reading, to: Reading): Stretch => ({
  perSecond: Math.round(((to.done - from.done) * 1_000) / (to.at - from.at)),
  entriesRead: Math.round((to.entries - from.entries) / Math.max(1, to.done - from.done)),
  dead: to.dead,
  queued: to.queued,
  memory: to.memory
})

const told = ({ perSecond, entriesRead, dead, queued, memory }: Stretch) =>
  `${perSecond}/s, ${entriesRead} index entries read each, ${dead} dead rows, ${queued} queued, ${memory.held} MB after a collection, ${memory.heap} of it heap, ${memory.peak} at most`

/** Steady traffic, looked at in its first sixth and its last. */
async function steadily(
  name: string,
  { forMs, perSecond, hold }: { forMs: number; perSecond: number; hold: boolean }
): Promise<LongRun> {
  await using at = await subscribed()
  const { shop, ledger } = at
  const worker = startWatched(shop.url, { DUNWELL_WEBHOOK_LEASE_MS: '60000', DUNWELL_WEBHOOK_CONCURRENCY: String(slotsOfWorker) })
  const holder = new pg.Client({ connectionString: shop.url })
  await holder.connect()
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    // What it loads and plans at first is no leak.
    for (let warm = 0; warm < 20; warm++, await pause(100)) await shop.fire(20)
    if (hold) await holder.query('begin isolation level repeatable read')
    if (hold) await holder.query('select count(*) from webhook_queue')
    const beganMs = Date.now()
    const readings = [await read(shop, worker)]
    let isOver = false
    const traffic = async () => {
      for (; !isOver; await pause(50)) await shop.fire(Math.ceil(perSecond / 20))
    }
    const looks = async () => {
      for (const share of [1 / 6, 5 / 6, 1]) {
        await pause(Math.max(0, beganMs + forMs * share - Date.now()))
        readings.push(await read(shop, worker))
      }
      isOver = true
    }
    await Promise.all([traffic(), looks()])
    await holder.query('rollback')
    await untilDrained(shop)
    const report = await reportOn(name, { shop, ledger })
    const medians = await mediansOf(shop, { beganMs, sixthMs: forMs / 6 })
    const [start, sixth, fifth, end] = readings as [Reading, Reading, Reading, Reading]
    const run = { ...report, ...medians, first: stretch(start, sixth), last: stretch(fifth, end) }
    print(report, `; first ${told(run.first)}, ${run.medianFirstMs} ms; last ${told(run.last)}, ${run.medianLastMs} ms`)
    return run
  } finally {
    await holder.end()
    await worker.kill('SIGTERM')
  }
}

/** From the commit of an event to the claim of its delivery: what looks and claims take. */
async function mediansOf({ sql }: Shop, { beganMs, sixthMs }: { beganMs: number; sixthMs: number }) {
  const between = async (fromMs: number) => {
    const [row] = await sql<{ ms: number }>(
      `select round(extract(epoch from percentile_cont(0.5) within group (order by a.started_at - e.recorded_at)) * 1000)::int as ms
       from webhook_attempts a join events e on e.org_id = a.org_id and e.id = a.event_id where e.recorded_at >= $1 and e.recorded_at < $2`,
      new Date(fromMs),
      new Date(fromMs + sixthMs)
    )
    return row?.ms ?? 0
  }
  return { medianFirstMs: await between(beganMs), medianLastMs: await between(beganMs + 5 * sixthMs) }
}

/** Fault 26: somebody's transaction keeps the server from clearing away what the queue leaves behind. */
export function holdSnapshot(forMs: number): Promise<LongRun> {
  return steadily(`26 a snapshot held for ${forMs / 1_000} s`, { forMs, perSecond: 200, hold: true })
}

/** Fault 30: nothing happens but work. */
export function soak(forMs: number): Promise<LongRun> {
  return steadily(`30 ${Math.round(forMs / 1_000)} s of traffic`, { forMs, perSecond: 200, hold: false })
}
