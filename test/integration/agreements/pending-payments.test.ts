import { afterAll, describe, expect, test } from 'vitest'
import { openRows } from '../../contract/rows.ts'
import {
  dueOnTheTenth,
  expectSoundBooks,
  holdsOf,
  onTheTenth,
  type PaymentBody,
  payment,
  toldByDay
} from '../../support/agreements.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, database, databaseUrl, close } = await startDunning()
const rows = await openRows(databaseUrl)
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await close()
})

const start = () => dueOnTheTenth(newLedger)
const cheque = { status: 'pending', instrument: { kind: 'cheque' } }
const announce = (ledger: Ledger, clientId: string, body: object = {}) => ledger.pay(clientId, '100.00', { ...cheque, ...body })
const settle = (ledger: Ledger, id: string, body: object = {}) =>
  ledger.call<PaymentBody>('POST', `/v1/payments/${id}/settle`, { body })
const fail = (ledger: Ledger, id: string) => ledger.call<PaymentBody>('POST', `/v1/payments/${id}/fail`, { body: {} })
const setClearing = (ledger: Ledger, clearing_days: number) =>
  ledger.call<{ clearing_days: number }>('PATCH', '/v1/organization', { body: { clearing_days } })

describe('announced money holds what it covers', () => {
  test('through its maturity and the days of clearing; with nothing said, dunning resumes by age with one entry', async () => {
    const { ledger, clientId, id } = await start()
    const paymentId = await announce(ledger, clientId, {
      matures_on: '2026-01-20',
      allocations: [{ invoice_id: id, amount: '100.00' }]
    })
    expect(await payment(ledger, paymentId)).toMatchObject({
      ...{ status: 'pending', unapplied: '0.00', allocations: [], unconfirmed_at: null },
      announced_allocations: [{ invoice_id: id, amount: '100.00' }]
    })
    expect(await holdsOf(ledger)).toMatchObject([
      {
        ...{ reason: 'payment_pending', invoice_ids: [id], until_on: '2026-01-23', part: { amount: '100.00', currency: 'EUR' } },
        origin: { kind: 'payment', id: paymentId }
      }
    ])
    expect(await ledger.invoice(id)).toMatchObject({ balance: '100.00', dunning: { held: true } })
    await ledger.advance('2026-01-23T23:00:00Z')
    expect(await ledger.ladder(id)).toEqual([])
    await ledger.advance(10)
    expect(await ledger.entries(id)).toMatchObject([{ stage: 'second', entered_on: '2026-01-24', skipped: ['reminder'] }])
    expect(await holdsOf(ledger)).toMatchObject([{ release_reason: 'unconfirmed', released_on: '2026-01-24' }])
    expect(await toldByDay(ledger, 'payment.pending', 'payment.unconfirmed', 'hold.released', 'invoice.overdue')).toEqual([
      '2026-01-01 payment.pending',
      '2026-01-11 invoice.overdue',
      '2026-01-24 hold.released',
      '2026-01-24 payment.unconfirmed'
    ])
    const [unconfirmed] = await ledger.events('payment.unconfirmed')
    expect(unconfirmed).toMatchObject({ object: { status: 'pending', unconfirmed_at: '2026-01-24T00:00:00.000Z', version: 2 } })
    expect(unconfirmed?.object).toEqual(await payment(ledger, paymentId))
    expect((await done(settle(ledger, paymentId))).status).toBe('settled')
    expect((await ledger.invoice(id)).status).toBe('paid')
    await expectSoundBooks(database, ledger)
  })

  test('without a day of maturity it counts from the day of the announcement, where the client is', async () => {
    const ledger = await newLedger()
    await done(setClearing(ledger, 1))
    const clientId = await ledger.addClient({ time_zone: 'Asia/Tokyo' })
    await ledger.issue(clientId, onTheTenth)
    await ledger.advance('2026-01-01T16:00:00Z')
    await announce(ledger, clientId)
    expect(await holdsOf(ledger)).toMatchObject([{ until_on: '2026-01-03' }])
    await ledger.advance(5)
    expect(await ledger.events('payment.unconfirmed')).toMatchObject([{ occurredAt: '2026-01-03T15:00:00.000Z' }])
  })

  test('what it names nothing of is what is oldest due in its currency, less what other announced money covers', async () => {
    const { ledger, clientId, id: first } = await start()
    const yen = await ledger.issue(clientId, { ...onTheTenth, currency: 'JPY', total: '100' })
    const third = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-03-10' })
    const second = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-02-10' })
    await announce(ledger, clientId, { amount: '100.00', matures_on: '2026-01-10' })
    await announce(ledger, clientId, { amount: '100.00', matures_on: '2026-02-10' })
    await announce(ledger, clientId, { amount: '0.01', matures_on: '2026-03-10' })
    await announce(ledger, clientId, { amount: '500.00', reserved_for: 'deposit' })
    expect((await holdsOf(ledger)).map((hold) => hold.invoice_ids)).toEqual([[first], [second.id], [third.id]])
    await announce(ledger, clientId, { amount: '100', currency: 'JPY' })
    expect((await holdsOf(ledger)).at(-1)?.invoice_ids).toEqual([yen.id])
  })

  test('a sum over several invoices holds them all, and money for nothing holds nothing', async () => {
    const { ledger, clientId, id } = await start()
    const other = await ledger.issue(clientId, onTheTenth)
    await announce(ledger, clientId, { amount: '150.00' })
    expect(await holdsOf(ledger)).toMatchObject([{ invoice_ids: [id, other.id].toSorted() }])
    await announce(ledger, await ledger.addClient())
    expect(await holdsOf(ledger)).toHaveLength(1)
    await ledger.advance(5)
    expect(await ledger.told('payment.unconfirmed')).toEqual(['2026-01-05 payment.unconfirmed', '2026-01-05 payment.unconfirmed'])
  })

  test('one that should have been there before it was announced holds nothing, and that nothing was said is told', async () => {
    const { ledger, clientId } = await start()
    await announce(ledger, clientId, { matures_on: '2025-12-28' })
    expect(await holdsOf(ledger)).toEqual([])
    await ledger.advance(1)
    expect(await ledger.told('payment.unconfirmed')).toEqual(['2026-01-01 payment.unconfirmed'])
  })

  test('beside a hold by hand and a dispute: the last one that ends lets dunning go on', async () => {
    const { ledger, clientId, id } = await start()
    const paymentId = await announce(ledger, clientId, { matures_on: '2026-01-30' })
    await done(ledger.call('POST', '/v1/holds', { body: { client_id: clientId, reason: 'manual', until_on: '2026-01-15' } }))
    const body = { invoice_id: id, reason: 'quality' }
    const dispute = await done(ledger.call<{ id: string }>('POST', '/v1/disputes', { body }))
    await ledger.advance('2026-01-16T00:00:00Z')
    await done(fail(ledger, paymentId))
    expect((await ledger.invoice(id)).dunning.held).toBe(true)
    await ledger.advance('2026-01-18T00:00:00Z')
    await done(ledger.call('POST', `/v1/disputes/${dispute.id}/withdraw`, { body: {} }))
    await ledger.advance(1)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-18'])
    await expectSoundBooks(database, ledger)
  })
})

describe('what becomes of it', () => {
  test('there: it settles what it was announced for, and the hold ends', async () => {
    const { ledger, clientId, id } = await start()
    const named = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-02-10' })
    const allocations = [{ invoice_id: named.id, amount: '80.00' }]
    const paymentId = await announce(ledger, clientId, { allocations })
    const settled = await done(settle(ledger, paymentId))
    expect(settled).toMatchObject({ status: 'settled', unapplied: '20.00', allocations, announced_allocations: allocations })
    expect(await ledger.invoice(named.id)).toMatchObject({ balance: '20.00', dunning: { held: false } })
    expect((await ledger.invoice(id)).balance).toBe('100.00')
    expect(await holdsOf(ledger)).toMatchObject([{ is_active: false, release_reason: 'settled' }])
    const [told] = await ledger.events('invoice.partially_paid')
    expect(told?.object).toEqual(await ledger.invoice(named.id))
    await ledger.advance(10)
    expect(await ledger.told('payment.unconfirmed')).toEqual([])
    await expectSoundBooks(database, ledger)
  })

  test('there, after what it was announced for was paid otherwise: what is left is credit', async () => {
    const { ledger, clientId, id } = await start()
    const paymentId = await announce(ledger, clientId, { allocations: [{ invoice_id: id, amount: '100.00' }] })
    await ledger.pay(clientId, '70.00')
    expect(await done(settle(ledger, paymentId))).toMatchObject({
      unapplied: '70.00',
      allocations: [{ invoice_id: id, amount: '30.00' }]
    })
    await expectSoundBooks(database, ledger)
  })

  test('there, with other allocations than were announced: they count', async () => {
    const { ledger, clientId, id } = await start()
    const other = await ledger.issue(clientId, onTheTenth)
    const paymentId = await announce(ledger, clientId, { allocations: [{ invoice_id: id, amount: '100.00' }] })
    const allocations = [{ invoice_id: other.id, amount: '100.00' }]
    expect(await done(settle(ledger, paymentId, { allocations }))).toMatchObject({ allocations })
    expect((await ledger.invoice(id)).balance).toBe('100.00')
  })

  test('not coming: dunning resumes by age at once, with one entry', async () => {
    const { ledger, clientId, id } = await start()
    const paymentId = await announce(ledger, clientId, { matures_on: '2026-02-10' })
    await ledger.advance('2026-01-22T08:00:00Z')
    expect((await done(fail(ledger, paymentId))).status).toBe('failed')
    expect(await holdsOf(ledger)).toMatchObject([{ release_reason: 'failed', released_on: '2026-01-22' }])
    await ledger.advance(20)
    expect(await ledger.ladder(id)).toEqual(['second 2026-01-22', 'final 2026-02-03'])
    expect(await ledger.told('payment.unconfirmed')).toEqual([])
    await expectSoundBooks(database, ledger)
  })

  test('of another amount after all: it stays announced, and holds anew', async () => {
    const { ledger, clientId, id } = await start()
    const put = (body: object) =>
      done(ledger.call<PaymentBody>('PUT', '/v1/payments/by-ref?source=bank&id=1', { body: { ...body } }))
    await put({ ...cheque, client_id: clientId, amount: '90.00', currency: 'EUR', matures_on: '2026-01-20' })
    expect(await put({ amount: '95.00' })).toMatchObject({ status: 'pending', amount: '95.00', matures_on: '2026-01-20' })
    expect(await holdsOf(ledger)).toMatchObject([
      { is_active: false, release_reason: 'failed' },
      { is_active: true, invoice_ids: [id], until_on: '2026-01-23' }
    ])
    expect(await put({ amount: '95.00', status: 'settled' })).toMatchObject({ status: 'settled', unapplied: '0.00' })
    await expectSoundBooks(database, ledger)
  })

  test('on another day after all: it is announced anew, for the same, as far as that is open', async () => {
    const { ledger, clientId } = await start()
    const named = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-02-10' })
    const url = '/v1/payments/by-ref?source=bank&id=1'
    const put = (body: object) => done(ledger.call<PaymentBody>('PUT', url, { body }))
    const allocations = [{ invoice_id: named.id, amount: '100.00' }]
    const first = { ...cheque, client_id: clientId, amount: '100.00', currency: 'EUR', matures_on: '2026-01-20', allocations }
    const { id } = await put(first)
    expect((await put({ matures_on: '2026-01-20' })).id).toBe(id)
    await ledger.pay(clientId, '30.00', { allocations: [{ invoice_id: named.id, amount: '30.00' }] })
    const again = await put({ matures_on: '2026-01-25' })
    expect(again.id).not.toBe(id)
    expect(again).toMatchObject({ status: 'pending', announced_allocations: [{ invoice_id: named.id, amount: '70.00' }] })
    expect(await holdsOf(ledger)).toMatchObject([
      { is_active: false, until_on: '2026-01-23' },
      { is_active: true, until_on: '2026-01-28', invoice_ids: [named.id] }
    ])
    await expectSoundBooks(database, ledger)
  })

  test('there and not coming, at once: one is refused', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ledger, clientId } = await start()
      const paymentId = await announce(ledger, clientId)
      const answers = await Promise.all([settle(ledger, paymentId), fail(ledger, paymentId), settle(ledger, paymentId)])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
      expect(await ledger.told('hold.released')).toHaveLength(1)
      await expectSoundBooks(database, ledger)
    }
  })
})

describe('bad input', () => {
  test('each is refused by name, and nothing is written', async () => {
    const { ledger, clientId, id } = await start()
    const stranger = await start()
    const before = await rows.of(ledger.id)
    const attempt = async (body: object) => {
      const whole = { ...cheque, client_id: clientId, amount: '100.00', currency: 'EUR', ...body }
      return refusalOf(await ledger.call('POST', '/v1/payments', { body: whole }))
    }
    const naming = (invoice_id: string, amount: string) => ({ allocations: [{ invoice_id, amount }] })
    expect(await attempt(naming(id, '100.01'))).toBe('422 payment_exceeds_balance /allocations')
    expect(await attempt({ amount: '200.00', ...naming(id, '100.01') })).toBe('422 payment_exceeds_balance /allocations/0/amount')
    expect(await attempt(naming(id, '0.00'))).toBe('400 invalid_amount /allocations/0/amount')
    expect(await attempt(naming(stranger.id, '1.00'))).toBe('422 reference_not_found /allocations/0/invoice_id')
    expect(await attempt({ currency: 'JPY', amount: '100', ...naming(id, '1') })).toBe('422 currency_mismatch /allocations/0')
    expect(await attempt({ client_id: stranger.clientId })).toBe('422 reference_not_found /client_id')
    expect(await attempt({ matures_on: '2999-12-31' })).toBe('400 invalid_date /matures_on')
    expect(await attempt({ received_on: '2026-01-01' })).toBe('400 invalid_request /received_on')
    for (const days of [-1, 31, 1.5])
      expect(refusalOf(await setClearing(ledger, days))).toBe('400 invalid_request /clearing_days')
    expect(await rows.of(ledger.id)).toEqual(before)
  })

  test('another organization does not know it, and its hold ends with it alone', async () => {
    const { ledger, clientId } = await start()
    const stranger = await newLedger()
    const paymentId = await announce(ledger, clientId)
    const [hold] = await holdsOf(ledger)
    expect(refusalOf(await settle(stranger, paymentId))).toBe('404 not_found')
    expect(refusalOf(await fail(stranger, paymentId))).toBe('404 not_found')
    expect(refusalOf(await ledger.call('POST', `/v1/holds/${hold?.id}/release`, { body: {} }))).toBe('409 hold_has_origin')
    await done(fail(ledger, paymentId))
    expect(refusalOf(await settle(ledger, paymentId))).toBe('409 payment_not_pending')
  })

  test('the days of clearing are a setting, three unless said', async () => {
    const { ledger, clientId } = await start()
    const settings = () => done(ledger.call<{ clearing_days: number }>('GET', '/v1/organization'))
    expect((await settings()).clearing_days).toBe(3)
    expect((await done(setClearing(ledger, 0))).clearing_days).toBe(0)
    expect((await settings()).clearing_days).toBe(0)
    await announce(ledger, clientId, { matures_on: '2026-01-20' })
    expect(await holdsOf(ledger)).toMatchObject([{ until_on: '2026-01-20' }])
  })
})
