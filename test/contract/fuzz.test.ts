import fc from 'fast-check'
import pino from 'pino'
import { afterAll, expect, test } from 'vitest'
import { checkBooks } from '../../src/checks/books.ts'
import { startApp } from '../support/app.ts'
import { type Call, callOf, type Pool } from './arbitraries.ts'
import { documentOf } from './document.ts'
import {
  makeCancelledDelivery,
  makeClient,
  makeDelivery,
  makeEndpoint,
  makeEntry,
  makeEvent,
  makeInteraction,
  makeInvoice,
  makeKey,
  makePayment,
  makePendingPayment,
  makePolicy,
  makeRun
} from './objects.ts'
import { record } from './recorder.ts'
import { expectProblem } from './refusal.ts'
import { openRows } from './rows.ts'

/** More with FUZZ=10000, and then with another seed each time; the seed of a failure is in its message. */
const WANTED = Number(process.env['FUZZ'] ?? 2_000)
const SEED = process.env['FUZZ'] === undefined ? { seed: 20_261_121 } : {}
/** As many go out at once, so that they meet each other in the database too. */
const AT_ONCE = 8

/** What the service logged as an error: the cause of a 5xx, which its answer rightly keeps to itself. */
const errors: string[] = []
const logger = pino({ level: 'error' }, { write: (line: string) => void errors.push(line) })
const service = await startApp({ logger })
const rows = await openRows(service.databaseUrl)
const { operations, statusesOf, undocumented } = record(service.app)
const bystander = await service.addOrganization()
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await service.close()
})

test(`${WANTED} requests as the document wants them, and broken ones, give no 5xx and leave the books right`, async () => {
  const pool = await somethingOfEach()
  const before = await rows.of(bystander.id)
  const world = { document: documentOf(service.app), pool }
  const called = operations.filter(({ scope }) => scope !== 'operator')
  const some = fc.array(
    fc.oneof(...called.map((operation) => ({ weight: operation.method === 'GET' ? 1 : 3, arbitrary: callOf(operation, world) }))),
    {
      minLength: AT_ONCE,
      maxLength: AT_ONCE
    }
  )
  const property = fc.asyncProperty(some, async (calls) => {
    const findings = await Promise.all(calls.map(findingIn))
    expect([...findings.filter((finding) => finding !== undefined), ...errors]).toEqual([])
  })
  await fc.assert(property, { ...SEED, numRuns: Math.ceil(WANTED / AT_ONCE), endOnFailure: true })
  // A run in which nothing gets past the schemas would say little of what lies behind them.
  const writes = called.filter((operation) => operation.method !== 'GET')
  const succeeded = writes.filter((operation) => [...statusesOf(operation)].some((status) => status < 300))
  expect(succeeded.length).toBeGreaterThan(writes.length / 2)
  expect(undocumented()).toEqual([])
  expect(await rows.of(bystander.id)).toEqual(before)
  const checks = await service.database.reading(service.id, (reader) => checkBooks(reader))
  expect(checks.filter(({ broken }) => broken.length > 0)).toEqual([])
}, 600_000)

/** @returns what is wrong with an answer, with the request that got it. */
async function findingIn({ operation, url, headers, payload }: Call): Promise<string | undefined> {
  const options = { method: operation.method, url, headers: { authorization: `Bearer ${service.key}`, ...headers } }
  const response = await service.app.inject({ ...options, ...(payload !== undefined && { payload }) })
  const { statusCode: status, body: text } = response
  const request = `${operation.method} ${url} ${JSON.stringify(headers)} ${payload?.slice(0, 2_000)}`
  try {
    const body: unknown = text === '' ? null : JSON.parse(text)
    if (status >= 400) expectProblem({ status, body, headers: response.headers as Record<string, string> })
    return undefined
  } catch (error) {
    return `${request}\n→ ${status} ${text.slice(0, 1_000)}\n${error instanceof Error ? error.message : String(error)}`
  }
}

/** Objects in every state that an operation asks for, and some of another organization. */
async function somethingOfEach(): Promise<Pool> {
  const references = Array.from({ length: 6 }, (_, index) => ({ source: 'books', id: `fuzz/${index}` }))
  const [first, second, third] = references.map((reference) => ({ external_refs: [reference] }))
  const clients = await several(8, () => makeClient(service))
  const [client_id = ''] = clients
  const archived = await makeClient(service, first)
  const invoices = await several(10, (index) => makeInvoice(service, { client_id: clients[index % 4], number: `R-${index}` }))
  const named = await makeInvoice(service, { client_id, ...second })
  const old = await makeInvoice(service, { client_id, currency: 'JPY', total: '5000', dunning_start: 'baseline' })
  const payments = await several(6, (index) => makePayment(service, { client_id: clients[index % 4], reserved_for: 'later' }))
  const pending = await several(6, (index) => makePendingPayment(service, { client_id: clients[index % 4] }))
  return {
    references,
    etags: ['"1"', '"2"', '*', 'W/"1"'],
    ids: {
      client: [...clients, archived],
      invoice: [...invoices, named, old],
      payment: [...payments, ...pending, await makePayment(service, { client_id, ...third })],
      dunning_policy: [service.defaultPolicyId, await makePolicy(service), await makePolicy(service)],
      dunning: [await makeRun(service), await makeEntry(service), await makeEntry(service)],
      interaction: await several(3, () => makeInteraction(service)),
      key: await several(4, () => makeKey(service)),
      endpoint: await several(4, () => makeEndpoint(service)),
      delivery: [await makeDelivery(service), ...(await several(3, () => makeCancelledDelivery(service)))],
      event: [await makeEvent(service, service)],
      foreign: [
        await makeClient(bystander),
        await makeInvoice(bystander),
        await makePayment(bystander),
        bystander.defaultPolicyId
      ]
    }
  }
}

async function several<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let index = 0; index < count; index += 1) made.push(await make(index))
  return made
}
