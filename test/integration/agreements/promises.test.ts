import { afterAll, describe, expect, test } from 'vitest'
import { holdsOf } from '../../support/agreements.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]

type Made = { id: string; status: string; ended_on: string | null; last_on: string; invoice_ids: string[] }

const make = (ledger: Ledger, clientId: string, body: object) =>
  done(ledger.call<Made>('POST', '/v1/promises', { body: { client_id: clientId, currency: 'EUR', ...body } }))
const read = (ledger: Ledger, id: string) => done(ledger.call<Made>('GET', `/v1/promises/${id}`))
const outcomes = ['promise.made', 'promise.kept', 'promise.broken', 'promise.cancelled']

/** 100.00 EUR due on 10 January 2026; the clock stands on the 15th, after the reminder. */
async function reminded() {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await ledger.advance('2026-01-15T08:00:00Z')
  return { ledger, clientId, id }
}

describe('a pending promise', () => {
  test('holds what it covers through its day and the grace', async () => {
    const { ledger, clientId, id } = await reminded()
    const promise = await make(ledger, clientId, { amount: '100.00', promised_on: '2026-01-22' })
    expect(promise).toMatchObject({ status: 'pending', last_on: '2026-01-24', invoice_ids: [id] })
    expect((await ledger.invoice(id)).dunning).toMatchObject({ held: true, stage: 'reminder', next_stage: 'second' })
    await ledger.advance('2026-01-24T23:59:00Z')
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13'])
  })

  test('is kept by money that comes in parts, and dunning stays away from what is paid', async () => {
    const { ledger, clientId, id } = await reminded()
    const promise = await make(ledger, clientId, { amount: '100.00', promised_on: '2026-01-22' })
    await ledger.pay(clientId, '40.00')
    expect((await read(ledger, promise.id)).status).toBe('pending')
    await ledger.advance(8)
    await ledger.pay(clientId, '60.00')
    expect(await read(ledger, promise.id)).toMatchObject({ status: 'kept', ended_on: '2026-01-23' })
    await ledger.advance(31)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13'])
    expect(await ledger.told(...outcomes)).toEqual(['2026-01-15 promise.made', '2026-01-23 promise.kept'])
  })

  test('for a part of what is open is kept by that part, and the rest is dunned meanwhile', async () => {
    const { ledger, clientId, id } = await reminded()
    await make(ledger, clientId, { amount: '30.00', promised_on: '2026-01-22' })
    await ledger.advance(6)
    const [, second] = await ledger.events('invoice.dunning_stage_entered')
    expect(second?.context['amounts']).toMatchObject({ balance: '100.00', promised: '30.00', net_total: '70.00' })
    await ledger.pay(clientId, '30.00')
    await ledger.advance(1)
    expect(await ledger.told('promise.kept')).toEqual(['2026-01-21 promise.kept'])
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20'])
  })

  test('over several invoices holds what falls due first, and less of it as money comes in', async () => {
    const { ledger, clientId, id } = await reminded()
    const later = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-12' })
    const promise = await make(ledger, clientId, { amount: '150.00', promised_on: '2026-02-20' })
    const partsOf = async () =>
      (await holdsOf(ledger)).flatMap(({ parts }) => parts.map(({ invoice_id: one, amount }) => [one === id, amount]))
    expect((await partsOf()).toSorted()).toEqual([
      [false, '50.00'],
      [true, '100.00']
    ])
    expect((await ledger.invoice(id)).dunning.held).toBe(true)
    expect((await ledger.invoice(later.id)).dunning.held).toBe(false)
    await ledger.pay(clientId, '70.00', { allocations: [{ invoice_id: later.id, amount: '70.00' }] })
    expect((await partsOf()).toSorted()).toEqual([
      [false, '0.00'],
      [true, '80.00']
    ])
    await ledger.advance('2026-01-21T00:00:00Z')
    const told = await ledger.events('invoice.dunning_stage_entered')
    const asked = told.map(({ object, context }) => [object.id === id, (context['amounts'] as { net_total: string }).net_total])
    expect(asked.slice(1)).toEqual([
      [false, '30.00'],
      [true, '20.00']
    ])
    expect((await read(ledger, promise.id)).status).toBe('pending')
  })

  test('for a cent of it silences a cent', async () => {
    const { ledger, clientId, id } = await reminded()
    await make(ledger, clientId, { amount: '0.01', promised_on: '2026-12-31' })
    await ledger.advance(20)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20', 'final 2026-02-03'])
  })

  test('is for a day within the limit of the organization, and the refusal says how to go on', async () => {
    const { ledger, clientId } = await reminded()
    const body = { client_id: clientId, currency: 'EUR', amount: '10.00' }
    const attempt = (promised_on: string) =>
      ledger.call<{ detail: string }>('POST', '/v1/promises', { body: { ...body, promised_on } })
    const refused = await attempt('2027-02-20')
    expect(refusalOf(refused)).toBe('400 invalid_date /promised_on')
    expect(refused.body.detail).toBe(
      '`promised_on` is at most 400 days ahead, 2027-02-19. Give an earlier day, or raise `announced_days_max` of the organization.'
    )
    await done(ledger.call('PATCH', '/v1/organization', { body: { announced_days_max: 401 } }))
    expect((await attempt('2027-02-20')).status).toBe(201)
  })

  test('counts no money that came on its day before it was made', async () => {
    const { ledger, clientId } = await reminded()
    await ledger.pay(clientId, '50.00')
    const promise = await make(ledger, clientId, { amount: '50.00', promised_on: '2026-01-20' })
    expect((await read(ledger, promise.id)).status).toBe('pending')
    await ledger.pay(clientId, '50.00')
    expect((await read(ledger, promise.id)).status).toBe('kept')
  })
})

describe('a broken promise', () => {
  test('is told at the end of its grace, and dunning goes on with one entry', async () => {
    const { ledger, clientId, id } = await reminded()
    await make(ledger, clientId, { amount: '100.00', promised_on: '2026-02-05', grace_days: 0 })
    await ledger.advance(31)
    expect(await ledger.told(...outcomes)).toEqual(['2026-01-15 promise.made', '2026-02-06 promise.broken'])
    expect(await ledger.entries(id)).toMatchObject([
      { stage: 'reminder' },
      { stage: 'final', entered_on: '2026-02-06', skipped: ['second'] }
    ])
    expect(await ledger.told('hold.released')).toEqual(['2026-02-06 hold.released'])
  })

  test('turns out kept when the payment is recorded late, and the entry that followed is taken back', async () => {
    const { ledger, clientId, id } = await reminded()
    const promise = await make(ledger, clientId, { amount: '100.00', promised_on: '2026-01-20', grace_days: 0 })
    await ledger.advance(8)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-21'])
    await ledger.pay(clientId, '100.00', { received_on: '2026-01-19' })
    expect(await read(ledger, promise.id)).toMatchObject({ status: 'kept', ended_on: '2026-01-19' })
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-21 mistaken'])
  })

  test('is what becomes of a kept one whose payment was entered wrongly', async () => {
    const { ledger, clientId } = await reminded()
    const promise = await make(ledger, clientId, { amount: '100.00', promised_on: '2026-01-20', grace_days: 0 })
    const payment = await ledger.pay(clientId, '100.00')
    expect((await read(ledger, promise.id)).status).toBe('kept')
    await ledger.reverse(payment, { reason: 'entered_wrongly' })
    expect((await read(ledger, promise.id)).status).toBe('pending')
    await ledger.advance(10)
    expect(await ledger.told(...outcomes)).toEqual([
      '2026-01-15 promise.made',
      '2026-01-15 promise.kept',
      '2026-01-15 promise.made',
      '2026-01-21 promise.broken'
    ])
  })
})

describe('a promise that is taken back', () => {
  test('lets dunning go on at once', async () => {
    const { ledger, clientId, id } = await reminded()
    const promise = await make(ledger, clientId, { amount: '100.00', promised_on: '2026-03-01' })
    await ledger.advance(7)
    await done(ledger.call('POST', `/v1/promises/${promise.id}/cancel`, { body: {} }))
    await ledger.advance(1)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-22'])
    expect(refusalOf(await ledger.call('POST', `/v1/promises/${promise.id}/cancel`, { body: {} }))).toBe(
      '409 promise_not_pending'
    )
  })

  test('ends with an invoice that is written off or voided', async () => {
    const { ledger, clientId, id } = await reminded()
    const promise = await make(ledger, clientId, { amount: '100.00', promised_on: '2026-03-01' })
    await done(ledger.call('POST', `/v1/invoices/${id}/write-off`, { body: {} }))
    expect(await read(ledger, promise.id)).toMatchObject({ status: 'cancelled', end_reason: 'invoice_closed' })
    expect((await done(ledger.call<{ data: unknown[] }>('GET', '/v1/holds?active=true'))).data).toEqual([])
  })
})

describe('bad input', () => {
  test('each is refused by name, and nothing is written', async () => {
    const { ledger, clientId, id } = await reminded()
    const other = await ledger.issue(await ledger.addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
    const dollars = await ledger.issue(clientId, { currency: 'USD', issued_on: '2026-01-01', due_on: '2026-01-10' })
    const attempt = async (body: object) =>
      refusalOf(
        await ledger.call('POST', '/v1/promises', {
          body: { client_id: clientId, currency: 'EUR', amount: '10.00', promised_on: '2026-01-20', ...body }
        })
      )
    expect(await attempt({ promised_on: '2026-01-14' })).toBe('400 invalid_date /promised_on')
    expect(await attempt({ promised_on: '2028-01-14' })).toBe('400 invalid_date /promised_on')
    expect(await attempt({ amount: '100.01' })).toBe('422 exceeds_balance /amount')
    expect(await attempt({ amount: '0' })).toBe('400 invalid_amount /amount')
    expect(await attempt({ amount: '1.001' })).toBe('400 invalid_amount /amount')
    expect(await attempt({ invoice_ids: [id, other.id] })).toBe('422 reference_not_found /invoice_ids/1')
    expect(await attempt({ invoice_ids: [dollars.id] })).toBe('422 currency_mismatch /invoice_ids/0')
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: id, amount: '100.00' }] })
    expect(await attempt({ invoice_ids: [id] })).toBe('409 invoice_not_open /invoice_ids/0')
    expect(await attempt({})).toBe('422 exceeds_balance /amount')
    expect((await done(ledger.call<{ data: unknown[] }>('GET', '/v1/promises'))).data).toEqual([])
  })

  test('of two promises on one invoice at the same time one is taken', async () => {
    const { ledger, clientId, id } = await reminded()
    const body = { client_id: clientId, invoice_ids: [id], currency: 'EUR', amount: '100.00', promised_on: '2026-01-20' }
    const answers = await Promise.all([1, 2, 3].map(() => ledger.call('POST', '/v1/promises', { body })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409])
    expect(answers.filter(({ status }) => status === 409).map(refusalOf)).toEqual([
      '409 invoice_promised',
      '409 invoice_promised'
    ])
  })
})
