import { randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { type AppDeps, buildApp } from '../../src/app.ts'
import { createDatabase, type Database } from '../../src/db/client.ts'
import type { Seal } from '../../src/http/idempotency.ts'
import { newId } from '../../src/ids.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { createSecretBox, NONCE_BYTES } from '../../src/modules/webhooks/secret-box.ts'
import { createServices, type Services, type Wake, wakeNobody } from '../../src/services.ts'
import { webhookParts } from './composition.ts'
import { freshDatabase } from './database.ts'

export type Mode = 'live' | 'test'
export type Scope = 'read' | 'write' | 'admin'

/** Real time, as the service sees it: stands still until it is turned. A test organization's own clock is another thing. */
export type TurnableClock = Clock & Readonly<{ set: (at: Date | string) => void; advance: (ms: number) => void }>

export type CallOptions = Readonly<{
  body?: unknown
  /** Whose key; the first organization's admin key unless said, none for null. */
  key?: string | null
  headers?: Readonly<Record<string, string>>
}>
export type Answer<Body> = Readonly<{ status: number; body: Body; headers: Readonly<Record<string, string | undefined>> }>
export type Call = <Body = Record<string, unknown>>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  options?: CallOptions
) => Promise<Answer<Body>>

/** An organization with its admin key, and calls in its name. */
export type Tenant = Readonly<{ id: string; key: string; defaultPolicyId: string; call: Call }>

export type TenantOptions = Readonly<{
  mode?: Mode
  timeZone?: string
  currency?: string
  /** Where a test organization's clock starts; the service's clock unless said. */
  clockAt?: string
  calendar?: object
}>

export type AppOptions = TenantOptions &
  Readonly<{
    now?: string
    operatorToken?: string | undefined
    rateLimitPerMinute?: number
    organizationRateLimit?: number
    wrongAttemptsLimit?: number
    trustedProxies?: readonly string[]
    wake?: Partial<Wake>
    connections?: number
    lockTimeoutMs?: number
    /** Gives the service another way to its database, such as one that can be cut. */
    through?: (databaseUrl: string) => Promise<string>
    /** Hears what the service logs; nobody does unless said. */
    logger?: AppDeps['logger']
  }>

export type TestApp = Tenant &
  AsyncDisposable &
  Readonly<{
    app: FastifyInstance
    services: Services
    database: Database
    /** A superuser's, for looking at what no organization may see. */
    databaseUrl: string
    clock: TurnableClock
    /** Another organization beside the first. */
    addOrganization: (options?: TenantOptions) => Promise<Tenant>
    /** Another key of the first organization. */
    addKey: (...scopes: Scope[]) => Promise<string>
    close: () => Promise<void>
  }>

export const OPERATOR_TOKEN = 'the operator of the tests'.replaceAll(' ', '-')

/**
 * The whole service over a database of its own, called in process, with one organization in it. Take one per test file:
 *
 *     const { call, close } = await startApp()
 *     afterAll(close)
 */
export async function startApp(options: AppOptions = {}): Promise<TestApp> {
  const fresh = await freshDatabase()
  const clock = turnableClock(options.now ?? '2026-01-05T09:00:00Z')
  const database = createDatabase({
    url: await (options.through?.(fresh.url) ?? fresh.url),
    connections: options.connections ?? 10,
    ...(options.lockTimeoutMs !== undefined && { lockTimeoutMs: options.lockTimeoutMs })
  })
  const wake: Wake = { ...wakeNobody, ...options.wake }
  const services = createServices({ database, clock, newId, randomBytes, wake, ...webhookParts() })
  const app = await buildApp({
    ...({
      services,
      database,
      clock,
      newId,
      seal: newSeal(),
      isFit: async () => {},
      logger: options.logger ?? false
    } satisfies Partial<AppDeps>),
    operatorToken: 'operatorToken' in options ? options.operatorToken : OPERATOR_TOKEN,
    limits: {
      itemsPerKey: options.rateLimitPerMinute ?? 0,
      itemsPerOrganization: options.organizationRateLimit ?? 0,
      wrongPerAddress: options.wrongAttemptsLimit ?? 0
    },
    trustedProxies: options.trustedProxies ?? [],
    hasDocs: true
  })
  const close = async () => {
    await app.close()
    await database.close()
    await fresh.dispose()
  }
  const addOrganization = (more: TenantOptions = {}) => makeOrganization(app, more)
  const first = await addOrganization(options)
  const addKey = async (...scopes: Scope[]) => {
    const { body } = await first.call<{ key: string }>('POST', '/v1/api-keys', { body: { name: scopes.join(' '), scopes } })
    return body.key
  }
  const own = { app, services, database, databaseUrl: fresh.url, clock, addOrganization, addKey, close }
  return { ...first, ...own, [Symbol.asyncDispose]: close }
}

type MadeOrganization = { organization: { id: string; default_dunning_policy_id: string }; api_key: { key: string } }

async function makeOrganization(app: FastifyInstance, options: TenantOptions): Promise<Tenant> {
  const { mode = 'test', timeZone = 'UTC', currency = 'EUR', clockAt, calendar } = options
  const body = {
    name: 'Example Ltd',
    mode,
    time_zone: timeZone,
    default_currency: currency,
    ...(clockAt !== undefined && { clock_at: clockAt }),
    ...(calendar !== undefined && { calendar })
  }
  const made = await callWith(app, OPERATOR_TOKEN)<MadeOrganization>('POST', '/v1/organizations', { body })
  if (made.status !== 201) throw new Error(`No organization was made: ${JSON.stringify(made.body)}`)
  const { organization, api_key: apiKey } = made.body
  return {
    id: organization.id,
    key: apiKey.key,
    defaultPolicyId: organization.default_dunning_policy_id,
    call: callWith(app, apiKey.key)
  }
}

/** A client of the API in process. @param ownKey what it sends unless a call says another. */
export function callWith(app: FastifyInstance, ownKey: string | null): Call {
  return async <Body>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    { body, key = ownKey, headers = {} }: CallOptions = {}
  ) => {
    const request: InjectOptions = {
      method,
      url,
      headers: { ...(key !== null && { authorization: `Bearer ${key}` }), ...headers },
      ...(body !== undefined && { payload: body as object })
    }
    const response = await app.inject(request)
    const parsed: unknown = response.body === '' ? null : JSON.parse(response.body)
    return { status: response.statusCode, body: parsed as Body, headers: response.headers as Answer<Body>['headers'] }
  }
}

/** A refusal in one line: status, code, and the field that it names, such as `400 invalid_request /name`. */
export function refusalOf({ status, body, headers }: Answer<unknown>): string {
  const { code, errors } = body as { code?: string; errors?: { pointer?: string; parameter?: string }[] }
  const isProblem = headers['content-type']?.startsWith('application/problem+json') === true
  if (!isProblem) return `${status}, which is no problem document: ${JSON.stringify(body)}`
  return [status, code, ...(errors ?? []).map(({ pointer, parameter }) => pointer ?? `/${parameter}`)].join(' ')
}

export function turnableClock(start: Date | string): TurnableClock {
  let now = new Date(start)
  return {
    now: () => now,
    set: (at) => {
      now = new Date(at)
    },
    advance: (ms) => {
      now = new Date(now.getTime() + ms)
    }
  }
}

function newSeal(): Seal {
  const box = createSecretBox([randomBytes(32)])
  const context = 'idempotency'
  return {
    seal: (text) => box.seal(text, { nonce: randomBytes(NONCE_BYTES), context }),
    open: (sealed) => box.open(sealed, context)
  }
}
