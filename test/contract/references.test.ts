import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf, startApp, type Tenant } from '../support/app.ts'
import { documentOf, type Operation, resolve, type Schema } from './document.ts'
import { makeDebt, planTerms, promiseBody } from './objects.ts'
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

function* fieldsIn(written: Schema, pointer = ''): Generator<readonly [pointer: string, siblings: readonly string[]]> {
  const schema = resolve(written, document)
  const names = Object.keys(schema.properties ?? {})
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    yield [`${pointer}/${name}`, names]
    yield* fieldsIn(inner, `${pointer}/${name}`)
  }
  if (schema.items !== undefined) yield* fieldsIn(schema.items, `${pointer}/0`)
}

test.for(operations.filter(({ body }) => body !== undefined).map(named))(
  'in the body of %s a reference can stand for each id of a client, invoice or payment',
  ([operationId, { body }]) => {
    for (const [pointer, siblings] of fieldsIn(body ?? {})) {
      const [, name = '', kind = '', ending = ''] = /\/((client|invoice|payment)_(ids?))$/.exec(pointer) ?? []
      if (name !== '' && !LEFT.includes(`${pointer} of ${operationId}`))
        expect(siblings, pointer).toContain(`${kind}_${ending.replace('id', 'ref')}`)
    }
  }
)

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

/** A replay of webhooks knows nothing of the ledger. */
const LEFT = ['/client_id of replayWebhookEvents']

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})
