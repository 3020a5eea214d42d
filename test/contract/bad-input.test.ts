import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, OPERATOR_TOKEN, refusalOf, startApp, type Tenant } from '../support/app.ts'
import { amounts, days, type Known, ladders, nothingKnown, others, TAKEN } from './domain-cases.ts'
import { spoken } from './interaction-cases.ts'
import { invoiceBody, makeClient, makeEntry, makeInvoice, makePayment, makePendingPayment, makePolicy } from './objects.ts'
import { record } from './recorder.ts'
import { expectProblem } from './refusal.ts'
import { openRows } from './rows.ts'

/** What a schema alone cannot say, and what only raw bytes can hold: each refused by name, with nothing written. */
const service = await startApp({ currency: 'EUR' })
const rows = await openRows(service.databaseUrl)
const { undocumented } = record(service.app)
const stranger = await service.addOrganization()
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await service.close()
})

const known: Known = { ...nothingKnown }

beforeAll(async () => {
  known.client = await makeClient(service, { external_refs: [TAKEN] })
  known.invoice = await makeInvoice(service, { client_id: known.client, external_refs: [TAKEN] })
  known.payment = await makePayment(service, { external_refs: [TAKEN], amount: '30.00', reserved_for: 'later' })
  known.pending = await makePendingPayment(service, { client_id: known.client, amount: '500.00' })
  known.policy = await makePolicy(service)
  known.entry = await makeEntry(service)
  const other = await service.call<{ id: string; contacts: [{ id: string }] }>('POST', '/v1/clients', {
    body: { name: 'Other', contacts: [{ name: 'Ann', role: 'billing' }] }
  })
  known.othersContact = other.body.contacts[0].id
  known.othersInvoice = await makeInvoice(service, { client_id: other.body.id })
  known.foreignClient = await makeClient(stranger)
  known.foreignInvoice = await makeInvoice(stranger, { client_id: known.foreignClient })
  known.foreignPolicy = await makePolicy(stranger)
})

describe.for([
  ['amounts', amounts],
  ['days', days],
  ['others', others],
  ['what was said', spoken],
  ['ladders and calendars', ladders]
] as const)('%s', ([, cases]) => {
  test.for(cases)('%s: refused by name, and nothing is written', async ([, request, refusal]) => {
    const [method, url, body] = request(known)
    const key = url === '/v1/organizations' ? { key: OPERATOR_TOKEN } : {}
    await refuse(service, () => service.call(method, url, { body, ...key }), refusal)
  })
})

test('a duplicate reference tells whose it is', async () => {
  const answer = await service.call('POST', '/v1/invoices', {
    body: { ...invoiceBody, client_id: known.client, external_refs: [{ source: 'free', id: '1' }, TAKEN] }
  })
  expect(answer.body).toMatchObject({ existing_id: known.invoice, errors: [{ pointer: '/external_refs/1' }] })
})

describe('raw bytes', () => {
  const DEEP = 20_000
  const bodies: readonly (readonly [what: string, body: string, refusal: string])[] = [
    ['nothing after an opening brace', '{', '400 invalid_request'],
    ['a trailing comma', '{"name":"A",}', '400 invalid_request'],
    ['single quotes', "{'name':'A'}", '400 invalid_request'],
    ['two documents', '{"name":"A"}{"name":"B"}', '400 invalid_request'],
    ['a comment', '{"name":"A"/* why */}', '400 invalid_request'],
    ['NaN', '{"name":NaN}', '400 invalid_request'],
    ['no JSON at all', 'name=A', '400 invalid_request'],
    ['an empty body that is said to be JSON', '', '400 invalid_request /name'],
    [
      'bytes that are no UTF-8',
      Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]).toString('latin1'),
      '400 invalid_request'
    ],
    ['a text', '"name"', '400 invalid_request '],
    ['a number', '12', '400 invalid_request '],
    ['null', 'null', '400 invalid_request '],
    ['a list', '[{"name":"A"}]', '400 invalid_request '],
    ['__proto__', '{"name":"A","__proto__":{"admin":true}}', '400 invalid_request'],
    ['__proto__ further in', '{"name":"A","metadata":{"__proto__":"x"}}', '400 invalid_request'],
    ['__proto__ in disguise', '{"name":"A","\\u005f_proto__":{"admin":true}}', '400 invalid_request'],
    ['constructor.prototype', '{"name":"A","constructor":{"prototype":{"admin":true}}}', '400 invalid_request'],
    ['hasOwnProperty', '{"name":"A","hasOwnProperty":1}', '400 invalid_request /hasOwnProperty'],
    ['lists in lists', `{"name":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}`, '400 invalid_request /name'],
    ['objects in objects', `{"name":"A","tags":${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}}`, '400 invalid_request /tags'],
    [
      'a number beyond all',
      '{"name":"A","payment_terms":{"kind":"net","days":1e999}}',
      '400 invalid_request /payment_terms/days'
    ],
    ['NUL', '{"name":"a\\u0000b"}', '400 invalid_request /name'],
    ['NUL in a key', '{"name":"A","metadata":{"a\\u0000b":"x"}}', '400 invalid_request /metadata'],
    ['half a surrogate pair', '{"name":"\\ud83d"}', '400 invalid_request /name'],
    ['half a surrogate pair in a key', '{"name":"A","metadata":{"\\udc00":"x"}}', '400 invalid_request /metadata'],
    ['a key that needs escaping in a pointer', '{"name":"A","a/b~c":1}', '400 invalid_request /a~1b~0c']
  ]

  test.for(bodies)('%s: refused, and nothing is written', async ([, payload, refusal]) => {
    await refuse(service, () => sendRaw(payload), refusal)
  })

  test.for([
    ['text/plain', '415 unsupported_media_type'],
    ['application/x-www-form-urlencoded', '415 unsupported_media_type'],
    ['multipart/form-data; boundary=x', '415 unsupported_media_type'],
    ['application/xml', '415 unsupported_media_type'],
    ['nonsense', '415 unsupported_media_type'],
    ['application/json; charset=utf-16', '415 unsupported_media_type'],
    ['application/json;charset="UTF-16LE"', '415 unsupported_media_type'],
    ['application/json; charset=iso-8859-1', '415 unsupported_media_type'],
    ['application/json; x=1; Charset=utf-7', '415 unsupported_media_type'],
    ['application/json; charset=', '415 unsupported_media_type']
  ])('a body of type %s is refused', async ([type = '', refusal = '']) => {
    await refuse(service, () => sendRaw('{"name":"A"}', type), refusal)
  })
})

test.for(['application/json; charset=utf-8', 'application/json;Charset="UTF-8"', 'APPLICATION/JSON; charset=utf8'])(
  'a body of type %s is taken',
  async (type) => {
    expect((await sendRaw('{"name":"A"}', type)).status).toBe(201)
  }
)

test('a charset that is refused is told with the one to send', async () => {
  const { body } = await sendRaw('{"name":"A"}', 'application/json; charset=utf-16')
  expect(body).toMatchObject({ detail: expect.stringContaining('UTF-8') as string })
})

test.for([
  ['/v1/clients?cursor=nonsense', '400 invalid_cursor /cursor'],
  [`/v1/clients?cursor=${cursorOf([8.64e15, known.client])}`, '400 invalid_cursor /cursor'],
  [`/v1/clients?cursor=${cursorOf([-8e15, '01900000-0000-7000-8000-000000000000'])}`, '400 invalid_cursor /cursor'],
  [`/v1/clients?cursor=${cursorOf([1, "'; drop table clients; --"])}`, '400 invalid_cursor /cursor'],
  [`/v1/clients?cursor=${cursorOf({ at: 1 })}`, '400 invalid_cursor /cursor'],
  ['/v1/clients?updated_since=0001-01-01T00:00:00%2B14:00', '400 invalid_request /updated_since'],
  ['/v1/clients?updated_since=9999-12-31T23:59:59-14:00', '400 invalid_request /updated_since'],
  ['/v1/clients?limit=1&limit=2', '400 invalid_request /limit'],
  ['/v1/clients?limit[]=1', '400 invalid_request /limit[]'],
  ['/v1/clients?__proto__=1', '400 invalid_request /__proto__'],
  ['/v1/clients/1', '400 invalid_request /id'],
  ['/v1/clients/%00', '400 invalid_request /id'],
  ['/v1/clients/%E0%A4%A', '400 invalid_request'],
  [`/v1/clients/${'a'.repeat(5_000)}`, '400 invalid_request'],
  ['/v1/clients/by-ref?source=books&id=%00', '400 invalid_request /id'],
  ['/v1/clients/by-ref?source=books&id=%ED%A0%80', '400 invalid_request /id'],
  ['/v1/clients/by-ref?source=books&id=%ff', '400 invalid_request /id'],
  ['/v1/invoices/by-ref?source=books&id=50%', '400 invalid_request /id'],
  ['/v1/payments/by-ref?source=%zz&id=1', '400 invalid_request /source'],
  ['/v1/clients?%ff=1', '400 invalid_request'],
  ['/v1/clients/by-ref?source=books&id=50%25+%C3%A9', '404 not_found'],
  ['/v1/nothing', '404 not_found'],
  ['/', '404 not_found']
] as const)('GET %s is refused as %s', async ([url, refusal]) => {
  const answer = await service.call('GET', url)
  expect(refusalOf(answer)).toBe(refusal)
  expectProblem(answer)
})

test.for(['yesterday', '"x"', 'W/"', '1', '"-1"', '"1", "2"', '"99999999999999999999"', ''])(
  'If-Match: %s is no version of ours',
  async (ifMatch) => {
    const options = { body: { name: 'B' }, headers: { 'if-match': ifMatch } }
    await refuse(service, () => service.call('PATCH', `/v1/clients/${known.client}`, options), '412 version_conflict')
  }
)

test('a batch refuses what is wrong in it item by item, and issues the rest', async () => {
  const good = { ...invoiceBody, client_id: known.client }
  const bad = [
    [{ total: '0' }, 'invalid_amount', 'total'],
    [{ total: '1.005' }, 'invalid_amount', 'total'],
    [{ due_on: '2025-10-31' }, 'invalid_date', 'due_on'],
    [{ client_id: known.foreignClient }, 'reference_not_found', 'client_id'],
    [{ dunning_policy_id: known.foreignPolicy }, 'reference_not_found', 'dunning_policy_id'],
    [{ external_refs: [TAKEN] }, 'duplicate_reference', 'external_refs/0']
  ] as const
  const invoices = [good, ...bad.map(([change]) => ({ ...good, ...change })), good]
  const { status, body } = await service.call<Batch>('POST', '/v1/invoices/batch', { body: { invoices } })
  expect(status, JSON.stringify(body)).toBe(200)
  expect(body.results.map((result) => result.status)).toEqual(['created', ...bad.map(() => 'refused'), 'created'])
  expect(body.results.slice(1, -1).map(({ problem }) => [problem?.code, problem?.errors[0]?.pointer])).toEqual(
    bad.map(([, code, field], index) => [code, `/invoices/${index + 1}/${field}`])
  )
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})

type Batch = { results: { status: string; problem: { code: string; errors: { pointer: string }[] } | null }[] }

async function refuse({ id }: Tenant, call: () => Promise<Answer<unknown>>, refusal: string): Promise<void> {
  const before = await rows.of(id)
  const answer = await call()
  expect(refusalOf(answer)).toBe(refusal)
  expectProblem(answer)
  expect(await rows.of(id)).toEqual(before)
}

async function sendRaw(payload: string, type = 'application/json'): Promise<Answer<unknown>> {
  const headers = { authorization: `Bearer ${service.key}`, 'content-type': type }
  const response = await service.app.inject({
    method: 'POST',
    url: '/v1/clients',
    headers,
    payload: Buffer.from(payload, 'latin1')
  })
  return { status: response.statusCode, body: JSON.parse(response.body), headers: response.headers as Record<string, string> }
}

function cursorOf(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url')
}
