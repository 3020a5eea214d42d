import { afterAll, expect, test } from 'vitest'
import { done, type EventRow, startDunning } from '../../support/dunning.ts'

// Who reads that something is so many days overdue finds the day that they count from beside the due date.

const { newLedger, close } = await startDunning()
afterAll(close)

/** 10 January 2026 is a Saturday. */
const both = { due_on: '2026-01-10', effective_due_on: '2026-01-12' }

async function dueOnASaturday() {
  const ledger = await newLedger()
  await done(ledger.call('PATCH', '/v1/organization', { body: { calendar: { weekend: [6, 7] } } }))
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }], { due_on_closed_day: 'next_open' })
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  return { ledger, clientId, id }
}

const obligationOf = ({ context }: EventRow) => context['obligation']

test('an invoice shows its due date and the open day that takes its place, from the start and of each part', async () => {
  const { ledger, clientId, id } = await dueOnASaturday()
  expect(await ledger.invoice(id)).toMatchObject({ ...both, due_schedule: [both] })
  const due_schedule = [
    { due_on: '2026-01-09', amount: '40.00' },
    { due_on: '2026-01-10', amount: '60.00' }
  ]
  const parts = await ledger.issue(clientId, { issued_on: '2026-01-01', due_schedule })
  const first = { due_on: '2026-01-09', effective_due_on: '2026-01-09' }
  expect(parts).toMatchObject({ ...both, due_schedule: [first, both] })
  const [created] = await ledger.events('invoice.created')
  expect(created?.object).toMatchObject(both)
})

test('the explanation, the entry and every event of dunning show both days', async () => {
  const { ledger, clientId, id } = await dueOnASaturday()
  await ledger.advance('2026-01-15T00:00:00Z')
  const { obligations } = await done(ledger.call<{ obligations: object[] }>('GET', `/v1/invoices/${id}/dunning`))
  expect(obligations).toMatchObject([both])
  expect(await ledger.entries(id)).toMatchObject([{ ...both, entered_on: '2026-01-15', days_overdue: 3 }])
  const told = await ledger.events('invoice.overdue', 'invoice.dunning_stage_entered')
  expect(told.map(obligationOf)).toMatchObject([both, both])
  const [notice] = await ledger.events('client.dunning_notice_due')
  expect(notice?.context['obligations']).toMatchObject([both])
  await ledger.pay(clientId, '100.00', { received_on: '2026-01-12' })
  const [retracted] = await ledger.events('invoice.dunning_retracted')
  expect(retracted && obligationOf(retracted)).toMatchObject(both)
})

test('that a stage was cleared is told with both days', async () => {
  const { ledger, clientId } = await dueOnASaturday()
  await ledger.advance('2026-01-15T00:00:00Z')
  await ledger.pay(clientId, '100.00')
  const [cleared] = await ledger.events('invoice.dunning_cleared')
  expect(cleared && obligationOf(cleared)).toMatchObject(both)
})

test('an entry goes on naming the due date that it was made under', async () => {
  const { ledger, id } = await dueOnASaturday()
  await ledger.advance('2026-01-15T00:00:00Z')
  await done(ledger.call('POST', `/v1/invoices/${id}/reschedule`, { body: { due_on: '2026-02-02' } }))
  expect(await ledger.entries(id)).toMatchObject([both])
  expect(await ledger.invoice(id)).toMatchObject({ due_on: '2026-02-02', effective_due_on: '2026-02-02' })
})
