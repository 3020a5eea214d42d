import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Payment = { unapplied: string; allocations: { invoice_id: string; amount: string }[] }
type Reallocation = { client_id: string; changes: { payment_id: string; invoice_id: string; amount: string }[] }

const reallocate = (ledger: Ledger, id: string, body: object = {}) =>
  done(ledger.call<Reallocation>('POST', `/v1/clients/${id}/reallocate`, { body }))
const payment = (ledger: Ledger, id: string) => done(ledger.call<Payment>('GET', `/v1/payments/${id}`))

/** 100.00 that came before a younger invoice, which it settled, and an older one, which is open. */
async function misapplied() {
  const ledger = await newLedger()
  const client_id = await ledger.addClient()
  const paid = await ledger.pay(client_id, '100.00', { received_on: '2025-12-20' })
  const younger = (await ledger.issue(client_id, { issued_on: '2025-12-01', due_on: '2026-02-28' })).id
  const older = (await ledger.issue(client_id, { issued_on: '2025-12-01', due_on: '2026-01-31' })).id
  const balances = async () => [(await ledger.invoice(older)).balance, (await ledger.invoice(younger)).balance]
  expect(await balances()).toEqual(['100.00', '0.00'])
  return { ledger, client_id, paid, younger, older, balances }
}

describe('reallocating a client', () => {
  test('applies what was applied automatically to what is oldest due, and tells only what changed, once', async () => {
    const { ledger, client_id, paid, younger, older, balances } = await misapplied()
    const before = (await ledger.events()).length
    const { changes } = await reallocate(ledger, client_id)
    expect(changes.toSorted((a, b) => Number(a.amount) - Number(b.amount))).toEqual([
      { payment_id: paid, invoice_id: younger, currency: 'EUR', amount: '-100.00' },
      { payment_id: paid, invoice_id: older, currency: 'EUR', amount: '100.00' }
    ])
    expect(await balances()).toEqual(['0.00', '100.00'])
    const told = (await ledger.events()).slice(before).map(({ type, object }) => [type, object.id])
    expect(told.toSorted()).toEqual([
      ['invoice.paid', older],
      ['invoice.reopened', younger]
    ])
    const stood = [await ledger.invoice(older), await ledger.invoice(younger), await payment(ledger, paid)]
    expect(await reallocate(ledger, client_id)).toEqual({ client_id, changes: [], changes_count: 0 })
    expect(await ledger.events()).toHaveLength(before + told.length)
    expect([await ledger.invoice(older), await ledger.invoice(younger), await payment(ledger, paid)]).toEqual(stood)
  })

  test('says nothing of an invoice that another payment settles now', async () => {
    const ledger = await newLedger()
    const client_id = await ledger.addClient()
    const dates = { issued_on: '2025-12-01' }
    const second = await ledger.pay(client_id, '100.00', { received_on: '2025-12-21' })
    const b = (await ledger.issue(client_id, { ...dates, due_on: '2026-02-28' })).id
    const first = await ledger.pay(client_id, '100.00', { received_on: '2025-12-20' })
    const a = (await ledger.issue(client_id, { ...dates, due_on: '2026-01-31' })).id
    const before = (await ledger.events()).length
    const versions = [(await ledger.invoice(a)).version, (await ledger.invoice(b)).version]
    expect((await payment(ledger, first)).allocations).toMatchObject([{ invoice_id: a }])
    expect((await reallocate(ledger, client_id)).changes).toEqual([])
    const third = (await ledger.issue(client_id, { ...dates, due_on: '2026-01-15' })).id
    await reallocate(ledger, client_id)
    expect((await payment(ledger, first)).allocations).toMatchObject([{ invoice_id: third }])
    expect((await payment(ledger, second)).allocations).toMatchObject([{ invoice_id: a }])
    const told = (await ledger.events()).slice(before).map(({ type, object }) => [type, object.id])
    expect(told.slice(1).toSorted()).toEqual([
      ['invoice.paid', third],
      ['invoice.reopened', b]
    ])
    expect((await ledger.invoice(a)).version).toBe(versions[0])
  })

  test('leaves what is named, by hand or by a source, and what is reserved', async () => {
    const { ledger, client_id, younger, older, balances, paid } = await misapplied()
    await reallocate(ledger, client_id)
    const allocations = [{ invoice_id: younger, amount: '40.00' }]
    await ledger.pay(client_id, '40.00', { allocations })
    const byHand = await ledger.pay(client_id, '30.00', { reserved_for: 'deposit' })
    await done(
      ledger.call('POST', `/v1/payments/${byHand}/allocations`, {
        body: { allocations: [{ invoice_id: younger, amount: '30.00' }] }
      })
    )
    const third = (await ledger.issue(client_id, { issued_on: '2025-12-01', due_on: '2026-01-10' })).id
    const { changes } = await reallocate(ledger, client_id)
    expect(changes.map(({ payment_id }) => payment_id)).toEqual([paid, paid])
    expect([...(await balances()), (await ledger.invoice(third)).balance]).toEqual(['100.00', '30.00', '0.00'])
    expect((await ledger.invoice(older)).status).toBe('open')
  })

  test('gives an invoice back to the payment whose source named it', async () => {
    const ledger = await newLedger()
    const client_id = await ledger.addClient()
    const refs = (id: string) => ({ source: 'erp', id })
    const dates = { issued_on: '2025-12-01', due_on: '2026-01-31' }
    const unnamed = await ledger.pay(client_id, '100.00')
    const i = (await ledger.issue(client_id, { ...dates, external_refs: [refs('i')] })).id
    const other = (await ledger.issue(client_id, { ...dates, due_on: '2026-02-28' })).id
    const body = {
      ...{ client_id, currency: 'EUR', amount: '100.00', received_on: '2025-12-31' },
      allocations: [{ invoice_ref: refs('i'), amount: '100.00' }]
    }
    await done(ledger.call('PUT', '/v1/payments/by-ref?source=erp&id=p', { body }))
    await reallocate(ledger, client_id, { currency: 'EUR' })
    expect((await payment(ledger, unnamed)).allocations).toMatchObject([{ invoice_id: other }])
    expect((await done(ledger.call<Payment>('GET', '/v1/payments/by-ref?source=erp&id=p'))).allocations).toMatchObject([
      { invoice_id: i }
    ])
    expect((await reallocate(ledger, client_id, { currency: 'JPY' })).changes).toEqual([])
  })
})
