import pg from 'pg'
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

test('a payment that reaches for 900 of 1,500 invoices settles those that are due first, and no other', async () => {
  const clientId = await clientWith(1_500)
  const owner = new pg.Client(databaseUrl)
  await owner.connect()
  const inOrder = await owner.query<{ id: string; total: string }>(
    `select id, total_minor::text as total from invoices where client_id = $1 order by due_on, issued_on, number collate "C"`,
    [clientId]
  )
  const first = inOrder.rows.slice(0, 900)
  const minor = first.reduce((sum, { total }) => sum + Number(total), 1)
  const amount = (minor / 100).toFixed(2)
  const { body } = await call<Paid>('POST', '/v1/payments', { body: { client_id: clientId, currency: 'EUR', amount } })
  expect(body.allocations_count).toBe(901)
  const paid = await owner.query<{ id: string }>("select id from invoices where client_id = $1 and status = 'paid'", [clientId])
  await owner.end()
  expect(paid.rows.map(({ id }) => id).sort()).toEqual(first.map(({ id }) => id).sort())
})

/** How many statements are sent to the server meanwhile, whichever connection they take. */
async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  const connection = (pg as unknown as { Connection: { prototype: { execute: (message: object) => void } } }).Connection.prototype
  const { execute } = connection
  let sent = 0
  connection.execute = function (message) {
    sent += 1
    execute.call(this, message)
  }
  try {
    await work()
  } finally {
    connection.execute = execute
  }
  return sent
}

test('a payment of 3,000 invoices and its reversal are written by sets, not by rows', async () => {
  const clientId = await clientWith(3_000)
  let id = ''
  expect(
    await statementsOf(async () => {
      id = (await payAll(clientId)).body.id
    })
  ).toBeLessThan(80)
  const reverse = () => call('POST', `/v1/payments/${id}/reverse`, { body: { reason: 'bounced' } })
  expect(await statementsOf(reverse)).toBeLessThan(80)
})

const IMPORTED = 3_000

test('a payment of 3,000 invoices reads each some times, in a database that plans by what it was while it was empty', async () => {
  await using service = await startApp({ now: '2026-03-10T09:00:00Z', mode: 'live', connections: 3 })
  const sql = async <Row extends object>(text: string): Promise<Row[]> => {
    const owner = new pg.Client(service.databaseUrl)
    await owner.connect()
    return (await owner.query<Row>(text)).rows.concat(await owner.end().then(() => []))
  }
  await sql(`do $$ declare t regclass; begin
    for t in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
      execute format('alter table %s set (autovacuum_enabled = false)', t);
    end loop; end $$`)
  const post = async <Body>(path: string, body: object) => {
    const answer = await service.call<Body>('POST', path, { body })
    expect(answer.status, JSON.stringify(answer.body).slice(0, 300)).toBeLessThan(300)
    return answer.body
  }
  const clientOf = async (invoices: number) => {
    const { id } = await post<{ id: string }>('/v1/clients', { name: 'Marketplace' })
    const batch = Array.from({ length: invoices }, (_, n) => ({
      ...{ client_id: id, number: `M${n}`, currency: 'EUR', total: '10.00', issued_on: '2026-03-01', due_on: '2026-03-31' }
    }))
    while (batch.length > 0) await post('/v1/invoices/batch', { invoices: batch.splice(0, 1_000) })
    return id
  }
  const settle = async (clientId: string, invoices: number) => {
    const paid = await post<Paid>('/v1/payments', { client_id: clientId, currency: 'EUR', amount: `${invoices}0.00` })
    expect(paid.allocations_count).toBe(invoices)
    expect(await post<Paid>(`/v1/payments/${paid.id}/reverse`, { reason: 'bounced' })).toMatchObject({ allocations_count: 0 })
  }
  await post('/v1/webhook-endpoints', { url: 'https://receiver.example/hook', event_types: ['*'] })
  await Promise.all(Array.from({ length: 6 }, async () => settle(await clientOf(2), 2)))
  await settle(await clientOf(IMPORTED), IMPORTED)
  // A session tells what it read when it ends.
  await sql(
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'dunwell' and datname = current_database()"
  )
  const [row] = await sql<{ reads: number }>('select sum(idx_tup_read)::int8::float8 as reads from pg_stat_user_indexes')
  expect(row?.reads ?? 0).toBeGreaterThan(IMPORTED)
  expect((row?.reads ?? 0) / IMPORTED).toBeLessThan(200)
}, 120_000)
