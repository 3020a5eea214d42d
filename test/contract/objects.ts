import { type EventDraft, ROWS_IN_BODY } from '../../src/modules/events/event.ts'
import type { Tenant, TestApp } from '../support/app.ts'

/** Makes objects over the API, as a caller would, and tells their ids. */
async function make(tenant: Tenant, url: string, body: object): Promise<string> {
  const made = await tenant.call<{ id: string }>('POST', url, { body })
  if (made.status >= 300) throw new Error(`POST ${url} gave ${made.status}: ${JSON.stringify(made.body)}`)
  return made.body.id
}

/** An external reference that nothing else has. */
let references = 0
export function newReference(): { source: string; id: string } {
  references += 1
  return { source: 'books', id: `contract/${references}` }
}

export const makeClient = (tenant: Tenant, body: object = {}) => make(tenant, '/v1/clients', { name: 'Acme', ...body })

/** Overdue, so that there is something to dun. */
export const invoiceBody = { number: 'R-1', currency: 'EUR', total: '100.00', issued_on: '2025-11-01', due_on: '2025-12-01' }

export async function makeInvoice(tenant: Tenant, body: object = {}): Promise<string> {
  const client_id = 'client_id' in body ? body.client_id : await makeClient(tenant)
  return make(tenant, '/v1/invoices', { ...invoiceBody, ...body, client_id })
}

export async function makePayment(tenant: Tenant, body: object = {}): Promise<string> {
  const client_id = 'client_id' in body ? body.client_id : await makeClient(tenant)
  return make(tenant, '/v1/payments', { amount: '40.00', currency: 'EUR', ...body, client_id })
}

export const interactionBody = { kind: 'call', direction: 'outbound' }

export async function makeInteraction(tenant: Tenant, body: object = {}): Promise<string> {
  const client_id = 'client_id' in body ? body.client_id : await makeClient(tenant)
  return make(tenant, '/v1/interactions', { ...interactionBody, ...body, client_id })
}

export const makePendingPayment = (tenant: Tenant, body: object = {}) => makePayment(tenant, { status: 'pending', ...body })

export async function makeDispute(tenant: Tenant, body: object = {}): Promise<string> {
  return make(tenant, '/v1/disputes', { invoice_id: await makeInvoice(tenant), reason: 'quality', ...body })
}

export async function makeCreditNote(tenant: Tenant): Promise<string> {
  await make(tenant, `/v1/disputes/${await makeDispute(tenant)}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
  return firstOf(tenant, '/v1/credit-notes')
}

export const policyBody = {
  name: 'Ladder',
  stages: [
    { code: 'reminder', offset_days: 3, tone: 'friendly' },
    { code: 'final', offset_days: 20, tone: 'final', grace_days: 7 }
  ]
}
export const makeReplay = async (tenant: Tenant) =>
  make(tenant, `/v1/webhook-endpoints/${await makeEndpoint(tenant)}/replay`, { from: '2026-01-04T00:00:00Z' })
export const makePolicy = (tenant: Tenant) => make(tenant, '/v1/dunning-policies', policyBody)
export const makeRun = (tenant: Tenant) => make(tenant, '/v1/dunning/runs', {})
export const makeKey = (tenant: Tenant) => make(tenant, '/v1/api-keys', { name: 'Another', scopes: ['read'] })

export const makeEndpoint = (tenant: Tenant, body: object = {}) =>
  make(tenant, '/v1/webhook-endpoints', { url: 'https://hooks.example.com/dunwell', event_types: ['*'], ...body })

/** An open invoice with its client: what an agreement is made over. */
export async function makeDebt(tenant: Tenant): Promise<{ client_id: string; invoice_ids: string[] }> {
  const client_id = await makeClient(tenant)
  return { client_id, invoice_ids: [await makeInvoice(tenant, { client_id })] }
}

export const makeHold = async (tenant: Tenant) =>
  make(tenant, '/v1/holds', { client_id: await makeClient(tenant), reason: 'manual' })

async function makeDebts(tenant: Tenant): Promise<{ client_id: string; invoice_ids: string[] }> {
  const { client_id, invoice_ids } = await makeDebt(tenant)
  return { client_id, invoice_ids: [...invoice_ids, await makeInvoice(tenant, { client_id })] }
}
export const makeHoldOfInvoices = async (tenant: Tenant) =>
  make(tenant, '/v1/holds', { ...(await makeDebts(tenant)), reason: 'manual' })

/** The tests' organizations stand in January 2026. */
export const promiseBody = { amount: '40.00', currency: 'EUR', promised_on: '2026-02-01' }
export const makePromise = async (tenant: Tenant) => make(tenant, '/v1/promises', { ...(await makeDebt(tenant)), ...promiseBody })
export const makePromiseOfInvoices = async (tenant: Tenant) =>
  make(tenant, '/v1/promises', { ...(await makeDebts(tenant)), ...promiseBody })

export const planTerms = { schedule: { kind: 'equal', count: 2, every: 'monthly', first_on: '2026-01-31' } }
export const makePlan = async (tenant: Tenant) => make(tenant, '/v1/payment-plans', { ...(await makeDebt(tenant)), ...planTerms })

export async function makeActivePlan(tenant: Tenant): Promise<string> {
  const id = await makePlan(tenant)
  await make(tenant, `/v1/payment-plans/${id}/accept`, { accepted_by: 'Ada Smith' })
  return id
}

type Listed = { data: { id: string }[] }

async function firstOf(tenant: Tenant, url: string): Promise<string> {
  const { body } = await tenant.call<Listed>('GET', url)
  const [first] = body.data
  if (first === undefined) throw new Error(`GET ${url} lists nothing: ${JSON.stringify(body)}`)
  return first.id
}

/** A stage entry: an overdue invoice that is imported begins with one. */
export async function makeEntry(tenant: Tenant): Promise<string> {
  const invoiceId = await makeInvoice(tenant, { dunning_start: 'baseline' })
  return firstOf(tenant, `/v1/dunning/entries?invoice_id=${invoiceId}`)
}

/** An event with its place in the order, which the sealer gives. */
export async function makeEvent(tenant: Tenant, service: TestApp): Promise<string> {
  await makeClient(tenant)
  await service.database.scoped(tenant.id, (tx) => service.services.events.seal(tx))
  return firstOf(tenant, '/v1/events')
}

/** One whose list its body has no room for. */
export async function makeLongEvent(tenant: Tenant, { clock, database, services }: TestApp): Promise<string> {
  const clientId = await makeClient(tenant)
  const obligations = Array.from({ length: ROWS_IN_BODY + 3 }, (_, index) => ({ id: String(index) }))
  const draft: EventDraft = {
    ...{ type: 'client.dunning_notice_due', subject: { kind: 'client', id: clientId, version: 1 }, clientId },
    ...{ object: { id: clientId }, context: { obligations } }
  }
  const [id] = await database.scoped(tenant.id, (tx) => services.events.append(tx, { occurredAt: clock.now(), drafts: [draft] }))
  return id ?? ''
}

export async function makeDelivery(tenant: Tenant): Promise<string> {
  const endpointId = await makeEndpoint(tenant)
  await makeClient(tenant)
  return firstOf(tenant, `/v1/webhook-deliveries?endpoint_id=${endpointId}`)
}

/** One that was dropped when its endpoint was told to skip what waits. */
export async function makeCancelledDelivery(tenant: Tenant): Promise<string> {
  const endpointId = await makeEndpoint(tenant)
  await makeClient(tenant)
  await tenant.call('POST', `/v1/webhook-endpoints/${endpointId}/enable`, { body: { resume: 'skip' } })
  return firstOf(tenant, `/v1/webhook-deliveries?endpoint_id=${endpointId}&status=cancelled`)
}

export async function clientWithInvoice(tenant: Tenant): Promise<string> {
  const { client_id } = await makeDebt(tenant)
  return client_id
}

/** An invoice whose client does not exist yet. */
export async function makePendingWrite(tenant: Tenant): Promise<string> {
  const query = new URLSearchParams(newReference())
  const body = { ...invoiceBody, client_ref: newReference() }
  return (await tenant.call<{ id: string }>('PUT', `/v1/invoices/by-ref?${query}`, { body })).body.id
}
