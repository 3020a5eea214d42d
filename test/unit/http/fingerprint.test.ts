import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { type TObject, Type } from 'typebox'
import { describe, expect, test } from 'vitest'
import { registerContract } from '../../../src/http/contract.ts'
import { canonicalJson, fingerprintOf } from '../../../src/http/fingerprint.ts'
import { closed, ProblemSchema } from '../../../src/http/schemas.ts'
import { buildValidator } from '../../../src/http/validation.ts'

describe('the canonical form', () => {
  test('is that of the examples in RFC 8785', () => {
    const numbersAndText = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`
    ) as unknown
    expect(canonicalJson(numbersAndText)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`
    )
    const sorting: unknown = JSON.parse(String.raw`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`)
    expect(canonicalJson(sorting)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}')
  })

  test('knows no names but those of the value', () => {
    const value: unknown = JSON.parse('{"toJSON":1,"length":2,"__proto__":{"z":1,"a":2}}')
    expect(canonicalJson(value)).toBe('{"__proto__":{"a":2,"z":1},"length":2,"toJSON":1}')
    expect(canonicalJson(JSON.parse('[-0, 0.0, 1e0]'))).toBe('[0,0,1]')
  })
})

/** The service of one release, with the body that its only route takes. */
async function release(body: TObject) {
  const app = Fastify({ schemaController: { compilersFactory: { buildValidator } } }).withTypeProvider<TypeBoxTypeProvider>()
  app.addSchema(ProblemSchema)
  registerContract(app)
  app.post('/things/:id', { config: { scope: 'write' }, schema: { body } }, (request) => [fingerprintOf(request), request.body])
  return async (url: string, payload: string) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'one' }
    const response = await app.inject({ method: 'POST', url, headers, payload })
    return response.json<[fingerprint: string, seen: unknown]>()
  }
}

test('the same bytes are the same request after a release that adds a field with a default', async () => {
  const old = await release(closed({ name: Type.String() }))
  const next = await release(closed({ name: Type.String(), colour: Type.String({ default: 'red' }) }))
  const [before, after] = [await old('/things/1', '{"name":"A"}'), await next('/things/1', '{"name":"A"}')]
  expect(after[1]).toEqual({ name: 'A', colour: 'red' })
  expect(after[0]).toBe(before[0])
})

test('path and encoding: another object is another request, another way to write its id is not', async () => {
  const send = await release(closed({ name: Type.String() }))
  const prints = await Promise.all(['/things/1', '/things/%31', '/things/2'].map((url) => send(url, '{"name":"A"}')))
  const [one, encoded, two] = prints.map(([fingerprint]) => fingerprint)
  expect(encoded).toBe(one)
  expect(two).not.toBe(one)
})
