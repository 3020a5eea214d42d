import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { print, type Report, reportOn, type Server, startServer, untilDrained } from './delivery-faults.ts'
import { keepLedger, openShop, type Shop, until } from './webhooks.ts'

const METRICS_TOKEN = 'the-metrics-of-the-fault-tests'

async function startReady(shop: Shop, roles: 'all' | 'api'): Promise<Server> {
  const server = startServer(shop.url, { DUNWELL_ROLES: roles, DUNWELL_METRICS_TOKEN: METRICS_TOKEN })
  await until('it is ready', server.isReady, 60_000)
  return server
}

type Load = Readonly<{ acknowledged: string[]; retried: number; refused: string[] }>

/** Makes clients by HTTP until told to stop. One whose connection breaks asks again, under the same key, as clients should. */
async function load(key: string, { urls, until: isOver }: { urls: () => string[]; until: () => boolean }): Promise<Load> {
  const acknowledged: string[] = []
  const refused: string[] = []
  let [retried, turn] = [0, 0]
  const make = async (name: string) => {
    const idempotencyKey = randomUUID()
    for (let tries = 1; tries <= 20; tries++) {
      const all = urls()
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey }
      const init = { method: 'POST', headers, body: JSON.stringify({ name }) }
      const response = await fetch(`${all[turn++ % all.length]}/v1/clients`, init).catch(() => undefined)
      if (response === undefined) {
        retried += 1
        await pause(20)
        continue
      }
      const text = await response.text()
      if (response.status === 201) acknowledged.push(String((JSON.parse(text) as { id: string }).id))
      else refused.push(`${response.status} ${text}`)
      return
    }
    refused.push('no answer after twenty tries')
  }
  const user = async () => {
    for (let made = 0; !isOver(); made++) {
      await make(`Client ${made}`)
      await pause(100)
    }
  }
  await Promise.all(Array.from({ length: 6 }, user))
  return { acknowledged, retried, refused }
}

async function attemptsOf(server: Server): Promise<number> {
  const response = await fetch(`${server.url()}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  const lines = (await response.text()).matchAll(/^dunwell_webhook_attempts_total\{[^}]*\} (\d+)/gm)
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
}

export type Rolled = Report & Load & Readonly<{ made: number; shares: readonly number[] }>

/** Three processes that work and two that only listen, under HTTP load; then each is replaced, the new one first. */
export async function rollOver(restMs: number): Promise<Rolled> {
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'none' })
  let servers = await Promise.all(
    [...Array<'all'>(3).fill('all'), 'api' as const, 'api' as const].map((r) => startReady(shop, r))
  )
  let listed = servers
  try {
    const first = servers[0]
    if (first === undefined) throw new Error('there are five')
    const endpoint = await subscribeAt(first.url(), { key: shop.key, url: ledger.url })
    ledger.trust(endpoint.secret)
    let [isOver, slowestStopMs] = [false, 0]
    const loading = load(shop.key, { urls: () => listed.map(({ url }) => url()), until: () => isOver })
    await pause(restMs)
    const shares = await Promise.all(servers.slice(0, 3).map(attemptsOf))
    for (const [n, old] of servers.entries()) {
      const next = await startReady(shop, n < 3 ? 'all' : 'api')
      listed = [...listed, next]
      // Nobody is told before: what still comes to it is answered, or finds its connection closed.
      const stoppedAt = performance.now()
      await old.kill('SIGTERM')
      slowestStopMs = Math.max(slowestStopMs, Math.round(performance.now() - stoppedAt))
      listed = listed.filter((server) => server !== old)
    }
    servers = listed
    await pause(restMs / 2)
    isOver = true
    const loaded = await loading
    await untilDrained(shop)
    const [{ made } = { made: 0 }] = await shop.sql<{ made: number }>('select count(*)::int as made from clients')
    const report = await reportOn('rolling restart of five processes', { shop, ledger })
    print(
      report,
      `; ${loaded.retried} requests asked again, ${loaded.refused.length} refused, shares ${shares.join('/')}, slowest stop ${slowestStopMs} ms`
    )
    return { ...report, ...loaded, made, shares }
  } finally {
    await Promise.all(servers.map(({ kill }) => kill('SIGTERM')))
  }
}

async function subscribeAt(api: string, { key, url }: { key: string; url: string }): Promise<{ secret: string }> {
  const response = await fetch(`${api}/v1/webhook-endpoints`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ url, event_types: ['*'] })
  })
  return (await response.json()) as { secret: string }
}
