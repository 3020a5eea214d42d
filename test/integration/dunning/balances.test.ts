import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const twoStages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 }
]
const tenthOfJanuary = { issued_on: '2026-01-01', due_on: '2026-01-10' }

test('after a part payment what remains is dunned, and said', async () => {
  const { addClient, issue, usePolicy, advance, pay, entries, events } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const { id } = await issue(clientId, tenthOfJanuary)
  await advance('2026-01-12T00:00:00Z')
  await pay(clientId, '60.00')
  await advance('2026-01-13T00:00:00Z')
  expect((await entries(id)).map(({ stage, balance }) => `${stage} ${balance}`)).toEqual(['reminder 40.00'])
  const [told] = await events('invoice.dunning_stage_entered')
  expect(told?.context['amounts']).toMatchObject({ currency: 'EUR', total: '100.00', balance: '40.00', net_total: '40.00' })
})

test('a remainder at the minimum of its currency is not dunned, and a cent above it is', async () => {
  const { addClient, issue, usePolicy, advance, pay, ladder } = await newLedger()
  await usePolicy(twoStages, { min_balance: { EUR: '5.00' } })
  const clientId = await addClient()
  const { id: atIt } = await issue(clientId, tenthOfJanuary)
  const { id: aboveIt } = await issue(clientId, tenthOfJanuary)
  await pay(clientId, '189.99', {
    allocations: [
      { invoice_id: atIt, amount: '95.00' },
      { invoice_id: aboveIt, amount: '94.99' }
    ]
  })
  await advance('2026-01-13T00:00:00Z')
  expect(await ladder(atIt)).toEqual([])
  expect(await ladder(aboveIt)).toEqual(['reminder 2026-01-13'])
})

test('what a client paid too much settles the next invoice before it is dunned', async () => {
  const { addClient, issue, usePolicy, advance, pay, ladder, invoice } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const { id: first } = await issue(clientId, tenthOfJanuary)
  await pay(clientId, '200.00')
  const { id: second } = await issue(clientId, tenthOfJanuary)
  expect((await invoice(second)).status).toBe('paid')
  await advance(31)
  expect([await ladder(first), await ladder(second)]).toEqual([[], []])
})

test('paying the older invoice skips no stage of the newer one', async () => {
  const { addClient, issue, usePolicy, advance, pay, ladder } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const { id: older } = await issue(clientId, tenthOfJanuary)
  const { id: newer } = await issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-16' })
  await advance('2026-01-20T00:00:00Z')
  await pay(clientId, '100.00')
  await advance('2026-01-31T00:00:00Z')
  expect(await ladder(older)).toEqual(['reminder 2026-01-13', 'second 2026-01-20'])
  expect(await ladder(newer)).toEqual(['reminder 2026-01-19', 'second 2026-01-26'])
})

test('paying one of five clears its stage and leaves the others where they are', async () => {
  const { addClient, issue, usePolicy, advance, pay, invoice, told, events } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const invoices = []
  for (let n = 0; n < 5; n += 1) invoices.push(await issue(clientId, tenthOfJanuary))
  await advance('2026-01-14T00:00:00Z')
  const [, , third] = invoices
  await pay(clientId, '100.00', { allocations: [{ invoice_id: third?.id, amount: '100.00' }] })
  const stages = await Promise.all(invoices.map(async ({ id }) => (await invoice(id)).dunning.stage))
  expect(stages).toEqual(['reminder', 'reminder', null, 'reminder', 'reminder'])
  expect(await told('invoice.dunning_cleared')).toEqual(['2026-01-14 invoice.dunning_cleared'])
  const [cleared] = await events('invoice.dunning_cleared')
  expect(cleared?.object).toMatchObject({ id: third?.id, status: 'paid', dunning: { stage: null, next_at: null } })
  expect(cleared?.context).toMatchObject({ former_stage: 'reminder', reason: 'paid' })
  await advance('2026-01-20T00:00:00Z')
  const after = await Promise.all(invoices.map(async ({ id }) => (await invoice(id)).dunning.stage))
  expect(after).toEqual(['second', 'second', null, 'second', 'second'])
})

test('of several currencies each is dunned and noticed on its own, one cured and one not', async () => {
  const { addClient, issue, usePolicy, advance, pay, ladder, events } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const { id: euros } = await issue(clientId, tenthOfJanuary)
  const { id: dinars } = await issue(clientId, { ...tenthOfJanuary, currency: 'KWD', total: '30.500' })
  await advance('2026-01-13T00:00:00Z')
  await pay(clientId, '100.00')
  await advance('2026-01-20T00:00:00Z')
  expect(await ladder(euros)).toEqual(['reminder 2026-01-13'])
  expect(await ladder(dinars)).toEqual(['reminder 2026-01-13', 'second 2026-01-20'])
  const notices = await events('client.dunning_notice_due')
  expect(notices.map(({ context }) => `${context['currency']} ${context['total']}`).sort()).toEqual([
    'EUR 100.00',
    'KWD 30.500',
    'KWD 30.500'
  ])
})

test('each row of a notice has its own outstanding amount, and the notice their sum', async () => {
  const { addClient, issue, usePolicy, advance, pay, events } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const totals = ['10.00', '20.00', '40.00']
  const invoices = []
  for (const total of totals) invoices.push(await issue(clientId, { ...tenthOfJanuary, total }))
  await issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-31', total: '80.00' })
  await pay(clientId, '15.00', { allocations: [{ invoice_id: invoices[1]?.id, amount: '15.00' }] })
  await advance('2026-01-13T00:00:00Z')
  const [notice] = await events('client.dunning_notice_due')
  const rows = notice?.context['obligations'] as { number: string; balance: string; days_overdue: number; stage: string | null }[]
  expect(rows.map(({ balance, days_overdue, stage }) => [balance, days_overdue, stage]).toSorted()).toEqual([
    ['10.00', 3, 'reminder'],
    ['40.00', 3, 'reminder'],
    ['5.00', 3, 'reminder'],
    ['80.00', 0, null]
  ])
  expect(notice?.context).toMatchObject({
    total: '135.00',
    total_overdue: '55.00',
    days_overdue: 3,
    highest_stage: { code: 'reminder' }
  })
})

test('a bounced payment puts the invoice back by its age, and no stage is entered twice', async () => {
  const { addClient, issue, usePolicy, advance, pay, reverse, ladder, invoice, told } = await newLedger()
  await usePolicy([...twoStages, { code: 'final', offset_days: 24 }])
  const clientId = await addClient()
  const { id } = await issue(clientId, tenthOfJanuary)
  await advance('2026-01-14T00:00:00Z')
  const payment = await pay(clientId, '100.00')
  expect((await invoice(id)).dunning).toMatchObject({ stage: null, next_stage: null, next_at: null })
  await advance('2026-01-18T00:00:00Z')
  await reverse(payment, { reason: 'bounced' })
  expect((await invoice(id)).dunning).toMatchObject({
    stage: 'reminder',
    next_stage: 'second',
    next_at: '2026-01-20T00:00:00.000Z'
  })
  await advance('2026-02-10T00:00:00Z')
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20', 'final 2026-02-03'])
  expect(await told('invoice.overdue')).toEqual(['2026-01-11 invoice.overdue'])
})

test('a payment that bounces after the next stage came due enters that stage with the next sweep', async () => {
  const { addClient, issue, usePolicy, advance, pay, reverse, ladder } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const { id } = await issue(clientId, tenthOfJanuary)
  await advance('2026-01-14T00:00:00Z')
  const payment = await pay(clientId, '100.00')
  await advance('2026-01-28T06:00:00Z')
  await reverse(payment, { reason: 'bounced' })
  expect(await ladder(id)).toEqual(['reminder 2026-01-13'])
  await advance('2026-01-28T07:00:00Z')
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-28'])
})

test('an invoice due in parts is dunned part by part, and shows the part that fell due first', async () => {
  const { addClient, issue, usePolicy, advance, pay, entries, invoice, events } = await newLedger()
  await usePolicy([{ code: 'reminder', offset_days: 3 }])
  const clientId = await addClient()
  const due_schedule = [
    { due_on: '2026-01-10', amount: '60.00' },
    { due_on: '2026-01-20', amount: '40.00' }
  ]
  const { id } = await issue(clientId, { issued_on: '2026-01-01', due_schedule })
  await advance('2026-01-13T00:00:00Z')
  expect((await invoice(id)).dunning.stage).toBe('reminder')
  await pay(clientId, '60.00')
  expect((await invoice(id)).dunning.stage).toBe(null)
  await advance('2026-01-23T00:00:00Z')
  expect((await entries(id)).map(({ entered_on, balance }) => `${entered_on} ${balance}`)).toEqual([
    '2026-01-13 60.00',
    '2026-01-23 40.00'
  ])
  expect(await events('invoice.overdue')).toHaveLength(2)
})
