import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Payment = {
  id: string
  status: string
  amount: string
  unapplied: string
  matures_on: string | null
  reserved_for: string | null
  allocations: { invoice_id: string; amount: string }[]
  external_refs: { source: string; id: string }[]
  version: number
  applied: boolean
}

const at = (id: string, source = 'erp') => `/v1/payments/by-ref?source=${source}&id=${encodeURIComponent(id)}`
const put = (ledger: Ledger, id: string, body: object, source?: string) =>
  done(ledger.call<Payment>('PUT', at(id, source), { body }))

/** A client with two invoices of 100.00 EUR, the first of them older. */
async function indebted() {
  const ledger = await newLedger()
  const client_id = await ledger.addClient()
  const [older, newer] = [
    await ledger.issue(client_id, { issued_on: '2025-12-01', due_on: '2025-12-31' }),
    await ledger.issue(client_id, { issued_on: '2025-12-01', due_on: '2026-01-31' })
  ]
  return { ledger, client_id, older: older.id, newer: newer.id, whole: { client_id, currency: 'EUR' } }
}

describe('a payment whose source says another amount', () => {
  test('stays announced, with its day, where it was', async () => {
    const { ledger, whole, older } = await indebted()
    await put(ledger, 'p', { ...whole, amount: '10.00', status: 'pending', matures_on: '2026-02-01' })
    const after = await put(ledger, 'p', { amount: '12.00' })
    expect(after).toMatchObject({ status: 'pending', amount: '12.00', matures_on: '2026-02-01', allocations: [] })
    expect((await ledger.invoice(older)).balance).toBe('100.00')
  })

  test('stays reserved, and on the invoice that it was meant for', async () => {
    const { ledger, whole, newer } = await indebted()
    await put(ledger, 'r', { ...whole, amount: '40.00', reserved_for: 'deposit' })
    expect(await put(ledger, 'r', { amount: '50.00' })).toMatchObject({ reserved_for: 'deposit', unapplied: '50.00' })
    await put(ledger, 'a', { ...whole, amount: '30.00', allocations: [{ invoice_id: newer, amount: '30.00' }] })
    const after = await put(ledger, 'a', { amount: '31.00' })
    expect(after).toMatchObject({ amount: '31.00', unapplied: '1.00', allocations: [{ invoice_id: newer, amount: '30.00' }] })
  })

  test('takes all of its names along', async () => {
    const { ledger, whole } = await indebted()
    const external_refs = [
      { source: 'erp', id: 'x/1' },
      { source: 'bank', id: 'x/1' }
    ]
    await done(ledger.call('POST', '/v1/payments', { body: { ...whole, amount: '2.00', external_refs } }))
    const after = await put(ledger, 'x/1', { amount: '2.50' })
    expect(after.external_refs).toHaveLength(2)
    expect(await put(ledger, 'x/1', { amount: '2.50' }, 'bank')).toMatchObject({ id: after.id, version: after.version })
  })
})

describe('what a source says again, or says late', () => {
  test('changes nothing where it repeats the references of a client, in whatever order and without its own', async () => {
    const ledger = await newLedger()
    const [a, b] = [
      { source: 'a', id: '1' },
      { source: 'z', id: '1' }
    ]
    for (const external_refs of [
      [b, a],
      [b, a],
      [a, b],
      [a, b, { source: 'erp', id: 'c' }]
    ]) {
      await done(ledger.call('PUT', '/v1/clients/by-ref?source=erp&id=c', { body: { name: 'C', external_refs } }))
    }
    expect(await ledger.told()).toEqual(['2026-01-01 client.created'])
  })

  test('changes nothing, whatever the order of the keys', async () => {
    const { ledger, whole, older } = await indebted()
    const body = { ...whole, amount: '5.00', metadata: { zz: '1', a: '2' }, allocations: [{ invoice_id: older, amount: '5.00' }] }
    const first = await put(ledger, 'p', body)
    expect(await put(ledger, 'p', body)).toMatchObject({ id: first.id, version: first.version, applied: true })
    const invoice = {
      ...whole,
      number: 'N',
      total: '9.00',
      issued_on: '2026-01-01',
      due_on: '2026-02-01',
      metadata: { zz: '1', a: '2' }
    }
    const url = '/v1/invoices/by-ref?source=erp&id=n'
    const made = await done(ledger.call<{ version: number }>('PUT', url, { body: invoice }))
    const told = (await ledger.events()).length
    expect((await done(ledger.call<{ version: number }>('PUT', url, { body: invoice }))).version).toBe(made.version)
    expect(await ledger.events()).toHaveLength(told)
    for (let times = 0; times < 2; times += 1) expect((await ledger.call('DELETE', url)).status).toBe(204)
    expect((await ledger.call('PUT', url, { body: invoice })).status).toBe(200)
  })

  test('corrects an allocation, a purpose, an instrument', async () => {
    const { ledger, whole, older, newer } = await indebted()
    await put(ledger, 'p', { ...whole, amount: '5.00', allocations: [{ invoice_id: older, amount: '5.00' }] })
    const moved = await put(ledger, 'p', { allocations: [{ invoice_id: newer, amount: '4.00' }] })
    expect(moved).toMatchObject({ unapplied: '1.00', allocations: [{ invoice_id: newer, amount: '4.00' }] })
    expect(
      await put(ledger, 'p', { reserved_for: 'deposit', allocations: [{ invoice_id: newer, amount: '4.00' }] })
    ).toMatchObject({
      reserved_for: 'deposit'
    })
    await put(ledger, 'c', { ...whole, amount: '5.00', status: 'pending', matures_on: '2026-02-01' })
    const cheque = await put(ledger, 'c', { instrument: { kind: 'cheque', number: '7' } })
    expect(cheque).toMatchObject({ status: 'pending', matures_on: '2026-02-01', instrument: { kind: 'cheque', number: '7' } })
  })

  test('does not bring back what was taken back, and says so; money that was given up may still come', async () => {
    const { ledger, whole, older } = await indebted()
    const body = { ...whole, amount: '5.00' }
    await put(ledger, 'gone', body)
    for (let times = 0; times < 2; times += 1) expect((await ledger.call('DELETE', at('gone'))).status).toBe(204)
    expect(await put(ledger, 'gone', body)).toMatchObject({ status: 'reversed', applied: false })
    await put(ledger, 'late', { ...body, status: 'pending' })
    await put(ledger, 'late', { status: 'failed' })
    expect(await put(ledger, 'late', { status: 'settled' })).toMatchObject({ status: 'settled', applied: true })
    expect((await ledger.invoice(older)).balance).toBe('95.00')
  })
})
