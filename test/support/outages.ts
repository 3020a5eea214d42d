import { setTimeout as pause } from 'node:timers/promises'
import { httpReceiver } from '../integration/webhooks-transport/receivers.ts'
import { print, quantile, type Report, reportOn, startWorker, untilDrained } from './delivery-faults.ts'
import { keepLedger, openShop, type Shop, until } from './webhooks.ts'

async function fireMany(shop: Shop, total: number): Promise<void> {
  for (let left = total; left > 0; left -= 1_000) await shop.fire(Math.min(left, 1_000))
}

export type Recovery = Report & Readonly<{ attemptsWhileDown: number; stampede: number; drainMs: number }>

/** Fault 21: a receiver that was down for two hours of the schedule comes back to a long queue. */
export async function comeBack({ queued, scale }: { queued: number; scale: number }): Promise<Recovery> {
  await using ledger = await keepLedger()
  let [isDown, open, answered, stampede] = [true, 0, 0, 0]
  // In front of the ledger, to hold each answer for a moment: only so is there something to count at a time.
  await using front = await httpReceiver((response, request) => {
    if (isDown) return void response.writeHead(503).end()
    open += 1
    // One more at a time for each that was answered; the first is the probe.
    stampede = Math.max(stampede, open - Math.max(1, answered))
    void fetch(ledger.url, { method: 'POST', headers: forwarded(request.headers), body: new Uint8Array(request.body) }).then(
      () => {
        open -= 1
        answered += 1
        response.writeHead(204).end()
      }
    )
  })
  await using shop = await openShop({ roles: 'api' })
  const { secret } = await shop.subscribe(front.url, { max_in_flight: 100 })
  ledger.trust(secret)
  const worker = startWorker(shop.url, {
    DUNWELL_WEBHOOK_SCHEDULE_SCALE: String(scale),
    DUNWELL_WEBHOOK_CONCURRENCY: '128'
  })
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    const downAt = performance.now()
    await fireMany(shop, queued)
    const twoHoursMs = 7_200_000 * scale
    await pause(Math.max(0, downAt + twoHoursMs - performance.now()))
    const attemptsWhileDown = front.requests.length
    isDown = false
    const upAt = performance.now()
    await untilDrained(shop, 120_000)
    const drainMs = Math.round(performance.now() - upAt)
    const report = await reportOn(`21 down for two hours with ${queued} queued`, { shop, ledger })
    print(
      report,
      `; ${attemptsWhileDown} attempts while down, all sent ${drainMs} ms after, never more at a time than slow start lets`
    )
    return { ...report, attemptsWhileDown, stampede, drainMs }
  } finally {
    await worker.kill('SIGTERM')
  }
}

/** What the consumer verifies. */
function forwarded(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'content-type'].map((name) => [name, String(headers[name])])
  )
}

export type Spread = Report & Readonly<{ waitsMs: readonly number[] }>

/** Fault 22: everything that is under way fails in one moment. @returns how long each waited for its second attempt. */
export async function failTogether(count: number): Promise<Spread> {
  await using ledger = await keepLedger()
  const held: (() => void)[] = []
  await using front = await httpReceiver((response) => {
    held.push(() => response.writeHead(500).end())
    if (held.length === count) for (const fail of held) fail()
  })
  await using shop = await openShop({ roles: 'api' })
  const endpoint = await shop.subscribe(front.url, { max_in_flight: count })
  ledger.trust(endpoint.secret)
  await fireMany(shop, count)
  const env = { DUNWELL_WEBHOOK_SCHEDULE_SCALE: '1', DUNWELL_WEBHOOK_CONCURRENCY: String(count) }
  const times = { DUNWELL_WEBHOOK_LEASE_MS: '30000', DUNWELL_WEBHOOK_TIMEOUT_MAX_MS: '20000' }
  const worker = startWorker(shop.url, { ...env, ...times })
  try {
    await until('all have failed', async () => (await waitsOf(shop)).length === count, 60_000)
    const waitsMs = await waitsOf(shop)
    // The circuit would rest for half a minute: it is not what this is about.
    await shop.api('PATCH', `/webhook-endpoints/${endpoint.id}`, { url: ledger.url })
    await untilDrained(shop)
    const report = await reportOn(`22 ${count} fail together`, { shop, ledger })
    const [first, last] = [quantile(waitsMs, 0), quantile(waitsMs, 1)]
    print(report, `; second attempts due ${first} to ${last} ms after`)
    return { ...report, waitsMs }
  } finally {
    await worker.kill('SIGTERM')
  }
}

async function waitsOf(shop: Shop): Promise<number[]> {
  const rows = await shop.sql<{ ms: number }>(
    `select (extract(epoch from q.ready_at - a.started_at) * 1000)::float8 - a.duration_ms as ms from webhook_queue q
     join webhook_attempts a on a.delivery_id = q.delivery_id and a.attempt = q.attempt where q.claimed_at is null and q.attempt = 1`
  )
  return rows.map(({ ms }) => Math.round(ms))
}
