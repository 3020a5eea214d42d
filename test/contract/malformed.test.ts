import { afterAll, describe, expect, test } from 'vitest'
import { OPERATOR_TOKEN, startApp, type Tenant } from '../support/app.ts'
import { badTextsFor, badValuesFor } from './bad-values.ts'
import { documentOf, type Operation, typesOf } from './document.ts'
import { type Field, fieldsOf } from './fields.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { expectRefusalOf } from './refusal.ts'
import { type Request, send } from './request.ts'
import { openRows } from './rows.ts'

const service = await startApp()
const rows = await openRows(service.databaseUrl)
const { operations, undocumented } = record(service.app)
const document = documentOf(service.app)
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await service.close()
})

const named = (operation: Operation) => [operation.operationId, operation] as const
const withBody = operations.filter(({ body }) => body !== undefined)

describe.for(withBody.map(named))('the body of %s', ([, operation]) => {
  test('with any field missing, unknown, of another type or out of its bounds is refused by name, and nothing is written', async () => {
    const { tenant, request } = await prepared(operation)
    const fields = fieldsOf(operation.body ?? {}, { base: request.body, document })
    const before = await rows.of(tenant.id)
    for (const field of fields) {
      for (const value of badValuesOf(field)) await refuse(tenant, operation, { request, field, value, pointer: field.pointer })
      for (const [value, pointer] of brokenObjects(field)) await refuse(tenant, operation, { request, field, value, pointer })
    }
    expect(await rows.of(tenant.id)).toEqual(before)
  })
})

describe.for(operations.filter(({ parameters }) => parameters.some(({ in: place }) => place !== 'header')).map(named))(
  'the URL of %s',
  ([, operation]) => {
    test('with any parameter out of its bounds is refused by name, and nothing is written', async () => {
      const { tenant, request } = await prepared(operation)
      const before = await rows.of(tenant.id)
      for (const { name, in: place, schema } of operation.parameters) {
        if (place === 'header') continue
        const part = place === 'path' ? 'params' : 'query'
        // Without text there, the path is another one.
        for (const value of badTextsFor(schema).filter((text) => place === 'query' || text !== '')) {
          const answer = await send(tenant.call, operation, { ...request, [part]: { ...request[part], [name]: value } })
          expect(answer.status, `${operation.operationId} took ${JSON.stringify(value)} for ${name}`).toBe(400)
          expectRefusalOf(`/${name}`, answer)
          expect(answer.body).toMatchObject({ errors: [{ in: place, parameter: name }] })
          expect((answer.body as { errors: object[] }).errors[0]).not.toHaveProperty('pointer')
        }
      }
      expect(await rows.of(tenant.id)).toEqual(before)
    })
  }
)

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})

async function prepared(operation: Operation): Promise<{ tenant: Tenant; request: Request }> {
  const tenant = await service.addOrganization()
  const request = await recipeFor(operation).request(tenant, service)
  return { tenant, request: operation.scope === 'operator' ? { ...request, key: OPERATOR_TOKEN } : request }
}

type Bad = Readonly<{ request: Request; field: Field; value: unknown; pointer: string }>

async function refuse(tenant: Tenant, operation: Operation, { request, field, value, pointer }: Bad): Promise<void> {
  const answer = await send(tenant.call, operation, { ...request, body: field.put(value) })
  const what = `${operation.operationId} took ${String(JSON.stringify(value)).slice(0, 100)} for ${field.pointer}: ${JSON.stringify(answer.body)}`
  expect(answer.status, what).toBe(400)
  expectRefusalOf(pointer, answer)
}

/** An object with a field that nobody knows, and one without each field that it needs. */
function* brokenObjects({ schema, pointer, sample }: Field): Generator<[value: unknown, pointer: string]> {
  if (!typesOf(schema).includes('object') || schema.additionalProperties !== false) return
  const valid = sample as Record<string, unknown>
  // Where the number of fields is limited, one more would be one too many before it is looked at.
  const room = schema.maxProperties === undefined ? valid : {}
  yield [{ ...room, no_such_field: 1 }, `${pointer}/no_such_field`]
  yield [{ ...room, 'a/b~c': null }, `${pointer}/a~1b~0c`]
  for (const name of schema.required ?? []) {
    const { [name]: _, ...rest } = valid
    yield [rest, `${pointer}/${name}`]
  }
}

/** Of the body itself, the tests send only what is an object or a list: the rest is not JSON, or none. */
function badValuesOf(field: Field): unknown[] {
  const values = badValuesFor(field).map(({ value }) => value)
  return field.pointer === '' ? values.filter((value) => Array.isArray(value)) : values
}
