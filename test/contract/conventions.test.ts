import { afterAll, describe, expect, test } from 'vitest'
import { callWith, refusalOf, startApp } from '../support/app.ts'
import { invoiceBody, makeClient, makeInvoice, makePolicy, policyBody } from './objects.ts'
import { record } from './recorder.ts'
import { expectProblem } from './refusal.ts'
import { openRows } from './rows.ts'

const service = await startApp()
const limited = await startApp({ rateLimitPerMinute: 4 })
const rows = await openRows(service.databaseUrl)
const { undocumented } = record(service.app, limited.app)
const { call } = service
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await service.close()
  await limited.close()
})

type Body = Record<string, unknown> & { id: string; version: number }
const create = (name: string, headers = {}) => call<Body>('POST', '/v1/clients', { body: { name }, headers })

describe('request ids and traces', () => {
  test.for(['abc', '01J:req-7_b.c', 'x'.repeat(128)])('a sane Request-Id comes back: %s', async (id) => {
    const answer = await call('GET', '/v1/clients', { headers: { 'request-id': id } })
    expect(answer.headers['request-id']).toBe(id)
    const refused = await call('GET', '/v1/clients/seven', { headers: { 'request-id': id } })
    expect(refused.body).toMatchObject({ instance: `urn:dunwell:request:${id}` })
  })

  test.for(['', 'two words', 'x'.repeat(129), '<script>', 'a;b'])('another one is replaced by ours: %s', async (id) => {
    const answer = await call('GET', '/v1/clients', { headers: { 'request-id': id } })
    expect(answer.headers['request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)
  })

  test.for(['/v1/nothing', '/v1/clients/%E0%A4%A', '/'])('what has no route has a request id too: %s', async (url) => {
    const answer = await call('GET', url, { headers: { 'request-id': 'mine' } })
    expect(answer.headers['request-id']).toBe('mine')
    expect(answer.body).toMatchObject({ instance: 'urn:dunwell:request:mine' })
  })

  test('a traceparent is kept with the event that the request caused, and anything else is not', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const traced = await create('Traced', { traceparent })
    const bad = [
      `${traceparent}-more`,
      `ff${traceparent.slice(2)}`,
      '00-short-01',
      'x'.repeat(5_000),
      '00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01'
    ]
    const untraced = await Promise.all(bad.map((text) => create('Untraced', { traceparent: text })))
    const later = await create('Later', { traceparent: `01${traceparent.slice(2)}-more` })
    const { rows: events } = await rows.client.query<{ id: string; traceparent: string | null }>(
      'select object_id as id, traceparent from events where object_id = any($1)',
      [[traced, later, ...untraced].map(({ body }) => body.id)]
    )
    expect(new Map(events.map(({ id, traceparent: kept }) => [id, kept]))).toEqual(
      new Map([
        [traced.body.id, traceparent],
        [later.body.id, traceparent],
        ...untraced.map(({ body }) => [body.id, null] as const)
      ])
    )
  })
})

describe('versions', () => {
  test('an ETag lets one change through, and the same one no second', async () => {
    const { body, headers } = await create('Versioned')
    const url = `/v1/clients/${body.id}`
    const etag = headers['etag'] ?? ''
    expect(etag).toBe('"1"')
    expect((await call('GET', url)).headers['etag']).toBe(etag)
    const change = (ifMatch: string) =>
      call<Body>('PATCH', url, { body: { name: `${ifMatch}?` }, headers: { 'if-match': ifMatch } })
    const first = await change(etag)
    expect([first.status, first.headers['etag'], first.body.version]).toEqual([200, '"2"', 2])
    expect(refusalOf(await change(etag))).toBe('412 version_conflict')
    expect((await change('W/"2"')).status).toBe(200)
    expect((await change('*')).status).toBe(200)
  })

  test('of ten changes from one version one gets through', async () => {
    const { body } = await create('Contended')
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        call('PATCH', `/v1/clients/${body.id}`, { body: { name: `${n}` }, headers: { 'if-match': '"1"' } })
      )
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 412)])
  })

  test('who waits for a calendar or a policy to change finds it changed, not gone', async () => {
    const tenant = await service.addOrganization()
    const policyId = await makePolicy(tenant)
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => [
        tenant.call('PATCH', '/v1/organization', { body: { calendar: { weekend: [1 + (n % 7)] } } }),
        tenant.call('PUT', `/v1/dunning-policies/${policyId}`, { body: { ...policyBody, name: `Ladder ${n}` } }),
        tenant.call('POST', '/v1/dunning-policies', { body: policyBody })
      ]).flat()
    )
    expect(answers.map(({ status }) => status).filter((status) => status >= 300)).toEqual([])
    expect((await tenant.call<{ version: number }>('GET', `/v1/dunning-policies/${policyId}`)).body.version).toBe(9)
  })
})

describe('idempotency keys', () => {
  const send = (key: string, body: object, tenant = service) =>
    tenant.call<Body>('POST', '/v1/clients', { body, headers: { 'idempotency-key': key } })

  test('the same request again has the same answer and no second effect', async () => {
    const first = await send('again', { name: 'Once' })
    const second = await send('again', { name: 'Once' })
    expect([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']]).toEqual([undefined, 'true'])
    expect([second.status, second.body, second.headers['etag']]).toEqual([first.status, first.body, first.headers['etag']])
    const { body } = await call<{ data: Body[] }>('GET', '/v1/clients?limit=200')
    expect(body.data.filter(({ name }) => name === 'Once')).toHaveLength(1)
  })

  test('another request under a used key is refused, by body, by path and by method', async () => {
    const { body } = await send('taken', { name: 'First' })
    expect(refusalOf(await send('taken', { name: 'Second' }))).toBe('422 idempotency_key_reused')
    const headers = { 'idempotency-key': 'taken' }
    const other = await call('POST', '/v1/invoices', { body: { ...invoiceBody, client_id: body.id }, headers })
    expect(refusalOf(other)).toBe('422 idempotency_key_reused')
  })

  test('a refusal keeps no key: the corrected request goes through', async () => {
    const parent = { name: 'Child', parent_id: '01900000-0000-7000-8000-000000000000' }
    expect(refusalOf(await send('corrected', parent))).toBe('422 reference_not_found /parent_id')
    expect((await send('corrected', { name: 'Child' })).status).toBe(201)
  })

  test('twenty at once have one effect and one answer', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('rush', { name: 'Rush' })))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1)
    const { rows: found } = await rows.client.query<{ made: string; told: string }>(
      `select (select count(*) from clients where name = 'Rush') as made,
         (select count(*) from event_bodies where body like '%"name":"Rush"%') as told`
    )
    expect(found).toEqual([{ made: '1', told: '1' }])
  })

  test('a key is one of its organization: another one has its own', async () => {
    const other = await service.addOrganization()
    const [mine, theirs] = [
      await send('shared', { name: 'Mine' }),
      await send('shared', { name: 'Theirs' }, { ...service, ...other })
    ]
    expect([mine.status, theirs.status, theirs.headers['idempotency-replayed']]).toEqual([201, 201, undefined])
  })

  test('a secret that is shown once is shown again to the same request, and stored sealed', async () => {
    const options = { body: { name: 'Secret', scopes: ['read'] }, headers: { 'idempotency-key': 'secret' } }
    const [first, second] = [
      await call<{ key: string }>('POST', '/v1/api-keys', options),
      await call<{ key: string }>('POST', '/v1/api-keys', options)
    ]
    expect(second.body).toEqual(first.body)
    const { rows: found } = await rows.client.query<{ body: string }>("select body from idempotency_keys where key = 'secret'")
    expect(found).toHaveLength(1)
    expect(found[0]?.body).not.toContain(first.body.key)
    expect(found[0]?.body).not.toContain('Secret')
  })

  test('a key that is too long is refused by name', async () => {
    const answer = await send('x'.repeat(256), { name: 'Long' })
    expect(refusalOf(answer)).toBe('400 invalid_request /idempotency-key')
    expect(answer.body).toMatchObject({ errors: [{ in: 'header' }] })
  })
})

test('a key has its share of requests and is told what is left of it; another key has its own', async () => {
  const [first, second] = [await limited.addOrganization(), await limited.addOrganization()]
  const left = async () => (await first.call('GET', '/v1/organization')).headers['ratelimit-remaining']
  expect([await left(), await left(), await left(), await left()]).toEqual(['3', '2', '1', '0'])
  const refused = await first.call('GET', '/v1/organization')
  expect(refusalOf(refused)).toBe('429 rate_limited')
  expect(refused.headers).toMatchObject({
    'ratelimit-limit': '4',
    'ratelimit-remaining': '0',
    'retry-after': expect.stringMatching(/^\d+$/)
  })
  expect(refused.headers['ratelimit-reset']).toMatch(/^\d+$/)
  expectProblem(refused)
  const other = await second.call('GET', '/v1/organization')
  expect([other.status, other.headers['ratelimit-limit'], other.headers['ratelimit-remaining']]).toEqual([200, '4', '3'])
})

describe('paths and methods', () => {
  const plain = async (
    method: string,
    url: string,
    headers: Record<string, string> = { authorization: `Bearer ${service.key}` }
  ) => {
    const response = await service.app.inject({ method: method as 'GET', url, headers })
    return { status: response.statusCode, headers: response.headers, body: response.body }
  }

  test.for([
    ['GET', '/v1/Clients'],
    ['GET', '/v2/clients'],
    ['PUT', '/v1/clients'],
    ['DELETE', '/v1/clients'],
    ['OPTIONS', '/v1/clients'],
    ['TRACE', '/v1/clients'],
    ['POST', '/livez']
  ] as const)('%s %s has no route: a problem, with or without a key', async ([method, url]) => {
    for (const headers of [{}, { authorization: `Bearer ${service.key}` }]) {
      const { status, body, headers: answered } = await plain(method, url, headers)
      expect(status).toBe(404)
      expectProblem({ status, body: JSON.parse(body), headers: answered as Record<string, string> })
    }
  })

  test('HEAD answers as GET does, without the body, and asks for a key as GET does', async () => {
    const id = await makeClient(service)
    const [head, get] = [await plain('HEAD', `/v1/clients/${id}`), await plain('GET', `/v1/clients/${id}`)]
    expect([head.status, head.body, head.headers['etag']]).toEqual([200, '', '"1"'])
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(get.body)))
    expect((await plain('HEAD', `/v1/clients/${id}`, {})).status).toBe(401)
  })

  test('a body where none is read changes nothing', async () => {
    const id = await makeClient(service)
    const headers = { authorization: `Bearer ${service.key}`, 'content-type': 'application/json' }
    for (const payload of ['{"id":"another"}', '{', 'x'.repeat(5_000_000)]) {
      expect((await service.app.inject({ method: 'GET', url: `/v1/clients/${id}`, headers, payload })).statusCode).toBe(200)
    }
    expect((await service.app.inject({ method: 'DELETE', url: `/v1/clients/${id}`, headers, payload: '{' })).statusCode).toBe(204)
  })

  test('an action without a body is one with an empty body', async () => {
    const id = await makeInvoice(service)
    expect((await call('POST', `/v1/invoices/${id}/void`)).status).toBe(200)
    expect(refusalOf(await call('POST', '/v1/clients'))).toBe('400 invalid_request /name')
  })

  test('health, the document and its pages need no key', async () => {
    for (const url of ['/livez', '/readyz', '/openapi.json']) expect((await plain('GET', url, {})).status).toBe(200)
    expect((await plain('GET', '/docs/', {})).headers['content-type']).toContain('text/html')
  })
})

test('a key may be any of its scopes and less, and none beyond', async () => {
  const statusOf = async (scope: 'read' | 'write' | 'admin') => {
    const asked = callWith(service.app, await service.addKey(scope))
    const answers = [
      await asked('GET', '/v1/clients'),
      await asked('POST', '/v1/clients', { body: { name: scope } }),
      await asked('GET', '/v1/api-keys')
    ]
    return answers.map(({ status }) => status)
  }
  expect(await statusOf('read')).toEqual([200, 403, 403])
  expect(await statusOf('write')).toEqual([200, 201, 403])
  expect(await statusOf('admin')).toEqual([200, 201, 200])
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})
