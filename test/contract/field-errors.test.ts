import { afterAll, describe, expect, test } from 'vitest'
import { fieldErrors } from '../../src/http/field-errors.ts'
import { startApp } from '../support/app.ts'
import { documentOf, type Operation, resolve } from './document.ts'
import { invoiceBody, makeInvoice } from './objects.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { send } from './request.ts'

/** What a refusal tells a person who has to mend the request. */
const service = await startApp()
const { operations, undocumented } = record(service.app)
const document = documentOf(service.app)
afterAll(service.close)

type Refused = { detail: string; errors: { in: string; pointer?: string; parameter?: string; detail: string }[] }
const refused = async (method: 'GET' | 'POST' | 'PATCH', url: string, body?: unknown, headers = {}) =>
  (await service.call<Refused>(method, url, { ...(body !== undefined && { body }), headers })).body

describe('a refused body', () => {
  test('is told all of its errors at once, each by its field', async () => {
    const body = { ...invoiceBody, total: 12, currency: 'euro', due_on: '2026-02-30', colour: 'red', metadata: { a: 1 } }
    const { detail, errors } = await refused('POST', '/v1/invoices', body)
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual(['/colour', '/currency', '/due_on', '/metadata/a', '/total'])
    expect(new Set(errors.map((error) => error.in))).toEqual(new Set(['body']))
    expect(detail).toMatch(/^\/\S+: .+\. 4 more are in `errors`\.$/)
  })

  test('tells of a shape what is wrong in it, not that it is not null either', async () => {
    const { errors } = await refused('POST', '/v1/clients', { name: 'A', payment_terms: { kind: 'net', days: 'ten' } })
    expect(errors).toEqual([{ in: 'body', pointer: '/payment_terms/days', detail: 'Must be integer.' }])
  })

  test('is told at most 20, and of much garbage the first, in no time', async () => {
    const invoices = Array.from({ length: 40 }, () => ({ ...invoiceBody, total: 1 }))
    expect((await refused('POST', '/v1/invoices/batch', { invoices })).errors).toHaveLength(20)
    const startedMs = performance.now()
    const garbage = Array.from({ length: 500_000 }, () => 1)
    expect((await refused('POST', '/v1/invoices/batch', { invoices: garbage })).errors).toHaveLength(1)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})

test('what is not the body is named as a parameter or header, with no pointer', async () => {
  const { errors } = await refused('GET', '/v1/clients?limit=0&updated_since=now&colour=red')
  expect(errors.map(({ in: place, parameter, pointer }) => [place, parameter, pointer]).sort()).toEqual([
    ['query', 'colour', undefined],
    ['query', 'limit', undefined],
    ['query', 'updated_since', undefined]
  ])
  expect((await refused('GET', '/v1/clients/seven')).errors).toMatchObject([{ in: 'path', parameter: 'id' }])
  expect((await refused('GET', '/v1/clients?cursor=x')).errors).toMatchObject([{ in: 'query', parameter: 'cursor' }])
  const headers = { 'idempotency-key': 'x'.repeat(256) }
  const { errors: ofHeader } = await refused('POST', '/v1/clients', { name: 'A' }, headers)
  expect(ofHeader).toMatchObject([{ in: 'header', parameter: 'idempotency-key' }])
})

test('text that is no number, or neither true nor false, is refused in words', async () => {
  const { errors } = await refused('GET', '/v1/clients?limit=%20')
  expect(errors).toMatchObject([
    { parameter: 'limit', detail: expect.stringMatching(/^Must be a whole number in digits/) as string }
  ])
  const { errors: ofBoolean } = await refused('GET', '/v1/payments?has_credit=%20')
  expect(ofBoolean).toMatchObject([{ detail: expect.stringMatching(/^Must be true or false/) as string }])
  expect((await service.call('DELETE', '/v1/clients/by-ref?source=erp&id=1&source_version=%20')).status).toBe(400)
})

const REGULAR = /[\^\\]|\[[0-9a-z]|\{\d|\(\?|\|[^|`]*\|/i
const NO_NAMES = { parameters: [], shown: [], elsewhere: {} }

test('no detail shows a regular expression: every pattern of the document has a sentence', () => {
  const patterns = new Set(JSON.stringify(document).match(/"pattern":("(?:[^"\\]|\\.)*")/g))
  expect(patterns.size).toBeGreaterThan(3)
  for (const found of patterns) {
    const { pattern } = JSON.parse(`{${found}}`) as { pattern: string }
    const error = { instancePath: '/x', keyword: 'pattern', params: { pattern }, message: `must match pattern "${pattern}"` }
    const [told] = fieldErrors([error], 'body', NO_NAMES)
    expect(told?.detail, pattern).not.toMatch(REGULAR)
    expect(told?.detail, `test has no sentence for ${pattern}`).not.toMatch(/another form/)
  }
})

const tenant = service.addOrganization()

test.for(operations.map((operation) => [operation.operationId, operation] as const))(
  '%s names the parameters that it knows to who sends another',
  async ([, operation]) => {
    const request = await recipeFor(operation).request(await tenant, service)
    const query = { ...request.query, no_such: '1' }
    const answer = await send((await tenant).call, operation, { ...request, query, ...keyOf(operation) })
    const told = (answer.body as Refused).errors.find(({ parameter }) => parameter === 'no_such')
    expect(told, JSON.stringify(answer.body)).toBeDefined()
    for (const { name } of operation.parameters.filter(({ in: place }) => place === 'query')) {
      expect(told?.detail).toContain(name)
    }
  }
)

const keyOf = ({ scope }: Operation) => (scope === 'operator' ? { key: 'the-operator-of-the-tests' } : {})

describe.for(
  operations.filter(({ method }) => method === 'PATCH').map((operation) => [operation.operationId, operation] as const)
)('%s', ([, operation]) => {
  test('calls no field unknown that the object shows, and says what changes it', async () => {
    const request = await recipeFor(operation).request(service, service)
    const [media] = Object.values(operation.responses[200]?.content ?? {})
    const shown = Object.keys(resolve(media?.schema ?? {}, document).properties ?? {})
    const taken = Object.keys(resolve(operation.body ?? {}, document).properties ?? {})
    const others = shown.filter((name) => !taken.includes(name))
    expect(others.length).toBeGreaterThan(0)
    for (const name of others) {
      const { body } = await send(service.call, operation, { ...request, body: { [name]: 'x' } })
      const told = (body as Refused).errors.find(({ pointer }) => pointer === `/${name}`)
      expect(told?.detail, name).toMatch(/^This field is not changed here\. [A-Z].+\.$/)
      for (const [, method = '', path = ''] of told?.detail.matchAll(
        /(GET|PUT|POST|PATCH) (\/v1\/[a-z-]+(?:\/(?:\{id\}|[a-z-]+))*)/g
      ) ?? []) {
        expect(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`).toBeDefined()
      }
    }
  })
})

test('who moves the due day or the total of an invoice by PATCH is told the operation that does', async () => {
  const id = await makeInvoice(service)
  const { errors } = await refused('PATCH', `/v1/invoices/${id}`, { due_on: '2026-02-01', total: '5.00' })
  const detailOf = (pointer: string) => errors.find((error) => error.pointer === pointer)?.detail
  expect(detailOf('/due_on')).toContain('POST /v1/invoices/{id}/reschedule')
  expect(detailOf('/total')).toContain('PUT /v1/invoices/by-ref')
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})
