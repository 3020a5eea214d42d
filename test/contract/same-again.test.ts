import { afterAll, describe, expect, test } from 'vitest'
import { startApp, type Tenant } from '../support/app.ts'
import { documentOf, resolve, type Schema } from './document.ts'
import { recipeFor } from './recipes.ts'
import { record } from './recorder.ts'
import { type Request, send } from './request.ts'

const service = await startApp()
const document = documentOf(service.app)
const { operations } = record(service.app)
afterAll(service.close)

type Body = Record<string, unknown> & { version?: number }

const eventsOf = async (tenant: Tenant) => {
  const read = () => service.database.scoped(tenant.id, (tx) => service.services.events.seal(tx))
  for (let more = true; more; ) more = (await read()).more
  const filter = { afterSeq: 0n, limit: 1_000, types: null, objectId: null, clientId: null, from: null, to: null }
  const rows = await service.database.reading(tenant.id, (reader) => service.services.events.page(reader, filter))
  return rows.map(({ type }) => type)
}

/** What a body can say of the answer to it: the fields that both have. Null is not said where it clears. */
function ownValues(body: Schema, answer: Body): Body {
  const { properties = {} } = resolve(body, document)
  const said = Object.entries(properties).filter(
    ([key]) => answer[key] !== undefined && answer[key] !== null && !(key in derived)
  )
  return Object.fromEntries(
    said.map(([key, schema]) => {
      const { properties: inner } = resolve(schema, document)
      return [key, inner === undefined ? answer[key] : ownValues(schema, answer[key] as Body)]
    })
  )
}

/** Shown in another form than they are written in. */
const derived: Readonly<Record<string, string>> = {
  due_schedule: 'shows balances and stages, and a single part',
  allocations: 'is none where nothing is settled'
}

describe('saying what is the case already', () => {
  const changing = operations.filter(({ method }) => method === 'PUT' || method === 'PATCH')
  test.for(changing.map((operation) => [operation.operationId, operation] as const))(
    '%s changes no version and sends no event',
    async ([, operation]) => {
      const tenant = await service.addOrganization({ clockAt: '2026-01-05T00:00:00Z' })
      const request: Request = await recipeFor(operation).request(tenant, service)
      const first = await send(tenant.call, operation, request)
      expect(first.status).toBeLessThan(300)
      const told = await eventsOf(tenant)
      const repeated = await send(tenant.call, operation, request)
      expect(repeated.status).toBe(200)
      const shown = first.body as Body
      expect((repeated.body as Body).version).toBe(shown.version)
      expect(await eventsOf(tenant)).toEqual(told)
      const restated = await send(tenant.call, operation, { ...request, body: ownValues(operation.body ?? {}, shown) })
      expect([restated.status, restated.body]).toMatchObject([200, shown.version === undefined ? {} : { version: shown.version }])
      expect(await eventsOf(tenant)).toEqual(told)
    }
  )
})
