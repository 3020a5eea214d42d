import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { newId } from '../../src/ids.ts'
import { type Answer, callWith, OPERATOR_TOKEN, refusalOf, startApp, type Tenant, type TestApp } from '../support/app.ts'
import { type Cable, cableTo } from '../support/cable.ts'
import { faultsIn } from './conformance.ts'
import { documentOf, type Operation } from './document.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { aboutNothing, type Request, send } from './request.ts'
import { openRows } from './rows.ts'

/** One service as it should be, and others that differ in one thing each: what they refuse, it would not. */
const service = await startApp()
const limited = await startApp({ rateLimitPerMinute: 1 })
const hasty = await startApp({ lockTimeoutMs: 200 })
let cable: Cable | undefined
const remote = await startApp({
  through: async (databaseUrl) => {
    const laid = await cableTo(databaseUrl)
    cable = laid.cable
    return laid.url
  }
})
const closed = await buildApp({
  ...{ services: service.services, database: service.database, clock: service.clock, newId },
  seal: { seal: (text) => text, open: (text) => text },
  isFit: async () => {},
  logger: false,
  operatorToken: undefined,
  limits: { itemsPerKey: 0, itemsPerOrganization: 0, wrongPerAddress: 0 }
})
await closed.ready()

const document = documentOf(service.app)
const { operations, statusesOf, undocumented } = record(service.app, limited.app, hasty.app, remote.app, closed)
afterAll(async () => {
  await closed.close()
  for (const each of [service, limited, hasty, remote]) await each.close()
  await cable?.[Symbol.asyncDispose]()
})

const TOO_LARGE = JSON.stringify({ text: 'x'.repeat(4 * 1024 * 1024) })
const takesBody = ({ method }: Operation) => method === 'POST' || method === 'PUT' || method === 'PATCH'
const keyFor = ({ scope }: Operation) => (scope === 'operator' ? { key: OPERATOR_TOKEN } : {})

type About = Readonly<{ tenant: Tenant; operation: Operation }>

async function requestIn(where: TestApp, { tenant, operation }: About): Promise<Request> {
  return { ...(await recipeFor(operation).request(tenant, where)), ...keyFor(operation) }
}

describe('what any operation can answer', () => {
  test.for(operations.map(named))(
    '%s refuses what is malformed, unkeyed, too large, no JSON, or too often',
    async ([, operation]) => {
      const nothing = aboutNothing(operation, keyFor(operation))
      const body = takesBody(operation) ? { body: {} } : {}
      const query = { ...nothing.query, no_such_parameter: '1' }
      expect(refusalOf(await send(service.call, operation, { ...nothing, ...body, query }))).toMatch(/^400 invalid_request /)
      expect(refusalOf(await send(service.call, operation, { ...nothing, ...body, key: null }))).toBe('401 unauthorized')
      await refuseLesserScope(operation, nothing)
      if (takesBody(operation)) {
        const large = { ...nothing, body: TOO_LARGE, headers: { 'content-type': 'application/json' } }
        expect(refusalOf(await send(service.call, operation, large))).toBe('413 payload_too_large')
        const plain = { ...nothing, body: 'name=A', headers: { 'content-type': 'text/plain' } }
        expect(refusalOf(await send(service.call, operation, plain))).toBe('415 unsupported_media_type')
      }
      // The one call a minute that this one takes may be this, so it is made twice.
      await send(limited.call, operation, nothing)
      const refused = await send(limited.call, operation, nothing)
      expect(refusalOf(refused)).toBe('429 rate_limited')
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    }
  )

  async function refuseLesserScope(operation: Operation, request: Request): Promise<void> {
    if (operation.scope === 'read') return
    const refused =
      operation.scope === 'operator'
        ? await send(callWith(closed, OPERATOR_TOKEN), operation, request)
        : await send(service.call, operation, { ...request, key: await service.addKey('read') })
    expect(refusalOf(refused)).toBe('403 forbidden')
  }
})

describe('what an operation answers about an object', () => {
  test.for(operations.map(named))('%s succeeds, misses, conflicts and refuses as its recipe says', async ([, operation]) => {
    const { also = {} } = recipeFor(operation)
    const tenant = await service.addOrganization()
    const answer = await send(tenant.call, operation, await requestIn(service, { tenant, operation }))
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    expect(faultsIn(answer, { operation, document })).toEqual([])
    const { version } = (answer.body ?? {}) as { version?: number }
    const sent = operation.responses[answer.status]?.headers ?? {}
    expect([answer.headers['etag'], 'ETag' in sent]).toEqual(version === undefined ? [undefined, false] : [`"${version}"`, true])
    if (operation.statuses.includes(404)) {
      const nothing = aboutNothing(operation, await requestIn(service, { tenant, operation }))
      expect(refusalOf(await send(tenant.call, operation, nothing))).toBe('404 not_found')
    }
    if (operation.parameters.some(({ name }) => name === 'if-match')) {
      const stale = { ...(await requestIn(service, { tenant, operation })), headers: { 'if-match': '"999"' } }
      expect(refusalOf(await send(tenant.call, operation, stale))).toBe('412 version_conflict')
    }
    if (operation.method === 'POST') await refuseReusedKey(operation)
    for (const [status, make] of Object.entries(also)) {
      const other = await send(tenant.call, operation, await make(tenant, service))
      expect(`${operation.operationId} ${other.status} ${JSON.stringify(other.body)}`).toContain(
        `${operation.operationId} ${status} `
      )
    }
  })

  async function refuseReusedKey(operation: Operation): Promise<void> {
    const tenant = await service.addOrganization()
    const first = await requestIn(service, { tenant, operation })
    const headers = { 'idempotency-key': operation.operationId }
    // Of the operator's keys there is one operation only, so another body has to make the difference.
    const isOperator = operation.scope === 'operator'
    const other = isOperator
      ? await send(tenant.call, operation, { ...first, body: { ...(first.body as object), name: 'Another Ltd' }, headers })
      : await tenant.call('POST', '/v1/clients', { body: { name: 'Another Ltd' }, headers })
    expect(other.status).toBe(201)
    expect(refusalOf(await send(tenant.call, operation, { ...first, headers }))).toBe('422 idempotency_key_reused')
  }
})

const shapeOf = ({ responses }: Operation, status: number) => Object.values(responses[status]?.content ?? {})[0]?.schema.$ref
const getters = operations.filter(({ method, path }) => method === 'GET' && /^\/v1\/[^/]+\/\{id\}$/.test(path))
const changes = operations.flatMap((operation) => {
  const getter = getters.find((one) => [200, 201].some((status) => shapeOf(one, 200) === shapeOf(operation, status)))
  return operation.method === 'GET' || getter === undefined ? [] : [[operation.operationId, operation, getter] as const]
})

test.for(changes)('what %s answers is what GET shows from then on', async ([, operation, getter]) => {
  const tenant = await service.addOrganization()
  const { body, headers } = await send(tenant.call, operation, await requestIn(service, { tenant, operation }))
  const shown = await send(tenant.call, getter, { params: { id: (body as { id: string }).id } })
  expect(shown.body).toEqual(body)
  expect(shown.headers['etag']).toBe(headers['etag'])
})

describe('while another transaction holds what a write needs', () => {
  const answers = new Map<string, Answer<unknown>>()
  const writes = operations.filter(({ method }) => method !== 'GET')

  beforeAll(async () => {
    const requests = new Map<Operation, { tenant: Tenant; request: Request }>()
    for (const operation of writes) {
      const tenant = await hasty.addOrganization()
      const request = await requestIn(hasty, { tenant, operation })
      const headers = operation.method === 'POST' ? { 'idempotency-key': 'held' } : {}
      requests.set(operation, { tenant, request: { ...request, headers } })
    }
    await using rows = await openRows(hasty.databaseUrl)
    await rows.client.query(`begin; lock table ${rows.tables.map((name) => `"${name}"`).join(', ')} in exclusive mode`)
    // Several wait together, as many as have a connection each.
    for (const some of chunksOf([...requests], 8)) {
      const given = some.map(([operation, { tenant, request }]) => send(tenant.call, operation, request))
      for (const [index, answer] of (await Promise.all(given)).entries()) {
        answers.set(some[index]?.[0].operationId ?? '', answer)
      }
    }
    await rows.client.query('rollback')
  })

  test.for(writes.map(named))('%s gives up with 409 and says when to come again', ([id]) => {
    const answer = answers.get(id)
    expect(answer === undefined ? 'no answer' : refusalOf(answer)).toBe('409 concurrent_request')
    expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0)
  })
})

describe('while a table is locked as a whole', () => {
  const answers = new Map<string, Answer<unknown>>()

  beforeAll(async () => {
    const requests: (readonly [Operation, Tenant, Request])[] = []
    for (const operation of operations) {
      const tenant = await hasty.addOrganization()
      requests.push([operation, tenant, await requestIn(hasty, { tenant, operation })])
    }
    await using rows = await openRows(hasty.databaseUrl)
    await rows.client.query(`begin; lock table ${rows.tables.map((name) => `"${name}"`).join(', ')} in access exclusive mode`)
    // Keys are remembered for less than a second. After that the look at the key has to wait too.
    hasty.clock.advance(10_000)
    for (const some of chunksOf(requests, 8)) {
      const given = some.map(([operation, tenant, request]) => send(tenant.call, operation, request))
      for (const [index, answer] of (await Promise.all(given)).entries()) {
        answers.set(some[index]?.[0].operationId ?? '', answer)
      }
    }
    await rows.client.query('rollback')
  })

  test.for(operations.filter(({ scope }) => scope !== 'operator').map(named))(
    '%s cannot read and says 503 and when to come again',
    ([id]) => {
      const answer = answers.get(id)
      if (answer?.status === 200 && id === 'listEventTypes') return
      expect(answer === undefined ? 'no answer' : refusalOf(answer)).toBe('503 unavailable')
      expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0)
    }
  )
})

describe('while the database is away', () => {
  const answers = new Map<string, Answer<unknown>>()
  const after = new Map<string, number>()

  beforeAll(async () => {
    const requests: (readonly [Operation, Tenant, Request])[] = []
    for (const operation of operations) {
      const tenant = await remote.addOrganization()
      requests.push([operation, tenant, await requestIn(remote, { tenant, operation })])
    }
    cable?.cut()
    for (const [operation, tenant, request] of requests)
      answers.set(operation.operationId, await send(tenant.call, operation, request))
    cable?.mend()
    for (const [operation, tenant, request] of requests)
      after.set(operation.operationId, (await send(tenant.call, operation, request)).status)
  })

  test.for(operations.map(named))('%s says 503 and when to come again, and works again afterwards', ([id]) => {
    const answer = answers.get(id)
    expect(answer === undefined ? 'no answer' : refusalOf(answer)).toBe('503 unavailable')
    expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0)
    expect(after.get(id)).toBeLessThan(300)
  })
})

test.for(operations.map(named))('%s has given every status that its document says', ([, operation]) => {
  expect(operation.statuses.filter((status) => !statusesOf(operation).has(status))).toEqual([])
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})

function named(operation: Operation) {
  return [operation.operationId, operation] as const
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
}
