import pino from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { OPERATOR_TOKEN, type Tenant } from '../support/app.ts'
import { startDunning } from '../support/dunning.ts'
import { documentOf, type Operation, typesOf } from './document.ts'
import { fieldsOf } from './fields.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { type Request, send } from './request.ts'

/** Days and instants at the ends of time, in the zones that are farthest from UTC: each is taken or refused, and none stops a clock. */
const errors: string[] = []
const logger = pino({ level: 'error' }, { write: (line: string) => void errors.push(line) })
const service = await startDunning({ logger })
const { operations, undocumented } = record(service.app)
const document = documentOf(service.app)
afterAll(service.close)

const DAYS = [
  '0001-01-01',
  '0001-01-02',
  '1582-10-10',
  '1899-12-31',
  '1900-01-01',
  '1969-12-31',
  '2999-12-31',
  '3000-01-01',
  '9999-12-31'
]
const VALUES: Readonly<Record<string, readonly string[]>> = {
  date: DAYS,
  'date-time': DAYS.flatMap((day) => [`${day}T00:00:00Z`, `${day}T23:59:59.999+14:00`, `${day}T00:00:00-12:00`])
}
const isOutside = (text: string) => text < '1900-01-01' || text >= '3000-01-01'

type Place = Readonly<{ name: string; values: readonly string[]; put: (request: Request, value: string) => Request }>

/** Every parameter and every field of a body that holds a day or an instant. */
function placesIn(operation: Operation, request: Request): Place[] {
  const parameters = operation.parameters.flatMap(({ name, in: place, schema }): Place[] => {
    const values = VALUES[schema.format ?? '']
    if (values === undefined || place !== 'query') return []
    return [{ name, values, put: (given, value) => ({ ...given, query: { ...given.query, [name]: value } }) }]
  })
  if (operation.body === undefined) return parameters
  const fields = fieldsOf(operation.body, { base: request.body, document }).flatMap(({ pointer, schema, put }): Place[] => {
    const values = typesOf(schema).includes('string') ? VALUES[schema.format ?? ''] : undefined
    return values === undefined ? [] : [{ name: pointer, values, put: (given, value) => ({ ...given, body: put(value) }) }]
  })
  return [...parameters, ...fields]
}

const dated = operations.filter((operation) => placesIn(operation, {}).length > 0)

describe.for(['Etc/GMT+12', 'America/St_Johns', 'Pacific/Kiritimati'])('in %s', (timeZone) => {
  const tenants: Tenant[] = []

  async function prepared(tenant: Tenant, operation: Operation): Promise<Request> {
    const request = await recipeFor(operation).request(tenant, service)
    return operation.scope === 'operator' ? { ...request, key: OPERATOR_TOKEN } : request
  }

  test.for(dated.map((operation) => [operation.operationId, operation] as const))('%s', async ([, operation]) => {
    const tenant = await service.addOrganization({ timeZone })
    tenants.push(tenant)
    let request = await prepared(tenant, operation)
    for (const { name } of placesIn(operation, request)) {
      for (const value of placesIn(operation, request).find((place) => place.name === name)?.values ?? []) {
        const place = placesIn(operation, request).find((one) => one.name === name)
        const { status, body } = await send(tenant.call, operation, place?.put(request, value) ?? request)
        const what = `${name}=${value} gave ${status}: ${JSON.stringify(body)}`
        expect(status, `${what}\n${errors.join('\n')}`).toBeLessThan(500)
        if (isOutside(value)) expect(status, what).toBe(400)
        if (status < 300 && operation.method !== 'GET') request = await prepared(tenant, operation)
      }
    }
  })

  test('the clock of every one of these organizations goes on', async () => {
    const advanced = new Map<Tenant, string>()
    for (const tenant of tenants) {
      const { body } = await tenant.call<{ now_at: string }>('GET', '/v1/test-clock')
      const toAt = new Date(Date.parse(body.now_at) + 3 * 86_400_000).toISOString()
      await tenant.call('POST', '/v1/test-clock/advance', { body: { to_at: toAt } })
      advanced.set(tenant, toAt)
    }
    await service.clockJob.advanceAll()
    for (const [tenant, toAt] of advanced) {
      expect((await tenant.call('GET', '/v1/test-clock')).body).toMatchObject({ status: 'still', now_at: toAt })
    }
    expect(errors).toEqual([])
  })
})

test('nothing was answered that the document does not say', () => {
  expect(undocumented()).toEqual([])
})
