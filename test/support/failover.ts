import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Report, reportOn, startServer, untilDrained } from './delivery-faults.ts'
import { startPair } from './replication.ts'
import { keepLedger, openShop, until } from './webhooks.ts'

const USERS = 8
/** Between two writes of a user, as between two requests of one connection. */
const REST_MS = 20

type Write = Readonly<{ id: string; answeredAt: number }>
type Who = Readonly<{ api: string; key: string; isOver: () => boolean }>

/** Users who create clients, each again with its idempotency key until it is acknowledged, as every integration should. */
export async function write({ api, key, isOver }: Who) {
  const acknowledged: Write[] = []
  const refusals = new Map<number, number>()
  async function create(name: string): Promise<void> {
    const idempotencyKey = randomUUID()
    for (;;) {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey }
      const answer = await fetch(`${api}/v1/clients`, { method: 'POST', headers, body: JSON.stringify({ name }) })
      const { id = '' } = (await answer.json()) as { id?: string }
      if (answer.status === 201) return void acknowledged.push({ id, answeredAt: performance.now() })
      refusals.set(answer.status, (refusals.get(answer.status) ?? 0) + 1)
      await pause(REST_MS)
    }
  }
  const user = async (_: unknown, n: number) => {
    for (let made = 0; !isOver(); made++) {
      await create(`Client ${n}/${made}`)
      await pause(REST_MS)
    }
  }
  await Promise.all(Array.from({ length: USERS }, user))
  return { acknowledged, refusals }
}

/** A consumer that goes on from the last event that it has, and begins anew where it is told that its event is gone. */
async function pull({ api, key, isOver }: Who) {
  const had = new Set<string>()
  let [last, positionsLost] = ['', 0]
  for (; !isOver(); await pause(50)) {
    const after = last === '' ? '' : `&after_id=${last}`
    const answer = await fetch(`${api}/v1/events?limit=200${after}`, { headers: { authorization: `Bearer ${key}` } })
    const body = (await answer.json()) as { data?: { id: string }[]; code?: string }
    if (answer.status === 410 && body.code === 'position_lost') {
      positionsLost += 1
      last = ''
    }
    for (const { id } of body.data ?? []) {
      had.add(id)
      last = id
    }
  }
  return { had, positionsLost }
}

export type Failover = Readonly<{
  /** Created before or after, and answered 201. */
  acknowledged: number
  /** Of these, which the new primary does not have. */
  acknowledgedLost: number
  /** Clients that the new primary has and nobody was told of. */
  unacknowledged: number
  /** The earliest of what was lost, in milliseconds before the primary died. */
  oldestLostMs: number
  promotedMs: number
  writesAgainMs: number
  refusals: Readonly<Record<string, number>>
  positionsLost: number
  /** Events that the consumer had and that are gone, and events that it never got. */
  gone: number
  missed: number
  webhooks: Report
}>

/** @param lagMs for how long the standby gets nothing before the primary dies: the lag of one that is behind */
export async function failOver({ synchronous, lagMs = 0 }: { synchronous: boolean; lagMs?: number }): Promise<Failover> {
  await using pair = await startPair({ synchronous })
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'api', databaseUrl: pair.url })
  const { secret } = await shop.subscribe(ledger.url, { max_in_flight: 200 })
  ledger.trust(secret)
  const server = startServer(pair.url, { DUNWELL_ROLES: 'all' })
  try {
    await until('the service is ready', server.isReady, 60_000)
    let [isOver, isRead] = [false, false]
    const who = { api: server.url(), key: shop.key }
    const writing = write({ ...who, isOver: () => isOver })
    const pulling = pull({ ...who, isOver: () => isRead })
    await pause(3_000)
    if (lagMs > 0) pair.stream.stall()
    await pause(lagMs)
    const diedAt = performance.now()
    pair.killPrimary()
    await pair.promote()
    const promotedAt = performance.now()
    await pause(5_000)
    isOver = true
    const { acknowledged, refusals } = await writing
    await untilDrained(shop)
    const sealed = `select count(*)::int as open from events where seq is null`
    await until('every event has its place', async () => (await shop.sql<{ open: number }>(sealed))[0]?.open === 0)
    await pause(1_000)
    isRead = true
    const { had, positionsLost } = await pulling
    const there = new Set((await shop.sql<{ id: string }>('select id from clients')).map(({ id }) => id))
    const events = new Set((await shop.sql<{ id: string }>('select id from events')).map(({ id }) => id))
    const lost = acknowledged.filter(({ id }) => !there.has(id))
    const told = new Set(acknowledged.map(({ id }) => id))
    const again = acknowledged.map(({ answeredAt }) => answeredAt).filter((at) => at > promotedAt)
    return {
      ...{
        acknowledged: acknowledged.length,
        acknowledgedLost: lost.length,
        positionsLost,
        promotedMs: Math.round(promotedAt - diedAt)
      },
      unacknowledged: [...there].filter((id) => !told.has(id)).length,
      oldestLostMs: Math.round(Math.max(0, ...lost.map(({ answeredAt }) => diedAt - answeredAt))),
      writesAgainMs: Math.round(Math.min(...again) - diedAt),
      refusals: Object.fromEntries(refusals),
      gone: [...had].filter((id) => !events.has(id)).length,
      missed: [...events].filter((id) => !had.has(id)).length,
      webhooks: await reportOn('failover', { shop, ledger })
    }
  } finally {
    await server.kill('SIGTERM')
  }
}

/** A write while the only synchronous standby is away, and the same write, by its idempotency key, once it is back. */
export async function loseStandby() {
  await using pair = await startPair({ synchronous: true })
  await using shop = await openShop({ roles: 'none', databaseUrl: pair.url })
  const server = startServer(pair.url, { DUNWELL_ROLES: 'api' })
  try {
    await until('the service is ready', server.isReady, 60_000)
    const ask = async (path: string, init: RequestInit = {}) => {
      const headers = { authorization: `Bearer ${shop.key}`, 'content-type': 'application/json', 'idempotency-key': 'away' }
      return (await fetch(`${server.url()}${path}`, { ...init, headers })).status
    }
    const create = () => ask('/v1/clients', { method: 'POST', body: JSON.stringify({ name: 'Written while it was away' }) })
    await pair.killStandby()
    const begunAt = performance.now()
    const away = await create()
    const afterMs = Math.round(performance.now() - begunAt)
    const [read, ready] = [await ask('/v1/clients'), await ask('/readyz')]
    pair.restartStandby()
    await until('the write is acknowledged', async () => (await create()) === 201, 60_000)
    const rows = await shop.sql(`select from clients where name = 'Written while it was away'`)
    return { away, afterMs, read, ready, written: rows.length }
  } finally {
    await server.kill('SIGTERM')
  }
}
