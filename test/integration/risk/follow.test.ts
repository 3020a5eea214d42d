import { afterAll, expect, test } from 'vitest'
import { ofInvoices } from '../../../src/modules/risk/claim-repository.ts'
import { done, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, close } = await startDunning()
afterAll(close)

type ScoreBody = Readonly<{
  score: number
  band: string
  late: number
  base: number
  factors: { points: number }[]
  as_of: string
}>

async function tracked() {
  const ledger = await newLedger()
  const of = { database, services, orgId: ledger.id }
  const score = (clientId: string, query = '') =>
    done(ledger.call<ScoreBody>('GET', `/v1/clients/${clientId}/risk-score${query}`))
  return { ledger, of, score }
}

test('what events keep of a ledger equals the ledger: issues, payments, bounces, voids, corrections and disputes', async () => {
  const { ledger, of } = await tracked()
  const [a = '', b = ''] = await ledger.addClients(2)
  const first = await ledger.issue(a, { issued_on: '2026-01-01', due_on: '2026-01-05' })
  const second = await ledger.issue(a, { issued_on: '2026-01-01', due_on: '2026-01-10', total: '250.00' })
  await ledger.issue(b, { issued_on: '2025-12-01', due_on: '2025-12-31', currency: 'USD' })
  await refresh(of)
  await expectFaithful(of)
  await ledger.advance(3)
  const payment = await ledger.pay(a, '100.00')
  await refresh(of)
  await expectFaithful(of)
  await ledger.advance(10)
  await refresh(of)
  await expectFaithful(of)
  await ledger.reverse(payment, { reason: 'bounced' })
  await done(ledger.call('POST', '/v1/disputes', { body: { invoice_id: second.id, reason: 'quality' } }))
  await refresh(of)
  await expectFaithful(of)
  await ledger.pay(a, '100.00', { received_on: '2026-01-04' })
  await done(ledger.call('POST', `/v1/invoices/${second.id}/void`, { body: {} }))
  await refresh(of)
  await expectFaithful(of)
  await ledger.advance(2)
  await refresh(of)
  await expectFaithful(of)
  expect((await ledger.invoice(first.id)).status).toBe('paid')
})

test('base and factors add up to the score exactly', async () => {
  const { ledger, of, score } = await tracked()
  const clientId = await ledger.addClient()
  for (const due of ['2026-01-05', '2026-01-10', '2026-01-20'])
    await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: due })
  await ledger.advance(12)
  await ledger.pay(clientId, '100.00')
  await ledger.advance(5)
  await refresh(of)
  const found = await score(clientId)
  const points = [found.base, ...found.factors.map((factor) => factor.points)]
  expect(points.reduce((sum, one) => sum + Math.round(one * 100), 0)).toBe(found.score * 100)
  expect(found.as_of).toBe('2026-01-18')
})

test('what was written off is late from then on, and what came after all is paid on the day on which it came', async () => {
  const { ledger, of } = await tracked()
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-05' })
  await ledger.advance(9)
  await done(ledger.call('POST', `/v1/invoices/${id}/write-off`, { body: {} }))
  await refresh(of)
  const claim = () => database.reading(ledger.id, async (reader) => (await ofInvoices(reader, [id]))[0])
  const dayOf = (text: string) => Date.parse(text) / 86_400_000
  expect(await claim()).toMatchObject({ isWrittenOff: true, settledOn: dayOf('2026-01-10') })
  await ledger.advance(10)
  await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: id, amount: '100.00' }] })
  await refresh(of)
  expect(await claim()).toMatchObject({ isWrittenOff: false, settledOn: dayOf('2026-01-20') })
  await expectFaithful(of)
})
