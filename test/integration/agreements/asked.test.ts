import { afterAll, expect, test } from 'vitest'
import { onTheTenth, stages } from '../../support/agreements.ts'
import { done, type EventRow, startDunning } from '../../support/dunning.ts'

// Who sends a message from an event asks for what the event says is asked for.

const { newLedger, close } = await startDunning()
afterAll(close)

const amountsOf = ({ context }: EventRow) => context['amounts']

test('a stage event names what is disputed of its invoice, what credit covers, and what is asked for', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  await done(ledger.call('PATCH', '/v1/organization', { body: { auto_apply_credit: false } }))
  const clientId = await ledger.addClient()
  await ledger.pay(clientId, '25.00')
  const { id } = await ledger.issue(clientId, onTheTenth)
  await done(ledger.call('POST', '/v1/disputes', { body: { invoice_id: id, reason: 'quality', amount: '40.00' } }))
  await ledger.advance('2026-01-14T00:00:00Z')
  const common = { currency: 'EUR', total: '100.00', balance: '100.00' }
  const asked = {
    ...common,
    disputed: '40.00',
    unapplied_credit: '25.00',
    announced: '0.00',
    promised: '0.00',
    net_total: '35.00'
  }
  const told = await ledger.events('invoice.dunning_stage_entered', 'invoice.overdue')
  expect(told.map(amountsOf)).toEqual([asked, asked, asked])
})

test('a later part is asked for whole, though an earlier part of its invoice is disputed: by stage event and notice alike', async () => {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
  const due_schedule = [
    { due_on: '2026-01-10', amount: '50.00' },
    { due_on: '2026-01-20', amount: '50.00' }
  ]
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_schedule })
  await done(ledger.call('POST', '/v1/disputes', { body: { invoice_id: id, reason: 'quality', amount: '50.00' } }))
  await ledger.advance('2026-01-24T00:00:00Z')
  const [stage, ...more] = await ledger.events('invoice.dunning_stage_entered')
  expect(more).toEqual([])
  expect(stage?.context['amounts']).toMatchObject({ balance: '50.00', disputed: '0.00', net_total: '50.00' })
  const [notice] = await ledger.events('client.dunning_notice_due')
  expect(notice?.context).toMatchObject({ total: '50.00', disputed: '0.00', net_total: '50.00' })
})
