import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf, startApp, type Tenant } from '../support/app.ts'
import { documentOf, type Operation, resolve, type Schema } from './document.ts'
import { makeClient, makeDebt, makeInvoice, planTerms, promiseBody } from './objects.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { type Request, send } from './request.ts'

/** An integration that knows no id of ours can name a client, an invoice or a payment wherever an id goes. */
const service = await startApp()
const { operations, undocumented } = record(service.app)
const document = documentOf(service.app)
afterAll(service.close)

type Kind = 'client' | 'invoice' | 'payment'
const named = (operation: Operation) => [operation.operationId, operation] as const
const kindIn = (path: string) => /^\/v1\/(client|invoice|payment)s\/\{id\}/.exec(path)?.[1] as Kind | undefined
const withId = operations.filter(({ path }) => kindIn(path) !== undefined)
const FILTERS = ['client_id', 'invoice_id', 'payment_id']
const withFilter = operations.filter(({ parameters }) =>
  parameters.some(({ in: place, name }) => place === 'query' && FILTERS.includes(name))
)

let numbers = 0
/** Gives the object a reference of the hardest characters. @returns how a path or filter names it, not yet encoded for the URL. */
async function referTo(tenant: Tenant, kind: Kind, objectId: string): Promise<string> {
  const ref = { source: 'bo:oks 100%/é', id: `2026/17:a?b=%20&${++numbers}` }
  await service.database.scoped(tenant.id, (tx) => service.services.references.add(tx, { kind, objectId, refs: [ref] }))
  return `ref:${ref.source.replaceAll('%', '%25').replaceAll(':', '%3A')}:${ref.id}`
}

test.for([...withId, ...withFilter].map(named))('%s says in the document that it takes a reference', ([, operation]) => {
  const ids = operation.parameters.filter(
    ({ in: place, name }) =>
      (place === 'path' && name === 'id' && kindIn(operation.path)) || (place === 'query' && FILTERS.includes(name))
  )
  for (const parameter of ids) {
    expect(parameter.schema.format).toBe('id-or-reference')
    expect((parameter as { description?: string }).description).toContain('ref:{source}:{id}')
  }
})

test.for([
  ['erp', 'a/b:c%2F d?#é'],
  ['e:r 50%', ':'],
  ['ü'.repeat(64), '😀'.repeat(255)]
] as const)('a path and a filter take every reference that PUT takes: %s', async ([source, id]) => {
  const { call } = await service.addOrganization()
  const { body } = await call('PUT', `/v1/clients/by-ref?${new URLSearchParams({ source, id })}`, { body: { name: 'C' } })
  const reference = encodeURIComponent(`ref:${source.replaceAll('%', '%25').replaceAll(':', '%3A')}:${id}`)
  expect((await call('GET', `/v1/clients/${reference}`)).body['id']).toBe(body['id'])
  expect((await call('GET', `/v1/invoices?client_id=${reference}`)).status).toBe(200)
})

describe.for(withId.map(named))('%s', ([, operation]) => {
  test('does with a reference in the path what it does with the id', async () => {
    const tenant = await service.addOrganization()
    const request: Request = await recipeFor(operation).request(tenant, service)
    const id = await referTo(tenant, kindIn(operation.path) ?? 'client', request.params?.['id'] ?? '')
    const answer = await send(tenant.call, operation, { ...request, params: { ...request.params, id } })
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    const unknown = { ...request, params: { ...request.params, id: 'ref:books:nothing' } }
    expect(refusalOf(await send(tenant.call, operation, unknown))).toBe('404 not_found')
    const stranger = await service.addOrganization()
    expect(refusalOf(await send(stranger.call, operation, { ...request, params: { ...request.params, id } }))).toBe(
      '404 not_found'
    )
  })
})

describe.for(withFilter.map(named))('%s', ([, operation]) => {
  test('filters by a reference as by the id, and by an unknown one as by an unknown id', async () => {
    const tenant = await service.addOrganization()
    const request: Request = await recipeFor(operation).request(tenant, service)
    const { client_id, invoice_ids } = await makeDebt(tenant)
    const objects: Readonly<Record<string, readonly [Kind, string]>> = {
      client_id: ['client', client_id],
      invoice_id: ['invoice', invoice_ids[0] ?? '']
    }
    for (const { name } of operation.parameters.filter((one) => one.in === 'query' && FILTERS.includes(one.name))) {
      const [kind, id] = objects[name] ?? expect.unreachable(name)
      const by = async (value: string) => {
        const { status, body } = await send(tenant.call, operation, { ...request, query: { ...request.query, [name]: value } })
        expect(status, JSON.stringify(body)).toBe(200)
        return (body as { data: object[] }).data
      }
      expect(await by(await referTo(tenant, kind, id))).toEqual(await by(id))
      expect(await by('ref:books:nothing')).toEqual([])
    }
  })
})

/** Ids of what no other system names: bodies take only ours. Every other id of a body is one of a client, an invoice or a payment. */
const OURS_ONLY = [/(^|_)dunning_policy_id$/, /^contact_id$/, /^id$/]
type Body = Readonly<{ pointer: string; schema: Schema; siblings: readonly string[] }>

function* fieldsIn(written: Schema, pointer = ''): Generator<Body> {
  const schema = resolve(written, document)
  const siblings = Object.keys(schema.properties ?? {})
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    yield { pointer: `${pointer}/${name}`, schema: resolve(inner, document), siblings }
    yield* fieldsIn(inner, `${pointer}/${name}`)
  }
  if (schema.items !== undefined) yield* fieldsIn(schema.items, `${pointer}/0`)
  for (const choice of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) yield* fieldsIn(choice, pointer)
}
const idsIn = (body: Schema) =>
  [...fieldsIn(body)].filter(({ pointer, schema }) => {
    const name = pointer.slice(pointer.lastIndexOf('/') + 1)
    const item = schema.items === undefined ? schema : resolve(schema.items, document)
    return item.format === 'uuid' && !OURS_ONLY.some((ours) => ours.test(name))
  })
const withIds = operations.filter(({ body }) => body !== undefined && idsIn(body).length > 0)

test.for(withIds.map(named))(
  'in the body of %s a reference can stand for each id of a client, invoice or payment',
  ([, { body }]) => {
    for (const { pointer, siblings } of idsIn(body ?? {})) {
      const name = pointer.slice(pointer.lastIndexOf('/') + 1)
      expect(siblings, pointer).toContain(name.replace(/_id(s?)$/, '_ref$1'))
    }
  }
)

test('bodies hold ids of parents, replacements and clients of replays', () => {
  const names = withIds.flatMap(({ body }) => idsIn(body ?? {}).map(({ pointer }) => pointer))
  expect(names).toEqual(expect.arrayContaining(['/client_id', '/invoice_ids', '/parent_id', '/replaced_by_id']))
})

describe('a body that names by reference', () => {
  const refs = (...ids: string[]) => ids.map((id) => ({ source: 'erp', id }))
  const [parentRef, unknown] = [
    { source: 'erp', id: 'parent' },
    { source: 'erp', id: 'nothing' }
  ]
  type Doc = { id: string; parent_id: string | null; replaced_by_id: string | null; client_id: string | null }

  test('gives a client its parent, whether it is made, changed or put', async () => {
    const tenant = await service.addOrganization()
    const branch = (parent_ref: object, more = {}) => ({ name: 'Branch', parent_ref, ...more })
    const put = (body: object) => tenant.call<Doc>('PUT', '/v1/clients/by-ref?source=erp&id=branch', { body })
    expect(refusalOf(await tenant.call('POST', '/v1/clients', { body: branch(unknown) }))).toBe(
      '422 reference_not_found /parent_ref'
    )
    const parent = await makeClient(tenant, { external_refs: refs('parent') })
    const { body: made } = await tenant.call<Doc>('POST', '/v1/clients', { body: branch(parentRef) })
    const { body: changed } = await tenant.call<Doc>('PATCH', `/v1/clients/${await makeClient(tenant)}`, {
      body: { parent_ref: parentRef }
    })
    const first = await put(branch(parentRef, { source_version: 2 }))
    expect([made, changed, first.body].map(({ parent_id }) => parent_id)).toEqual([parent, parent, parent])
    const late = await put(branch(unknown, { source_version: 1 }))
    expect(late).toMatchObject({ status: 200, body: { applied: false, parent_id: parent } })
    expect(refusalOf(await put({ parent_id: parent, parent_ref: parentRef }))).toBe('400 invalid_request /parent_ref')
    expect(refusalOf(await put({ parent_ref: { source: 'erp', id: 'branch' } }))).toMatch(/ nested_parent \/parent_ref$/)
  })

  test('names the invoice that replaces a void one', async () => {
    const tenant = await service.addOrganization()
    const client_id = await makeClient(tenant)
    const replaced = await makeInvoice(tenant, { client_id })
    const replacement = await makeInvoice(tenant, { client_id, external_refs: refs('replacement') })
    await makeInvoice(tenant, { client_id: await makeClient(tenant), external_refs: refs('strange') })
    const voided = (body: object) => tenant.call<Doc>('POST', `/v1/invoices/${replaced}/void`, { body })
    const by = (id: string) => ({ replaced_by_ref: { source: 'erp', id } })
    expect(refusalOf(await voided(by('nothing')))).toBe('422 reference_not_found /replaced_by_ref')
    expect(refusalOf(await voided(by('strange')))).toBe('422 reference_not_found /replaced_by_ref')
    expect(refusalOf(await voided({ ...by('replacement'), replaced_by_id: replacement }))).toBe(
      '400 invalid_request /replaced_by_ref'
    )
    expect(await voided(by('replacement'))).toMatchObject({ status: 200, body: { replaced_by_id: replacement } })
  })

  test('names the client whose events are sent again', async () => {
    const tenant = await service.addOrganization()
    const client = await makeClient(tenant, { external_refs: refs('client') })
    const operation = operations.find(({ operationId }) => operationId === 'replayWebhookEvents') ?? expect.unreachable()
    const request = await recipeFor(operation).request(tenant, service)
    const replay = (client_ref: object) =>
      send(tenant.call, operation, { ...request, body: { ...(request.body as object), client_ref } })
    expect(refusalOf(await replay(unknown))).toBe('422 reference_not_found /client_ref')
    expect(await replay({ source: 'erp', id: 'client' })).toMatchObject({ status: 202, body: { client_id: client } })
  })
})

describe('agreements over invoices that are named by references', () => {
  async function referredDebt(tenant: Tenant) {
    const { client_id, invoice_ids } = await makeDebt(tenant)
    const invoice_refs = invoice_ids.map(() => ({ source: 'books', id: `R/${++numbers}` }))
    for (const [index, objectId] of invoice_ids.entries()) {
      const refs = invoice_refs.slice(index, index + 1)
      await service.database.scoped(tenant.id, (tx) => service.services.references.add(tx, { kind: 'invoice', objectId, refs }))
    }
    return { client_id, invoice_ids, invoice_refs }
  }

  test.for([
    ['/v1/holds', { reason: 'manual' }],
    ['/v1/promises', promiseBody],
    ['/v1/payment-plans', planTerms],
    ['/v1/payment-plans/preview', planTerms]
  ] as const)('%s covers them, and refuses what it cannot find by its place', async ([url, rest]) => {
    const { client_id, invoice_ids, invoice_refs } = await referredDebt(service)
    const post = (body: object) =>
      service.call<{ invoice_ids?: string[] }>('POST', url, { body: { client_id, ...rest, ...body } })
    const unknown = [...invoice_refs, { source: 'books', id: 'nothing' }]
    expect(refusalOf(await post({ invoice_refs: unknown }))).toBe('422 reference_not_found /invoice_refs/1')
    expect(refusalOf(await post({ invoice_ids, invoice_refs }))).toBe('400 invalid_request /invoice_refs')
    const { invoice_refs: ofAnother } = await referredDebt(service)
    expect(refusalOf(await post({ invoice_refs: ofAnother }))).toMatch(/^422 \w+ \/invoice_refs/)
    const made = await post({ invoice_refs })
    expect(made.status, JSON.stringify(made.body)).toBeLessThan(300)
    if (made.body.invoice_ids !== undefined) expect(made.body.invoice_ids).toEqual(invoice_ids)
  })
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})
