import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { pino } from 'pino'
import { Webhook } from 'standardwebhooks'
import { createOrganization } from '../../src/commands/organization.ts'
import { loadConfig } from '../../src/config.ts'
import { newId } from '../../src/ids.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { type Process, type ProcessConfig, start } from '../../src/main.ts'
import type { EventType } from '../../src/modules/events/event.ts'
import { httpReceiver, type Receiver, type Request } from '../integration/webhooks-transport/receivers.ts'
import { freshDatabase } from './database.ts'

/** A worker whose times are short enough for a test: a lease of 3 s, the retry schedule in seconds instead of hours. */
export const workerSettings = {
  DUNWELL_SECRET_KEY: '5a'.repeat(32),
  DUNWELL_MIGRATE_ON_START: 'false',
  DUNWELL_RATE_LIMIT: '0',
  DUNWELL_ORGANIZATION_RATE_LIMIT: '0',
  DUNWELL_SWEEP_CRON: '0 0 1 1 *',
  DUNWELL_ALLOW_HTTP_WEBHOOKS: 'true',
  DUNWELL_WEBHOOK_ALLOW: '127.0.0.1/32',
  DUNWELL_WEBHOOK_PORTS: 'any',
  DUNWELL_WEBHOOK_LEASE_MS: '3000',
  DUNWELL_WEBHOOK_TIMEOUT_MAX_MS: '2000',
  DUNWELL_WEBHOOK_LEASE_MARGIN_MS: '500',
  DUNWELL_WEBHOOK_SCHEDULE_SCALE: '0.0001',
  LOG_LEVEL: 'silent',
  PORT: '0'
} as const

type Environment = Readonly<Record<string, string>>

/** A process's parts in this process, over an existing database. @param roles `worker` delivers, `api` listens, `none` only writes. */
export function startProcess(
  url: string,
  { roles, env = {}, clock }: { roles: ProcessConfig['DUNWELL_ROLES']; env?: Environment; clock?: Clock }
): Promise<Process> {
  const config = loadConfig({ ...workerSettings, ...env, DATABASE_URL: url })
  const log = pino({ level: config.LOG_LEVEL })
  return start({ config: { ...config, DUNWELL_ROLES: roles }, log, ...(clock && { clock }) })
}

export type ApiAnswer = Readonly<{ status: number; body: Readonly<Record<string, unknown>> }>
export type NewEndpoint = Readonly<{ id: string; secret: string }>

/** An organization in a database of its own, with what a test of deliveries does to it. */
export type Shop = AsyncDisposable &
  Readonly<{
    url: string
    orgId: string
    /** Of its admin. */
    key: string
    parts: Process
    api: (method: string, path: string, body?: object | null, headers?: Environment) => Promise<ApiAnswer>
    /** Subscribes a URL, to everything unless said. */
    subscribe: (url: string, settings?: object) => Promise<NewEndpoint>
    /** Fires events in one transaction. @returns their ids. */
    fire: (count: number, type?: EventType, traceparent?: string) => Promise<string[]>
    /** One statement by a superuser. */
    sql: <Row extends object>(text: string, ...values: unknown[]) => Promise<Row[]>
  }>

export type ShopOptions = Readonly<{
  /** What the shop's own process does: all, unless its workers are others. */
  roles?: ProcessConfig['DUNWELL_ROLES']
  env?: Environment
  clock?: Clock
  /** A migrated database elsewhere than on the tests' server. */
  databaseUrl?: string
}>

export async function openShop({ roles = 'all', env = {}, clock, databaseUrl }: ShopOptions = {}): Promise<Shop> {
  const fresh = databaseUrl === undefined ? await freshDatabase() : { url: databaseUrl, dispose: async () => {} }
  const parts = await startProcess(fresh.url, { roles, env, ...(clock && { clock }) })
  const made = { name: 'Shop', mode: 'live', timeZone: 'UTC', currency: 'EUR' } as const
  const { id: orgId, key } = await createOrganization(parts, made)
  const pool = new pg.Pool({ connectionString: fresh.url, max: 2 })
  pool.on('error', () => undefined)
  const api: Shop['api'] = async (method, path, body = null, headers = {}) => {
    const json = body === null ? {} : { 'content-type': 'application/json' }
    const init = {
      method,
      headers: { authorization: `Bearer ${key}`, ...json, ...headers },
      ...(body && { body: JSON.stringify(body) })
    }
    const response = await fetch(`${parts.url}/v1${path}`, init)
    const text = await response.text()
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as ApiAnswer['body'] }
  }
  return {
    ...{ url: fresh.url, orgId, key, parts, api },
    async subscribe(url, settings = {}) {
      const { status, body } = await api('POST', '/webhook-endpoints', { url, event_types: ['*'], ...settings })
      if (status !== 201) throw new Error(`It was not subscribed: ${JSON.stringify(body)}`)
      return body as unknown as NewEndpoint
    },
    fire: (count, type = 'client.created', traceparent) => fire(parts, { orgId, count, type, traceparent }),
    sql: async <Row extends object>(text: string, ...values: unknown[]) => (await pool.query<Row>(text, values)).rows,
    async [Symbol.asyncDispose]() {
      await parts.stop()
      await pool.end()
      await fresh.dispose()
    }
  }
}

type Fired = Readonly<{ orgId: string; count: number; type: EventType; traceparent?: string | undefined }>

export function fire({ database, services }: Process, { orgId, count, type, traceparent }: Fired): Promise<string[]> {
  const [kind = ''] = type.split('.')
  const drafts = Array.from({ length: count }, () => {
    const id = newId()
    return { type, subject: { kind, id, version: 1 }, clientId: null, object: { id, name: 'Ünïcödé "Ltd"' } }
  })
  return database.scoped(orgId, (tx) => services.events.append(tx, { occurredAt: new Date(), drafts }), {
    traceparent: traceparent ?? null
  })
}

export type Received = Readonly<{ id: string; atMs: number; verified: boolean; request: Request }>
export type Ledger = Receiver &
  Readonly<{
    received: Received[]
    ids: () => Set<string>
    trust: (...secrets: string[]) => void
    /** Of what comes to this path alone. */
    trustAt: (path: string, secret: string) => void
    answer: (status: number) => void
    /** Takes so long to answer. */
    linger: (ms: number) => void
    /** Paths where nothing is answered from now on, as by a process that stands still; the others are answered. */
    hang: (paths: Iterable<string>) => void
  }>

/** A receiver that verifies and writes down what it gets, as a consumer should. It answers 204 until it is told otherwise. */
export async function keepLedger(): Promise<Ledger> {
  const received: Received[] = []
  const trusted: Webhook[] = []
  const trustedAt = new Map<string, Webhook>()
  let [status, lingerMs] = [204, 0]
  let hanging: ReadonlySet<string> = new Set()
  const receiver = await httpReceiver((response, request) => {
    const id = String(request.headers['webhook-id'])
    const own = trustedAt.get(request.path)
    const verified = own === undefined ? trusted.some((webhook) => isSigned(webhook, request)) : isSigned(own, request)
    received.push({ id, atMs: Date.now(), verified, request })
    if (hanging.has(request.path)) return
    if (lingerMs === 0) response.writeHead(status).end()
    else setTimeout(() => response.writeHead(status).end(), lingerMs)
  })
  return {
    ...receiver,
    received,
    ids: () => new Set(received.map(({ id }) => id)),
    trust: (...secrets) => void trusted.push(...secrets.map((secret) => new Webhook(secret))),
    trustAt: (path, secret) => void trustedAt.set(path, new Webhook(secret)),
    answer: (next) => {
      status = next
    },
    linger: (ms) => {
      lingerMs = ms
    },
    hang: (paths) => {
      hanging = new Set(paths)
    },
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]()
  }
}

export function isSigned(webhook: Webhook, { body, headers }: Request): boolean {
  try {
    webhook.verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

/** Asks until it is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`It did not become so within ${timeoutMs} ms: ${what}`)
    await pause(20)
  }
}

/** Queues what an endpoint has had once more, as a replay of what succeeded does. */
export async function queueAgain({ sql }: Shop, endpoint: Readonly<{ id: string }>): Promise<void> {
  await sql(
    `insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
     select org_id, id, endpoint_id, event_id, now(), attempts, 0 from webhook_deliveries where endpoint_id = $1 and status = 'succeeded'`,
    endpoint.id
  )
  await sql(`update webhook_deliveries set status = 'queued' where endpoint_id = $1 and status = 'succeeded'`, endpoint.id)
}
