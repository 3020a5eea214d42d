import { afterAll, describe, expect, test } from 'vitest'
import { PutClient } from '../../src/modules/clients/schemas.ts'
import { PutInvoiceByRef } from '../../src/modules/invoices/schemas.ts'
import { PutPaymentByRef } from '../../src/modules/payments/schemas.ts'
import { startApp, type Tenant } from '../support/app.ts'
import { makeClient, makeInvoice, makePolicy } from './objects.ts'

const service = await startApp()
afterAll(service.close)

type Doc = Record<string, unknown>
type Answer = Doc & { applied?: boolean; code?: string; errors?: { pointer: string }[] }
type World = Readonly<{ tenant: Tenant; clientId: string; otherId: string; invoiceId: string; policyId: string }>

/** Another value of a field, and where GET shows it; by default under the field's own name. */
type Change = Readonly<{ to: (world: World) => unknown; shown?: (doc: Doc, to: unknown) => boolean; with?: Doc }>

/** What a write is accompanied by, and no object has. */
const instructions: Readonly<Record<string, string>> = {
  source_version: 'says which of two writes is newer',
  applies_to: 'states which invoices another dunning policy is for',
  for_commitment: 'lets an invoice through that is issued while its client is being offboarded'
}

const value = (to: unknown, more: Omit<Change, 'to'> = {}): Change => ({ to: () => to, ...more })
const otherRef: Change = {
  to: () => ({ source: 'erp', id: 'other' }),
  shown: (doc) => doc['client_id'] !== undefined && doc['client_id'] === otherIdNow
}
let otherIdNow = ''
const clientFields: Readonly<Record<string, Change>> = {
  name: value('Other'),
  locale: value('de-DE'),
  time_zone: value('Asia/Tokyo'),
  currency: value('USD'),
  payment_terms: value({ kind: 'net', days: 7 }),
  credit_limit: value({ amount: '5.00', currency: 'EUR' }),
  parent_id: { to: ({ otherId }) => otherId },
  parent_ref: { to: () => ({ source: 'erp', id: 'other' }), shown: (doc) => doc['parent_id'] === otherIdNow },
  dunning_policy_id: { to: ({ policyId }) => policyId, with: { applies_to: 'all' } },
  dunning_exempt_until_on: value('2026-06-30'),
  tags: value(['vip']),
  metadata: value({ a: '2' }),
  external_refs: value([{ source: 'erp', id: 'further' }], {
    shown: (doc) => JSON.stringify(doc['external_refs']).includes('further')
  }),
  contacts: value([{ name: 'Ada' }], { shown: (doc) => JSON.stringify(doc['contacts']).includes('"Ada"') }),
  archived: value(true, { shown: (doc) => doc['archived_at'] !== null })
}
const invoiceFields: Readonly<Record<string, Change>> = {
  client_id: { to: ({ otherId }) => otherId },
  client_ref: otherRef,
  number: value('R-2'),
  currency: value('USD'),
  total: value('90.00'),
  collection_method: value('autopay'),
  payment_links: value([{ kind: 'card', url: 'https://pay.example.com/1' }]),
  dunning_policy_id: { to: ({ policyId }) => policyId },
  metadata: value({ a: '2' }),
  issued_on: value('2025-11-02'),
  due_on: value('2026-03-01'),
  due_schedule: value(
    [
      { due_on: '2026-01-20', amount: '40.00' },
      { due_on: '2026-02-20', amount: '60.00' }
    ],
    { shown: (doc) => (doc['due_schedule'] as unknown[]).length === 2 }
  ),
  dunning_start: value('off', { shown: (doc) => (doc['dunning'] as Doc)['start'] === 'off' })
}
const reversal = (key: 'reason' | 'reversed_on') => (doc: Doc, to: unknown) => (doc['reversal'] as Doc | null)?.[key] === to
const paymentFields: Readonly<Record<string, Change>> = {
  client_id: { to: ({ otherId }) => otherId },
  client_ref: otherRef,
  amount: value('39.00'),
  currency: value('USD'),
  status: value('failed', { shown: ({ status }) => status === 'failed' || status === 'reversed' }),
  received_on: value('2026-01-02'),
  matures_on: value('2026-02-01'),
  instrument: value({ kind: 'cheque', number: '7' }),
  method: value('transfer'),
  reference: value('RF-1'),
  reserved_for: value('deposit'),
  allocations: {
    to: ({ invoiceId }) => [{ invoice_id: invoiceId, amount: '12.00' }],
    shown: (doc) => JSON.stringify([doc['allocations'], doc['announced_allocations']]).includes('"12.00"')
  },
  metadata: value({ a: '2' }),
  reversal_reason: value('charged_back', { shown: reversal('reason'), with: { status: 'failed' } }),
  reversed_on: value('2026-01-04', { shown: reversal('reversed_on'), with: { status: 'failed' } })
}

async function newWorld(): Promise<World> {
  const tenant = await service.addOrganization({ clockAt: '2026-01-05T00:00:00Z' })
  const clientId = await makeClient(tenant)
  const otherId = await makeClient(tenant, { external_refs: [{ source: 'erp', id: 'other' }] })
  const invoiceId = await makeInvoice(tenant, { client_id: clientId })
  return { tenant, clientId, otherId, invoiceId, policyId: await makePolicy(tenant) }
}

/** Sends one other value to an object in a state, and expects that it is shown, or that nothing claims so. */
async function expectHonest(kind: string, { field, change, bodies }: { field: string; change: Change; bodies: readonly Doc[] }) {
  const world = await newWorld()
  otherIdNow = world.otherId
  const { tenant, clientId } = world
  const url = `/v1/${kind}/by-ref?source=erp&id=own`
  for (const body of bodies) {
    const whole = kind === 'clients' ? body : { client_id: clientId, ...body }
    expect((await tenant.call('PUT', url, { body: whole })).status).toBeLessThan(300)
  }
  const to = change.to(world)
  const { status, body: answer } = await tenant.call<Answer>('PUT', url, { body: { ...change.with, [field]: to } })
  const line = `${kind} ${field} ${JSON.stringify(answer)}`
  if (status >= 400) {
    expect([line, JSON.stringify(answer.errors).includes(`"/${field}`)]).toEqual([line, true])
    return
  }
  const doc = (await tenant.call<Doc>('GET', url)).body
  const isShown = change.shown === undefined ? JSON.stringify(doc[field]) === JSON.stringify(to) : change.shown(doc, to)
  expect([line, isShown || answer.applied === false]).toEqual([line, true])
}

const payment = { amount: '40.00', currency: 'EUR', method: 'cash', metadata: { a: '1' } }
const invoice = { number: 'R-1', currency: 'EUR', total: '100.00', issued_on: '2025-11-01', due_on: '2026-02-01' }
const states: readonly (readonly [
  string,
  { kind: string; properties: object; fields: Readonly<Record<string, Change>>; bodies: readonly Doc[] }
])[] = [
  ['a client', { kind: 'clients', properties: PutClient.properties, fields: clientFields, bodies: [{ name: 'Acme' }] }],
  ['an invoice', { kind: 'invoices', properties: PutInvoiceByRef.properties, fields: invoiceFields, bodies: [invoice] }],
  ...(
    [
      ['pending', [{ ...payment, status: 'pending' }]],
      ['settled', [payment]],
      ['failed', [{ ...payment, status: 'pending' }, { status: 'failed' }]],
      ['reversed', [payment, { status: 'failed' }]]
    ] as const
  ).map(
    ([status, bodies]) =>
      [
        `a payment that is ${status}`,
        { kind: 'payments', properties: PutPaymentByRef.properties, fields: paymentFields, bodies: [...bodies] }
      ] as const
  )
]

describe('a write by reference never says that it was applied where it was not', () => {
  for (const [name, { kind, properties, fields, bodies }] of states) {
    test(`every field of ${name} has another value here`, () => {
      const known = [...Object.keys(fields), ...Object.keys(instructions)]
      expect(Object.keys(properties).filter((field) => !known.includes(field))).toEqual([])
    })

    test.for(Object.keys(fields))(`${name}: %s`, async (field) => {
      const change = fields[field]
      if (change !== undefined) await expectHonest(kind, { field, change, bodies })
    })
  }
})
