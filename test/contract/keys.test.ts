import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf, startApp, type Tenant } from '../support/app.ts'
import { recipeFor, recipeIds } from './recipes.ts'
import { record } from './recorder.ts'
import { aboutNothing, type Request, send } from './request.ts'
import { idsIn, openRows } from './rows.ts'

const service = await startApp()
const rows = await openRows(service.databaseUrl)
const recorder = record(service.app)
const ofTenants = recorder.operations.filter(({ scope }) => scope !== 'operator')
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await service.close()
})

const nameOf = (operation: (typeof recorder.operations)[number]) => [operation.operationId, operation] as const

test('every operation has a recipe, and every recipe an operation', () => {
  expect([...recipeIds].sort()).toEqual(recorder.operations.map(({ operationId }) => operationId).sort())
})

describe.for(recorder.operations.map(nameOf))('%s', ([, operation]) => {
  test('without a key, and with a wrong one, is refused with 401', async () => {
    const request = aboutNothing(operation, {})
    for (const key of [
      null,
      'dw_test_wrong',
      `dw_test_${'A'.repeat(43)}`,
      'Bearer',
      service.key.slice(0, -1),
      `${service.key}x`
    ]) {
      const answer = await send(service.call, operation, { ...request, key })
      expect(refusalOf(answer)).toBe('401 unauthorized')
      expect(answer.headers['www-authenticate']).toBe('Bearer')
    }
    const basic = { authorization: `Basic ${Buffer.from(`${service.key}:`).toString('base64')}` }
    expect(refusalOf(await send(service.call, operation, { ...request, key: null, headers: basic }))).toBe('401 unauthorized')
  })
})

describe.for(recorder.operations.filter(({ scope }) => scope !== 'read').map(nameOf))('%s', ([, operation]) => {
  test('with a key of a lesser scope is refused, and nothing is written', async () => {
    const owner = await service.addOrganization()
    const lesser = { write: ['read'], admin: ['read', 'write'], operator: ['read', 'write', 'admin'], read: [] } as const
    const request = operation.scope === 'operator' ? { body: { name: 'N' } } : await recipeFor(operation).request(owner, service)
    const keys = await Promise.all(lesser[operation.scope].map((scope) => keyOf(owner, scope)))
    const before = await rows.of(owner.id)
    for (const key of keys) {
      const refusal = operation.scope === 'operator' ? '401 unauthorized' : '403 forbidden'
      expect(refusalOf(await send(owner.call, operation, { ...request, key }))).toBe(refusal)
    }
    expect(await rows.of(owner.id)).toEqual(before)
  })
})

describe.for(ofTenants.map(nameOf))('%s', ([, operation]) => {
  test("with another organization's key shows and changes nothing of the owner's", async () => {
    const [owner, stranger] = [await service.addOrganization(), await service.addOrganization()]
    const request = await recipeFor(operation).request(owner, service)
    await recipeFor(operation).request(stranger, service)
    const before = await rows.of(owner.id)
    const answer = await send(stranger.call, operation, request)
    expect(await rows.of(owner.id)).toEqual(before)
    const foreign = idsIn(JSON.stringify(before)).difference(idsIn(JSON.stringify(request)))
    expect(idsIn(JSON.stringify(answer.body)).intersection(foreign)).toEqual(new Set())
    if (operation.namesObject) expect(refusalOf(answer)).toBe('404 not_found')
    // A batch answers 200 and tells of each item.
    else if (namesOwners(request, before)) expect(JSON.stringify(answer.body)).toContain('"code":"reference_not_found"')
    else expect(answer.status).toBeLessThan(300)
  })
})

describe.for(ofTenants.filter(({ operationId }) => operationId.startsWith('list')).map(nameOf))('%s', ([, operation]) => {
  test('lists only rows of its own, and every filter stays within them', async () => {
    const [owner, stranger] = [await service.addOrganization(), await service.addOrganization()]
    const [request, own] = [
      await recipeFor(operation).request(owner, service),
      await recipeFor(operation).request(stranger, service)
    ]
    const { body } = await send(owner.call, operation, request)
    expect((body as { data: object[] }).data.length).toBeGreaterThan(0)
    const ownersIds = idsIn(JSON.stringify(await rows.of(owner.id)))
    const filters = operation.parameters.filter(
      ({ in: place, schema }) => place === 'query' && ['uuid', 'id-or-reference'].includes(schema.format ?? '')
    )
    for (const { name } of filters) {
      for (const id of ownersIds) {
        const answer = await send(stranger.call, operation, { ...own, query: { ...own.query, [name]: id } })
        // A position is no filter: what another organization has is as unknown as what nobody has.
        expect(answer).toMatchObject(name === 'after_id' ? { status: 410 } : { status: 200, body: { data: [] } })
      }
    }
    const answer = await send(stranger.call, operation, own)
    expect((answer.body as { data: object[] }).data.length).toBeGreaterThan(0)
    expect(idsIn(JSON.stringify(answer.body)).intersection(ownersIds)).toEqual(new Set())
  })
})

test("a page's cursor of another organization is refused", async () => {
  const [owner, stranger] = [await service.addOrganization(), await service.addOrganization()]
  for (const tenant of [owner, stranger]) {
    for (const name of ['A', 'B', 'C']) await tenant.call('POST', '/v1/clients', { body: { name: `${name} of ${tenant.id}` } })
  }
  const first = await owner.call<{ next_cursor: string }>('GET', '/v1/clients?limit=1')
  const answer = await stranger.call('GET', `/v1/clients?cursor=${first.body.next_cursor}`)
  expect(refusalOf(answer)).toBe('400 invalid_cursor /cursor')
  expect(JSON.stringify(answer.body)).not.toContain(owner.id)
})

test('nothing was answered that the document does not say', () => {
  expect(recorder.undocumented()).toEqual([])
})

/** A key of the tenant with one scope. */
async function keyOf(tenant: Tenant, scope: string): Promise<string> {
  const { body } = await tenant.call<{ key: string }>('POST', '/v1/api-keys', { body: { name: scope, scopes: [scope] } })
  return body.key
}

function namesOwners({ body, query }: Request, owned: object): boolean {
  return idsIn(JSON.stringify([body, query])).intersection(idsIn(JSON.stringify(owned))).size > 0
}
