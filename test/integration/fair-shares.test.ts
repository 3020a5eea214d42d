import { afterAll, expect, test } from 'vitest'
import { refusalOf, startApp } from '../support/app.ts'

const CONNECTIONS = 6
const WAITING_MAX = 100
const service = await startApp({ connections: CONNECTIONS })
afterAll(service.close)

/** Transactions of an organization that do not end before they are told to. */
function occupy(orgId: string, count: number) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const transactions = Array.from({ length: count }, () => service.database.reading(orgId, () => promise))
  return {
    end: async () => {
      resolve()
      await Promise.allSettled(transactions)
    }
  }
}

test('an organization that wants every connection leaves others, unknown keys and readiness theirs', async () => {
  const other = await service.addOrganization()
  const busy = occupy(service.id, 40)
  const startedAt = performance.now()
  const answers = await Promise.all([
    other.call('GET', '/v1/clients'),
    other.call('POST', '/v1/clients', { body: { name: 'A client' } }),
    other.call('GET', '/v1/clients', { key: 'dw_test_of_nobody' }),
    other.call('GET', '/readyz')
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 201, 401, 200])
  expect(performance.now() - startedAt).toBeLessThan(2_000)
  await busy.end()
  expect((await service.call('GET', '/v1/clients')).status).toBe(200)
})

test('several organizations that want every connection leave looks theirs', async () => {
  const others = await Promise.all(Array.from({ length: 3 }, () => service.addOrganization()))
  const busy = others.map(({ id }) => occupy(id, CONNECTIONS))
  expect((await service.call('GET', '/readyz')).status).toBe(200)
  expect((await service.call('GET', '/v1/clients', { key: 'dw_test_of_nobody_else' })).status).toBe(401)
  await Promise.all(busy.map(({ end }) => end()))
})

test('a request that too many wait before is refused at once and told when to come again', async () => {
  const busy = occupy(service.id, CONNECTIONS / 2 + WAITING_MAX)
  const refused = await service.call('GET', '/v1/clients')
  expect(refusalOf(refused)).toBe('429 rate_limited')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  await busy.end()
  expect((await service.call('GET', '/v1/clients')).status).toBe(200)
})
