import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]

type Installment = { due_on: string; amount: string; paid: string; status: string; missed_on: string | null }
type Plan = {
  id: string
  status: string
  installments: Installment[]
  total: string
  paid: string
  ended_on: string | null
  end_reason: string | null
  replaced_by_id: string | null
}

const post = (ledger: Ledger, path: string, body: object = {}) =>
  done(ledger.call<Plan>('POST', `/v1/payment-plans${path}`, { body }))
const read = (ledger: Ledger, id: string) => done(ledger.call<Plan>('GET', `/v1/payment-plans/${id}`))
const events = (ledger: Ledger) =>
  ledger.told(
    ...['proposed', 'accepted', 'rejected', 'expired', 'completed', 'broken', 'restored', 'cancelled'].map(
      (end) => `payment_plan.${end}`
    ),
    ...['due_soon', 'due', 'missed', 'paid'].map((end) => `installment.${end}`)
  )

/** Two invoices of 100.00 and 200.00 EUR due on 10 January 2026; the clock stands on the 15th, after the reminders. */
async function indebted() {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const first = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  const second = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10', total: '200.00' })
  await ledger.advance('2026-01-15T08:00:00Z')
  const body = { client_id: clientId, invoice_ids: [first.id, second.id] }
  return { ledger, clientId, first: first.id, second: second.id, body }
}

const threeMonths = { kind: 'equal', count: 3, every: 'monthly', first_on: '2026-01-31' }

async function planned(terms: object = {}) {
  const made = await indebted()
  const { id } = await post(made.ledger, '', { ...made.body, schedule: threeMonths, ...terms })
  await post(made.ledger, `/${id}/accept`, { accepted_by: 'Ada Smith', channel: 'e_mail' })
  return { ...made, id }
}

describe('a proposal', () => {
  test('changes nothing until it is accepted, and then holds its invoices', async () => {
    const { ledger, body, first } = await indebted()
    const preview = await post(ledger, '/preview', { ...body, schedule: threeMonths })
    const plan = await post(ledger, '', { ...body, schedule: threeMonths })
    expect(plan).toMatchObject({ status: 'proposed', total: '300.00', paid: '0.00', expires_on: '2026-01-29' })
    expect(plan.installments.map(({ due_on, amount }) => [due_on, amount])).toEqual([
      ['2026-01-31', '100.00'],
      ['2026-02-28', '100.00'],
      ['2026-03-31', '100.00']
    ])
    expect(preview.installments.map(({ due_on }) => due_on)).toEqual(['2026-01-31', '2026-02-28', '2026-03-31'])
    expect((await ledger.invoice(first)).dunning.held).toBe(false)
    const accepted = await post(ledger, `/${plan.id}/accept`, { accepted_by: 'Ada Smith', channel: 'e_mail', note: 'by reply' })
    expect(accepted).toMatchObject({
      status: 'active',
      accepted_on: '2026-01-15',
      acceptance: { accepted_by: 'Ada Smith', accepted_at: '2026-01-15T08:00:00.000Z', channel: 'e_mail', note: 'by reply' }
    })
    expect((await ledger.invoice(first)).dunning.held).toBe(true)
    await ledger.advance('2026-01-31T08:00:00Z')
    expect(await ledger.ladder(first)).toEqual(['reminder 2026-01-13'])
  })

  test('expires, is rejected, or goes stale when something is paid', async () => {
    const { ledger, body, clientId } = await indebted()
    const expiring = await post(ledger, '', { ...body, schedule: threeMonths, expires_on: '2026-01-16' })
    const rejected = await post(ledger, '', { ...body, schedule: threeMonths })
    const stale = await post(ledger, '', { ...body, schedule: threeMonths })
    expect((await post(ledger, `/${rejected.id}/reject`)).status).toBe('rejected')
    await ledger.pay(clientId, '50.00')
    await ledger.advance(2)
    const accept = async (id: string) =>
      refusalOf(await ledger.call('POST', `/v1/payment-plans/${id}/accept`, { body: { accepted_by: 'Ada' } }))
    expect(await accept(expiring.id)).toBe('409 plan_expired')
    expect(await accept(rejected.id)).toBe('409 plan_ended')
    expect(await accept(stale.id)).toBe('409 plan_stale')
    expect(await events(ledger)).toEqual([
      ...Array.from({ length: 3 }, () => '2026-01-15 payment_plan.proposed'),
      '2026-01-15 payment_plan.rejected',
      '2026-01-17 payment_plan.expired'
    ])
  })
})

describe('an active plan', () => {
  test('reminds of each installment, takes money in the order of days, and ends when all is paid', async () => {
    const { ledger, clientId, id, first, second } = await planned()
    await ledger.advance('2026-01-30T12:00:00Z')
    await ledger.pay(clientId, '100.00')
    await ledger.advance('2026-02-28T12:00:00Z')
    await ledger.pay(clientId, '200.00')
    expect(await read(ledger, id)).toMatchObject({
      status: 'completed',
      ended_on: '2026-02-28',
      paid: '300.00',
      end_reason: 'paid'
    })
    expect(await events(ledger)).toEqual([
      '2026-01-15 payment_plan.proposed',
      '2026-01-15 payment_plan.accepted',
      '2026-01-28 installment.due_soon',
      '2026-01-30 installment.paid',
      '2026-02-25 installment.due_soon',
      '2026-02-28 installment.due',
      '2026-02-28 installment.paid',
      '2026-02-28 installment.paid',
      '2026-02-28 payment_plan.completed'
    ])
    expect((await ledger.invoice(first)).status).toBe('paid')
    expect((await ledger.invoice(second)).status).toBe('paid')
    await ledger.advance(31)
    expect(await ledger.ladder(second)).toEqual(['reminder 2026-01-13'])
  })

  test('early money for the third installment covers a late first one', async () => {
    const { ledger, clientId, id } = await planned()
    await ledger.advance('2026-02-02T12:00:00Z')
    await ledger.pay(clientId, '150.00')
    expect((await read(ledger, id)).installments.map(({ paid, status }) => [paid, status])).toEqual([
      ['100.00', 'paid'],
      ['50.00', 'upcoming'],
      ['0.00', 'upcoming']
    ])
    await ledger.advance('2026-02-28T08:00:00Z')
    expect(await ledger.told('installment.missed')).toEqual([])
  })

  test('breaks at the second missed installment, cured ones count, and dunning resumes with one entry', async () => {
    const { ledger, clientId, id, first, second } = await planned({ discount: '30.00' })
    await ledger.advance('2026-02-05T12:00:00Z')
    await ledger.pay(clientId, '90.00')
    expect((await read(ledger, id)).installments[0]).toMatchObject({ status: 'paid', missed_on: '2026-02-04' })
    await ledger.advance('2026-03-04T12:00:00Z')
    expect(await read(ledger, id)).toMatchObject({ status: 'broken', ended_on: '2026-03-04', end_reason: 'installments_missed' })
    expect((await events(ledger)).slice(2)).toEqual([
      '2026-01-28 installment.due_soon',
      '2026-01-31 installment.due',
      '2026-02-04 installment.missed',
      '2026-02-05 installment.paid',
      '2026-02-25 installment.due_soon',
      '2026-02-28 installment.due',
      '2026-03-04 installment.missed',
      '2026-03-04 payment_plan.broken'
    ])
    await ledger.advance(1)
    expect(await ledger.entries(second)).toMatchObject([{ stage: 'reminder' }, { stage: 'final', skipped: ['second'] }])
    const left = [(await ledger.invoice(first)).balance, (await ledger.invoice(second)).balance]
    expect(left.toSorted()).toEqual(['10.00', '200.00'])
  })

  test('with a discount settles its invoices once what was agreed is paid', async () => {
    const { ledger, clientId, id, first, second } = await planned({ discount: '30.00' })
    await ledger.pay(clientId, '270.00')
    expect((await read(ledger, id)).status).toBe('completed')
    expect([(await ledger.invoice(first)).status, (await ledger.invoice(second)).status]).toEqual(['paid', 'paid'])
    expect(await ledger.told('invoice.paid', 'invoice.partially_paid')).toHaveLength(2)
  })

  test('gives up no more than it agreed to: what a bounced payment left owed again is owed', async () => {
    const { ledger, clientId, first, body } = await indebted()
    const paymentId = await ledger.pay(clientId, '60.00', { allocations: [{ invoice_id: first, amount: '60.00' }] })
    const plan = await post(ledger, '', { ...body, schedule: threeMonths })
    await post(ledger, `/${plan.id}/accept`, { accepted_by: 'Ada' })
    await ledger.reverse(paymentId, { reason: 'bounced' })
    await ledger.pay(clientId, '240.00')
    expect(await read(ledger, plan.id)).toMatchObject({ status: 'completed' })
    const owed = await Promise.all(body.invoice_ids.map(async (id) => (await ledger.invoice(id)).balance))
    expect(owed.toSorted()).toEqual(['0.00', '60.00'])
  })

  test('that was completed by a payment entered wrongly goes on, and its discount is owed again', async () => {
    const { ledger, clientId, id, second } = await planned({ discount: '30.00' })
    const payment = await ledger.pay(clientId, '270.00')
    await ledger.reverse(payment, { reason: 'entered_wrongly' })
    expect(await read(ledger, id)).toMatchObject({ status: 'active', paid: '0.00', ended_on: null })
    expect(await ledger.invoice(second)).toMatchObject({ status: 'open', balance: '200.00', dunning: { held: true } })
    expect((await events(ledger)).at(-1)).toBe('2026-01-15 payment_plan.restored')
  })

  test('that was broken goes on when the money turns out to have come in time', async () => {
    const { ledger, clientId, id, second } = await planned({ break_after_missed: 1 })
    await ledger.advance('2026-02-06T12:00:00Z')
    expect((await read(ledger, id)).status).toBe('broken')
    expect(await ledger.ladder(second)).toEqual(['reminder 2026-01-13', 'final 2026-02-04'])
    await ledger.pay(clientId, '100.00', { received_on: '2026-01-31' })
    expect((await read(ledger, id)).status).toBe('active')
    expect((await ledger.invoice(second)).dunning.held).toBe(true)
  })

  test('is replaced by another only when that is accepted', async () => {
    const { ledger, clientId, id } = await planned()
    await ledger.pay(clientId, '60.00')
    const schedule = { kind: 'equal', count: 4, every: 'weekly', first_on: '2026-02-02' }
    const next = await post(ledger, `/${id}/renegotiate`, { schedule })
    expect(next).toMatchObject({ status: 'proposed', total: '240.00', replaces_id: id })
    expect((await read(ledger, id)).status).toBe('active')
    await post(ledger, `/${next.id}/accept`, { accepted_by: 'Ada Smith' })
    expect(await read(ledger, id)).toMatchObject({ status: 'cancelled', end_reason: 'renegotiated', replaced_by_id: next.id })
    expect((await read(ledger, next.id)).status).toBe('active')
    const holds = await done(ledger.call<{ data: { origin: { id: string } }[] }>('GET', '/v1/holds?active=true'))
    expect(holds.data.map(({ origin }) => origin.id)).toEqual([next.id])
  })

  test('ends with an invoice that is written off', async () => {
    const { ledger, id, first } = await planned()
    await done(ledger.call('POST', `/v1/invoices/${first}/write-off`, { body: {} }))
    expect(await read(ledger, id)).toMatchObject({ status: 'cancelled', end_reason: 'invoice_closed' })
    expect((await done(ledger.call<{ data: unknown[] }>('GET', '/v1/holds?active=true'))).data).toEqual([])
  })
})

test('an installment that is emptied by a payment that bounced after its grace is missed on the next day, and time goes on', async () => {
  const ledger = await newLedger({ clockAt: '2026-01-05T09:00:00Z' })
  const clientId = await ledger.addClient()
  const { id: invoiceId } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-04', total: '200.00' })
  const installments = ['2026-01-10', '2026-02-10'].map((due_on) => ({ due_on, amount: '100.00' }))
  const terms = { schedule: { kind: 'custom', installments }, grace_days: 0 }
  const { id } = await post(ledger, '', { client_id: clientId, invoice_ids: [invoiceId], ...terms })
  await post(ledger, `/${id}/accept`, { accepted_by: 'Ada Smith' })
  await ledger.advance('2026-01-09T12:00:00Z')
  const paymentId = await ledger.pay(clientId, '100.00')
  await ledger.advance('2026-01-11T12:00:00Z')
  await ledger.reverse(paymentId, { reason: 'bounced' })
  await ledger.advance('2026-01-31T12:00:00Z')
  expect((await read(ledger, id)).installments.map(({ missed_on }) => missed_on)).toEqual(['2026-01-12', null])
  expect(await ledger.told('installment.missed')).toEqual(['2026-01-12 installment.missed'])
})

describe('bad input', () => {
  test('each is refused by name, and nothing is written', async () => {
    const { ledger, clientId, first, second, body } = await indebted()
    const other = await ledger.issue(await ledger.addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
    const dollars = await ledger.issue(clientId, { currency: 'USD', issued_on: '2026-01-01', due_on: '2026-01-10' })
    const attempt = async (more: object) =>
      refusalOf(await ledger.call('POST', '/v1/payment-plans', { body: { ...body, schedule: threeMonths, ...more } }))
    const custom = (...installments: [string, string][]) => ({
      schedule: { kind: 'custom', installments: installments.map(([due_on, amount]) => ({ due_on, amount })) }
    })
    expect(await attempt({ invoice_ids: [first, other.id] })).toBe('422 reference_not_found /invoice_ids/1')
    expect(await attempt({ invoice_ids: [first, dollars.id] })).toBe('422 currency_mismatch /invoice_ids/1')
    expect(await attempt(custom(['2026-02-01', '299.99']))).toBe('400 invalid_amount /schedule/installments')
    expect(await attempt(custom(['2026-02-01', '300.00'], ['2026-03-01', '0']))).toBe(
      '400 invalid_amount /schedule/installments/1/amount'
    )
    expect(await attempt(custom(['2026-02-01', '100.00'], ['2026-02-01', '200.00']))).toBe(
      '400 invalid_date /schedule/installments/1/due_on'
    )
    expect(await attempt(custom(['2026-01-14', '300.00']))).toBe('400 invalid_date /schedule/installments/0/due_on')
    expect(await attempt({ discount: '300.00' })).toBe('422 exceeds_balance /discount')
    expect(await attempt({ break_after_missed: 4 })).toBe('400 invalid_request /break_after_missed')
    expect(await attempt({ expires_on: '2026-01-14' })).toBe('400 invalid_date /expires_on')
    expect(await attempt({ schedule: { ...threeMonths, down_payment: { amount: '299.99' } } })).toBe(
      '400 invalid_amount /schedule/down_payment/amount'
    )
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: first, amount: '100.00' }] })
    expect(await attempt({})).toBe('409 invoice_not_open /invoice_ids/0')
    expect((await done(ledger.call<{ data: unknown[] }>('GET', '/v1/payment-plans'))).data).toEqual([])
    const { id } = await post(ledger, '', { ...body, invoice_ids: [second], schedule: threeMonths })
    await post(ledger, `/${id}/accept`, { accepted_by: 'Ada' })
    expect(await attempt({ invoice_ids: [second] })).toBe('409 invoice_planned /invoice_ids/0')
  })

  test('of two plans over one invoice that are accepted at the same time one is', async () => {
    const { ledger, body } = await indebted()
    const plans = await Promise.all([1, 2].map(() => post(ledger, '', { ...body, schedule: threeMonths })))
    const answers = await Promise.all(
      plans.map(({ id }) => ledger.call('POST', `/v1/payment-plans/${id}/accept`, { body: { accepted_by: 'Ada' } }))
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  })
})
