import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { refusalOf, type Tenant } from '../support/app.ts'
import { startDunning } from '../support/dunning.ts'
import { refresh } from '../support/risk.ts'
import type { Operation, Parameter } from './document.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { type Request, send, urlOf } from './request.ts'

/** A cursor continues the question whose page gave it. Anything else would look like a list that is complete, and miss rows. */
const service = await startDunning()
const { operations, undocumented } = record(service.app)
afterAll(service.close)

const lists = operations.filter(({ parameters }) => parameters.some(({ name }) => name === 'cursor'))
const REFUSED = '400 invalid_cursor /cursor'

type Page = Readonly<{ next_cursor: string | null }>
type Turned = Readonly<{ tenant: Tenant; request: Request; cursor: string }>
const turned = new Map<Operation, Turned>()

beforeAll(async () => {
  for (const operation of lists) turned.set(operation, await firstPageOf(operation))
})

async function firstPageOf(operation: Operation): Promise<Turned> {
  const tenant = await service.addOrganization()
  const request = await recipeFor(operation).request(tenant, service)
  for (let more = 0; more < 2; more += 1) await recipeFor(operation).request(tenant, service)
  await anotherRow[operation.operationId]?.(tenant, request)
  const { body } = await send(tenant.call, operation, { ...request, query: { ...request.query, limit: '1' } })
  const { next_cursor: cursor } = body as Page
  expect(cursor, `${operation.operationId} has no second page: ${JSON.stringify(body)}`).toEqual(expect.any(String))
  return { tenant, request, cursor: cursor ?? '' }
}

const turnedOf = (operation: Operation) => turned.get(operation) ?? expect.unreachable(operation.operationId)
const of = (operation: Operation, query: Record<string, string>) => {
  const { tenant, request } = turnedOf(operation)
  return send(tenant.call, operation, { ...request, query: { ...request.query, ...query } })
}

describe.for(lists.map((operation) => [operation.operationId, operation] as const))('%s', ([, operation]) => {
  test('continues with its own cursor, at any limit', async () => {
    const { cursor } = turnedOf(operation)
    for (const limit of ['1', '2', '200']) expect((await of(operation, { cursor, limit })).status).toBe(200)
    const { tenant, request } = turnedOf(operation)
    const url = urlOf(operation, { ...request, query: { ...request.query, cursor } })
    const headers = { authorization: `Bearer ${tenant.key}` }
    expect((await service.app.inject({ method: 'HEAD', url, headers })).statusCode).toBe(200)
  })

  test('refuses the cursor of every other list', async () => {
    for (const other of lists.filter((one) => one !== operation)) {
      const answer = await of(operation, { cursor: turnedOf(other).cursor })
      expect(`${other.operationId}: ${refusalOf(answer)}`).toBe(`${other.operationId}: ${REFUSED}`)
    }
  })

  test('refuses its cursor with another filter or sort', async () => {
    const { cursor } = turnedOf(operation)
    for (const parameter of operation.parameters.filter(isQuestion)) {
      for (const value of otherValuesOf(parameter)) {
        const answer = await of(operation, { cursor, [parameter.name]: value })
        expect(`${parameter.name}=${value}: ${refusalOf(answer)}`).toBe(`${parameter.name}=${value}: ${REFUSED}`)
      }
    }
  })

  test('refuses its cursor in another organization, and under another object', async () => {
    const { cursor } = turnedOf(operation)
    const stranger = await service.addOrganization()
    const own = await recipeFor(operation).request(stranger, service)
    const answer = await send(stranger.call, operation, { ...own, query: { ...own.query, cursor } })
    expect(refusalOf(answer)).toBe(REFUSED)
    const { tenant, request } = turnedOf(operation)
    if (request.params === undefined) return
    const sibling = await recipeFor(operation).request(tenant, service)
    expect(refusalOf(await send(tenant.call, operation, { ...sibling, query: { cursor } }))).toBe(REFUSED)
  })

  test('refuses a cursor that was cut, changed or given out before cursors named their question', async () => {
    const { cursor } = turnedOf(operation)
    const before = Buffer.from(JSON.stringify([1, '01900000-0000-7000-8000-000000000000'])).toString('base64url')
    for (const wrong of [cursor.slice(1), cursor.slice(0, 16), `A${cursor}`, before, '1024', '0', '%']) {
      expect(refusalOf(await of(operation, { cursor: wrong }))).toBe(REFUSED)
    }
  })
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})

function isQuestion({ in: place, name }: Parameter): boolean {
  return place === 'query' && name !== 'cursor' && name !== 'limit'
}

/** Valid values of a filter, none of which is its default. */
function otherValuesOf({ schema }: Parameter): string[] {
  const { default: usual } = schema as { default?: unknown }
  if (schema.enum !== undefined) return schema.enum.filter((value) => value !== usual).map(String)
  if (schema.type === 'boolean') return ['true', 'false'].filter((value) => value !== String(usual))
  const byFormat: Readonly<Record<string, string>> = {
    uuid: '01900000-0000-7000-8000-000000000000',
    'id-or-reference': '01900000-0000-7000-8000-000000000000',
    'date-time': '2000-01-01T00:00:00Z',
    date: '2026-01-02',
    currency: 'SEK'
  }
  const value = byFormat[schema.format ?? ''] ?? (schema.type === 'integer' ? '7' : undefined)
  return [value ?? (schema.pattern === '^[0-9]{1,18}$' ? '7' : 'other')]
}

/** Where the same request again adds no row to the same list. */
const anotherRow: Readonly<Record<string, (tenant: Tenant, request: Request) => Promise<unknown>>> = {
  listDunningPolicyVersions: anotherVersion,
  listClientRiskScores: anotherDay,
  listDunningRuns: (tenant) => tenant.call('POST', '/v1/dunning/runs', { body: { dry_run: true } })
}

async function anotherVersion(tenant: Tenant, { params }: Request): Promise<void> {
  const url = `/v1/dunning-policies/${params?.['id'] ?? ''}`
  const { body } = await tenant.call<Record<string, unknown>>('GET', url)
  const { name, stages } = body
  const answer = await tenant.call('PUT', url, { body: { name: `${String(name)} 2`, stages } })
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
}

async function anotherDay(tenant: Tenant, { params }: Request): Promise<void> {
  await tenant.call('POST', '/v1/test-clock/advance', { body: { days: 1 } })
  await service.clockJob.advanceAll()
  await tenant.call('POST', '/v1/payments', { body: { client_id: params?.['id'], amount: '100.00', currency: 'EUR' } })
  await refresh({ ...service, orgId: tenant.id })
}
