import { afterAll, describe, expect, test } from 'vitest'
import { onTheTenth, stages } from '../../support/agreements.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type HoldBody = Readonly<{
  id: string
  reason: string
  is_active: boolean
  release_reason: string | null
  review_due_at: string | null
}>
type Explained = Readonly<{ obligations: readonly { why: readonly { rule: string; detail: string }[] }[] }>

const place = (ledger: Ledger, body: object) => done(ledger.call<HoldBody>('POST', '/v1/holds', { body }))
const holdAt = (ledger: Ledger, id: string) => done(ledger.call<HoldBody>('GET', `/v1/holds/${id}`))
const reviews = (ledger: Ledger) => ledger.told('hold.review_due')

/** One call advances a month at most. */
async function advanceMonths(ledger: Ledger, months: number): Promise<void> {
  for (let month = 0; month < months; month += 1) await ledger.advance(30)
}

/** An invoice due on 10 January, and a hold that somebody placed two days later. */
async function held(body: object = {}) {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, onTheTenth)
  await ledger.advance('2026-01-12T12:00:00Z')
  const hold = await place(ledger, { client_id: clientId, reason: 'third_party', ...body })
  return { ledger, clientId, id, hold }
}

test('after a handover by the default policy and full payment, the next invoice of the client is dunned', async () => {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  await ledger.issue(clientId, onTheTenth)
  await advanceMonths(ledger, 3)
  const { data } = await done(ledger.call<{ data: HoldBody[] }>('GET', '/v1/holds?reason=third_party'))
  expect(data).toMatchObject([{ is_active: true, review_due_at: null }])
  await ledger.pay(clientId, '100.00')
  expect(await holdAt(ledger, data[0]?.id ?? '')).toMatchObject({ is_active: false, release_reason: 'settled' })
  const next = await ledger.issue(clientId, { issued_on: '2026-04-01', due_on: '2026-04-10' })
  await advanceMonths(ledger, 4)
  expect((await ledger.ladder(next.id)).length).toBeGreaterThan(0)
  expect(await ledger.told('hold.review_due', 'invoice.dunning_blocked')).toEqual([])
})

describe('a hold by hand without an end', () => {
  const reasons = ['third_party', 'insolvency', 'cease_contact', 'legal_representation', 'manual', 'claims_paid']
  test.each(reasons)('for %s asks to be released, once, when nothing is open that it was placed for', async (reason) => {
    const { ledger, clientId, hold } = await held({ reason })
    await ledger.pay(clientId, '40.00')
    expect(await reviews(ledger)).toEqual([])
    await ledger.pay(clientId, '60.00')
    expect(await reviews(ledger)).toEqual(['2026-01-12 hold.review_due'])
    const now = await holdAt(ledger, hold.id)
    expect(now).toMatchObject({ is_active: true, review_due_at: '2026-01-12T12:00:00.000Z' })
    const [event] = await ledger.events('hold.review_due')
    expect([event?.object, event?.previous]).toMatchObject([now, { review_due_at: null }])
    const client = () => done(ledger.call('GET', `/v1/clients/${clientId}`))
    expect(await client()).toMatchObject({ hold_review_due_at: now.review_due_at })
    const next = await ledger.issue(clientId, { issued_on: '2026-01-12', due_on: '2026-01-20' })
    const explained = await done(ledger.call<Explained>('GET', `/v1/invoices/${next.id}/dunning`))
    expect(explained.obligations[0]?.why[0]?.detail).toContain(`Nothing is open that ${hold.id} was placed for`)
    await ledger.pay(clientId, '100.00')
    expect(await reviews(ledger)).toHaveLength(1)
    await done(ledger.call('POST', `/v1/holds/${hold.id}/release`, { body: {} }))
    expect(await client()).toMatchObject({ hold_review_due_at: null })
  })

  test('asks again only where what it was placed for was open once more', async () => {
    const { ledger, clientId, hold } = await held()
    const payment = await ledger.pay(clientId, '100.00')
    await ledger.reverse(payment, { reason: 'bounced' })
    expect(await holdAt(ledger, hold.id)).toMatchObject({ is_active: true, review_due_at: null })
    expect(await reviews(ledger)).toHaveLength(1)
    await ledger.pay(clientId, '100.00')
    expect(await reviews(ledger)).toHaveLength(2)
  })

  test.each(['void', 'write-off'])('asks where all that it was placed for is closed by %s', async (verb) => {
    const { ledger, clientId, id } = await held()
    const other = await ledger.issue(clientId, { issued_on: '2026-01-12', due_on: '2026-02-20' })
    await done(ledger.call('POST', `/v1/invoices/${id}/${verb}`, { body: {} }))
    expect(await reviews(ledger)).toHaveLength(1)
    expect(await ledger.invoice(other.id)).toMatchObject({ status: 'open' })
  })

  test('asks where it names invoices and these are paid', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    const { id } = await ledger.issue(clientId, onTheTenth)
    await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-05' })
    await place(ledger, { client_id: clientId, invoice_ids: [id], reason: 'manual' })
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: id, amount: '100.00' }] })
    expect(await reviews(ledger)).toHaveLength(1)
  })

  test('does not ask where it has an end, or was placed while nothing was open', async () => {
    const { ledger, clientId } = await held({ reason: 'manual', until_on: '2026-03-01' })
    await ledger.pay(clientId, '100.00')
    const otherId = await ledger.addClient()
    await place(ledger, { client_id: otherId, reason: 'manual' })
    await ledger.issue(otherId, { issued_on: '2026-01-12', due_on: '2026-01-20' })
    await ledger.pay(otherId, '100.00')
    expect(await reviews(ledger)).toEqual([])
  })
})

describe('an invoice that a standing hold over the client keeps from being dunned', () => {
  const blocked = (ledger: Ledger) => ledger.told('invoice.overdue', 'invoice.dunning_blocked')

  test('is reported once, when it becomes overdue, and not where it was there before the hold', async () => {
    const { ledger, clientId, hold } = await held()
    expect(await blocked(ledger)).toEqual(['2026-01-11 invoice.overdue'])
    const next = await ledger.issue(clientId, { issued_on: '2026-01-12', due_on: '2026-01-20' })
    await advanceMonths(ledger, 4)
    expect(await ledger.ladder(next.id)).toEqual([])
    expect((await blocked(ledger)).slice(1)).toEqual(['2026-01-21 invoice.overdue', '2026-01-21 invoice.dunning_blocked'])
    const [event] = await ledger.events('invoice.dunning_blocked')
    expect(event?.object.id).toBe(next.id)
    expect(event?.context).toMatchObject({
      client: { id: clientId },
      amounts: { balance: '100.00' },
      days_overdue: 1,
      holds: [{ id: hold.id, reason: 'third_party' }]
    })
  })

  test('is reported under the hold of a handover too', async () => {
    const ledger = await newLedger()
    await ledger.usePolicy([{ code: 'handover', offset_days: 10, action: 'refer_to_collections' }])
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, onTheTenth)
    await ledger.advance('2026-01-20T12:00:00Z')
    await ledger.issue(clientId, { issued_on: '2026-01-20', due_on: '2026-01-25' })
    await ledger.advance('2026-02-20T12:00:00Z')
    expect((await blocked(ledger)).slice(1)).toEqual(['2026-01-26 invoice.overdue', '2026-01-26 invoice.dunning_blocked'])
  })

  test('is reported when it is issued where it starts silently, unless credit settles it', async () => {
    const { ledger, clientId } = await held()
    const old = { issued_on: '2025-11-01', due_on: '2025-12-01', dunning_start: 'baseline' }
    await ledger.issue(clientId, old)
    expect(await ledger.told('invoice.dunning_blocked')).toEqual(['2026-01-12 invoice.dunning_blocked'])
    await ledger.pay(clientId, '300.00')
    await ledger.issue(clientId, old)
    expect(await ledger.told('invoice.dunning_blocked')).toHaveLength(1)
  })

  test('is not reported under a hold with an end', async () => {
    const { ledger, clientId } = await held({ reason: 'manual', until_on: '2026-03-01' })
    await ledger.issue(clientId, { issued_on: '2026-01-12', due_on: '2026-01-20' })
    await ledger.advance(30)
    expect(await ledger.told('invoice.dunning_blocked')).toEqual([])
  })
})

test('a total that is raised, and covered by credit in the same moment, asks for no release again', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const refs = [{ source: 'books', id: '1' }]
  await ledger.issue(clientId, { ...onTheTenth, external_refs: refs })
  await ledger.advance('2026-01-12T12:00:00Z')
  const { id } = await place(ledger, { client_id: clientId, reason: 'third_party' })
  await ledger.pay(clientId, '150.00')
  const asked = await holdAt(ledger, id)
  expect(asked.review_due_at).not.toBeNull()
  const put = ledger.call<{ status: string }>('PUT', '/v1/invoices/by-ref?source=books&id=1', { body: { total: '120.00' } })
  expect((await done(put)).status).toBe('paid')
  expect(await holdAt(ledger, id)).toEqual(asked)
  expect(await reviews(ledger)).toEqual(['2026-01-12 hold.review_due'])
})
