import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/ids.ts'
import type { ClientDocument } from '../../src/modules/clients/client-document.ts'
import { callWith, refusalOf, startApp } from '../support/app.ts'

const service = await startApp()
const { app, call } = service
afterAll(service.close)

type Page = { data: ClientDocument[] }
let existing: ClientDocument

beforeAll(async () => {
  const body = { name: 'Existing', external_refs: [{ source: 'crm', id: 'taken' }], contacts: [{ name: 'A' }] }
  existing = (await call<ClientDocument>('POST', '/v1/clients', { body })).body
})

const text = (length: number) => 'x'.repeat(length)
const many = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n))

/** Fields beside a name, and the refusal that they get. */
const badFields: readonly (readonly [fields: object, refusal: string])[] = [
  [{ name: undefined }, '400 invalid_request /name'],
  [{ name: '' }, '400 invalid_request /name'],
  [{ name: ' \t ' }, '400 invalid_request /name'],
  [{ name: 7 }, '400 invalid_request /name'],
  [{ name: null }, '400 invalid_request /name'],
  [{ name: text(201) }, '400 invalid_request /name'],
  [{ name: 'a\0b' }, '400 invalid_request /name'],
  [{ name: '\ud800' }, '400 invalid_request /name'],
  [{ nmae: 'typo' }, '400 invalid_request /nmae'],
  [{ id: newId() }, '400 invalid_request /id'],
  [{ version: 1 }, '400 invalid_request /version'],
  [{ archived_at: null }, '400 invalid_request /archived_at'],
  [{ 'a/b~c': 1 }, '400 invalid_request /a~1b~0c'],
  [{ locale: 'not a locale' }, '400 invalid_request /locale'],
  [{ time_zone: 'Mars/Olympus' }, '400 invalid_request /time_zone'],
  [{ currency: 'EURO' }, '400 invalid_request /currency'],
  [{ currency: 'XYZ' }, '400 invalid_request /currency'],
  [{ currency: 'eur' }, '400 invalid_request /currency'],
  [{ payment_terms: { kind: 'net' } }, '400 invalid_request /payment_terms/days'],
  [{ payment_terms: { kind: 'net', days: '30' } }, '400 invalid_request /payment_terms/days'],
  [{ payment_terms: { kind: 'net', days: -1 } }, '400 invalid_request /payment_terms/days'],
  [{ payment_terms: { kind: 'day_of_month', day: 32, months: 1 } }, '400 invalid_request /payment_terms/day'],
  [{ payment_terms: { kind: 'fortnight' } }, '400 invalid_request /payment_terms/kind'],
  [{ payment_terms: 30 }, '400 invalid_request /payment_terms'],
  [{ credit_limit: { amount: '10', currency: 'EUR' } }, '400 invalid_request /credit_limit'],
  [{ parent_id: 'seven' }, '400 invalid_request /parent_id'],
  [{ parent_id: newId() }, '422 reference_not_found /parent_id'],
  [{ dunning_policy_id: newId() }, '422 reference_not_found /dunning_policy_id'],
  [{ dunning_exempt_until_on: '2026-02-29' }, '400 invalid_request /dunning_exempt_until_on'],
  [{ dunning_exempt_until_on: '0000-01-01' }, '400 invalid_request /dunning_exempt_until_on'],
  [{ dunning_exempt_until_on: '2026-02-01T00:00:00Z' }, '400 invalid_request /dunning_exempt_until_on'],
  [{ tags: 'one' }, '400 invalid_request /tags'],
  [{ tags: ['a', 'a'] }, '400 invalid_request /tags'],
  [{ tags: [text(65)] }, '400 invalid_request /tags/0'],
  [{ tags: many(51, String) }, '400 invalid_request /tags'],
  [{ metadata: { key: 1 } }, '400 invalid_request /metadata/key'],
  [{ metadata: { key: 'half \udc00' } }, '400 invalid_request /metadata/key'],
  [{ metadata: { [text(41)]: '' } }, `400 invalid_request /metadata/${text(41)}`],
  [{ metadata: Object.fromEntries(many(51, (n) => [`k${n}`, ''])) }, '400 invalid_request /metadata'],
  [{ contacts: [{}] }, '400 invalid_request /contacts/0/name'],
  [{ contacts: [{ name: 'A', role: 'boss' }] }, '400 invalid_request /contacts/0/role'],
  [{ contacts: [{ name: 'A', email: 'nobody' }] }, '400 invalid_request /contacts/0/email'],
  [{ contacts: [{ name: 'A', do_not_contact: 'yes' }] }, '400 invalid_request /contacts/0/do_not_contact'],
  [{ contacts: [{ name: 'A', fax: '1' }] }, '400 invalid_request /contacts/0/fax'],
  [{ contacts: many(51, () => ({ name: 'A' })) }, '400 invalid_request /contacts'],
  [{ external_refs: [{ source: 'crm', id: 'taken' }] }, '409 duplicate_reference /external_refs/0'],
  [{ external_refs: many(2, () => ({ source: 'crm', id: 'twice' })) }, '400 invalid_request /external_refs/1'],
  [{ external_refs: [{ source: 'crm' }] }, '400 invalid_request /external_refs/0/id'],
  [{ external_refs: [{ source: '', id: '1' }] }, '400 invalid_request /external_refs/0/source'],
  [{ external_refs: many(21, (n) => ({ source: 'crm', id: `r${n}` })) }, '400 invalid_request /external_refs']
]

test.for(badFields)('%j is refused as %s, by POST and by PATCH, and nothing is written', async ([fields, refusal]) => {
  const posted = await call('POST', '/v1/clients', { body: { name: 'New', ...fields } })
  expect(refusalOf(posted)).toBe(refusal)
  if (!('name' in fields && fields.name === undefined)) {
    const { body: target } = await call<ClientDocument>('PUT', '/v1/clients/by-ref?source=crm&id=target', { body: { name: 'T' } })
    expect(refusalOf(await call('PATCH', `/v1/clients/${target.id}`, { body: fields }))).toBe(refusal)
    expect((await call('GET', `/v1/clients/${target.id}`)).body).toMatchObject({ version: 1, external_refs: [{ id: 'target' }] })
  }
  const { body } = await call<Page>('GET', '/v1/clients?limit=200')
  expect(body.data.map(({ name }) => name).filter((name) => name !== 'T')).toEqual(['Existing'])
})

test('a duplicate reference names the object that has it', async () => {
  const body = { name: 'New', external_refs: [{ source: 'free', id: '1' }, ...existing.external_refs] }
  const answer = await call('POST', '/v1/clients', { body })
  expect(refusalOf(answer)).toBe('409 duplicate_reference /external_refs/1')
  expect(answer.body).toMatchObject({ existing_id: existing.id })
  expect(refusalOf(await call('GET', '/v1/clients/by-ref?source=free&id=1'))).toBe('404 not_found')
})

test("contacts are named by ids of this client's own, each once", async () => {
  const [contact] = existing.contacts
  const change = (contacts: object[]) => call('PATCH', `/v1/clients/${existing.id}`, { body: { contacts } })
  expect(refusalOf(await change([{ name: 'A' }, { id: newId(), name: 'B' }]))).toBe('422 reference_not_found /contacts/1/id')
  const twice = [
    { id: contact?.id, name: 'A' },
    { id: contact?.id, name: 'B' }
  ]
  expect(refusalOf(await change(twice))).toBe('400 invalid_request /contacts/1/id')
  expect(refusalOf(await call('POST', '/v1/clients', { body: { name: 'N', contacts: [{ id: newId(), name: 'A' }] } }))).toBe(
    '400 invalid_request /contacts/0/id'
  )
})

test.for([
  ['/v1/clients?page=2', '400 invalid_request /page'],
  ['/v1/clients?limit=0', '400 invalid_request /limit'],
  ['/v1/clients?limit=201', '400 invalid_request /limit'],
  ['/v1/clients?limit=ten', '400 invalid_request /limit'],
  ['/v1/clients?cursor=nonsense', '400 invalid_cursor /cursor'],
  ['/v1/clients?updated_since=2026-01-01', '400 invalid_request /updated_since'],
  ['/v1/clients?updated_since=2016-12-31T23:59:60Z', '400 invalid_request /updated_since'],
  ['/v1/clients?updated_since=0000-01-01T00:00:00Z', '400 invalid_request /updated_since'],
  ['/v1/clients?tag=%00', '400 invalid_request /tag'],
  ['/v1/clients/seven', '400 invalid_request /id'],
  [`/v1/clients/${newId()}`, '404 not_found'],
  ['/v1/clients/by-ref', '400 invalid_request /source /id'],
  ['/v1/clients/by-ref?source=crm', '400 invalid_request /id'],
  ['/v1/clients/by-ref?source=crm&id=none', '404 not_found'],
  ['/v1/clients/by-ref?source=crm&id=a%00b', '400 invalid_request /id'],
  ['/v1/clients/by-ref?source=crm&id=taken&extra=1', '400 invalid_request /extra']
] as const)('GET %s is refused as %s', async ([url, refusal]) => {
  expect(refusalOf(await call('GET', url))).toBe(refusal)
})

test('an empty change, a body that is no JSON, no object, or too large, is refused', async () => {
  const url = `/v1/clients/${existing.id}`
  expect(refusalOf(await call('PATCH', url, { body: {} }))).toBe('400 invalid_request ')
  expect(refusalOf(await call('PATCH', url, { body: [] }))).toBe('400 invalid_request ')
  expect(refusalOf(await call('POST', '/v1/clients'))).toBe('400 invalid_request /name')
  expect(refusalOf(await call('POST', '/v1/clients', { body: { name: text(5_000_000) } }))).toBe('413 payload_too_large')
  const raw = async (payload: string, type: string) => {
    const headers = { authorization: `Bearer ${service.key}`, 'content-type': type }
    const { statusCode, headers: answered, body } = await app.inject({ method: 'POST', url: '/v1/clients', headers, payload })
    return refusalOf({ status: statusCode, headers: answered as Record<string, string>, body: JSON.parse(body) })
  }
  expect(await raw('{"name": "A"', 'application/json')).toBe('400 invalid_request')
  expect(await raw('{"name": "A", "__proto__": {}}', 'application/json')).toBe('400 invalid_request')
  expect(await raw('name=A', 'application/x-www-form-urlencoded')).toBe('415 unsupported_media_type')
  expect(await raw(`{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'application/json')).toBe('400 invalid_request /name')
})

test('a command on an unknown client is refused by the field that names it', async () => {
  const locked = service.database.scoped(service.id, (tx) => service.services.clients.lock(tx, newId()))
  await expect(locked).rejects.toMatchObject({ code: 'reference_not_found', pointer: '/client_id' })
})

test('a header that is no ETag of ours is refused', async () => {
  const options = { body: { name: 'N' }, headers: { 'if-match': 'yesterday' } }
  expect(refusalOf(await call('PATCH', `/v1/clients/${existing.id}`, options))).toBe('412 version_conflict')
})

test('a key that may only read writes nothing, and no key reads nothing', async () => {
  const reader = callWith(app, await service.addKey('read'))
  const byRef = '/v1/clients/by-ref?source=crm&id=taken'
  expect((await reader('GET', '/v1/clients')).status).toBe(200)
  expect((await reader('GET', byRef)).status).toBe(200)
  expect(refusalOf(await reader('POST', '/v1/clients', { body: { name: 'N' } }))).toBe('403 forbidden')
  expect(refusalOf(await reader('PUT', byRef, { body: { name: 'N' } }))).toBe('403 forbidden')
  expect(refusalOf(await reader('DELETE', byRef))).toBe('403 forbidden')
  expect(refusalOf(await reader('PATCH', `/v1/clients/${existing.id}`, { body: { name: 'N' } }))).toBe('403 forbidden')
  expect(refusalOf(await reader('DELETE', `/v1/clients/${existing.id}`))).toBe('403 forbidden')
  expect(refusalOf(await call('GET', '/v1/clients', { key: null }))).toBe('401 unauthorized')
  expect(refusalOf(await call('GET', '/v1/clients', { key: 'dw_test_wrong' }))).toBe('401 unauthorized')
  const writer = callWith(app, await service.addKey('write'))
  expect((await writer('PATCH', `/v1/clients/${existing.id}`, { body: { name: 'Existing' } })).status).toBe(200)
})

test('what nothing uses yet is refused with a sentence that says so, and neither stored nor shown', async () => {
  const limited = { name: 'N', credit_limit: { amount: '10', currency: 'EUR' } }
  const held = { client_id: existing.id, reason: 'manual', stops_fees: true }
  for (const [path, body, field] of [
    ['/v1/clients', limited, 'credit_limit'],
    ['/v1/holds', held, 'stops_fees']
  ] as const) {
    const { status, body: problem } = await call<{ errors: object[] }>('POST', path, { body })
    const detail = expect.stringContaining('not available yet') as string
    expect([status, problem.errors]).toEqual([400, [{ in: 'body', pointer: `/${field}`, detail }]])
  }
  expect(existing).not.toHaveProperty('credit_limit')
})
