import { randomBytes } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { newId } from '../../src/ids.ts'
import { createApiKeyService } from '../../src/modules/organizations/api-key-service.ts'
import { refusalOf, startApp, type Tenant } from '../support/app.ts'

const service = await startApp({ now: '2026-01-05T09:00:00Z' })
afterAll(service.close)

type Key = { id: string; key: string; expires_at: string | null; scopes: string[] }
const AN_HOUR = '2026-01-05T10:00:00.000Z'

async function makeKey(tenant: Tenant, body: object = {}): Promise<Key> {
  const made = await tenant.call<Key>('POST', '/v1/api-keys', { body: { name: 'Job', scopes: ['write'], ...body } })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body
}

const works = async (tenant: Tenant, key: string) => (await tenant.call('GET', '/v1/clients', { key })).status === 200

test('a key that has expired is replaced by one that works, or refused with what to send', async () => {
  service.clock.set('2026-01-05T09:00:00Z')
  const tenant = await service.addOrganization()
  const old = await makeKey(tenant, { expires_at: AN_HOUR })
  service.clock.set('2026-01-05T11:00:00Z')
  const url = `/v1/api-keys/${old.id}/rotate`
  const refused = await tenant.call<{ detail: string }>('POST', url)
  expect(refusalOf(refused)).toBe('400 invalid_date /expires_at')
  expect(refused.body.detail).toContain('`expires_at`')
  expect(refusalOf(await tenant.call('POST', url, { body: { expires_at: AN_HOUR } }))).toBe('400 invalid_date /expires_at')
  const rotated = await tenant.call<Key>('POST', url, { body: { expires_at: '2026-02-05T10:00:00Z' } })
  expect(rotated.body).toMatchObject({ expires_at: '2026-02-05T10:00:00.000Z', scopes: ['write'] })
  expect(await works(tenant, rotated.body.key)).toBe(true)
})

test('a key that works is replaced by one with the same expiry, or with the one that is stated', async () => {
  service.clock.set('2026-01-05T09:00:00Z')
  const tenant = await service.addOrganization()
  const old = await makeKey(tenant, { expires_at: AN_HOUR })
  const same = await tenant.call<Key>('POST', `/v1/api-keys/${old.id}/rotate`)
  expect(same.body.expires_at).toBe(AN_HOUR)
  expect([await works(tenant, old.key), await works(tenant, same.body.key)]).toEqual([false, true])
  const never = await tenant.call<Key>('POST', `/v1/api-keys/${same.body.id}/rotate`, { body: { expires_at: null } })
  expect(never.body.expires_at).toBeNull()
})

test('the last admin key that works cannot be revoked, whatever keys have expired', async () => {
  service.clock.set('2026-01-05T09:00:00Z')
  const tenant = await service.addOrganization()
  await makeKey(tenant, { scopes: ['admin'], expires_at: AN_HOUR })
  const { body } = await tenant.call<{ data: Key[] }>('GET', '/v1/api-keys')
  const first = body.data.find(({ expires_at: expiresAt }) => expiresAt === null)
  service.clock.set('2026-01-05T11:00:00Z')
  expect(refusalOf(await tenant.call('DELETE', `/v1/api-keys/${first?.id ?? ''}`))).toBe('409 last_admin_key')
  expect(await works(tenant, tenant.key)).toBe(true)
})

test.for(['revoked', 'rotated'])('a key that is %s stops within a second in every process', async (how) => {
  const tenant = await service.addOrganization()
  const { id, key } = await makeKey(tenant)
  const { database, clock } = service
  const elsewhere = createApiKeyService({ database, clock, newId, randomBytes })
  expect(await elsewhere.authenticate(key)).toMatchObject({ keyId: id })
  if (how === 'revoked') await tenant.call('DELETE', `/v1/api-keys/${id}`)
  else await tenant.call('POST', `/v1/api-keys/${id}/rotate`)
  expect(await works(tenant, key)).toBe(false)
  clock.advance(1_000)
  expect(await elsewhere.authenticate(key)).toBeUndefined()
})
