import { afterAll, describe, expect, test } from 'vitest'
import { openRows } from '../../contract/rows.ts'
import { dueOnTheTenth, expectSoundBooks, holdsOf, payment } from '../../support/agreements.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, database, databaseUrl, close } = await startDunning()
const rows = await openRows(databaseUrl)
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await close()
})

const start = () => dueOnTheTenth(newLedger)
const contest = (ledger: Ledger, body: object) =>
  ledger.call<{ id: string }>('POST', '/v1/disputes', { body: { reason: 'price', ...body } })

/** What is refused, with not a row written. */
async function refusal(ledger: Ledger, url: string, body: object): Promise<string> {
  const before = await rows.of(ledger.id)
  const refused = refusalOf(await ledger.call('POST', url, { body }))
  expect(await rows.of(ledger.id)).toEqual(before)
  return refused
}

describe('a dispute is refused by name, and nothing is written', () => {
  test('over more than is open, over nothing, late, or over what another one contests', async () => {
    const { ledger, clientId, id } = await start()
    await ledger.pay(clientId, '20.00')
    const open = (body: object) => refusal(ledger, '/v1/disputes', { invoice_id: id, reason: 'price', ...body })
    expect(await open({ amount: '80.01' })).toBe('422 exceeds_balance /amount')
    expect(await open({ amount: '0.00' })).toBe('400 invalid_amount /amount')
    expect(await open({ amount: '1.001' })).toBe('400 invalid_amount /amount')
    expect(await open({ amount: '-1.00' })).toBe('400 invalid_request /amount')
    expect(await open({ respond_by_on: '2025-12-31' })).toBe('400 invalid_date /respond_by_on')
    expect(await open({ respond_by_on: '2999-12-31' })).toBe('400 invalid_date /respond_by_on')
    expect(await open({ reason: 'mood' })).toBe('400 invalid_request /reason')
    await done(contest(ledger, { invoice_id: id, amount: '50.00', respond_by_on: '2026-01-01' }))
    expect(await open({ amount: '30.01' })).toBe('422 exceeds_balance /amount')
    expect(await open({})).toBe('422 exceeds_balance /amount')
    await done(contest(ledger, { invoice_id: id, amount: '30.00' }))
  })

  test('of an invoice that is not named, not open, or not of this organization', async () => {
    const { ledger, clientId, id } = await start()
    const other = await start()
    const open = (body: object) => refusal(ledger, '/v1/disputes', { reason: 'price', ...body })
    expect(await open({})).toBe('400 invalid_request /invoice_id')
    expect(await open({ invoice_id: other.id })).toBe('422 reference_not_found /invoice_id')
    expect(await open({ invoice_ref: { source: 'books', id: 'nobody' } })).toBe('422 reference_not_found /invoice_ref')
    await ledger.pay(clientId, '100.00')
    expect(await open({ invoice_id: id })).toBe('409 invoice_not_open /invoice_id')
  })
})

describe('an answer is refused by name, and nothing is written', () => {
  test('without its credit, with too much of it, or with one that the outcome has no place for', async () => {
    const { ledger, id } = await start()
    const { id: disputeId } = await done(contest(ledger, { invoice_id: id, amount: '40.00' }))
    const resolve = (body: object) => refusal(ledger, `/v1/disputes/${disputeId}/resolve`, { at_fault: 'ours', ...body })
    expect(await resolve({ outcome: 'partly_upheld' })).toBe('400 invalid_request /credit')
    expect(await resolve({ outcome: 'partly_upheld', credit: '40.01' })).toBe('422 exceeds_balance /credit')
    expect(await resolve({ outcome: 'partly_upheld', credit: '0' })).toBe('400 invalid_amount /credit')
    expect(await resolve({ outcome: 'upheld', credit: '40.00' })).toBe('400 invalid_request /credit')
    expect(await resolve({ outcome: 'rejected', credit: '1.00' })).toBe('400 invalid_request /credit')
    expect(await resolve({ outcome: 'rejected', at_fault: 'nobody' })).toBe('400 invalid_request /at_fault')
    expect(await resolve({ outcome: 'withdrawn' })).toBe('400 invalid_request /outcome')
  })

  test('where it has ended, and where another organization opened it', async () => {
    const { ledger, id } = await start()
    const stranger = await newLedger()
    const { id: disputeId } = await done(contest(ledger, { invoice_id: id }))
    const [hold] = await holdsOf(ledger)
    const answer = { outcome: 'rejected', at_fault: 'client' }
    expect(await refusal(stranger, `/v1/disputes/${disputeId}/resolve`, answer)).toBe('404 not_found')
    expect(await refusal(stranger, `/v1/disputes/${disputeId}/withdraw`, {})).toBe('404 not_found')
    expect(refusalOf(await stranger.call('GET', `/v1/disputes/${disputeId}`))).toBe('404 not_found')
    expect(await refusal(ledger, `/v1/holds/${hold?.id}/release`, {})).toBe('409 hold_has_origin')
    await done(ledger.call('POST', `/v1/disputes/${disputeId}/withdraw`, { body: { note: 'Found it' } }))
    expect(await refusal(ledger, `/v1/disputes/${disputeId}/resolve`, answer)).toBe('409 dispute_not_open')
    expect(await refusal(ledger, `/v1/disputes/${disputeId}/withdraw`, {})).toBe('409 dispute_not_open')
  })
})

describe('two at once', () => {
  test('disputes of one invoice that contest more than it owes: one is refused', async () => {
    const { ledger, id } = await start()
    const answers = await Promise.all(['60.00', '55.00', '50.01'].map((amount) => contest(ledger, { invoice_id: id, amount })))
    const statuses = answers.map(({ status }) => status).toSorted()
    expect(statuses).toEqual([201, 422, 422])
    expect(await ledger.told('dispute.opened')).toHaveLength(1)
    await expectSoundBooks(database, ledger)
  })

  test('the same dispute resolved and withdrawn: one is refused, and it is credited at most once', async () => {
    const { ledger, id } = await start()
    const { id: disputeId } = await done(contest(ledger, { invoice_id: id }))
    const upheld = { outcome: 'upheld', at_fault: 'ours' }
    const answers = await Promise.all([
      ledger.call('POST', `/v1/disputes/${disputeId}/resolve`, { body: upheld }),
      ledger.call('POST', `/v1/disputes/${disputeId}/resolve`, { body: upheld }),
      ledger.call('POST', `/v1/disputes/${disputeId}/withdraw`, { body: {} })
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
    expect(await ledger.told('dispute.resolved')).toHaveLength(1)
    await expectSoundBooks(database, ledger)
  })

  test('an answer and a payment: whichever is first, nothing is owed and what is too much is credit', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { ledger, clientId, id } = await start()
      const { id: disputeId } = await done(contest(ledger, { invoice_id: id, amount: '60.00' }))
      const answer = { outcome: 'upheld', at_fault: 'ours' }
      const [paymentId] = await Promise.all([
        ledger.pay(clientId, '100.00'),
        done(ledger.call('POST', `/v1/disputes/${disputeId}/resolve`, { body: answer }))
      ])
      expect(await payment(ledger, paymentId)).toMatchObject({ unapplied: '60.00' })
      expect(await ledger.invoice(id)).toMatchObject({ status: 'paid', balance: '0.00' })
      await expectSoundBooks(database, ledger)
    }
  })
})
