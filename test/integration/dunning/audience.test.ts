import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

test('a stage names the contacts that it is for, and a notice those of its highest stage', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy([
    { code: 'reminder', offset_days: 3 },
    { code: 'owner', offset_days: 10, audience: ['owner', 'legal'] }
  ])
  const contacts = [{ name: 'Bill' }, { name: 'Olga', role: 'owner' }]
  const clientId = await ledger.addClient({ contacts })
  await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await ledger.advance(25)
  const named = (await ledger.events('invoice.dunning_stage_entered', 'client.dunning_notice_due')).map(({ context }) =>
    (context['client'] as { contacts: { name: string }[] }).contacts.map(({ name }) => name).join(', ')
  )
  expect(named.toSorted()).toEqual(['Bill, Olga', 'Bill, Olga', 'Olga', 'Olga'])
})
