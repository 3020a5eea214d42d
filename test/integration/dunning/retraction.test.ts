import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const threeStages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]
const tenthOfJanuary = { issued_on: '2026-01-01', due_on: '2026-01-10' }

async function dunnedUntil(day: string, policy: object = {}) {
  const ledger = await newLedger()
  await ledger.usePolicy(threeStages, policy)
  const clientId = await ledger.addClient({ name: 'Ada', locale: 'de' })
  const { id } = await ledger.issue(clientId, tenthOfJanuary)
  await ledger.advance(`${day}T00:00:00Z`)
  return { ...ledger, clientId, id }
}

test('money that was there before the reminder takes it back, and the consumer is told what to apologize for', async () => {
  const { pay, clientId, id, ladder, events, entries } = await dunnedUntil('2026-01-21')
  await pay(clientId, '100.00', { received_on: '2026-01-12' })
  expect(await ladder(id)).toEqual(['reminder 2026-01-13 mistaken', 'second 2026-01-20 mistaken'])
  const [retracted, ...others] = await events('invoice.dunning_retracted')
  expect(others).toEqual([])
  expect(retracted?.context).toMatchObject({
    reason: 'paid_in_time',
    former_stage: 'second',
    client: { id: clientId, name: 'Ada', locale: 'de' },
    entries: (await entries(id)).map(({ id: entryId, stage, entered_on }) => ({ id: entryId, stage, entered_on }))
  })
  expect(retracted?.object).toMatchObject({ id, status: 'paid', dunning: { stage: null, next_at: null, policy_id: null } })
  expect(await events('invoice.dunning_cleared')).toEqual([])
  expect((await entries(id)).map(({ mistaken_reason }) => mistaken_reason)).toEqual(['paid_in_time', 'paid_in_time'])
})

test('a payment of the day of an entry leaves that entry, and takes back the later one', async () => {
  const { pay, clientId, id, ladder, told } = await dunnedUntil('2026-01-21')
  await pay(clientId, '100.00', { received_on: '2026-01-13' })
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20 mistaken'])
  expect(await told('invoice.dunning_retracted', 'invoice.dunning_cleared')).toEqual([
    '2026-01-21 invoice.dunning_retracted',
    '2026-01-21 invoice.dunning_cleared'
  ])
})

test('a part payment that changes no decision takes nothing back', async () => {
  const { pay, clientId, id, ladder, events, invoice } = await dunnedUntil('2026-01-21')
  await pay(clientId, '60.00', { received_on: '2026-01-05' })
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20'])
  expect(await events('invoice.dunning_retracted', 'invoice.dunning_cleared')).toEqual([])
  expect((await invoice(id)).dunning.stage).toBe('second')
})

test('a part payment that left no more than the minimum takes the entries back, and the ladder begins anew', async () => {
  const { pay, reverse, clientId, id, ladder, invoice, advance } = await dunnedUntil('2026-01-14', {
    min_balance: { EUR: '5.00' }
  })
  const payment = await pay(clientId, '96.00', { received_on: '2026-01-12' })
  expect(await ladder(id)).toEqual(['reminder 2026-01-13 mistaken'])
  expect((await invoice(id)).dunning).toMatchObject({ stage: null, policy_id: null })
  await advance('2026-01-15T00:00:00Z')
  await reverse(payment, { reason: 'bounced' })
  await advance('2026-01-15T01:00:00Z')
  expect(await ladder(id)).toEqual(['reminder 2026-01-13 mistaken', 'reminder 2026-01-15'])
})

test('a payment entered by mistake and taken back restores the stage without entering it again', async () => {
  const { pay, reverse, clientId, id, ladder, invoice, advance } = await dunnedUntil('2026-01-14')
  const payment = await pay(clientId, '100.00')
  await advance('2026-01-16T00:00:00Z')
  await reverse(payment, { reason: 'entered_wrongly' })
  expect((await invoice(id)).dunning.stage).toBe('reminder')
  await advance('2026-01-21T00:00:00Z')
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20'])
})

test('voiding clears the stage, says so once, and nothing follows', async () => {
  const { call, id, ladder, told, advance } = await dunnedUntil('2026-01-14')
  await call('POST', `/v1/invoices/${id}/void`, { body: {} })
  await advance(31)
  expect(await ladder(id)).toEqual(['reminder 2026-01-13'])
  expect(await told('invoice.dunning_cleared', 'invoice.voided')).toEqual([
    '2026-01-14 invoice.dunning_cleared',
    '2026-01-14 invoice.voided'
  ])
})

test('a later due date starts the next cycle, in which each stage may be entered once more', async () => {
  const { call, id, ladder, invoice, advance, told } = await dunnedUntil('2026-01-21')
  const { status } = await call('POST', `/v1/invoices/${id}/reschedule`, { body: { due_on: '2026-02-10' } })
  expect(status).toBe(200)
  expect(await invoice(id)).toMatchObject({
    is_overdue: false,
    dunning: { stage: null, cycle: 2, policy_id: null, next_stage: 'reminder' }
  })
  await advance(31)
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20', 'reminder 2026-02-13', 'second 2026-02-20'])
  expect(await told('invoice.overdue')).toEqual(['2026-01-11 invoice.overdue', '2026-02-11 invoice.overdue'])
})
