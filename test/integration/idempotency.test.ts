import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, refusalOf, startApp, type TestApp } from '../support/app.ts'

let app: TestApp
let clientId: string
let made = 0

beforeAll(async () => {
  app = await startApp({ connections: 12 })
  clientId = (await app.call<{ id: string }>('POST', '/v1/clients', { body: { name: 'Example Ltd' } })).body.id
})
afterAll(() => app.close())

const newKey = () => `key ${++made}`
const invoice = (number: string) => ({ client_id: clientId, number, currency: 'EUR', total: '100.00' })

function issue(key: string, body: object = invoice('1')): Promise<Answer<{ id: string }>> {
  return app.call<{ id: string }>('POST', '/v1/invoices', { body, headers: { 'idempotency-key': key } })
}

async function counted(): Promise<number> {
  return (await app.call<{ data: unknown[] }>('GET', '/v1/invoices?limit=200')).body.data.length
}

test('the same request with the same key gives the same answer and one invoice', async () => {
  const before = await counted()
  const key = newKey()
  const [first, second] = [await issue(key), await issue(key)]
  expect(second).toEqual({ ...first, headers: expect.objectContaining({ 'idempotency-replayed': 'true', etag: '"1"' }) })
  expect(first.headers['idempotency-replayed']).toBeUndefined()
  expect(await counted()).toBe(before + 1)
})

test('ten at once give one invoice, and nine replays of its answer', async () => {
  const before = await counted()
  const key = newKey()
  const answers = await Promise.all(Array.from({ length: 10 }, () => issue(key)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(9)
  expect(await counted()).toBe(before + 1)
})

test('a duplicate at the same time that is refused for what the first one did replays its answer', async () => {
  const key = newKey()
  const body = { name: 'Twice Ltd', external_refs: [{ source: 'crm', id: 'twice' }] }
  const make = () => app.call<{ id: string }>('POST', '/v1/clients', { body, headers: { 'idempotency-key': key } })
  const answers = await Promise.all(Array.from({ length: 8 }, make))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(refusalOf(await app.call('POST', '/v1/clients', { body, headers: { 'idempotency-key': newKey() } }))).toMatch(
    /^409 duplicate_reference/
  )
})

test('another request with the key is refused and leaves nothing', async () => {
  const key = newKey()
  await issue(key)
  const before = await counted()
  expect(refusalOf(await issue(key, invoice('2')))).toBe('422 idempotency_key_reused')
  expect(await counted()).toBe(before)
})

describe('one request in other bytes', () => {
  const raw = (key: string, payload: string, headers: Record<string, string> = {}) =>
    app.app.inject({
      method: 'POST',
      url: '/v1/clients',
      headers: { authorization: `Bearer ${app.key}`, 'content-type': 'application/json', 'idempotency-key': key, ...headers },
      payload
    })
  const FIRST =
    '{"name":"Åse","payment_terms":{"kind":"net","days":10},"contacts":[{"name":"B","role":"billing"}],"metadata":{"b":"1","a":"2"}}'

  test.for([
    [
      'members in another order, at any depth',
      '{"metadata":{"a":"2","b":"1"},"contacts":[{"role":"billing","name":"B"}],"payment_terms":{"days":10,"kind":"net"},"name":"Åse"}'
    ],
    ['spaces and lines', FIRST.replaceAll(',', ' ,\r\n\t').replaceAll(':', ' : ')],
    ['escaped characters', FIRST.replace('Å', '\\u00c5').replace('"name"', '"n\\u0061me"')],
    ['a number in another form', FIRST.replace('10', '1.0e1')],
    ['a byte order mark', `\ufeff${FIRST}`]
  ])('%s: the first answer is replayed', async ([, again = '']) => {
    const key = newKey()
    const first = await raw(key, FIRST)
    expect(first.statusCode, first.body).toBe(201)
    const second = await raw(key, again, { 'content-type': 'application/json; charset=UTF-8', 'if-match': '"9"' })
    expect([second.statusCode, second.headers['idempotency-replayed'], second.body]).toEqual([201, 'true', first.body])
  })

  test.for([
    ['another order of a list', '{"name":"A","tags":["a","b"]}', '{"name":"A","tags":["b","a"]}'],
    ['null instead of nothing', '{"name":"A"}', '{"name":"A","locale":null}'],
    ['another value further in', '{"name":"A","metadata":{"a":"1"}}', '{"name":"A","metadata":{"a":"2"}}']
  ])('%s is another request', async ([, first = '', second = '']) => {
    const key = newKey()
    expect((await raw(key, first)).statusCode).toBe(201)
    const { statusCode, body } = await raw(key, second)
    expect([statusCode, body]).toEqual([422, expect.stringContaining('idempotency_key_reused')])
  })
})

test('a refusal stores nothing: the corrected request goes through with the same key', async () => {
  const key = newKey()
  const wrong = { ...invoice('1'), client_id: '00000000-0000-7000-8000-000000000000' }
  expect(refusalOf(await issue(key, wrong))).toBe('422 reference_not_found /client_id')
  expect((await issue(key)).status).toBe(201)
})

test('a replay answers as it was, though the same request would be refused by now', async () => {
  const key = newKey()
  const first = await issue(key)
  await app.call('PATCH', `/v1/clients/${clientId}`, { body: { archived: true } })
  const second = await issue(key)
  await app.call('PATCH', `/v1/clients/${clientId}`, { body: { archived: false } })
  expect(second.status).toBe(201)
  expect(second.body).toEqual(first.body)
})

test('a replay writes nothing, though the work starts beside the look at the key', async () => {
  const key = newKey()
  const organization = { name: 'Once', mode: 'test', time_zone: 'UTC', default_currency: 'EUR' }
  const make = () =>
    app.call<{ organization: { id: string } }>('POST', '/v1/organizations', {
      body: organization,
      key: 'the-operator-of-the-tests',
      headers: { 'idempotency-key': key }
    })
  const [first, second] = [await make(), await make()]
  expect(first.status).toBe(201)
  expect(second.body).toEqual(first.body)
  const all = await app.database.scheduling((scheduler) =>
    app.services.organizations.organizationsAfter(scheduler, { after: '00000000-0000-0000-0000-000000000000', limit: 100 })
  )
  expect(all).toHaveLength(2)
})

test("the key of one organization is not another's", async () => {
  const key = newKey()
  await issue(key)
  const other = await app.addOrganization()
  const client = await other.call<{ id: string }>('POST', '/v1/clients', { body: { name: 'Other Ltd' } })
  const body = { ...invoice('1'), client_id: client.body.id }
  const answer = await other.call('POST', '/v1/invoices', { body, headers: { 'idempotency-key': key } })
  expect(answer.headers['idempotency-replayed']).toBeUndefined()
  expect(answer.status).toBe(201)
})
