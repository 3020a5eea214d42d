import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'courtesy', offset_days: -3 },
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]

type Hold = { id: string; is_active: boolean; release_reason: string | null; released_on: string | null; invoice_ids: string[] }

const place = (ledger: Ledger, body: object) => done(ledger.call<Hold>('POST', '/v1/holds', { body }))
const release = (ledger: Ledger, id: string) => done(ledger.call<Hold>('POST', `/v1/holds/${id}/release`, { body: {} }))

/** An invoice of a client, due on 10 January 2026. The clock stands on the 1st. */
async function dueOnTheTenth(policy: object = {}) {
  const ledger = await newLedger()
  await ledger.usePolicy(stages, policy)
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  return { ledger, clientId, id }
}

describe('while it is held', () => {
  test('nothing is entered, being overdue is said, and the invoice shows the hold', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth()
    await place(ledger, { client_id: clientId, reason: 'manual' })
    expect((await ledger.invoice(id)).dunning).toMatchObject({ held: true, next_stage: null })
    await ledger.advance(31)
    expect(await ledger.ladder(id)).toEqual([])
    expect(await ledger.told('invoice.overdue')).toEqual(['2026-01-11 invoice.overdue'])
    const { obligations } = await done(
      ledger.call<{ obligations: { decision: { rule: string }; why: { rule: string; detail: string }[] }[] }>(
        'GET',
        `/v1/invoices/${id}/dunning`
      )
    )
    expect(obligations[0]).toMatchObject({
      decision: { rule: 'held' },
      why: [{ rule: 'held', detail: 'It is held: manual until it is released.' }]
    })
  })

  test('one invoice is held and the other is dunned', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth()
    const other = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
    const hold = await place(ledger, { client_id: clientId, invoice_ids: [id], reason: 'claims_paid' })
    expect(hold.invoice_ids).toEqual([id])
    await ledger.advance(20)
    expect(await ledger.ladder(id)).toEqual([])
    expect(await ledger.ladder(other.id)).toEqual(['courtesy 2026-01-07', 'reminder 2026-01-13', 'second 2026-01-20'])
  })

  test('an invoice that is issued to a held client is held', async () => {
    const { ledger, clientId } = await dueOnTheTenth()
    await place(ledger, { client_id: clientId, reason: 'insolvency' })
    const later = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-05' })
    expect(later.dunning).toMatchObject({ held: true, next_stage: null })
    await ledger.advance(31)
    expect(await ledger.entries()).toEqual([])
  })
})

describe('when the last hold ends', () => {
  test('one entry is made, where the age says, and not those that were missed', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth()
    await place(ledger, { client_id: clientId, reason: 'manual', until_on: '2026-01-21' })
    await ledger.advance(31)
    expect(await ledger.entries(id)).toMatchObject([{ stage: 'second', entered_on: '2026-01-22', skipped: ['reminder'] }])
    expect(await ledger.told('hold.released')).toEqual(['2026-01-22 hold.released'])
    expect((await ledger.invoice(id)).dunning).toMatchObject({ held: false, next_stage: 'final' })
  })

  test('a sequential ladder goes on with its next rung', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth({ progression: 'sequential' })
    await ledger.advance('2026-01-14T00:00:00Z')
    await place(ledger, { client_id: clientId, reason: 'manual', until_on: '2026-02-08' })
    await ledger.advance(31)
    expect(await ledger.ladder(id)).toEqual([
      'courtesy 2026-01-07',
      'reminder 2026-01-13',
      'second 2026-02-09',
      'final 2026-02-10'
    ])
  })

  test('two that overlap hold until the later one ends', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth()
    const first = await place(ledger, { client_id: clientId, reason: 'manual', until_on: '2026-01-15' })
    const second = await place(ledger, { client_id: clientId, invoice_ids: [id], reason: 'claims_paid' })
    await ledger.advance('2026-01-18T00:00:00Z')
    expect(await ledger.ladder(id)).toEqual([])
    await release(ledger, second.id)
    expect((await ledger.invoice(id)).dunning.held).toBe(false)
    await ledger.advance(1)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-18'])
    expect(await done(ledger.call<Hold>('GET', `/v1/holds/${first.id}`))).toMatchObject({
      is_active: false,
      release_reason: 'expired',
      released_on: '2026-01-16'
    })
  })

  test('one that ends on the day a stage opens lets out that stage alone', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth()
    await place(ledger, { client_id: clientId, reason: 'manual', until_on: '2026-01-19' })
    await ledger.advance('2026-01-21T00:00:00Z')
    expect(await ledger.entries(id)).toMatchObject([{ stage: 'second', entered_on: '2026-01-20' }])
  })

  test('with shift the clock stood still: stages come as many days later as were held after the due date', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth()
    await ledger.advance('2026-01-08T00:00:00Z')
    await place(ledger, { client_id: clientId, reason: 'manual', resume: 'shift', until_on: '2026-01-15' })
    await place(ledger, { client_id: clientId, reason: 'stale_payments', resume: 'shift', until_on: '2026-01-12' })
    await ledger.advance(31)
    // From the 11th through the 15th: five days, however many hold them.
    expect(await ledger.ladder(id)).toEqual([
      'courtesy 2026-01-07',
      'reminder 2026-01-18',
      'second 2026-01-25',
      'final 2026-02-08'
    ])
  })

  test('a hold that is placed and released on one day moves nothing', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth()
    await ledger.advance('2026-01-12T00:00:00Z')
    const { id: holdId } = await place(ledger, { client_id: clientId, reason: 'manual', resume: 'shift' })
    await release(ledger, holdId)
    await ledger.advance(10)
    expect(await ledger.ladder(id)).toEqual(['courtesy 2026-01-07', 'reminder 2026-01-13', 'second 2026-01-20'])
  })
})

describe('bad input', () => {
  test('each is refused by name, and nothing is written', async () => {
    const { ledger, clientId } = await dueOnTheTenth()
    const other = await ledger.issue(await ledger.addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
    const attempt = async (body: object) =>
      refusalOf(await ledger.call('POST', '/v1/holds', { body: { client_id: clientId, ...body } }))
    expect(await attempt({ reason: 'manual', invoice_ids: [other.id] })).toBe('422 reference_not_found /invoice_ids/0')
    expect(await attempt({ reason: 'insolvency', until_on: '2026-02-01' })).toBe('400 invalid_request /until_on')
    expect(await attempt({ reason: 'manual', until_on: '2025-12-31' })).toBe('400 invalid_date /until_on')
    expect(await attempt({ reason: 'promise' })).toBe('400 invalid_request /reason')
    expect((await done(ledger.call<{ data: unknown[] }>('GET', '/v1/holds'))).data).toEqual([])
  })

  test('a hold ends once', async () => {
    const { ledger, clientId } = await dueOnTheTenth()
    const { id } = await place(ledger, { client_id: clientId, reason: 'manual' })
    await release(ledger, id)
    expect(refusalOf(await ledger.call('POST', `/v1/holds/${id}/release`, { body: {} }))).toBe('409 hold_released')
    expect(await ledger.told('hold.released')).toHaveLength(1)
  })
})
