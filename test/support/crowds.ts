import { setTimeout as pause } from 'node:timers/promises'
import { print, quantile, type Report, reportOn, startWorker, untilDrained } from './delivery-faults.ts'
import { keepLedger, type Ledger, openShop, type Shop, until } from './webhooks.ts'

const EVERY_MS = 100
/** Each endpoint takes one of them, so that something for some of them comes all the time, and no worker rests between. */
const TYPES = [
  ...(['client.created', 'client.updated', 'client.deleted', 'invoice.created', 'invoice.updated', 'invoice.paid'] as const),
  ...(['payment.pending', 'payment.settled', 'payment.failed', 'payment.reversed'] as const)
]
/** Pauses of circuits that have to attempts of two seconds about the ratio that the standard ones have to theirs. */
const SCALE = 0.01
const envFor = (scale: number) => ({ DUNWELL_WEBHOOK_CONCURRENCY: '64', DUNWELL_WEBHOOK_SCHEDULE_SCALE: String(scale) })

/** Endpoints at paths of their own, each with its own secret. @returns the paths. */
export async function subscribeCrowd(
  { shop, ledger }: { shop: Shop; ledger: Ledger },
  { count, name, settings = {} }: { count: number; name: string; settings?: object }
): Promise<string[]> {
  const paths: string[] = []
  for (let made = 0; made < count; made++) {
    const url = `${ledger.url}/${name}${made}`
    const { secret } = await shop.subscribe(url, { event_types: [TYPES[made % TYPES.length]], ...settings })
    const { pathname } = new URL(url)
    ledger.trustAt(pathname, secret)
    paths.push(pathname)
  }
  return paths
}

/** A worker of its own that finds nothing rests longer each time, up to a second: before what is measured, something comes. */
const LEAD_MS = 1_500

/** An event every tenth of a second, each for a tenth of the endpoints. */
async function fireFor(shop: Shop, forMs: number): Promise<Set<string>> {
  const ids = new Set<string>()
  const endsAt = performance.now() + forMs
  for (; performance.now() < endsAt; await pause(EVERY_MS)) {
    for (const id of await shop.fire(1, TYPES[ids.size % TYPES.length])) ids.add(id)
  }
  return ids
}

/** The delays of those events, at those paths; waits until all have arrived. */
async function delaysOf(
  { shop, ledger }: { shop: Shop; ledger: Ledger },
  { ids, paths }: { ids: ReadonlySet<string>; paths: ReadonlySet<string> }
): Promise<number[]> {
  const ofThem = () => ledger.received.filter(({ id, request }) => ids.has(id) && paths.has(request.path))
  const whole = Math.floor(ids.size / TYPES.length) * paths.size
  await until('those who answer have theirs', () => ofThem().length >= whole, 30_000)
  const events = await shop.sql<{ id: string; at: Date }>('select id, recorded_at as at from events')
  const firedMs = new Map(events.map(({ id, at }) => [id, at.getTime()]))
  return ofThem().map(({ id, atMs }) => atMs - (firedMs.get(id) ?? Number.NaN))
}

export type BesideReport = Report & Readonly<{ p95Ms: number; p95AloneMs: number; twiceBeside: number }>

/** Of those who answer, how often something came again. */
function twiceBeside({ received }: Ledger, hung: readonly string[]): number {
  const beside = received.filter(({ request }) => !hung.includes(request.path))
  return beside.length - new Set(beside.map(({ id, request }) => `${id} ${request.path}`)).size
}

/** Fault 19: one endpoint with a long queue never answers, beside many that do; then it does. */
export async function hangOne({
  healthy: count,
  queued,
  forMs,
  scale = SCALE
}: Readonly<{ healthy: number; queued: number; forMs: number; scale?: number }>): Promise<BesideReport> {
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'api' })
  const healthy = await subscribeCrowd({ shop, ledger }, { count, name: 'h' })
  const [hung = ''] = await subscribeCrowd({ shop, ledger }, { count: 1, name: 's', settings: { event_types: ['promise.*'] } })
  const worker = startWorker(shop.url, envFor(scale))
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    const measure = async () => {
      await fireFor(shop, LEAD_MS)
      return delaysOf({ shop, ledger }, { ids: await fireFor(shop, forMs), paths: new Set(healthy) })
    }
    const alone = await measure()
    ledger.hang([hung])
    for (let left = queued; left > 0; left -= 1_000) await shop.fire(Math.min(left, 1_000), 'promise.made')
    const unsealed = () => shop.sql('select from events where seq is null limit 1')
    await until('they are counted in', async () => (await unsealed()).length === 0, 30_000)
    await until('it hangs', () => ledger.received.some(({ request }) => request.path === hung))
    const beside = await measure()
    ledger.hang([])
    await untilDrained(shop, 90_000)
    const [p95AloneMs, p95Ms] = [quantile(alone, 0.95), quantile(beside, 0.95)]
    const report = await reportOn(`19 one hangs with ${queued} queued`, { shop, ledger })
    print(report, `; of the ${count} others p95 ${p95Ms} ms, without it ${p95AloneMs} ms`)
    return { ...report, p95AloneMs, p95Ms, twiceBeside: twiceBeside(ledger, [hung]) }
  } finally {
    await worker.kill('SIGTERM')
  }
}

/** Fault 20: of two hundred endpoints forty cease to answer at once, and answer again later. */
export async function hangMany(forMs: number): Promise<BesideReport> {
  await using ledger = await keepLedger()
  await using first = await openShop({ roles: 'api' })
  await using second = await openShop({ roles: 'api', databaseUrl: first.url })
  const shops = [first, second]
  const paths = await Promise.all(shops.map((shop, n) => subscribeCrowd({ shop, ledger }, { count: 100, name: `${n}-` })))
  const hung = paths.flatMap((own) => own.slice(0, 20))
  const worker = startWorker(first.url, envFor(SCALE))
  const measure = async () => {
    const fired = await Promise.all(shops.map((shop) => fireFor(shop, forMs)))
    const delays = await Promise.all(
      fired.map((ids, n) => delaysOf({ shop: first, ledger }, { ids, paths: new Set(paths[n]?.slice(20)) }))
    )
    return quantile(delays.flat(), 0.95)
  }
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    const lead = () => Promise.all(shops.map((shop) => fireFor(shop, LEAD_MS)))
    await lead()
    const p95AloneMs = await measure()
    await lead()
    ledger.hang(hung)
    const p95Ms = await measure()
    ledger.hang([])
    await untilDrained(first, 90_000)
    const report = await reportOn('20 forty of 200 hang at once', { shop: first, ledger })
    print(report, `; of the 160 others p95 ${p95Ms} ms, before ${p95AloneMs} ms`)
    return { ...report, p95AloneMs, p95Ms, twiceBeside: twiceBeside(ledger, hung) }
  } finally {
    await worker.kill('SIGTERM')
  }
}
