import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 210 }
]
const twoHundredDaysLate = { issued_on: '2025-05-01', due_on: '2025-06-15' }

test('an import of invoices 200 days late raises no storm, and each goes on from the stage that its age says', async () => {
  const { addClient, call, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const clientId = await addClient()
  const invoices = Array.from({ length: 20 }, (_, n) => ({
    ...{ client_id: clientId, number: `I-${n}`, currency: 'EUR', total: '10.00' },
    ...{ ...twoHundredDaysLate, dunning_start: 'baseline' }
  }))
  const { body } = await call<{ results: { invoice: { id: string; is_overdue: boolean; dunning: { stage: string } } }[] }>(
    'POST',
    '/v1/invoices/batch',
    { body: { invoices } }
  )
  expect(body.results.map(({ invoice }) => [invoice.is_overdue, invoice.dunning.stage])).toEqual(
    Array.from({ length: 20 }, () => [true, 'second'])
  )
  await advance(5)
  const quiet = ['invoice.overdue', 'invoice.dunning_stage_entered', 'client.dunning_notice_due']
  expect(await told(...quiet)).toEqual([])
  await advance(31)
  const id = body.results[7]?.invoice.id ?? ''
  expect(await ladder(id)).toEqual(['second 2026-01-01 baseline', 'final 2026-01-11'])
  expect(await told('client.dunning_notice_due')).toEqual(['2026-01-11 client.dunning_notice_due'])
})

test('a baseline below the first stage enters nothing and does not say again that it is overdue', async () => {
  const { addClient, issue, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const { id } = await issue(await addClient(), { issued_on: '2025-12-01', due_on: '2025-12-30', dunning_start: 'baseline' })
  await advance(31)
  expect(await ladder(id)).toEqual(['reminder 2026-01-02', 'second 2026-01-09'])
  expect(await told('invoice.overdue')).toEqual([])
})

test('an old invoice that starts normally enters the stage of its age at once', async () => {
  const { addClient, issue, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const { id } = await issue(await addClient(), twoHundredDaysLate)
  await advance('2026-01-01T00:00:01Z')
  expect(await ladder(id)).toEqual(['second 2026-01-01'])
  expect(await told('invoice.overdue')).toEqual(['2026-01-01 invoice.overdue'])
})

test('an invoice with dunning off is told to be overdue and never dunned, until it is switched on', async () => {
  const { addClient, issue, call, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const { id } = await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10', dunning_start: 'off' })
  await advance('2026-01-21T00:00:00Z')
  expect(await ladder(id)).toEqual([])
  expect(await told('invoice.overdue')).toEqual(['2026-01-11 invoice.overdue'])
  await call('PATCH', `/v1/invoices/${id}`, { body: { dunning_start: 'normal' } })
  await advance('2026-01-21T01:00:00Z')
  expect(await ladder(id)).toEqual(['second 2026-01-21'])
})

test('a payment of before the import makes its baseline mistaken without an apology', async () => {
  const { addClient, issue, usePolicy, pay, ladder, told, invoice } = await newLedger()
  await usePolicy(stages)
  const clientId = await addClient()
  const { id } = await issue(clientId, { ...twoHundredDaysLate, dunning_start: 'baseline' })
  await pay(clientId, '100.00', { received_on: '2025-08-01' })
  expect(await ladder(id)).toEqual(['second 2026-01-01 baseline mistaken'])
  expect((await invoice(id)).dunning.stage).toBe(null)
  expect(await told('invoice.dunning_retracted', 'invoice.dunning_cleared')).toEqual([])
})

test('a client that is exempt is not dunned through that day, and by its age afterwards', async () => {
  const { addClient, issue, call, usePolicy, advance, ladder } = await newLedger()
  await usePolicy(stages)
  const clientId = await addClient({ dunning_exempt_until_on: '2026-01-25' })
  const { id } = await issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await advance('2026-01-20T00:00:00Z')
  expect(await ladder(id)).toEqual([])
  await call('PATCH', `/v1/clients/${clientId}`, { body: { dunning_exempt_until_on: '2026-01-22' } })
  await advance('2026-01-23T00:00:00Z')
  expect(await ladder(id)).toEqual(['second 2026-01-23'])
})
