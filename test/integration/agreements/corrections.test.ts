import { afterAll, describe, expect, test } from 'vitest'
import { dueOnTheTenth, expectSoundBooks, holdsOf, onTheTenth, payment, toldByDay } from '../../support/agreements.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

// What ended stays ended, and what was agreed is what is asked for, whatever is credited, moved or taken back afterwards.

const { newLedger, database, close } = await startDunning()
afterAll(close)

type Made = Readonly<{ id: string }>
const post = <Body = Made>(ledger: Ledger, path: string, body: object = {}) => done(ledger.call<Body>('POST', path, { body }))
const get = <Body = object>(ledger: Ledger, path: string) => done(ledger.call<Body>('GET', path))
const touch = (ledger: Ledger, id: string) =>
  ledger.call('PATCH', `/v1/invoices/${id}`, { body: { metadata: { synced: 'yes' } } })

async function planOn(ledger: Ledger, about: { clientId: string; invoiceIds: string[] }, more: object = {}): Promise<string> {
  const schedule = { kind: 'equal', count: 2, every: 'monthly', first_on: '2026-02-01' }
  const body = { client_id: about.clientId, invoice_ids: about.invoiceIds, schedule, ...more }
  const { id } = await post(ledger, '/v1/payment-plans', body)
  await post(ledger, `/v1/payment-plans/${id}/accept`, { accepted_by: 'Ada' })
  return id
}

const promiseOn = (ledger: Ledger, clientId: string, invoiceIds: string[], amount: string, by: string) =>
  post(ledger, '/v1/promises', { client_id: clientId, invoice_ids: invoiceIds, amount, currency: 'EUR', promised_on: by })

const months = async (ledger: Ledger, count: number) => {
  for (let month = 0; month < count; month++) await ledger.advance(31)
}

describe('a plan', () => {
  test('takes back what it gave up itself, and nothing of another plan', async () => {
    const { ledger, clientId } = await dueOnTheTenth(newLedger)
    const { id } = await ledger.issue(clientId, { ...onTheTenth, currency: 'USD', total: '120.00' })
    const pay = (amount: string) => ledger.pay(clientId, amount, { currency: 'USD' })
    const first = await pay('20.00')
    await planOn(ledger, { clientId, invoiceIds: [id] }, { discount: '10.00' })
    await pay('90.00')
    await ledger.reverse(first, { reason: 'bounced' })
    await planOn(ledger, { clientId, invoiceIds: [id] }, { discount: '2.00' })
    const last = await pay('18.00')
    expect((await ledger.invoice(id)).balance).toBe('0.00')
    await ledger.reverse(last, { reason: 'bounced' })
    expect((await ledger.invoice(id)).balance).toBe('20.00')
    await expectSoundBooks(database, ledger)
  })

  test('that was settled by a credit and a payment stays completed when its invoice is touched months later', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const plan = await planOn(ledger, { clientId, invoiceIds: [id] })
    const dispute = await post(ledger, '/v1/disputes', { invoice_id: id, reason: 'quality', amount: '50.00' })
    await post(ledger, `/v1/disputes/${dispute.id}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
    await ledger.advance(1)
    await ledger.pay(clientId, '50.00')
    await months(ledger, 3)
    await touch(ledger, id)
    expect(await get(ledger, `/v1/payment-plans/${plan}`)).toMatchObject({ status: 'completed', ended_on: '2026-01-02' })
    expect(await toldByDay(ledger, 'payment_plan.broken', 'installment.missed')).toEqual([])
  })

  test('that was kept gives its discount, though something is credited on the same day', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const dispute = await post(ledger, '/v1/disputes', { invoice_id: id, reason: 'quality', amount: '20.00' })
    const plan = await planOn(ledger, { clientId, invoiceIds: [id] }, { discount: '10.00' })
    await ledger.pay(clientId, '90.00')
    await post(ledger, `/v1/disputes/${dispute.id}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
    expect(await ledger.invoice(id)).toMatchObject({ balance: '0.00', status: 'paid' })
    expect(await get(ledger, `/v1/payment-plans/${plan}`)).toMatchObject({ status: 'completed' })
    await expectSoundBooks(database, ledger)
  })
})

describe('a promise', () => {
  test('that was kept stays kept when part of its invoice is credited later', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const dispute = await post(ledger, '/v1/disputes', { invoice_id: id, reason: 'quality', amount: '20.00' })
    const { id: promise } = await promiseOn(ledger, clientId, [id], '100.00', '2026-01-20')
    await ledger.pay(clientId, '100.00')
    await ledger.advance(5)
    await post(ledger, `/v1/disputes/${dispute.id}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
    await months(ledger, 1)
    await touch(ledger, id)
    expect(await get(ledger, `/v1/promises/${promise}`)).toMatchObject({ status: 'kept', ended_on: '2026-01-01' })
  })

  test.each([
    [
      'its client',
      (ledger: Ledger, clientId: string) =>
        ledger.call('PATCH', `/v1/clients/${clientId}`, { body: { time_zone: 'America/New_York' } })
    ],
    [
      'the organization',
      (ledger: Ledger) => ledger.call('PATCH', '/v1/organization', { body: { time_zone: 'America/New_York' } })
    ]
  ])('ends by itself though the time zone of %s moves west', async (_, move) => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const { id: promise } = await promiseOn(ledger, clientId, [id], '100.00', '2026-01-12')
    expect((await move(ledger, clientId)).status).toBe(200)
    await ledger.advance(31)
    expect(await get(ledger, `/v1/promises/${promise}`)).toMatchObject({ status: 'broken' })
  })

  test('does not hold what replaces its invoice unless it moves there itself', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const { id: other } = await ledger.issue(clientId, onTheTenth)
    const { id: to } = await ledger.issue(clientId, onTheTenth)
    await promiseOn(ledger, clientId, [id, other], '200.00', '2026-03-20')
    await promiseOn(ledger, clientId, [to], '100.00', '2026-01-08')
    await post(ledger, `/v1/invoices/${id}/void`, { replaced_by_id: to })
    await ledger.advance(31)
    expect(await ledger.ladder(to)).not.toEqual([])
  })
})

describe('a dispute', () => {
  test('over a part of an invoice that is due in parts lets the rest be dunned', async () => {
    const { ledger, clientId } = await dueOnTheTenth(newLedger)
    const parts = ['05', '06', '07'].map((dueDay) => ({ due_on: `2026-01-${dueDay}`, amount: '30.00' }))
    const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', total: '90.00', due_schedule: parts })
    await post(ledger, '/v1/disputes', { invoice_id: id, amount: '30.00', reason: 'quality' })
    await ledger.advance('2026-01-25T00:00:00Z')
    expect((await ledger.ladder(id)).toSorted()).toEqual([
      ...['courtesy 2026-01-03', 'courtesy 2026-01-04', 'reminder 2026-01-09', 'reminder 2026-01-10'],
      ...['second 2026-01-16', 'second 2026-01-17']
    ])
  })

  test('over all of an invoice keeps no more than that from being dunned of what replaces it', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const { id: to } = await ledger.issue(clientId, { ...onTheTenth, total: '300.00' })
    await post(ledger, '/v1/disputes', { invoice_id: id, reason: 'quality' })
    await post(ledger, `/v1/invoices/${id}/void`, { replaced_by_id: to })
    await ledger.advance(25)
    expect(await ledger.ladder(to)).not.toEqual([])
  })
})

test('money announced for an invoice and for what replaces it is meant for both sums', async () => {
  const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
  const { id: to } = await ledger.issue(clientId, { ...onTheTenth, total: '150.00' })
  const allocations = [
    { invoice_id: id, amount: '100.00' },
    { invoice_id: to, amount: '50.00' }
  ]
  const announced = { status: 'pending', matures_on: '2026-01-08', allocations }
  const paymentId = await ledger.pay(clientId, '150.00', announced)
  const { version } = await payment(ledger, paymentId)
  await post(ledger, `/v1/invoices/${id}/void`, { replaced_by_id: to })
  expect((await payment(ledger, paymentId)).version).toBeGreaterThan(version)
  await post(ledger, `/v1/payments/${paymentId}/settle`)
  expect((await ledger.invoice(to)).balance).toBe('0.00')
  expect((await holdsOf(ledger)).filter(({ is_active: isActive }) => isActive)).toEqual([])
  await expectSoundBooks(database, ledger)
})

test('parting with a client who owes nothing is complete at once, with its closing statement', async () => {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  await post(ledger, `/v1/clients/${clientId}/offboard`)
  expect(await get(ledger, `/v1/clients/${clientId}`)).toMatchObject({ offboarded_at: '2026-01-01T00:00:00.000Z' })
  expect(await ledger.told('client.offboarding_started', 'client.offboarding_completed')).toHaveLength(2)
})

test('a total that is lowered again gives each payment back what it still has there, and no more', async () => {
  const { ledger, clientId } = await dueOnTheTenth(newLedger)
  const url = '/v1/invoices/by-ref?source=books&id=1'
  const body = { client_id: clientId, number: '1', currency: 'EUR', total: '100.00', ...onTheTenth }
  const { id } = await done(ledger.call<Made>('PUT', url, { body }))
  const pay = (amount: string) => ledger.pay(clientId, amount, { allocations: [{ invoice_id: id, amount }] })
  const first = await pay('40.00')
  await ledger.advance(1)
  const second = await pay('60.00')
  for (const total of ['40.00', '10.00']) {
    await ledger.advance(1)
    await done(ledger.call('PUT', url, { body: { total } }))
  }
  expect(await payment(ledger, second)).toMatchObject({ unapplied: '60.00', allocations: [] })
  expect(await payment(ledger, first)).toMatchObject({ unapplied: '30.00', allocations: [{ amount: '10.00' }] })
  await expectSoundBooks(database, ledger)
})
