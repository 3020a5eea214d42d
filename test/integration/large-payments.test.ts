import { afterAll, expect, test } from 'vitest'
import { startApp } from '../support/app.ts'
import { loadLargeClient } from '../support/large-client.ts'

const { call, databaseUrl, database, services, id: orgId, close } = await startApp({ now: '2026-03-10T09:00:00Z', mode: 'live' })
afterAll(close)

type Applied = { invoice_id: string; amount: string }
type Paid = { id: string; version: number; allocations: Applied[]; allocations_count: number; allocations_url: string }
type Page = { data: Applied[]; next_cursor: string | null }

async function clientWith(invoices: number): Promise<string> {
  const { body } = await call<{ id: string }>('POST', '/v1/clients', { body: { name: 'Marketplace' } })
  await loadLargeClient(databaseUrl, { orgId, clientId: body.id, invoices, today: '2026-03-10' })
  return body.id
}

const payAll = (clientId: string) =>
  call<Paid>('POST', '/v1/payments', { body: { client_id: clientId, currency: 'EUR', amount: '1000000.00' } })

test('a payment that settles 250 invoices shows 100 of them, says how many, and where the others are', async () => {
  const clientId = await clientWith(250)
  const { status, body } = await payAll(clientId)
  expect(status).toBe(201)
  expect(body.allocations).toHaveLength(100)
  expect(body).toMatchObject({ allocations_count: 250, allocations_url: `/v1/payments/${body.id}/allocations` })
  expect((await call<Paid>('GET', `/v1/payments/${body.id}`)).body).toEqual(body)
  const found: Applied[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = (await call<Page>('GET', `${body.allocations_url}?limit=100${cursor && `&cursor=${cursor}`}`)).body
    found.push(...page.data)
    cursor = page.next_cursor
  }
  expect(new Set(found.map(({ invoice_id: id }) => id)).size).toBe(250)
  expect(found).toEqual(expect.arrayContaining(body.allocations))
  await database.scoped(orgId, (tx) => services.events.seal(tx))
  const { body: told } = await call<{ data: { data: { object: Paid } }[] }>(
    'GET',
    `/v1/events?type=payment.settled&object_id=${body.id}`
  )
  expect(JSON.stringify(told)).toContain('"allocations_count":250')
  const reversed = await call<Paid>('POST', `/v1/payments/${body.id}/reverse`, { body: { reason: 'bounced' } })
  expect(reversed.body).toMatchObject({ allocations: [], allocations_count: 0 })
  expect((await call<Page>('GET', body.allocations_url)).body.data).toEqual([])
})

test('a payment of nobody has no list of allocations', async () => {
  const other = '/v1/payments/01890000-0000-7000-8000-000000000000/allocations'
  expect((await call('GET', other)).status).toBe(404)
})
