import { setTimeout as pause } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { subscribed } from './database-faults.ts'
import { print, type Report, reportOn, startWorker, untilDrained } from './delivery-faults.ts'
import { isSigned, keepLedger, type Ledger, type Received, type Shop, until } from './webhooks.ts'

async function underSteadyTraffic(shop: Shop, change: () => Promise<void>): Promise<void> {
  let isOver = false
  const traffic = async () => {
    for (; !isOver; await pause(50)) await shop.fire(10)
  }
  await Promise.all([traffic(), change().finally(() => (isOver = true))])
}

export type Rotation = Report & Readonly<{ rotations: number; refused: number; byFormer: number }>

/** Fault 23: secrets are rotated in traffic. The consumer knows the last secret that it was given and the one before it, no more. */
export async function rotateSecrets(times: number): Promise<Rotation> {
  await using at = await subscribed()
  const { shop, ledger, endpoint } = at
  const worker = startWorker(shop.url)
  const given = [{ secret: endpoint.secret, at: 0 }]
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    await underSteadyTraffic(shop, async () => {
      for (let made = 0; made < times; made++) {
        await pause(1_000)
        const { body } = await shop.api('POST', `/webhook-endpoints/${endpoint.id}/rotate-secret`, {})
        given.push({ secret: String(body['secret']), at: Date.now() })
        ledger.trust(String(body['secret']))
      }
      await pause(1_000)
    })
    await untilDrained(shop)
    const report = await reportOn(`23 secrets rotated ${times} times in traffic`, { shop, ledger })
    const refused = ledger.received.filter((got) => !knownOf(given, got).some((webhook) => isSigned(webhook, got.request))).length
    const byFormer = ledger.received.filter((got) => {
      const [newest] = knownOf(given, got)
      return newest !== undefined && !isSigned(newest, got.request)
    }).length
    print(report, `; ${refused} refused, ${byFormer} verified by the former secret alone`)
    return { ...report, rotations: given.length - 1, refused, byFormer }
  } finally {
    await worker.kill('SIGTERM')
  }
}

/** Newest first, as the consumer knew them when the request came. */
function knownOf(given: readonly Readonly<{ secret: string; at: number }>[], { atMs }: Received): Webhook[] {
  const known = given.filter(({ at }) => at <= atMs).slice(-2)
  return known.reverse().map(({ secret }) => new Webhook(secret))
}

export type Changed = Readonly<{
  what: string
  requests: number
  /** Of claims that were made after the change was committed. */
  claimedAfter: number
  /** How long after the change the last request came that had been claimed before it. */
  lastMs: number
  queued: number
  /** Requests that no attempt in the log stands for. */
  unlogged: number
}>

type Change = Readonly<{
  what: string
  make: (shop: Shop, id: string, elsewhere: Ledger) => Promise<unknown>
  /** What becomes of what still waits. */
  finish?: (shop: Shop, id: string) => Promise<unknown>
}>

/** What may be done to an endpoint in traffic. */
export const changes: readonly Change[] = [
  { what: 'its URL is changed', make: (shop, id, { url }) => shop.api('PATCH', `/webhook-endpoints/${id}`, { url }) },
  { what: 'it is deleted', make: (shop, id) => shop.api('DELETE', `/webhook-endpoints/${id}`) },
  {
    what: 'it is disabled',
    make: ({ parts: { database, services }, orgId }, id) =>
      database.scoped(orgId, (tx) => services.endpoints.disable(tx, { id, reason: 'A test wants it so.' })),
    finish: (shop, id) => shop.api('POST', `/webhook-endpoints/${id}/enable`, { resume: 'skip' })
  }
]

/** Fault 24: an endpoint is changed while deliveries to it are under way. */
export async function changeInFlight({ what, make, finish }: Change): Promise<Changed> {
  await using elsewhere = await keepLedger()
  await using at = await subscribed()
  const { shop, ledger, endpoint } = at
  elsewhere.trust(endpoint.secret)
  // So that there is always something under way.
  ledger.linger(300)
  const worker = startWorker(shop.url)
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    let [committedAt, committedMs] = [new Date(0), 0]
    await underSteadyTraffic(shop, async () => {
      await pause(2_000)
      await make(shop, endpoint.id, elsewhere)
      const [now] = await shop.sql<{ now: Date }>('select clock_timestamp() as now')
      ;[committedAt, committedMs] = [now?.now ?? committedAt, Date.now()]
      await pause(3_000)
    })
    await finish?.(shop, endpoint.id)
    await untilDrained(shop)
    const attempts = await shop.sql<{ id: string; startedAt: Date }>(
      'select event_id as id, started_at as "startedAt" from webhook_attempts where endpoint_id = $1',
      endpoint.id
    )
    const claimedAt = new Map(attempts.map(({ id, startedAt }) => [id, startedAt.getTime()]))
    const after = ledger.received.filter(({ atMs }) => atMs > committedMs)
    const result = {
      what,
      requests: ledger.received.length,
      claimedAfter: ledger.received.filter(({ id }) => (claimedAt.get(id) ?? 0) > committedAt.getTime()).length,
      lastMs: Math.max(0, ...after.map(({ atMs }) => atMs - committedMs)),
      queued: (await shop.sql(`select from webhook_deliveries where status = 'queued'`)).length,
      unlogged: [...ledger.ids(), ...elsewhere.ids()].filter((id) => !claimedAt.has(id)).length
    }
    process.stdout.write(
      `  24 ${what}: ${result.requests} sent before, ${result.claimedAfter} claimed after, the last ${result.lastMs} ms after, ${result.queued} left queued, ${result.unlogged} not logged\n`
    )
    return result
  } finally {
    await worker.kill('SIGTERM')
  }
}
