import { readFile } from 'node:fs/promises'
import Schema from 'typebox/schema'
import { afterAll, describe, expect, test } from 'vitest'
import { statusOf } from '../../src/http/problem.ts'
import { eventTypes } from '../../src/modules/events/event.ts'
import { startApp } from '../support/app.ts'
import { documentOf, type Operation, operationsOf } from './document.ts'

const service = await startApp()
const document = documentOf(service.app)
const operations = operationsOf(document)
afterAll(service.close)

const named = (operation: Operation) => [operation.operationId, operation] as const
const has = (operation: Operation, name: string) => operation.parameters.some((parameter) => parameter.name === name)

test('the committed document is what the code says; run npm run openapi otherwise', async () => {
  const committed: unknown = JSON.parse(await readFile(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'))
  expect(JSON.parse(JSON.stringify(document))).toEqual(committed)
})

describe.for(operations.map(named))('%s', ([id, operation]) => {
  test('says what it is, in the same form as the others', () => {
    expect(id).toMatch(
      /^(get|list|create|update|put|delete|archive|void|reverse|replace|record|settle|fail|allocate|write|reschedule|rotate|revoke|set|advance|request|log|report|explain|test|enable|retry|place|offboard|release|make|cancel|propose|preview|accept|reject|renegotiate|open|resolve|withdraw|reset|replay|reallocate)[A-Z]\w+$/
    )
    expect(operations.filter(({ operationId }) => operationId === id)).toHaveLength(1)
    expect(operation.tags).toHaveLength(1)
    expect(document.tags.map(({ name }) => name)).toContain(operation.tags?.[0])
    expect(operation.summary).toMatch(/^[A-Z].{5,}[^.]$/)
    expect(operation.description).toMatch(/\w{3}/)
    for (const [status, { description }] of Object.entries(operation.responses)) {
      expect(description ?? '$ref', status).not.toBe('Default Response')
    }
  })

  test('has the headers that its method and its statuses ask for', () => {
    expect(has(operation, 'idempotency-key')).toBe(operation.method === 'POST')
    expect(has(operation, 'if-match')).toBe(operation.statuses.includes(412))
    if (operation.parameters.some(({ in: place }) => place === 'path')) expect(operation.statuses).toContain(404)
  })

  test('asks for no parameter that has a default', () => {
    const asked = operation.parameters.filter(({ required }) => required === true)
    expect(asked.filter(({ schema }) => 'default' in schema)).toEqual([])
  })

  test('pages with a limit, a cursor and, where rows change, a time since which', () => {
    if (!has(operation, 'cursor')) return
    expect(operation.parameters.find(({ name }) => name === 'limit')?.schema).toMatchObject({
      minimum: 1,
      maximum: 200,
      default: 50
    })
    // What happened stays as it is, who is ranked is ranked anew each day, and what is part of an object changes with the object.
    const parts = ['listPaymentAllocations', 'listHoldInvoices', 'listPromiseInvoices', 'listRestOfEvent']
    const timeless = ['listEvents', 'listClientRiskScores', 'listRiskScores', ...parts]
    expect(has(operation, 'updated_since')).toBe(!timeless.includes(id))
  })
})

test('events are asked for by the time of their organization, and sent again by the real one, and the document says so', () => {
  const list = operations.find(({ operationId }) => operationId === 'listEvents')
  const from = list?.parameters.find(({ name }) => name === 'from')
  expect({ ...from, ...from?.schema }).toMatchObject({
    description: expect.stringMatching(/in the organization’s time/) as string
  })
  const replay = document.paths['/v1/webhook-endpoints/{id}/replay']?.['post']?.requestBody?.content['application/json']?.schema
  expect(replay?.properties?.['from']?.description).toMatch(/in real time$/)
})

type Node = Readonly<Record<string, unknown>>

function* nodesIn(value: unknown, pointer = ''): Generator<[pointer: string, node: Node]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [pointer, value as Node]
  for (const [key, inner] of Object.entries(value)) yield* nodesIn(inner, `${pointer}/${key}`)
}
const nodes = [...nodesIn(document)]
const where = (isWrong: (node: Node, pointer: string) => boolean) =>
  nodes.filter(([pointer, node]) => isWrong(node, pointer)).map(([pointer]) => pointer)

test('every reference leads somewhere', () => {
  const at = (pointer: string) =>
    pointer
      .split('/')
      .slice(1)
      .reduce<unknown>((node, key) => (node as Node | undefined)?.[key], document)
  expect(where(({ $ref }) => typeof $ref === 'string' && at($ref) === undefined)).toEqual([])
  expect(Object.keys(document.components.schemas).filter((name) => /^def-/.test(name))).toEqual([])
})

test('null stands beside a type, as OpenAPI 3.1 has it', () => {
  expect(document.openapi).toMatch(/^3\.1/)
  expect(where((node) => 'nullable' in node)).toEqual([])
  const mixed = where(
    ({ anyOf }) =>
      Array.isArray(anyOf) &&
      anyOf.some((choice: Node) => choice['type'] === 'null') &&
      !anyOf.some((choice: Node) => '$ref' in choice)
  )
  expect(mixed).toEqual([])
})

test('what is sent to us is closed: an unknown field is an error in the document too', () => {
  const bodies = operations.flatMap(({ operationId, body }) => (body === undefined ? [] : [...nodesIn(body, operationId)]))
  const open = bodies.filter(
    ([, node]) => node['type'] === 'object' && 'properties' in node && node['additionalProperties'] !== false
  )
  expect(open.map(([pointer]) => pointer)).toEqual([])
})

test('every example is one: its schema takes it', () => {
  const examples = nodes.flatMap(([pointer, node]) => [
    ...('example' in node && 'schema' in node ? [{ pointer, schema: node['schema'], example: node['example'] }] : []),
    ...(Array.isArray(node['examples']) ? node['examples'].map((example: unknown) => ({ pointer, schema: node, example })) : [])
  ])
  expect(examples.length).toBeGreaterThan(10)
  const wrong = examples.flatMap(({ pointer, schema, example }) => {
    const [isRight, errors] = Schema.Compile({ ...(schema as object), components: document.components }).Errors(example)
    return isRight ? [] : [`${pointer}: ${JSON.stringify(errors)}`]
  })
  expect(wrong).toEqual([])
})

test('whoever makes something for the first time finds an example of it', () => {
  const makers = operations.filter(({ operationId }) => /^(create|record)/.test(operationId) && !/s$/.test(operationId))
  const without = makers.filter(({ requestBody, body }) => {
    const media = requestBody?.content['application/json'] as Node | undefined
    const component = document.components.schemas[body?.$ref?.replace('#/components/schemas/', '') ?? '']
    return media !== undefined && !('example' in media) && component?.examples === undefined
  })
  expect(without.map(({ operationId }) => operationId)).toEqual([])
})

test('the codes of problems are all in the document', () => {
  const { code } = document.components.schemas['Problem']?.properties ?? {}
  expect(code?.enum).toEqual(Object.keys(statusOf))
})

test('every type of event stands in the section on webhooks', () => {
  const { webhooks } = document as unknown as { webhooks: Record<string, unknown> }
  expect(Object.keys(webhooks).sort()).toEqual([...eventTypes].sort())
})
