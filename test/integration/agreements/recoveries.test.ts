import { afterAll, expect, test } from 'vitest'
import { dueOnTheTenth, expectSoundBooks, payment } from '../../support/agreements.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

// Money for what was given up: allowed where it names the invoice, recorded, and in the end the invoice is paid.

const { newLedger, database, close } = await startDunning()
afterAll(close)

/** 100.00 EUR, of which 30.00 were paid and 70.00 are given up. */
async function writtenOff() {
  const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
  const before = await ledger.pay(clientId, '30.00')
  await ledger.advance('2026-01-20T00:00:00Z')
  await done(ledger.call('POST', `/v1/invoices/${id}/write-off`, { body: {} }))
  await ledger.advance(1)
  const recover = (amount: string, more: object = {}) =>
    ledger.pay(clientId, amount, { allocations: [{ invoice_id: id, amount }], ...more })
  return { ledger, clientId, id, before, recover }
}

const closing = (ledger: Ledger, clientId: string) =>
  done(ledger.call<{ currencies: object[] }>('GET', `/v1/clients/${clientId}/closing-statement`))

test('money for a written-off invoice is a recovery: once all of it is there the invoice is paid, and not before', async () => {
  const { ledger, clientId, id, recover } = await writtenOff()
  const told = (await ledger.entries()).length
  const first = await recover('50.00')
  expect(await payment(ledger, first)).toMatchObject({ unapplied: '0.00', allocations: [{ invoice_id: id, amount: '50.00' }] })
  expect(await ledger.invoice(id)).toMatchObject({ status: 'written_off', balance: '0.00' })
  expect((await closing(ledger, clientId)).currencies).toMatchObject([{ paid: '80.00', given_up: '20.00', open: '0.00' }])
  await recover('20.00')
  expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00' })
  expect(await ledger.told('invoice.paid', 'invoice.reopened')).toEqual(['2026-01-21 invoice.paid'])
  await ledger.advance(20)
  expect(await ledger.entries()).toHaveLength(told)
  await expectSoundBooks(database, ledger)
})

test('no more is recovered than was given up, and what names nothing recovers nothing', async () => {
  const { ledger, clientId, id } = await writtenOff()
  const body = { client_id: clientId, currency: 'EUR', amount: '80.00', allocations: [{ invoice_id: id, amount: '70.01' }] }
  expect(refusalOf(await ledger.call('POST', '/v1/payments', { body }))).toBe('422 payment_exceeds_balance /allocations/0/amount')
  expect(await payment(ledger, await ledger.pay(clientId, '10.00'))).toMatchObject({ unapplied: '10.00' })
  await expectSoundBooks(database, ledger)
})

test.each(['bounced', 'entered_wrongly'])(
  'a recovery that %s is given up again, and nothing is dunned for it',
  async (reason) => {
    const { ledger, id, recover } = await writtenOff()
    const told = (await ledger.entries()).length
    const paymentId = await recover('70.00')
    await ledger.advance(1)
    await ledger.reverse(paymentId, { reason })
    expect(await ledger.invoice(id)).toMatchObject({ status: 'written_off', balance: '0.00' })
    expect(await ledger.told('invoice.written_off', 'invoice.reopened')).toEqual([
      '2026-01-20 invoice.written_off',
      '2026-01-22 invoice.written_off'
    ])
    await ledger.advance(20)
    expect(await ledger.entries()).toHaveLength(told)
    await recover('70.00')
    expect(await ledger.invoice(id)).toMatchObject({ status: 'paid' })
    await expectSoundBooks(database, ledger)
  }
)

test('a payment from before the write-off that bounces is owed again, whatever was recovered since', async () => {
  const { ledger, id, before, recover } = await writtenOff()
  await recover('70.00')
  await ledger.reverse(before, { reason: 'bounced' })
  expect(await ledger.invoice(id)).toMatchObject({ status: 'open', balance: '30.00' })
  await expectSoundBooks(database, ledger)
})

test('a recovery of which a lower total gave some back is given up again by the rest alone', async () => {
  const { ledger, clientId } = await dueOnTheTenth(newLedger)
  const url = '/v1/invoices/by-ref?source=books&id=1'
  const body = {
    client_id: clientId,
    number: '1',
    currency: 'EUR',
    total: '90.00',
    issued_on: '2026-01-01',
    due_on: '2026-01-10'
  }
  const { id } = await done(ledger.call<{ id: string }>('PUT', url, { body }))
  await done(ledger.call('POST', `/v1/invoices/${id}/write-off`, { body: {} }))
  const paymentId = await ledger.pay(clientId, '90.00', { allocations: [{ invoice_id: id, amount: '90.00' }] })
  await done(ledger.call('PUT', url, { body: { total: '60.00' } }))
  expect(await payment(ledger, paymentId)).toMatchObject({ unapplied: '30.00' })
  await ledger.reverse(paymentId, { reason: 'bounced' })
  expect(await ledger.invoice(id)).toMatchObject({ status: 'written_off', balance: '0.00' })
  await ledger.pay(clientId, '60.00', { allocations: [{ invoice_id: id, amount: '60.00' }] })
  expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00' })
  await expectSoundBooks(database, ledger)
})
