import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InteractionDocument } from '../../../src/modules/interactions/schemas.ts'
import { refusalOf, startApp, type Tenant } from '../../support/app.ts'
import { eventsAbout } from '../../support/events.ts'

const NOW = '2026-01-05T09:00:00.000Z'
const NOBODY = '01900000-0000-7000-8000-000000000001'
const service = await startApp({ now: NOW })
const { call } = service
const inside = new pg.Client({ connectionString: service.databaseUrl })
await inside.connect()
afterAll(async () => {
  await inside.end()
  await service.close()
})

type Page = { data: InteractionDocument[]; next_cursor: string | null }
type Made = { id: string }

async function clientOf(tenant: Pick<Tenant, 'call'>, body: object = {}): Promise<{ id: string; contacts: Made[] }> {
  const contacts = [{ name: 'Ann', role: 'billing' }]
  const made = await tenant.call<{ id: string; contacts: Made[] }>('POST', '/v1/clients', {
    body: { name: 'Acme', contacts, ...body }
  })
  expect(made.status).toBe(201)
  return made.body
}

async function invoiceOf(tenant: Pick<Tenant, 'call'>, clientId: string, body: object = {}): Promise<string> {
  const invoice = { client_id: clientId, number: 'R-1', currency: 'EUR', total: '100.00', issued_on: '2026-01-01', ...body }
  const made = await tenant.call<Made>('POST', '/v1/invoices', { body: { due_on: '2026-02-01', ...invoice } })
  expect(made.status).toBe(201)
  return made.body.id
}

const callOut = { kind: 'call', direction: 'outbound' }
const log = (body: object, tenant: Pick<Tenant, 'call'> = service) =>
  tenant.call<InteractionDocument>('POST', '/v1/interactions', { body: { ...callOut, ...body } })

async function logged(body: object, tenant?: Pick<Tenant, 'call'>): Promise<InteractionDocument> {
  const made = await log(body, tenant)
  expect(made).toMatchObject({ status: 201 })
  return made.body
}

/** What stands in the tables of the first organization, whatever wrote it. */
async function written(): Promise<unknown> {
  const { rows } = await inside.query(
    `select (select count(*) from interactions where org_id = $1) as interactions,
       (select count(*) from interaction_invoices where org_id = $1) as invoices,
       (select count(*) from events where org_id = $1 and type = 'interaction.logged') as events`,
    [service.id]
  )
  return rows[0]
}

describe('logging', () => {
  test('everything that is said comes back, in the order in which it was said, by GET and in the event', async () => {
    const client = await clientOf(service, { external_refs: [{ source: 'crm', id: 'C-1' }] })
    const first = await invoiceOf(service, client.id, { external_refs: [{ source: 'books', id: 'R/1' }] })
    const second = await invoiceOf(service, client.id, { number: 'R-2' })
    const said = {
      direction: 'inbound',
      contact_id: client.contacts[0]?.id,
      by: 'Bea',
      minutes: 12,
      outcome: 'promised',
      non_payment_reason: 'cash_flow',
      summary: 'می‌پردازد · pays on Friday',
      metadata: { ticket: '77' }
    }
    const made = await logged({
      ...said,
      client_ref: { source: 'crm', id: 'C-1' },
      invoice_ids: [second],
      invoice_refs: [{ source: 'books', id: 'R/1' }],
      occurred_at: '2026-01-04T23:30:00+02:00'
    })
    expect(made).toEqual({
      ...said,
      id: made.id,
      client_id: client.id,
      invoice_ids: [second, first],
      kind: 'call',
      occurred_at: '2026-01-04T21:30:00.000Z',
      dunning_entry_id: null,
      version: 1,
      created_at: NOW
    })
    expect((await call('GET', `/v1/interactions/${made.id}`)).body).toEqual(made)
    const [event, ...more] = await eventsAbout<InteractionDocument>(service, made.id)
    expect(more).toEqual([])
    expect(event).toMatchObject({ type: 'interaction.logged', timestamp: NOW, data: { previous: null } })
    expect(event?.data.object).toEqual(made)
  })

  test('a note needs a client and nothing else: it is of now and of nobody', async () => {
    const { id: clientId } = await clientOf(service)
    const made = await logged({ client_id: clientId, kind: 'note', direction: null })
    expect(made).toMatchObject({
      ...{ direction: null, invoice_ids: [], contact_id: null, by: null, minutes: null, outcome: null },
      ...{ non_payment_reason: null, summary: null, metadata: {}, occurred_at: NOW, dunning_entry_id: null }
    })
  })

  test("what just happened is not in the future, and a test organization's time is its own", async () => {
    const tenant = await service.addOrganization({ clockAt: '2030-06-01T12:00:00Z' })
    const { id: clientId } = await clientOf(tenant)
    const at = (occurred_at: string) => log({ client_id: clientId, occurred_at }, tenant)
    expect((await logged({ client_id: clientId }, tenant)).occurred_at).toBe('2030-06-01T12:00:00.000Z')
    expect((await at('2030-06-01T12:00:00Z')).status).toBe(201)
    expect(refusalOf(await at('2030-06-01T12:00:00.001Z'))).toBe('400 invalid_date /occurred_at')
  })

  test('the same request under one key is logged once', async () => {
    const { id: clientId } = await clientOf(service)
    const options = { body: { ...callOut, client_id: clientId }, headers: { 'idempotency-key': 'once' } }
    const [one, again] = [await call('POST', '/v1/interactions', options), await call('POST', '/v1/interactions', options)]
    expect(again.body).toEqual(one.body)
    expect((await call<Page>('GET', `/v1/interactions?client_id=${clientId}`)).body.data).toHaveLength(1)
  })

  test('who was spoken to stays in the record when the contact is gone', async () => {
    const client = await clientOf(service)
    const made = await logged({ client_id: client.id, contact_id: client.contacts[0]?.id })
    expect((await call('PATCH', `/v1/clients/${client.id}`, { body: { contacts: [] } })).status).toBe(200)
    expect((await call('GET', `/v1/interactions/${made.id}`)).body).toEqual(made)
  })

  test('a client that was spoken to is not deleted', async () => {
    const { id: clientId } = await clientOf(service)
    await logged({ client_id: clientId })
    expect(refusalOf(await call('DELETE', `/v1/clients/${clientId}`))).toBe('409 client_has_ledger')
  })

  test('a client that is deleted at the same moment is either kept or not found', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id: clientId } = await clientOf(service)
      const [made, gone] = await Promise.all([log({ client_id: clientId }), call('DELETE', `/v1/clients/${clientId}`)])
      const loggedFirst = [201, '409 client_has_ledger']
      const deletedFirst = ['422 reference_not_found /client_id', 204]
      expect([loggedFirst, deletedFirst]).toContainEqual([
        made.status === 201 ? 201 : refusalOf(made),
        gone.status === 204 ? 204 : refusalOf(gone)
      ])
    }
  })
})

describe('refusals', () => {
  const known = { client: '', invoice: '', contact: '', othersInvoice: '', othersContact: '', foreign: '', foreignInvoice: '' }
  beforeAll(async () => {
    const stranger = await service.addOrganization()
    const [own, other, foreign] = [await clientOf(service), await clientOf(service), await clientOf(stranger)]
    known.client = own.id
    known.contact = own.contacts[0]?.id ?? ''
    known.invoice = await invoiceOf(service, own.id)
    known.othersContact = other.contacts[0]?.id ?? ''
    known.othersInvoice = await invoiceOf(service, other.id)
    known.foreign = foreign.id
    known.foreignInvoice = await invoiceOf(stranger, foreign.id)
  })

  const cases: readonly (readonly [what: string, body: () => object, refusal: string])[] = [
    ['a client that does not exist', () => ({ client_id: NOBODY }), '422 reference_not_found /client_id'],
    ["another organization's client", () => ({ client_id: known.foreign }), '422 reference_not_found /client_id'],
    [
      'an invoice that does not exist',
      () => ({ invoice_ids: [known.invoice, NOBODY] }),
      '422 reference_not_found /invoice_ids/1'
    ],
    ["another client's invoice", () => ({ invoice_ids: [known.othersInvoice] }), '422 reference_not_found /invoice_ids/0'],
    ["another organization's invoice", () => ({ invoice_ids: [known.foreignInvoice] }), '422 reference_not_found /invoice_ids/0'],
    ['an invoice named twice', () => ({ invoice_ids: [known.invoice, known.invoice] }), '400 invalid_request /invoice_ids/1'],
    ['a contact that does not exist', () => ({ contact_id: NOBODY }), '422 reference_not_found /contact_id'],
    ["another client's contact", () => ({ contact_id: known.othersContact }), '422 reference_not_found /contact_id'],
    ['an instant to come', () => ({ occurred_at: '2026-01-05T09:00:00.001Z' }), '400 invalid_date /occurred_at'],
    ['a call without a direction', () => ({ direction: null }), '400 invalid_request /direction'],
    ['a note with a direction', () => ({ kind: 'note' }), '400 invalid_request /direction'],
    ['negative minutes', () => ({ minutes: -1 }), '400 invalid_request /minutes'],
    ['more minutes than a day has', () => ({ minutes: 1_441 }), '400 invalid_request /minutes'],
    ['a kind that is none', () => ({ kind: 'fax' }), '400 invalid_request /kind'],
    ['an outcome that is none', () => ({ outcome: 'paid' }), '400 invalid_request /outcome'],
    ['a stage entry', () => ({ dunning_entry_id: NOBODY }), '400 invalid_request /dunning_entry_id']
  ]

  test.for(cases)('%s: refused by name, and nothing is written', async ([, body, refusal]) => {
    const before = await written()
    const good = { client_id: known.client, invoice_ids: [known.invoice], contact_id: known.contact }
    expect(refusalOf(await log({ ...good, ...body() }))).toBe(refusal)
    expect(await written()).toEqual(before)
  })

  test('more than fifty invoices are refused however they are named, and fifty are not', async () => {
    const { id: clientId } = await clientOf(service)
    const invoices: { id: string; ref: object }[] = []
    for (let n = 0; n < 51; n += 1) {
      const ref = { source: 'books', id: `many/${n}` }
      invoices.push({ id: await invoiceOf(service, clientId, { number: `M-${n}`, external_refs: [ref] }), ref })
    }
    const split = (ids: number, all: number) => ({
      client_id: clientId,
      invoice_ids: invoices.slice(0, ids).map(({ id }) => id),
      invoice_refs: invoices.slice(ids, all).map(({ ref }) => ref)
    })
    expect(refusalOf(await log(split(30, 51)))).toBe('400 invalid_request /invoice_refs/20')
    const made = await logged(split(30, 50))
    expect(made.invoice_ids).toEqual(invoices.slice(0, 50).map(({ id }) => id))
  })

  test('what another organization was told is not found', async () => {
    const made = await logged({ client_id: known.client })
    const stranger = await service.addOrganization()
    expect(refusalOf(await stranger.call('GET', `/v1/interactions/${made.id}`))).toBe('404 not_found')
    expect((await stranger.call<Page>('GET', '/v1/interactions')).body.data).toEqual([])
  })
})
