import { afterAll, describe, expect, test } from 'vitest'
import { startApp, type Tenant } from '../support/app.ts'
import type { Operation } from './document.ts'
import { makeClient } from './objects.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { type Request, send } from './request.ts'

const service = await startApp()
const { operations, undocumented } = record(service.app)
afterAll(service.close)

type Row = Readonly<Record<string, unknown>>
type Page = Readonly<{ data: readonly Row[]; next_cursor: string | null }>

const takes = (name: string) => (operation: Operation) => operation.parameters.some((parameter) => parameter.name === name)
const lists = operations.filter(takes('cursor')).map((operation) => [operation.operationId, operation] as const)

/** What tells a row from the others of its list. */
const keyOf = (row: Row) =>
  String(row['id'] ?? row['version'] ?? row['invoice_id'] ?? `${String(row['client_id'])} ${String(row['as_of'])}`)

async function page(tenant: Tenant, operation: Operation, request: Request): Promise<Page> {
  const { status, body } = await send(tenant.call, operation, request)
  expect(status, JSON.stringify(body)).toBe(200)
  return body as Page
}

describe.for(lists)('%s', ([, operation]) => {
  test('a page at a time shows every row once, in the order of the whole', async () => {
    const tenant = await service.addOrganization()
    const request = await recipeFor(operation).request(tenant, service)
    for (let more = 0; more < 3; more += 1) await recipeFor(operation).request(tenant, service)
    const whole = await page(tenant, operation, { ...request, query: { limit: '200' } })
    expect(whole.next_cursor).toBeNull()
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const next: Page = await page(tenant, operation, { ...request, query: { limit: '1', ...(cursor !== '' && { cursor }) } })
      seen.push(...next.data.map(keyOf))
      cursor = next.next_cursor
    }
    expect(seen).toEqual(whole.data.map(keyOf))
    expect(new Set(seen).size).toBe(seen.length)
  })
})

describe.for(lists.filter(([, operation]) => takes('updated_since')(operation)))('%s', ([, operation]) => {
  test('since an instant shows what changed then or later, and nothing older', async () => {
    const tenant = await service.addOrganization()
    const request = await recipeFor(operation).request(tenant, service)
    const since = async (instant: string) =>
      (await page(tenant, operation, { ...request, query: { updated_since: instant } })).data.map(keyOf)
    const all = await page(tenant, operation, request)
    expect(all.data.length).toBeGreaterThan(0)
    expect(await since('1970-01-01T00:00:00Z')).toEqual(all.data.map(keyOf))
    expect(await since('2100-01-01T00:00:00Z')).toEqual([])
    const stamps = all.data.map((row) => String(row['updated_at'] ?? row['recorded_at'] ?? row['created_at'])).sort()
    const latest = new Date(stamps.at(-1) ?? '')
    expect((await since(latest.toISOString())).length).toBeGreaterThan(0)
    expect(await since(new Date(latest.getTime() + 1).toISOString())).toEqual([])
  })
})

test('rows that come in while the pages are turned push none of the others out or in twice', async () => {
  const tenant = await service.addOrganization()
  const before = new Set<string>()
  for (let count = 0; count < 30; count += 1) before.add(await makeClient(tenant))
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const query: string = `limit=4${cursor === null ? '' : `&cursor=${cursor}`}`
    const asked = tenant.call<Page>('GET', `/v1/clients?${query}`)
    await Promise.all(Array.from({ length: 3 }, () => makeClient(tenant)))
    const { body } = await asked
    seen.push(...body.data.map(keyOf))
    cursor = body.next_cursor
  } while (cursor !== null)
  expect(new Set(seen).size).toBe(seen.length)
  expect(before.difference(new Set(seen))).toEqual(new Set())
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})
