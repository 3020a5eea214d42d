import { afterAll, describe, expect, test } from 'vitest'
import { dueOnTheTenth, expectSoundBooks, holdsOf, onTheTenth, payment, toldByDay } from '../../support/agreements.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, database, close } = await startDunning()
afterAll(close)

type Dispute = Readonly<{
  id: string
  client_id: string
  invoice_id: string
  amount: string
  status: string
  overdue_at: string | null
  resolution: Record<string, unknown> | null
  version: number
}>
type CreditNote = Readonly<{ id: string; dispute_id: string; invoice_id: string; amount: string; released: string }>

const contest = (ledger: Ledger, body: object) =>
  done(ledger.call<Dispute>('POST', '/v1/disputes', { body: { reason: 'quality', ...body } }))
const resolve = (ledger: Ledger, id: string, body: object) =>
  done(ledger.call<Dispute>('POST', `/v1/disputes/${id}/resolve`, { body: { at_fault: 'ours', ...body } }))
const withdraw = (ledger: Ledger, id: string) => done(ledger.call<Dispute>('POST', `/v1/disputes/${id}/withdraw`, { body: {} }))
const dispute = (ledger: Ledger, id: string) => done(ledger.call<Dispute>('GET', `/v1/disputes/${id}`))
const creditNotes = async (ledger: Ledger) => (await done(ledger.call<{ data: CreditNote[] }>('GET', '/v1/credit-notes'))).data

const start = (policy: object = {}) => dueOnTheTenth(newLedger, policy)

describe('while it is open', () => {
  test('a whole invoice is not dunned, and rejecting it resumes by age with one entry', async () => {
    const { ledger, clientId, id } = await start()
    const opened = await contest(ledger, { invoice_id: id, note: 'Broken' })
    expect(opened).toMatchObject({ client_id: clientId, invoice_id: id, amount: '100.00', status: 'open', resolution: null })
    expect(await holdsOf(ledger)).toMatchObject([
      {
        reason: 'dispute',
        invoice_ids: [id],
        part: { amount: '100.00', currency: 'EUR' },
        until_on: null,
        origin: { kind: 'dispute', id: opened.id }
      }
    ])
    expect((await ledger.invoice(id)).dunning).toMatchObject({ held: true, next_stage: null })
    await ledger.advance('2026-01-25T00:00:00Z')
    expect(await ledger.ladder(id)).toEqual([])
    const ended = await resolve(ledger, opened.id, { outcome: 'rejected', at_fault: 'client' })
    expect(ended).toMatchObject({
      status: 'rejected',
      resolution: { at_fault: 'client', credit: '0.00', credit_note_id: null, resolved_on: '2026-01-25' }
    })
    await ledger.advance(1)
    expect(await ledger.entries(id)).toMatchObject([{ stage: 'second', entered_on: '2026-01-25', skipped: ['reminder'] }])
    expect(await holdsOf(ledger)).toMatchObject([{ is_active: false, release_reason: 'rejected', released_on: '2026-01-25' }])
    const types = ['dispute.opened', 'dispute.resolved', 'hold.placed', 'hold.released', 'invoice.overdue']
    expect(await toldByDay(ledger, ...types)).toEqual([
      '2026-01-01 dispute.opened',
      '2026-01-01 hold.placed',
      '2026-01-11 invoice.overdue',
      '2026-01-25 dispute.resolved',
      '2026-01-25 hold.released'
    ])
    await expectSoundBooks(database, ledger)
  })

  test('the rest of a disputed invoice is dunned, with the disputed part left out', async () => {
    const { ledger, id } = await start()
    await contest(ledger, { invoice_id: id, amount: '40.00' })
    expect(await holdsOf(ledger)).toMatchObject([{ part: { amount: '40.00', currency: 'EUR' } }])
    await ledger.advance('2026-01-14T00:00:00Z')
    expect(await ledger.ladder(id)).toEqual(['courtesy 2026-01-07', 'reminder 2026-01-13'])
    expect((await ledger.invoice(id)).dunning.held).toBe(false)
    await contest(ledger, { invoice_id: id, amount: '60.00', reason: 'price' })
    await ledger.advance('2026-01-25T00:00:00Z')
    expect(await ledger.ladder(id)).toHaveLength(2)
  })

  test('a policy may hold the invoice for a part of it', async () => {
    const { ledger, id } = await start({ disputed_part: 'hold_invoice' })
    await contest(ledger, { invoice_id: id, amount: '1.00' })
    await ledger.advance(20)
    expect(await ledger.ladder(id)).toEqual([])
    expect((await ledger.invoice(id)).dunning.held).toBe(true)
  })

  test('a hold by hand over the same invoice holds on', async () => {
    const { ledger, clientId, id } = await start()
    const { id: disputeId } = await contest(ledger, { invoice_id: id })
    const body = { client_id: clientId, reason: 'manual', until_on: '2026-01-21' }
    await done(ledger.call('POST', '/v1/holds', { body }))
    await ledger.advance('2026-01-15T00:00:00Z')
    await withdraw(ledger, disputeId)
    await ledger.advance('2026-01-23T00:00:00Z')
    expect(await ledger.ladder(id)).toEqual(['second 2026-01-22'])
  })

  test('the day for an answer passes once, at the start of the next one where the client is', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient({ time_zone: 'Asia/Tokyo' })
    const { id } = await ledger.issue(clientId, onTheTenth)
    const late = await contest(ledger, { invoice_id: id, amount: '10.00', respond_by_on: '2026-01-05' })
    const answered = await contest(ledger, { invoice_id: id, amount: '10.00', respond_by_on: '2026-01-05' })
    await withdraw(ledger, answered.id)
    await ledger.advance(31)
    const told = await ledger.events('dispute.overdue')
    expect(told).toMatchObject([{ object: { id: late.id, version: 2 }, occurredAt: '2026-01-05T15:00:00.000Z' }])
    expect(await dispute(ledger, late.id)).toMatchObject({ status: 'open', overdue_at: '2026-01-05T15:00:00.000Z' })
    expect(told[0]?.object).toEqual(await dispute(ledger, late.id))
  })

  test('the invoice paid in full leaves it open', async () => {
    const { ledger, clientId, id } = await start()
    const { id: disputeId } = await contest(ledger, { invoice_id: id })
    await ledger.pay(clientId, '100.00')
    expect((await ledger.invoice(id)).status).toBe('paid')
    expect((await dispute(ledger, disputeId)).status).toBe('open')
    await expectSoundBooks(database, ledger)
  })

  test.for(['void', 'write-off'])('%s of the invoice ends it, and the holds by hand over nothing else', async (how) => {
    const { ledger, clientId, id } = await start()
    const { id: disputeId } = await contest(ledger, { invoice_id: id, amount: '40.00', respond_by_on: '2026-01-02' })
    const hold = { client_id: clientId, invoice_ids: [id], reason: 'manual' }
    await done(ledger.call('POST', '/v1/holds', { body: hold }))
    await done(ledger.call('POST', `/v1/invoices/${id}/${how}`, { body: {} }))
    expect(await dispute(ledger, disputeId)).toMatchObject({ status: 'withdrawn', resolution: { reason: 'invoice_closed' } })
    expect((await holdsOf(ledger)).map((one) => one.release_reason)).toEqual(['invoice_closed', 'invoice_closed'])
    await ledger.advance(5)
    expect(await ledger.told('dispute.resolved', 'dispute.overdue')).toEqual(['2026-01-01 dispute.resolved'])
    await expectSoundBooks(database, ledger)
  })
})

describe('what is upheld is credited', () => {
  test('all of an unpaid invoice: nothing is open any more', async () => {
    const { ledger, clientId, id } = await start()
    await ledger.advance('2026-01-15T00:00:00Z')
    const { id: disputeId } = await contest(ledger, { invoice_id: id })
    const { resolution } = await resolve(ledger, disputeId, { outcome: 'upheld' })
    const [note] = await creditNotes(ledger)
    expect(note).toMatchObject({
      client_id: clientId,
      dispute_id: disputeId,
      amount: '100.00',
      released: '0.00',
      reason: 'dispute'
    })
    expect(resolution).toMatchObject({ credit: '100.00', credit_note_id: note?.id })
    expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00', dunning: { stage: null, held: false } })
    const types = ['invoice.dunning_cleared', 'hold.released', 'credit_note.issued', 'invoice.paid', 'dispute.resolved']
    expect(await toldByDay(ledger, ...types)).toEqual(types.map((type) => `2026-01-15 ${type}`).toSorted())
    const [cleared] = await ledger.events('invoice.dunning_cleared')
    expect(cleared?.context).toMatchObject({ reason: 'credit_note' })
    const [issued] = await ledger.events('credit_note.issued')
    expect(issued?.object).toEqual(await done(ledger.call('GET', `/v1/credit-notes/${note?.id}`)))
    const [paid] = await ledger.events('invoice.paid')
    expect(paid?.object).toEqual(await ledger.invoice(id))
    await expectSoundBooks(database, ledger)
  })

  test('a part: the rest is dunned on', async () => {
    const { ledger, id } = await start()
    const { id: disputeId } = await contest(ledger, { invoice_id: id, amount: '60.00' })
    await resolve(ledger, disputeId, { outcome: 'partly_upheld', credit: '25.50', at_fault: 'shared', note: 'Half of it' })
    expect(await ledger.invoice(id)).toMatchObject({ status: 'open', balance: '74.50' })
    expect(await ledger.told('invoice.partially_paid')).toEqual(['2026-01-01 invoice.partially_paid'])
    await ledger.advance('2026-01-14T00:00:00Z')
    expect(await ledger.entries(id)).toMatchObject([
      { stage: 'courtesy', balance: '74.50' },
      { stage: 'reminder', balance: '74.50' }
    ])
    await expectSoundBooks(database, ledger)
  })

  test('what was paid meanwhile becomes unapplied credit of the payment', async () => {
    const { ledger, clientId, id } = await start()
    const { id: disputeId } = await contest(ledger, { invoice_id: id, amount: '60.00' })
    const paymentId = await ledger.pay(clientId, '70.00')
    await resolve(ledger, disputeId, { outcome: 'upheld' })
    expect(await creditNotes(ledger)).toMatchObject([{ amount: '60.00', released: '30.00' }])
    expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00' })
    expect(await payment(ledger, paymentId)).toMatchObject({ unapplied: '30.00', allocations: [{ amount: '40.00' }] })
    await ledger.reverse(paymentId, { reason: 'bounced' })
    expect(await ledger.invoice(id)).toMatchObject({ status: 'open', balance: '40.00' })
    await expectSoundBooks(database, ledger)
  })

  test('of an invoice that is paid in full, all of it comes back', async () => {
    const { ledger, clientId, id } = await start()
    const { id: disputeId } = await contest(ledger, { invoice_id: id })
    const paymentId = await ledger.pay(clientId, '100.00')
    await resolve(ledger, disputeId, { outcome: 'partly_upheld', credit: '99.99' })
    expect(await payment(ledger, paymentId)).toMatchObject({ unapplied: '99.99' })
    expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00' })
    expect(await ledger.told('invoice.updated')).toEqual([])
    await expectSoundBooks(database, ledger)
  })

  test('an invoice that is due in parts: the oldest open part first, and of what is paid the latest', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    const parts = ['2026-01-10', '2026-02-10', '2026-03-10'].map((due_on, index) => ({ due_on, amount: `${index + 2}0.00` }))
    const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', total: '90.00', due_schedule: parts })
    const { id: disputeId } = await contest(ledger, { invoice_id: id, amount: '70.00' })
    const paymentId = await ledger.pay(clientId, '40.00')
    await resolve(ledger, disputeId, { outcome: 'upheld' })
    expect(await payment(ledger, paymentId)).toMatchObject({ unapplied: '20.00' })
    expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00' })
    await expectSoundBooks(database, ledger)
  })

  test('a total that was lowered meanwhile is credited no more than is left of it', async () => {
    const ledger = await newLedger()
    const query = 'source=books&id=1'
    const clientId = await ledger.addClient()
    const body = { client_id: clientId, number: '1', currency: 'EUR', total: '100.00', ...onTheTenth }
    const { id } = await done(ledger.call<{ id: string }>('PUT', `/v1/invoices/by-ref?${query}`, { body }))
    const [first, second] = [
      await contest(ledger, { invoice_ref: { source: 'books', id: '1' }, amount: '60.00' }),
      await contest(ledger, { invoice_id: id, amount: '40.00' })
    ]
    await done(ledger.call('PUT', `/v1/invoices/by-ref?${query}`, { body: { total: '50.00' } }))
    expect((await resolve(ledger, first.id, { outcome: 'upheld' })).resolution).toMatchObject({ credit: '50.00' })
    expect((await resolve(ledger, second.id, { outcome: 'upheld' })).resolution).toMatchObject({
      credit: '0.00',
      credit_note_id: null
    })
    expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00' })
    await expectSoundBooks(database, ledger)
  })

  test('a credited invoice is no paid one: it can be voided, and its total not lowered below what was credited', async () => {
    const ledger = await newLedger()
    const url = '/v1/invoices/by-ref?source=books&id=1'
    const body = { client_id: await ledger.addClient(), number: '1', currency: 'EUR', total: '100.00', ...onTheTenth }
    const { id } = await done(ledger.call<{ id: string }>('PUT', url, { body }))
    await resolve(ledger, (await contest(ledger, { invoice_id: id, amount: '60.00' })).id, { outcome: 'upheld' })
    const refused = await ledger.call('PUT', url, { body: { total: '59.99' } })
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_amount', errors: [{ pointer: '/total' }] } })
    await done(ledger.call('PUT', url, { body: { total: '80.00' } }))
    expect(await ledger.invoice(id)).toMatchObject({ balance: '20.00' })
    await done(ledger.call('POST', `/v1/invoices/${id}/void`, { body: {} }))
    await expectSoundBooks(database, ledger)
  })
})

test('what is disputed is named in a notice, and not asked for', async () => {
  const { ledger, id } = await dueOnTheTenth(newLedger)
  await done(ledger.call('POST', '/v1/disputes', { body: { invoice_id: id, reason: 'quality', amount: '40.00' } }))
  await ledger.advance('2026-01-14T00:00:00Z')
  const told = await ledger.events('client.dunning_notice_due')
  expect(told.at(-1)?.context).toMatchObject({ total: '100.00', disputed: '40.00', net_total: '60.00' })
})
