import { afterAll, describe, expect, test } from 'vitest'
import { done, startDunning } from '../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Payment = {
  id: string
  status: string
  amount: string
  unapplied: string
  received_on: string | null
  matures_on: string | null
  reversal: { reason: string; reversed_on: string; note: string | null } | null
  allocations: { invoice_id: string; amount: string }[]
  external_refs: { source: string; id: string }[]
  metadata: Record<string, string>
  method: string | null
  version: number
  applied: boolean
}

const at = (id: string) => `/v1/payments/by-ref?source=erp&id=${id}`

/** Two invoices of 100.00 EUR, the first of them older, and what a source does with its payment `p`. */
async function indebted() {
  const ledger = await newLedger({ clockAt: '2026-01-10T12:00:00Z' })
  const client_id = await ledger.addClient()
  const older = (await ledger.issue(client_id, { issued_on: '2025-12-01', due_on: '2025-12-31' })).id
  const newer = (await ledger.issue(client_id, { issued_on: '2025-12-01', due_on: '2026-01-31' })).id
  const send = (body: object) => ledger.call<Payment>('PUT', at('p'), { body })
  const put = (body: object) => done(send(body))
  const get = () => done(ledger.call<Payment>('GET', at('p')))
  const told = async () => (await ledger.events()).map(({ type }) => type)
  /** The types of the events of what is done meanwhile. */
  const toldBy = async (act: () => Promise<unknown>) => {
    const before = await told()
    await act()
    return (await told()).slice(before.length)
  }
  const whole = { client_id, currency: 'EUR', amount: '200.00', received_on: '2026-01-05' }
  const balances = async () => [(await ledger.invoice(older)).balance, (await ledger.invoice(newer)).balance]
  return { ledger, client_id, older, newer, send, put, get, toldBy, whole, balances }
}

test('what a source says otherwise of a payment that stays what it is is sent once, with what it said before', async () => {
  const { ledger, put, toldBy, whole } = await indebted()
  const first = await put({ ...whole, metadata: { slip: '1' } })
  const said = { ...whole, metadata: { slip: '2' }, method: 'transfer' }
  expect(await toldBy(() => put(said))).toEqual(['payment.updated'])
  expect(await toldBy(() => put(said))).toEqual([])
  expect(await ledger.events('payment.updated')).toMatchObject([
    { object: { id: first.id, method: 'transfer' }, previous: { method: null, metadata: { slip: '1' } } }
  ])
})

describe('a source that names what a payment settles', () => {
  test('changes nothing where it names what was settled automatically', async () => {
    const { put, toldBy, whole, older, newer, ledger } = await indebted()
    const first = await put(whole)
    const invoices = [await ledger.invoice(older), await ledger.invoice(newer)]
    const allocations = [
      { invoice_id: newer, amount: '100.00' },
      { invoice_id: older, amount: '100.00' }
    ]
    expect(await toldBy(() => put({ ...whole, allocations }))).toEqual([])
    // What the source names is named from now on; nothing else changed.
    const named = { announced_allocations: allocations, announced_allocations_count: 2 }
    expect(await put({ allocations })).toEqual({ ...first, ...named, version: first.version + 1 })
    expect([await ledger.invoice(older), await ledger.invoice(newer)]).toEqual(invoices)
  })

  test('changes nothing where it names the same again, though the rest was applied automatically meanwhile', async () => {
    const { put, toldBy, whole, older, newer, ledger } = await indebted()
    const named = { ...whole, amount: '150.00', allocations: [{ invoice_id: older, amount: '100.00' }] }
    await put(named)
    await ledger.issue(whole.client_id, { issued_on: '2025-12-01', due_on: '2026-02-28' })
    expect((await ledger.invoice(newer)).balance).toBe('50.00')
    expect(await toldBy(() => put(named))).toEqual([])
    expect((await ledger.invoice(newer)).balance).toBe('50.00')
  })

  test('moves the difference only: no invoice is reopened whose part stays, and the payment is not reversed', async () => {
    const { put, toldBy, whole, older, newer, balances } = await indebted()
    const first = await put({ ...whole, amount: '150.00' })
    expect(await balances()).toEqual(['0.00', '50.00'])
    const allocations = [
      { invoice_id: older, amount: '100.00' },
      { invoice_id: newer, amount: '20.00' }
    ]
    const told = await toldBy(async () => {
      expect(await put({ allocations })).toMatchObject({ id: first.id, status: 'settled', unapplied: '30.00', allocations })
    })
    expect(told).toEqual(['invoice.updated'])
    expect(await balances()).toEqual(['0.00', '80.00'])
    const moved = await toldBy(() => put({ allocations: [{ invoice_id: newer, amount: '100.00' }] }))
    expect(moved.toSorted()).toEqual(['invoice.paid', 'invoice.reopened'])
    expect(await balances()).toEqual(['100.00', '0.00'])
  })

  test('says nothing of an invoice that is paid before and after its payment is corrected', async () => {
    const { put, toldBy, whole, older, newer, ledger } = await indebted()
    const first = await put({ ...whole, amount: '150.00', allocations: [{ invoice_id: older, amount: '100.00' }] })
    const version = (await ledger.invoice(older)).version
    const told = await toldBy(async () => {
      const after = await put({ amount: '160.00' })
      expect(after).toMatchObject({
        amount: '160.00',
        unapplied: '60.00',
        allocations: [{ invoice_id: older, amount: '100.00' }]
      })
      expect(after.id).not.toBe(first.id)
    })
    expect(told).toEqual(['payment.reversed', 'payment.settled'])
    expect((await ledger.invoice(older)).version).toBe(version)
    expect((await ledger.invoice(newer)).balance).toBe('100.00')
  })

  test('is refused, and changes nothing, where it names more than there is', async () => {
    const { send, put, whole, older, newer, get } = await indebted()
    const first = await put(whole)
    const allocations = [{ invoice_id: older, amount: '100.01' }]
    expect((await send({ allocations })).body).toMatchObject({ code: 'payment_exceeds_balance' })
    const beyond = [...allocations, { invoice_id: newer, amount: '100.00' }]
    expect((await send({ allocations: beyond })).body).toMatchObject({ code: 'payment_exceeds_balance' })
    expect(await get()).toEqual((({ applied: _, ...rest }) => rest)(first))
  })
})

describe('a source that says another status', () => {
  test('settled → failed takes the money back on that day, with a reason', async () => {
    const { put, toldBy, whole, balances } = await indebted()
    const { id } = await put({ ...whole, source_version: 1 })
    const told = await toldBy(async () => {
      expect(await put({ status: 'failed', source_version: 2 })).toMatchObject({
        ...{ id, applied: true, status: 'reversed', unapplied: '0.00', allocations: [] },
        reversal: { reason: 'bounced', reversed_on: '2026-01-10' }
      })
    })
    expect(told).toEqual(['payment.reversed', 'invoice.reopened', 'invoice.reopened'])
    expect(await balances()).toEqual(['100.00', '100.00'])
    expect(await toldBy(() => put({ status: 'failed', source_version: 3 }))).toEqual([])
  })

  test('settled → failed on the day and for the reason that the source states', async () => {
    const { put, whole } = await indebted()
    await put(whole)
    const body = { status: 'failed', reversal_reason: 'charged_back', reversed_on: '2026-01-08' }
    const reversal = { reason: 'charged_back', reversed_on: '2026-01-08' }
    expect(await put(body)).toMatchObject({ status: 'reversed', reversal, applied: true })
    expect(await put(body)).toMatchObject({ reversal, applied: true })
    expect(await put({ ...body, reversal_reason: 'bounced' })).toMatchObject({ reversal, applied: false })
  })

  test('settled → pending announces the money anew', async () => {
    const { put, whole, balances } = await indebted()
    const { id } = await put(whole)
    const after = await put({ status: 'pending', matures_on: '2026-02-01' })
    expect(after).toMatchObject({ status: 'pending', received_on: null, matures_on: '2026-02-01', amount: '200.00' })
    expect(after.id).not.toBe(id)
    expect(after.external_refs).toEqual([{ source: 'erp', id: 'p' }])
    expect(await balances()).toEqual(['100.00', '100.00'])
  })

  test('failed or reversed → settled or pending records it anew', async () => {
    const { put, whole, balances } = await indebted()
    await put(whole)
    await put({ status: 'failed' })
    expect(await put({ status: 'settled' })).toMatchObject({ status: 'settled', received_on: '2026-01-05', applied: true })
    expect(await balances()).toEqual(['0.00', '0.00'])
    await put({ status: 'failed' })
    expect(await put({ status: 'pending' })).toMatchObject({ status: 'pending', received_on: null, applied: true })
    await put({ status: 'failed' })
    expect(await put({ status: 'pending' })).toMatchObject({ status: 'pending', applied: true })
    await put({ status: 'failed' })
    expect(await put({ status: 'settled' })).toMatchObject({ status: 'settled', applied: true })
  })

  test('pending → settled takes along what else the source says', async () => {
    const { put, whole } = await indebted()
    await put({ ...whole, received_on: undefined, status: 'pending' })
    const body = {
      status: 'settled',
      received_on: '2026-01-07',
      method: 'transfer',
      metadata: { a: '1' },
      matures_on: '2026-01-06'
    }
    expect(await put(body)).toMatchObject({ ...body, applied: true })
  })

  test('pending → failed of money that came and went is a reversal, without having settled anything', async () => {
    const { put, toldBy, whole } = await indebted()
    await put({ ...whole, received_on: undefined, status: 'pending' })
    const told = await toldBy(async () => {
      const body = { status: 'failed', received_on: '2026-01-07', reversal_reason: 'charged_back', reversed_on: '2026-01-09' }
      expect(await put(body)).toMatchObject({
        ...{ status: 'reversed', received_on: '2026-01-07', unapplied: '0.00' },
        reversal: { reason: 'charged_back', reversed_on: '2026-01-09' }
      })
    })
    expect(told.filter((type) => type.startsWith('invoice.') || type.startsWith('payment.'))).toEqual(['payment.reversed'])
  })

  test('a payment that is not known and failed is kept as such, and settles nothing', async () => {
    const { ledger, put, toldBy, whole, balances } = await indebted()
    expect(await toldBy(() => put({ ...whole, status: 'failed', source_version: 2 }))).toEqual(['payment.reversed'])
    expect(await put({ ...whole, status: 'settled', source_version: 1 })).toMatchObject({ status: 'reversed', applied: false })
    const body = { ...whole, received_on: undefined, status: 'failed' }
    const failed = await done(ledger.call<Payment>('PUT', at('q'), { body }))
    expect(failed).toMatchObject({ status: 'failed', received_on: null, applied: true })
    expect(await balances()).toEqual(['100.00', '100.00'])
  })

  test('what a status has no place for is refused, naming the field', async () => {
    const { send, put, whole } = await indebted()
    await put(whole)
    expect((await send({ reversed_on: '2026-01-08' })).body).toMatchObject({ errors: [{ pointer: '/reversed_on' }] })
    expect((await send({ status: 'pending', reversal_reason: 'bounced' })).body).toMatchObject({
      errors: [{ pointer: '/reversal_reason' }]
    })
    expect((await send({ status: 'pending', received_on: '2026-01-05' })).body).toMatchObject({
      errors: [{ pointer: '/received_on' }]
    })
  })

  test('what its source deleted is recorded anew by a newer version, and by no other', async () => {
    const { ledger, put, whole, balances } = await indebted()
    await put({ ...whole, source_version: 1 })
    await ledger.call('DELETE', `${at('p')}&source_version=2`)
    expect(await put({ ...whole, source_version: 1 })).toMatchObject({ status: 'reversed', applied: false })
    expect(await balances()).toEqual(['100.00', '100.00'])
    const third = { ...whole, status: 'settled', source_version: 3 }
    const { id } = await put(third)
    expect(await balances()).toEqual(['0.00', '0.00'])
    await ledger.reverse(id, { reason: 'bounced' })
    expect(await put(third)).toMatchObject({ id, status: 'reversed', applied: false })
  })

  test('the note of a reversal is kept and shown', async () => {
    const { ledger, put, get, whole } = await indebted()
    const { id } = await put(whole)
    const body = { reason: 'bounced', note: 'Returned by the bank: account closed' }
    await ledger.call('POST', `/v1/payments/${id}/reverse`, { body })
    expect(await get()).toMatchObject({ reversal: { reason: 'bounced', reversed_on: '2026-01-10', note: body.note } })
  })

  test('a payment that ended by hand stays so until a source states another status', async () => {
    const { ledger, put, toldBy, whole } = await indebted()
    const { id } = await put(whole)
    await ledger.reverse(id, { reason: 'bounced' })
    expect(
      await toldBy(async () => {
        expect(await put({ ...whole, metadata: { a: '2' } })).toMatchObject({
          id,
          status: 'reversed',
          metadata: {},
          applied: false
        })
      })
    ).toEqual([])
  })
})
