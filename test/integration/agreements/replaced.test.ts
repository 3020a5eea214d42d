import { afterAll, expect, test } from 'vitest'
import { dueOnTheTenth, expectSoundBooks, holdsOf, payment } from '../../support/agreements.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, database, close } = await startDunning()
afterAll(close)

type Made = Readonly<{ id: string }>
type WithInvoices = Readonly<{ status: string; invoice_ids: string[] }>

/** An invoice of the tenth, with another one that is to take its place. */
async function replaceable(more: object = {}) {
  const made = await dueOnTheTenth(newLedger)
  const { id: to } = await made.ledger.issue(made.clientId, { issued_on: '2026-01-01', due_on: '2026-01-12', ...more })
  await made.ledger.advance('2026-01-05T00:00:00Z')
  return { ...made, to }
}

const replace = (ledger: Ledger, id: string, to: string) =>
  ledger.call('POST', `/v1/invoices/${id}/void`, { body: { replaced_by_id: to } })

const post = <Body>(ledger: Ledger, path: string, body: object) => done(ledger.call<Body>('POST', path, { body }))
const get = <Body>(ledger: Ledger, path: string) => done(ledger.call<Body>('GET', path))

test('a hold, a promise and a plan on a voided invoice move to the one that replaces it', async () => {
  const { ledger, clientId, id, to } = await replaceable()
  const about = { client_id: clientId, invoice_ids: [id] }
  const hold = await post<Made>(ledger, '/v1/holds', { ...about, reason: 'manual' })
  const promised = { ...about, amount: '100.00', currency: 'EUR', promised_on: '2026-01-20' }
  const promise = await post<Made>(ledger, '/v1/promises', promised)
  const schedule = { kind: 'equal', count: 2, every: 'monthly', first_on: '2026-02-01' }
  const plan = await post<Made>(ledger, '/v1/payment-plans', { ...about, schedule })
  await post(ledger, `/v1/payment-plans/${plan.id}/accept`, { accepted_by: 'Ada' })
  expect((await replace(ledger, id, to)).status).toBe(200)
  expect(await get<WithInvoices>(ledger, `/v1/holds/${hold.id}`)).toMatchObject({ invoice_ids: [to], is_active: true })
  expect(await get<WithInvoices>(ledger, `/v1/promises/${promise.id}`)).toMatchObject({ invoice_ids: [to], status: 'pending' })
  expect(await get<WithInvoices>(ledger, `/v1/payment-plans/${plan.id}`)).toMatchObject({ invoice_ids: [to], status: 'active' })
  expect((await holdsOf(ledger)).map(({ invoice_ids: ids, is_active: isActive }) => [ids, isActive])).toEqual(
    Array.from({ length: 3 }, () => [[to], true])
  )
  expect((await ledger.invoice(to)).dunning.held).toBe(true)
  await ledger.pay(clientId, '100.00')
  expect(await get(ledger, `/v1/promises/${promise.id}`)).toMatchObject({ status: 'kept' })
  expect(await get(ledger, `/v1/payment-plans/${plan.id}`)).toMatchObject({ status: 'completed' })
  await expectSoundBooks(database, ledger)
})

test('a dispute moves along, over no more than the replacement is', async () => {
  const { ledger, id, to } = await replaceable({ total: '60.00' })
  const dispute = await post<Made>(ledger, '/v1/disputes', { invoice_id: id, reason: 'quality' })
  await replace(ledger, id, to)
  expect(await get(ledger, `/v1/disputes/${dispute.id}`)).toMatchObject({ invoice_id: to, status: 'open', amount: '60.00' })
  await post(ledger, `/v1/disputes/${dispute.id}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
  expect(await ledger.invoice(to)).toMatchObject({ balance: '0.00', status: 'paid' })
  await expectSoundBooks(database, ledger)
})

test('money that was announced for it is meant for the replacement', async () => {
  const { ledger, clientId, id, to } = await replaceable()
  const announced = { status: 'pending', matures_on: '2026-01-20', allocations: [{ invoice_id: id, amount: '100.00' }] }
  const paymentId = await ledger.pay(clientId, '100.00', announced)
  await replace(ledger, id, to)
  expect((await ledger.invoice(to)).dunning.held).toBe(true)
  await ledger.advance('2026-01-20T12:00:00Z')
  await post(ledger, `/v1/payments/${paymentId}/settle`, {})
  expect((await payment(ledger, paymentId)).allocations).toEqual([{ invoice_id: to, amount: '100.00' }])
  await expectSoundBooks(database, ledger)
})

test('what hung on an invoice whose replacement is paid already ends with it', async () => {
  const { ledger, clientId, id, to } = await replaceable()
  const hold = await post<Made>(ledger, '/v1/holds', { client_id: clientId, invoice_ids: [id], reason: 'manual' })
  await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: to, amount: '100.00' }] })
  await replace(ledger, id, to)
  expect(await get(ledger, `/v1/holds/${hold.id}`)).toMatchObject({ is_active: false, release_reason: 'invoice_closed' })
  await expectSoundBooks(database, ledger)
})

test('the replacement is another invoice of the client in the same currency', async () => {
  const { ledger, id } = await replaceable()
  const stranger = await ledger.addClient()
  const { id: others } = await ledger.issue(stranger, { issued_on: '2026-01-01', due_on: '2026-01-12' })
  expect(refusalOf(await replace(ledger, id, others))).toBe('422 reference_not_found /replaced_by_id')
  expect(refusalOf(await replace(ledger, id, id))).toBe('422 reference_not_found /replaced_by_id')
  const { client_id: clientId } = await ledger.invoice(id)
  const { id: dollars } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-12', currency: 'USD' })
  expect(refusalOf(await replace(ledger, id, dollars))).toMatch(/currency_mismatch \/replaced_by_id$/)
  expect((await ledger.invoice(id)).status).toBe('open')
})
