import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Payment = {
  id: string
  status: string
  unapplied: string
  version: number
  allocations: { invoice_id: string; amount: string }[]
  announced_allocations: { invoice_id: string; amount: string }[]
  pending_allocations: { invoice_id: string | null; invoice_ref: object | null; amount: string }[]
}
type Invoice = { id: string; balance: string; status: string }

const at = (kind: string, id: string) => `/v1/${kind}/by-ref?${new URLSearchParams({ source: 'erp', id })}`
const ref = (id: string) => ({ source: 'erp', id })
const putPayment = (ledger: Ledger, id: string, body: object) =>
  done(ledger.call<Payment>('PUT', at('payments', id), { body: { ...payment, ...body } }))
const putInvoice = (ledger: Ledger, id: string, body: object = {}) =>
  done(ledger.call<Invoice>('PUT', at('invoices', id), { body: { ...invoice, number: id, ...body } }))
const getPayment = (ledger: Ledger, id: string) => done(ledger.call<Payment>('GET', at('payments', id)))
const getInvoice = (ledger: Ledger, id: string) => done(ledger.call<Invoice>('GET', at('invoices', id)))
const naming = (...named: [string, string][]) => ({
  allocations: named.map(([id, amount]) => ({ invoice_ref: ref(id), amount }))
})

const invoice = {
  client_ref: ref('c'),
  currency: 'EUR',
  total: '100.00',
  issued_on: '2025-12-01',
  due_on: '2026-01-31',
  dunning_start: 'normal'
}
const payment = { client_ref: ref('c'), currency: 'EUR', amount: '100.00', received_on: '2025-12-20' }

async function withClient(): Promise<Ledger> {
  const ledger = await newLedger()
  await done(ledger.call('PUT', at('clients', 'c'), { body: { name: 'C' } }))
  return ledger
}

describe('a payment whose source names an invoice that does not exist yet', () => {
  test('is recorded, shows what waits, and settles that invoice and no other', async () => {
    const ledger = await withClient()
    const body = naming(['late', '60.00'])
    const made = await putPayment(ledger, 'p', body)
    const waiting = [{ invoice_id: null, invoice_ref: ref('late'), amount: '60.00' }]
    expect(made).toMatchObject({ status: 'settled', unapplied: '100.00', allocations: [], pending_allocations: waiting })
    expect(await putPayment(ledger, 'p', body)).toMatchObject({ id: made.id, version: made.version })
    expect(await putInvoice(ledger, 'other')).toMatchObject({ balance: '60.00' })
    expect(await getPayment(ledger, 'p')).toMatchObject({ unapplied: '60.00', pending_allocations: waiting })
    const late = await putInvoice(ledger, 'late', { total: '60.00' })
    expect(late).toMatchObject({ balance: '0.00', status: 'paid' })
    expect(await getPayment(ledger, 'p')).toMatchObject({ unapplied: '0.00', pending_allocations: [] })
    expect((await ledger.events('invoice.paid')).map(({ object }) => object['id'])).toEqual([late.id])
  })

  test.for(['POST', 'batch'])('settles it when it arrives by %s', async (way) => {
    const ledger = await withClient()
    await putPayment(ledger, 'p', naming(['late', '60.00']))
    const body = { ...invoice, number: 'R', external_refs: [ref('late')] }
    if (way === 'POST') await done(ledger.call('POST', '/v1/invoices', { body }))
    else await done(ledger.call('POST', '/v1/invoices/batch', { body: { invoices: [body] } }))
    expect(await getPayment(ledger, 'p')).toMatchObject({ pending_allocations: [] })
    const { allocations } = await getPayment(ledger, 'p')
    expect(allocations).toEqual([{ invoice_id: (await getInvoice(ledger, 'late')).id, amount: '100.00' }])
  })

  test('waits with its client, too', async () => {
    const ledger = await newLedger()
    const held = await ledger.call('PUT', at('payments', 'p'), { body: { ...payment, ...naming(['i', '100.00']) } })
    expect(held.status).toBe(202)
    await ledger.call('PUT', at('invoices', 'i'), { body: { ...invoice, number: 'i' } })
    await done(ledger.call('PUT', at('clients', 'c'), { body: { name: 'C' } }))
    expect(await getInvoice(ledger, 'i')).toMatchObject({ status: 'paid' })
  })

  test('is not netted against what is dunned', async () => {
    const ledger = await withClient()
    await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
    await putPayment(ledger, 'p', naming(['never', '100.00']))
    const { id } = await putInvoice(ledger, 'other', { due_on: '2026-01-10' })
    await ledger.advance('2026-01-20T00:00:00Z')
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13'])
  })

  test('is applied by neither of two that arrive in the same moment, or by both', async () => {
    const ledger = await withClient()
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([putPayment(ledger, `p${round}`, naming([`i${round}`, '100.00'])), putInvoice(ledger, `i${round}`)])
      expect(await getInvoice(ledger, `i${round}`)).toMatchObject({ status: 'paid' })
    }
  })
})

describe('a payment whose source names more than is open', () => {
  test('waits for the newer version of the invoice', async () => {
    const ledger = await withClient()
    await putInvoice(ledger, 'i', { total: '70.00' })
    const made = await putPayment(ledger, 'p', naming(['i', '100.00']))
    expect(made).toMatchObject({ unapplied: '30.00', pending_allocations: [{ invoice_ref: ref('i'), amount: '30.00' }] })
    expect(await putInvoice(ledger, 'other')).toMatchObject({ balance: '100.00' })
    expect(await putInvoice(ledger, 'i', { total: '100.00' })).toMatchObject({ status: 'paid' })
    expect(await getPayment(ledger, 'p')).toMatchObject({ unapplied: '0.00', pending_allocations: [] })
  })

  test('is applied once another payment gives the invoice back', async () => {
    const ledger = await withClient()
    await putInvoice(ledger, 'i')
    await putPayment(ledger, 'a', naming(['i', '100.00']))
    await putPayment(ledger, 'b', naming(['i', '80.00']))
    expect(await getPayment(ledger, 'b')).toMatchObject({ allocations: [], pending_allocations: [{ amount: '80.00' }] })
    await putPayment(ledger, 'a', naming(['i', '20.00']))
    expect(await getPayment(ledger, 'b')).toMatchObject({ pending_allocations: [], allocations: [{ amount: '80.00' }] })
    expect(await getInvoice(ledger, 'i')).toMatchObject({ status: 'paid' })
    await ledger.call('DELETE', at('payments', 'b'))
    expect(await getInvoice(ledger, 'i')).toMatchObject({ balance: '80.00' })
  })

  test('waits in whatever order its own versions and those of the invoice come', async () => {
    const ledger = await withClient()
    await putInvoice(ledger, 'i', { total: '100.00', source_version: 1 })
    await putPayment(ledger, 'p', { ...naming(['i', '100.00']), source_version: 1 })
    await putInvoice(ledger, 'i', { total: '80.00', source_version: 2 })
    expect(await getPayment(ledger, 'p')).toMatchObject({ pending_allocations: [{ amount: '20.00' }] })
    await putPayment(ledger, 'p', { ...naming(['i', '80.00']), source_version: 2 })
    expect(await getPayment(ledger, 'p')).toMatchObject({ unapplied: '20.00', pending_allocations: [] })
  })
})

test('announced money that names an invoice by reference settles it once both are there', async () => {
  const ledger = await withClient()
  const { received_on: _, ...announced } = payment
  const url = at('payments', 'p')
  const body = { ...announced, status: 'pending', matures_on: '2026-01-10', ...naming(['i', '100.00']) }
  expect((await done(ledger.call<Payment>('PUT', url, { body }))).pending_allocations).toHaveLength(1)
  await putInvoice(ledger, 'i')
  expect((await getPayment(ledger, 'p')).announced_allocations).toHaveLength(1)
  await done(ledger.call('PUT', url, { body: { status: 'settled' } }))
  expect(await getInvoice(ledger, 'i')).toMatchObject({ status: 'paid' })
})
