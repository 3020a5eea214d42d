import { afterAll, describe, expect, test } from 'vitest'
import { done, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 }
]

/** Credit is not applied by itself here; the clock stands on 1 January 2026. */
async function unapplying() {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  await done(ledger.call('PATCH', '/v1/organization', { body: { auto_apply_credit: false } }))
  const clientId = await ledger.addClient()
  return { ledger, clientId }
}

test('who has credit for it is not dunned, and is when the credit is gone', async () => {
  const { ledger, clientId } = await unapplying()
  const payment = await ledger.pay(clientId, '100.00')
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10', total: '30.00' })
  await ledger.advance(14)
  expect(await ledger.ladder(id)).toEqual([])
  expect(await ledger.told('invoice.overdue', 'client.dunning_notice_due')).toEqual(['2026-01-11 invoice.overdue'])
  await ledger.reverse(payment, { reason: 'bounced' })
  await ledger.advance(1)
  expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-15'])
})

test('credit covers what is oldest due, and a notice nets it', async () => {
  const { ledger, clientId } = await unapplying()
  await ledger.pay(clientId, '40.00')
  const older = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-09', total: '30.00' })
  const newer = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10', total: '30.00' })
  await ledger.advance(14)
  expect(await ledger.ladder(older.id)).toEqual([])
  expect(await ledger.ladder(newer.id)).toEqual(['reminder 2026-01-13'])
  const [notice] = await ledger.events('client.dunning_notice_due')
  expect(notice?.context).toMatchObject({ total: '60.00', unapplied_credit: '40.00', net_total: '20.00' })
})

test('a notice does not speak of what is held or not dunned', async () => {
  const { ledger, clientId } = await unapplying()
  const issue = (body: object = {}) => ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10', ...body })
  const [dunned, held] = [await issue(), await issue()]
  await issue({ dunning_start: 'off' })
  await done(ledger.call('POST', '/v1/holds', { body: { client_id: clientId, invoice_ids: [held.id], reason: 'manual' } }))
  await ledger.advance(14)
  const [notice] = await ledger.events('client.dunning_notice_due')
  const listed = notice?.context['obligations'] as { invoice_id: string }[]
  expect(listed.map(({ invoice_id }) => invoice_id)).toEqual([dunned.id])
})

test('credit covers nothing that is contested: it is left for what is asked for', async () => {
  const { ledger, clientId } = await unapplying()
  await ledger.pay(clientId, '90.00')
  const contested = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-09', total: '100.00' })
  const other = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10', total: '50.00' })
  const body = { invoice_id: contested.id, reason: 'quality', amount: '60.00' }
  const { id } = await done(ledger.call<{ id: string }>('POST', '/v1/disputes', { body }))
  await ledger.advance(14)
  expect([await ledger.ladder(contested.id), await ledger.ladder(other.id)]).toEqual([[], []])
  await done(ledger.call('POST', `/v1/disputes/${id}/withdraw`, { body: {} }))
  await ledger.advance(1)
  expect(await ledger.ladder(other.id)).toEqual(['reminder 2026-01-15'])
  const [notice] = await ledger.events('client.dunning_notice_due')
  expect(notice?.context).toMatchObject({ total: '150.00', unapplied_credit: '90.00', disputed: '0.00', net_total: '60.00' })
})

test('what credit covers no more, because an older claim is open again, is dunned', async () => {
  const { ledger, clientId } = await unapplying()
  await ledger.pay(clientId, '30.00')
  const older = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-09', total: '30.00' })
  const newer = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10', total: '30.00' })
  const allocations = [{ invoice_id: older.id, amount: '30.00' }]
  const payment = await ledger.pay(clientId, '30.00', { allocations })
  await ledger.advance(14)
  expect(await ledger.ladder(newer.id)).toEqual([])
  await ledger.reverse(payment, { reason: 'bounced' })
  await ledger.advance(1)
  expect([await ledger.ladder(older.id), await ledger.ladder(newer.id)]).toEqual([[], ['reminder 2026-01-15']])
})

type Explained = { obligations: { decision: { rule: string }; why: { rule: string; detail: string; compared: object }[] }[] }
type Balance = { balances: Record<string, string>[] }

describe('money that is reserved for another purpose', () => {
  async function withDeposit() {
    const ledger = await newLedger()
    await ledger.usePolicy(stages)
    const clientId = await ledger.addClient()
    await ledger.pay(clientId, '100.00', { reserved_for: 'security deposit' })
    const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
    return { ledger, clientId, id }
  }

  test('does not keep an invoice of the same amount from being dunned', async () => {
    const { ledger, id } = await withDeposit()
    await ledger.advance(21)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20'])
    const { obligations } = await done(ledger.call<Explained>('GET', `/v1/invoices/${id}/dunning`))
    expect(obligations[0]?.decision.rule).toBe('ladder_done')
  })

  test('is in no amount of a stage event or of a notice', async () => {
    const { ledger } = await withDeposit()
    await ledger.advance(14)
    const whole = { unapplied_credit: '0.00', net_total: '100.00' }
    const [stage] = await ledger.events('invoice.dunning_stage_entered')
    expect(stage?.context['amounts']).toMatchObject(whole)
    const [notice] = await ledger.events('client.dunning_notice_due')
    expect(notice?.context).toMatchObject({ total: '100.00', ...whole })
  })

  test('is shown in the balance apart, and not taken from what is owed', async () => {
    const { ledger, clientId } = await withDeposit()
    const { balances } = await done(ledger.call<Balance>('GET', `/v1/clients/${clientId}/balance`))
    expect(balances).toMatchObject([{ open: '100.00', unapplied_credit: '100.00', reserved_credit: '100.00', net: '100.00' }])
  })
})

test('the explanation names credit as what keeps an invoice from being dunned, with the amounts', async () => {
  const { ledger, clientId } = await unapplying()
  await ledger.pay(clientId, '100.00')
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await ledger.advance(20)
  const { obligations } = await done(ledger.call<Explained>('GET', `/v1/invoices/${id}/dunning`))
  const [{ decision, why } = { decision: null, why: [] }] = obligations
  expect(decision?.rule).toBe('covered_by_credit')
  expect(why).toMatchObject([
    { rule: 'covered_by_credit', compared: { balance: '100.00', unapplied_credit: '100.00', dunned: '0.00' } }
  ])
  expect(why[0]?.detail).toContain('100.00 is covered by credit that is not applied')
})
