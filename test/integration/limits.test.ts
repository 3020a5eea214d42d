import { afterAll, expect, test } from 'vitest'
import { OPERATOR_TOKEN, refusalOf, startApp } from '../support/app.ts'

const PROXY = '127.0.0.0/8'
const limited = await startApp({ rateLimitPerMinute: 10, organizationRateLimit: 15 })
const guarded = await startApp({ wrongAttemptsLimit: 3, trustedProxies: [PROXY] })
afterAll(async () => {
  await limited.close()
  await guarded.close()
})

const invoices = (count: number, clientId: string) => ({
  invoices: Array.from({ length: count }, (_, n) => ({ client_id: clientId, number: `${n}`, currency: 'EUR', total: '1.00' }))
})

test('a batch uses as many items of the limit as it has, is never cut, and the next request is refused until the minute is over', async () => {
  const tenant = await limited.addOrganization()
  const client = await tenant.call<{ id: string }>('POST', '/v1/clients', { body: { name: 'A client' } })
  expect(client.headers).toMatchObject({ 'ratelimit-limit': '10', 'ratelimit-remaining': '9' })
  const first = await tenant.call('POST', '/v1/invoices/batch', { body: invoices(4, client.body.id) })
  expect([first.status, first.headers['ratelimit-remaining']]).toEqual([200, '5'])
  const second = await tenant.call('POST', '/v1/invoices/batch', { body: invoices(8, client.body.id) })
  expect([second.status, second.headers['ratelimit-remaining']]).toEqual([200, '0'])
  const refused = await tenant.call('GET', '/v1/clients')
  expect(refusalOf(refused)).toBe('429 rate_limited')
  expect(refused.headers).toMatchObject({ 'ratelimit-remaining': '0', 'retry-after': '60', 'ratelimit-reset': '60' })
  limited.clock.advance(60_000)
  expect((await tenant.call('GET', '/v1/clients')).status).toBe(200)
})

test('all keys of an organization share its limit, and another organization has its own', async () => {
  const tenant = await limited.addOrganization()
  const { body } = await tenant.call<{ key: string }>('POST', '/v1/api-keys', { body: { name: 'Other', scopes: ['read'] } })
  for (let n = 0; n < 9; n++) await tenant.call('GET', '/v1/clients')
  const answers = []
  for (let n = 0; n < 6; n++) answers.push(await tenant.call('GET', '/v1/clients', { key: body.key }))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429])
  expect(answers.map(({ headers }) => headers['ratelimit-remaining'])).toEqual(['4', '3', '2', '1', '0', '0'])
  expect((await (await limited.addOrganization()).call('GET', '/v1/clients')).status).toBe(200)
})

const from = (address: string) => ({ 'x-forwarded-for': address })

test.for([
  ['wrong keys', '/v1/clients', 'GET', 'dw_test_of_nobody', '401 unauthorized'],
  ['wrong operator tokens', '/v1/organizations', 'POST', 'not-the-token-of-the-operator', '401 unauthorized'],
  ['paths that do not exist', '/wp-admin', 'GET', null, '404 not_found']
] as const)('%s are limited by the address that they come from, and keys in use go on working there', async (wrong) => {
  const [what, url, method, key, refusal] = wrong
  const headers = from(`192.0.2.${what.length}`)
  const attempt = (more = {}) => guarded.call(method, url, { key, headers, ...(method === 'POST' && { body: {} }), ...more })
  expect((await guarded.call('GET', '/v1/clients', { headers })).status).toBe(200)
  for (let n = 0; n < 3; n++) expect(refusalOf(await attempt())).toBe(refusal)
  const limitedNow = await attempt()
  expect(refusalOf(limitedNow)).toBe('429 rate_limited')
  expect(Number(limitedNow.headers['retry-after'])).toBeGreaterThan(0)
  expect((await guarded.call('GET', '/v1/clients', { headers })).status).toBe(200)
  expect(refusalOf(await attempt({ headers: from('198.51.100.7') }))).not.toBe('429 rate_limited')
  guarded.clock.advance(60_000)
  expect(refusalOf(await attempt())).toBe(refusal)
})

test('the right operator token is refused, too, once an address has guessed too often', async () => {
  const headers = from('203.0.113.9')
  for (let n = 0; n < 3; n++) await guarded.call('POST', '/v1/organizations', { key: 'a-wrong-operator-token-here', headers })
  expect(refusalOf(await guarded.call('POST', '/v1/organizations', { key: OPERATOR_TOKEN, headers, body: {} }))).toBe(
    '429 rate_limited'
  )
})

test('a limit that the operator sets for an organization or a key is followed within a second, and a new key in its place keeps it', async () => {
  const tenant = await limited.addOrganization()
  const { apiKeys } = limited.services
  const made = await tenant.call<{ id: string; key: string }>('POST', '/v1/api-keys', { body: { name: 'Job', scopes: ['read'] } })
  const { id, key } = made.body
  const limitOf = async (used: string) => (await tenant.call('GET', '/v1/clients', { key: used })).headers['ratelimit-limit']
  const later = async (used: string) => {
    limited.clock.advance(1_000)
    return limitOf(used)
  }
  expect(await limitOf(key)).toBe('10')
  const set = (change: { itemsPerMinute: number | null }) =>
    limited.database.scoped(tenant.id, (tx) => apiKeys.setKeyLimits(tx, id, change))
  expect(await set({ itemsPerMinute: 7 })).toEqual({ itemsPerMinute: 7 })
  expect([await later(key), await later(tenant.key)]).toEqual(['7', '10'])
  const rotated = await tenant.call<{ id: string; key: string }>('POST', `/v1/api-keys/${id}/rotate`, { body: {} })
  expect(await limitOf(rotated.body.key)).toBe('7')
  const setOfAll = (change: { itemsPerMinute?: number | null; connections?: number | null }) =>
    limited.database.scoped(tenant.id, (tx) => apiKeys.setOrganizationLimits(tx, change))
  expect(await setOfAll({ itemsPerMinute: 8 })).toEqual({ itemsPerMinute: 8, connections: null })
  expect(await setOfAll({ connections: 3 })).toEqual({ itemsPerMinute: 8, connections: 3 })
  expect(await later(tenant.key)).toBe('8')
  // No limit of the organization, then none of the key either.
  await setOfAll({ itemsPerMinute: 0 })
  expect(await later(tenant.key)).toBe('10')
  const { data } = (await tenant.call<{ data: { id: string; name: string }[] }>('GET', '/v1/api-keys')).body
  const own = data.find(({ name }) => name === 'First key')?.id ?? ''
  await limited.database.scoped(tenant.id, (tx) => apiKeys.setKeyLimits(tx, own, { itemsPerMinute: 0 }))
  expect(await later(tenant.key)).toBeUndefined()
  await limited.database.scoped(tenant.id, (tx) => apiKeys.setKeyLimits(tx, own, { itemsPerMinute: null }))
  expect(await later(tenant.key)).toBe('10')
  const unknown = limited.database.scoped(tenant.id, (tx) => apiKeys.setKeyLimits(tx, id, {}))
  await expect(unknown).rejects.toMatchObject({ code: 'not_found' })
})
