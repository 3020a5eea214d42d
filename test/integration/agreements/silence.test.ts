import { afterAll, describe, expect, test } from 'vitest'
import { addressing } from '../../../src/modules/events/addressing.ts'
import { onTheTenth, stages } from '../../support/agreements.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

/** An accepted plan of two parts, on 20 January and 20 February. */
async function planned(more: object = {}) {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, onTheTenth)
  const schedule = { kind: 'equal', count: 2, every: 'monthly', first_on: '2026-01-20' }
  const body = { client_id: clientId, invoice_ids: [id], schedule, grace_days: 0, break_after_missed: 2, ...more }
  const plan = await done(ledger.call<{ id: string }>('POST', '/v1/payment-plans', { body }))
  await done(ledger.call('POST', `/v1/payment-plans/${plan.id}/accept`, { body: { accepted_by: 'Ada' } }))
  return { ledger, clientId, id, plan }
}

const place = (ledger: Ledger, body: object) => done(ledger.call<{ id: string }>('POST', '/v1/holds', { body }))

describe.each(['insolvency', 'cease_contact', 'third_party', 'legal_representation'])('a client under %s', (reason) => {
  test.each(['client', 'invoice'])(
    'is not reminded of installments where the %s is held, and the miss names the hold',
    async (scope) => {
      const { ledger, clientId, id } = await planned()
      const hold = await place(ledger, { client_id: clientId, reason, ...(scope === 'invoice' && { invoice_ids: [id] }) })
      await ledger.advance('2026-01-25T12:00:00Z')
      expect(await ledger.told('installment.due_soon', 'installment.due')).toEqual([])
      const [missed] = await ledger.events('installment.missed')
      expect(missed?.context).toMatchObject({ holds: [{ id: hold.id, reason }] })
      const [overdue] = await ledger.events('invoice.overdue')
      expect(overdue?.context).toMatchObject({ holds: [{ id: hold.id, reason }] })
      await done(ledger.call('POST', `/v1/holds/${hold.id}/release`, { body: {} }))
      await ledger.advance('2026-02-20T12:00:00Z')
      expect(await ledger.told('installment.due_soon', 'installment.due')).toEqual([
        '2026-02-17 installment.due_soon',
        '2026-02-20 installment.due'
      ])
    }
  )
})

test('whatever concerns the debtor names the holds under which the client is not to be addressed, and none where there are none', async () => {
  const { ledger } = await planned()
  await ledger.advance('2026-01-25T12:00:00Z')
  const concerning = (await ledger.events()).filter(({ type }) => addressing[type as keyof typeof addressing] === 'concerns')
  expect(new Set(concerning.map(({ type }) => type))).toEqual(
    new Set(['invoice.overdue', 'payment_plan.proposed', 'payment_plan.accepted', 'installment.missed'])
  )
  expect(concerning.filter(({ context }) => !Array.isArray(context['holds']) || context['holds'].length > 0)).toEqual([])
})

test('what becomes of a promise names the hold under which the client is not to be addressed, and none where there is none', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const [kept, broken, cancelled] = [
    await ledger.issue(clientId, onTheTenth),
    await ledger.issue(clientId, onTheTenth),
    await ledger.issue(clientId, onTheTenth)
  ]
  const promise = async ({ id }: { id: string }) => {
    const body = { client_id: clientId, invoice_ids: [id], currency: 'EUR', amount: '100.00', promised_on: '2026-01-20' }
    return done(ledger.call<{ id: string }>('POST', '/v1/promises', { body }))
  }
  await promise(kept)
  const first = await ledger.events('promise.made')
  expect(first.map(({ context }) => context['holds'])).toEqual([[]])
  const hold = await place(ledger, { client_id: clientId, reason: 'insolvency' })
  await promise(broken)
  const { id } = await promise(cancelled)
  await done(ledger.call('POST', `/v1/promises/${id}/cancel`, { body: {} }))
  await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: kept.id, amount: '100.00' }] })
  await ledger.advance('2026-01-25T12:00:00Z')
  const told = (await ledger.events('promise.made', 'promise.kept', 'promise.broken', 'promise.cancelled')).slice(1)
  expect(told.map(({ type }) => type).toSorted()).toEqual([
    'promise.broken',
    'promise.cancelled',
    'promise.kept',
    'promise.made',
    'promise.made'
  ])
  for (const { context } of told) expect(context).toMatchObject({ holds: [{ id: hold.id, reason: 'insolvency' }] })
})

test('what becomes of money and of disputes names the holds under which the client is not to be addressed', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const types = ['payment.failed', 'payment.reversed', 'payment.unconfirmed', 'dispute.opened', 'dispute.resolved']
  const turn = async () => {
    const { id } = await ledger.issue(clientId, onTheTenth)
    const allocations = [{ invoice_id: id, amount: '10.00' }]
    await ledger.reverse(await ledger.pay(clientId, '10.00', { allocations }), { reason: 'bounced' })
    const today = (await ledger.events()).at(-1)?.occurredAt.slice(0, 10)
    const announced = { status: 'pending', matures_on: today, allocations }
    const pending = await ledger.pay(clientId, '10.00', announced)
    await done(ledger.call('POST', `/v1/payments/${pending}/fail`, { body: {} }))
    await ledger.pay(clientId, '10.00', announced)
    const body = { invoice_id: id, amount: '20.00', reason: 'quality' }
    const dispute = await done(ledger.call<{ id: string }>('POST', '/v1/disputes', { body }))
    await done(ledger.call('POST', `/v1/disputes/${dispute.id}/resolve`, { body: { outcome: 'rejected', at_fault: 'client' } }))
    await ledger.advance(20)
    return id
  }
  await turn()
  const before = await ledger.events(...types)
  expect(new Set(before.map(({ type }) => type))).toEqual(new Set(types))
  for (const { context } of before) expect(context).toEqual({ holds: [] })
  const hold = await place(ledger, { client_id: clientId, reason: 'insolvency' })
  await turn()
  const after = (await ledger.events(...types)).slice(before.length)
  expect(new Set(after.map(({ type }) => type))).toEqual(new Set(types))
  for (const { context } of after) expect(context).toEqual({ holds: [{ id: hold.id, reason: 'insolvency' }] })
})

describe('a reminder that a hold kept back', () => {
  const reminders = ['installment.due_soon', 'installment.due']
  const release = (ledger: Ledger, { id }: { id: string }) => done(ledger.call('POST', `/v1/holds/${id}/release`, { body: {} }))

  test('is sent once, when the hold is released before its day is over', async () => {
    const { ledger, clientId } = await planned()
    const hold = await place(ledger, { client_id: clientId, reason: 'insolvency' })
    await ledger.advance('2026-01-20T12:00:00Z')
    expect(await ledger.told(...reminders)).toEqual([])
    await release(ledger, hold)
    await ledger.advance('2026-01-20T13:00:00Z')
    expect(await ledger.told(...reminders)).toEqual(['2026-01-20 installment.due'])
    const again = await place(ledger, { client_id: clientId, reason: 'insolvency' })
    await release(ledger, again)
    await ledger.advance('2026-01-20T23:00:00Z')
    expect(await ledger.told(...reminders)).toEqual(['2026-01-20 installment.due'])
  })

  test('that an installment is due soon is sent until it is due, and not both of them', async () => {
    const { ledger, clientId } = await planned()
    const hold = await place(ledger, { client_id: clientId, reason: 'cease_contact' })
    await ledger.advance('2026-01-18T12:00:00Z')
    await release(ledger, hold)
    await ledger.advance('2026-01-18T12:01:00Z')
    expect(await ledger.told(...reminders)).toEqual(['2026-01-18 installment.due_soon'])
    await ledger.advance('2026-01-20T12:00:00Z')
    expect(await ledger.told(...reminders)).toEqual(['2026-01-18 installment.due_soon', '2026-01-20 installment.due'])
  })

  test('is not sent while another hold stands, nor before nine, nor once its day is over', async () => {
    const { ledger, clientId } = await planned({ grace_days: 5 })
    const [one, other] = [
      await place(ledger, { client_id: clientId, reason: 'insolvency' }),
      await place(ledger, { client_id: clientId, reason: 'third_party' })
    ]
    await ledger.advance('2026-01-20T12:00:00Z')
    await release(ledger, one)
    await ledger.advance('2026-01-20T13:00:00Z')
    expect(await ledger.told(...reminders)).toEqual([])
    await ledger.advance('2026-01-22T12:00:00Z')
    await release(ledger, other)
    await ledger.advance('2026-01-24T12:00:00Z')
    expect(await ledger.told(...reminders)).toEqual([])
    const before = await planned()
    const early = await place(before.ledger, { client_id: before.clientId, reason: 'insolvency' })
    await before.ledger.advance('2026-01-20T03:00:00Z')
    await release(before.ledger, early)
    await before.ledger.advance('2026-01-20T08:59:00Z')
    expect(await before.ledger.told(...reminders)).toEqual([])
    await before.ledger.advance('2026-01-20T09:01:00Z')
    expect(await before.ledger.told(...reminders)).toEqual(['2026-01-20 installment.due'])
  })
})
