import { afterAll, expect, test } from 'vitest'
import { done, startDunning } from '../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Balances = { currency: string; [field: string]: unknown }[]
type Balance = { balances: Balances; branches: { clients: number; balances: Balances }; consolidated: Balances }

test('a parent shows what it, its branches and both together owe and have, per currency, each overdue by its own day', async () => {
  const ledger = await newLedger()
  const parent = await ledger.addClient()
  const [one, two] = await Promise.all([
    ledger.addClient({ parent_id: parent }),
    ledger.addClient({ parent_id: parent, time_zone: 'Pacific/Kiritimati' })
  ])
  const other = await ledger.addClient()
  for (const id of [parent, one, two, other]) await ledger.issue(id, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await ledger.issue(one, { due_on: '2026-03-01', currency: 'JPY', total: '5000' })
  await ledger.pay(one, '130.00')
  await ledger.pay(parent, '20.00', { reserved_for: 'deposit' })
  await ledger.pay(two, '60.00', { status: 'pending', matures_on: '2026-01-20' })
  await ledger.advance('2026-01-10T12:00:00Z')
  const balanceOf = (id: string) => done(ledger.call<Balance>('GET', `/v1/clients/${id}/balance`))
  const { balances, branches, consolidated } = await balanceOf(parent)
  expect(balances).toMatchObject([{ currency: 'EUR', open: '100.00', overdue: '0.00', reserved_credit: '20.00', net: '100.00' }])
  expect(branches).toMatchObject({
    clients: 2,
    balances: [
      {
        currency: 'EUR',
        open: '100.00',
        overdue: '100.00',
        unapplied_credit: '30.00',
        pending: '60.00',
        net: '70.00',
        open_invoices: 1
      },
      { currency: 'JPY', open: '5000', overdue: '0' }
    ]
  })
  expect(consolidated).toMatchObject([
    { currency: 'EUR', open: '200.00', overdue: '100.00', unapplied_credit: '50.00', net: '170.00', open_invoices: 2 },
    { currency: 'JPY', open: '5000' }
  ])
  const own = await balanceOf(other)
  expect(own).toEqual({
    client_id: other,
    balances: own.balances,
    branches: { clients: 0, balances: [] },
    consolidated: own.balances
  })
})
