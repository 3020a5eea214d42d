import { afterAll, describe, expect, test } from 'vitest'
import { dueOnTheTenth, expectSoundBooks, onTheTenth } from '../../support/agreements.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

// A plan asks for no more than what is owed under it, whatever became of its invoices meanwhile.

const { newLedger, database, close } = await startDunning()
afterAll(close)

type Made = Readonly<{ id: string }>
type Plan = Readonly<{
  status: string
  end_reason: string | null
  ended_on: string | null
  total: string
  installments: { amount: string; paid: string; credited: string; status: string; missed_on: string | null }[]
}>

const post = <Body = Made>(ledger: Ledger, path: string, body: object = {}) => done(ledger.call<Body>('POST', path, { body }))
const planOf = (ledger: Ledger, id: string) => done(ledger.call<Plan>('GET', `/v1/payment-plans/${id}`))
const leftOf = async (ledger: Ledger, id: string) =>
  (await planOf(ledger, id)).installments.map(({ amount, paid, credited, status }) => [amount, paid, credited, status].join(' '))

async function credit(ledger: Ledger, invoiceId: string, amount: string): Promise<void> {
  const dispute = await post(ledger, '/v1/disputes', { invoice_id: invoiceId, reason: 'quality', amount })
  await post(ledger, `/v1/disputes/${dispute.id}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
}

/** 300.00 EUR to be paid in three parts by the first of each month from February on. */
async function planned(more: object = {}, { afterDays }: { afterDays?: number } = {}) {
  const { ledger, clientId } = await dueOnTheTenth(newLedger)
  const { id: invoiceId } = await ledger.issue(clientId, { ...onTheTenth, total: '300.00' })
  if (afterDays !== undefined) await ledger.advance(afterDays)
  const schedule = { kind: 'equal', count: 3, every: 'monthly', first_on: '2026-02-01' }
  const body = { client_id: clientId, invoice_ids: [invoiceId], schedule, ...more }
  const { id } = await post(ledger, '/v1/payment-plans', body)
  await post(ledger, `/v1/payment-plans/${id}/accept`, { accepted_by: 'Ada' })
  const pay = (amount: string, rest: object = {}) =>
    ledger.pay(clientId, amount, { allocations: [{ invoice_id: invoiceId, amount }], ...rest })
  return { ledger, clientId, invoiceId, id, pay }
}

describe('a plan whose invoice is credited', () => {
  test('asks for that much less, of its last installments, and says so when it reminds', async () => {
    const { ledger, invoiceId, id, pay } = await planned()
    await credit(ledger, invoiceId, '130.00')
    expect(await leftOf(ledger, id)).toEqual([
      '100.00 0.00 0.00 upcoming',
      '100.00 0.00 30.00 upcoming',
      '100.00 0.00 100.00 paid'
    ])
    expect((await planOf(ledger, id)).total).toBe('300.00')
    await pay('100.00')
    await ledger.advance(31)
    await ledger.advance('2026-02-27T00:00:00Z')
    const [soon] = await ledger.events('installment.due_soon')
    expect(soon?.context['installment']).toMatchObject({ position: 2, amount: '100.00', credited: '30.00', open: '70.00' })
    await pay('70.00')
    expect(await planOf(ledger, id)).toMatchObject({ status: 'completed', end_reason: 'settled' })
    expect(await ledger.invoice(invoiceId)).toMatchObject({ status: 'paid', balance: '0.00' })
    await expectSoundBooks(database, ledger)
  })

  test('keeps its whole discount: what that leaves is given up once the rest is paid', async () => {
    const { ledger, invoiceId, id, pay } = await planned({ discount: '30.00' })
    await credit(ledger, invoiceId, '50.00')
    expect(await leftOf(ledger, id)).toEqual([
      '90.00 0.00 0.00 upcoming',
      '90.00 0.00 0.00 upcoming',
      '90.00 0.00 50.00 upcoming'
    ])
    await pay('220.00')
    expect(await planOf(ledger, id)).toMatchObject({ status: 'completed' })
    expect(await ledger.invoice(invoiceId)).toMatchObject({ status: 'paid', balance: '0.00' })
    await expectSoundBooks(database, ledger)
  })

  test('is completed where no more than its discount is open, and asks for nothing', async () => {
    const { ledger, invoiceId, id } = await planned({ discount: '30.00' })
    await credit(ledger, invoiceId, '280.00')
    expect(await planOf(ledger, id)).toMatchObject({ status: 'completed', end_reason: 'settled', ended_on: '2026-01-01' })
    expect(await ledger.invoice(invoiceId)).toMatchObject({ status: 'paid', balance: '0.00' })
    await expectSoundBooks(database, ledger)
  })

  test('does not break for what is owed no more, and breaks for what is', async () => {
    const { ledger, invoiceId, id, pay } = await planned({ break_after_missed: 1 })
    await credit(ledger, invoiceId, '250.00')
    await pay('20.00')
    await ledger.advance(31)
    await ledger.advance('2026-02-06T00:00:00Z')
    expect(await planOf(ledger, id)).toMatchObject({ status: 'broken', ended_on: '2026-02-05' })
    await credit(ledger, invoiceId, '30.00')
    expect(await planOf(ledger, id)).toMatchObject({ status: 'broken', ended_on: '2026-02-05' })
  })
})

test('money from before a plan that is entered late shortens it', async () => {
  const { ledger, id, pay } = await planned({}, { afterDays: 3 })
  await pay('100.00', { received_on: '2026-01-02' })
  expect(await leftOf(ledger, id)).toEqual(['100.00 0.00 0.00 upcoming', '100.00 0.00 0.00 upcoming', '100.00 0.00 100.00 paid'])
})
