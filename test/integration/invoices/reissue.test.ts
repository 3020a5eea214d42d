import { afterAll, describe, expect, test } from 'vitest'
import { done, type InvoiceBody, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Ref = { source: string; id: string }
type Invoice = InvoiceBody & {
  total: string
  currency: string
  issued_on: string
  due_on: string
  metadata: Record<string, string>
  external_refs: Ref[]
  replaced_by_id: string | null
  due_schedule: { due_on: string; amount: string; balance: string }[]
  applied: boolean
}
type Problem = { code: string; detail: string; errors?: { pointer: string }[] }

const at = '/v1/invoices/by-ref?source=erp&id=n'
const own = { source: 'erp', id: 'n' }

async function world() {
  const ledger = await newLedger({ clockAt: '2026-01-10T12:00:00Z' })
  const client_id = await ledger.addClient()
  const whole = { client_id, currency: 'EUR', number: 'N-1', total: '100.00', issued_on: '2026-01-01', due_on: '2026-02-01' }
  const send = (body: object) => ledger.call<Invoice>('PUT', at, { body })
  const put = (body: object) => done(send(body))
  const get = () => done(ledger.call<Invoice>('GET', at))
  const byId = (id: string) => done(ledger.call<Invoice>('GET', `/v1/invoices/${id}`))
  const pay = (id: string, amount: string) =>
    ledger.pay(client_id, amount, { received_on: '2026-01-05', allocations: [{ invoice_id: id, amount }] })
  const paymentOf = (id: string) =>
    done(ledger.call<{ allocations: { invoice_id: string; amount: string }[]; unapplied: string }>('GET', `/v1/payments/${id}`))
  return { ledger, client_id, whole, send, put, get, byId, pay, paymentOf }
}

describe('a reference whose invoice is void', () => {
  test('is issued again, and names the new invoice; the void one keeps its history under its id', async () => {
    const { ledger, whole, send, put, get, byId } = await world()
    const first = await put(whole)
    expect((await ledger.call('DELETE', at)).status).toBe(204)
    const again = await send({ ...whole, issued_on: '2026-01-08' })
    expect(again).toMatchObject({
      status: 201,
      body: { status: 'open', issued_on: '2026-01-08', external_refs: [own], applied: true }
    })
    expect(again.body.id).not.toBe(first.id)
    expect((await get()).id).toBe(again.body.id)
    expect(await byId(first.id)).toMatchObject({ status: 'void', external_refs: [], replaced_by_id: again.body.id })
    const events = (await ledger.events('invoice.updated')).map(({ object }) => object)
    expect(events.at(-1)).toMatchObject({ id: first.id, external_refs: [], version: (await byId(first.id)).version })
  })

  test('is issued again by POST and by a batch, but not while the invoice is open', async () => {
    const { ledger, whole, put, get } = await world()
    const first = await put(whole)
    const body = { ...whole, external_refs: [own] }
    const post = () => ledger.call<Invoice & Problem>('POST', '/v1/invoices', { body })
    expect((await post()).body).toMatchObject({ code: 'duplicate_reference', existing_id: first.id })
    await done(ledger.call('POST', `/v1/invoices/${first.id}/void`, { body: {} }))
    const second = await done(post())
    expect(second.external_refs).toEqual([own])
    expect((await get()).id).toBe(second.id)
    await ledger.call('DELETE', at)
    const other = { ...body, external_refs: [own, { source: 'erp', id: 'x' }] }
    const batch = { invoices: [body, other] }
    const { results } = await done(
      ledger.call<{ results: { status: string; invoice: Invoice | null }[] }>('POST', '/v1/invoices/batch', { body: batch })
    )
    expect(results.map(({ status }) => status)).toEqual(['created', 'refused'])
    expect((await get()).id).toBe(results[0]?.invoice?.id)
  })

  test('stays void where its source says the same again, and is issued again by a newer version', async () => {
    const { ledger, whole, put, send } = await world()
    const first = await put({ ...whole, source_version: 1 })
    await done(ledger.call('POST', `/v1/invoices/${first.id}/void`, { body: {} }))
    const told = (await ledger.events()).length
    expect(await put({ ...whole, source_version: 1 })).toMatchObject({ id: first.id, status: 'void', applied: false })
    expect(await put(whole)).toMatchObject({ id: first.id, status: 'void', applied: false })
    expect((await ledger.events()).length).toBe(told)
    expect(await send({ ...whole, source_version: 2 })).toMatchObject({ status: 201, body: { status: 'open', applied: true } })
  })
})

describe('a source that corrects what makes an invoice another one', () => {
  test('another day of issue: it is void and issued anew in one step, with its payments, in whatever order they came', async () => {
    const { ledger, whole, put, byId, pay, paymentOf } = await world()
    const first = await put({ ...whole, metadata: { a: '1' } })
    const payment = await pay(first.id, '60.00')
    const before = (await ledger.events()).length
    const after = await put({ issued_on: '2026-01-03' })
    expect(after).toMatchObject({
      issued_on: '2026-01-03',
      due_on: '2026-02-01',
      balance: '40.00',
      number: 'N-1',
      metadata: { a: '1' }
    })
    expect(after.id).not.toBe(first.id)
    expect(await byId(first.id)).toMatchObject({ status: 'void', balance: '0.00', external_refs: [], replaced_by_id: after.id })
    expect(await paymentOf(payment)).toMatchObject({
      unapplied: '0.00',
      allocations: [{ invoice_id: after.id, amount: '60.00' }]
    })
    const told = (await ledger.events()).slice(before).map(({ type }) => type)
    expect(told.filter((type) => type === 'invoice.voided' || type === 'invoice.created')).toHaveLength(2)
    expect(told).not.toContain('invoice.reopened')
  })

  test('a paid invoice stays paid, and what it does not claim any more is credit', async () => {
    const { whole, put, byId, pay, paymentOf } = await world()
    const first = await put(whole)
    const payment = await pay(first.id, '100.00')
    const after = await put({ issued_on: '2026-01-03', total: '90.00' })
    expect(after).toMatchObject({ status: 'paid', total: '90.00', balance: '0.00' })
    expect(await byId(first.id)).toMatchObject({ status: 'void' })
    expect(await paymentOf(payment)).toMatchObject({ unapplied: '10.00' })
  })

  test('what hung on it moves: parts, promises and announced money', async () => {
    const { ledger, client_id, whole, put } = await world()
    const first = await put(whole)
    const promise = { invoice_ids: [first.id], amount: '100.00', currency: 'EUR', promised_on: '2026-01-20', client_id }
    const { id } = await done(ledger.call<{ id: string }>('POST', '/v1/promises', { body: promise }))
    const after = await put({ issued_on: '2026-01-03' })
    expect(await done(ledger.call('GET', `/v1/promises/${id}`))).toMatchObject({ status: 'pending', invoice_ids: [after.id] })
    const due_schedule = [
      { due_on: '2026-02-01', amount: '40.00' },
      { due_on: '2026-03-01', amount: '60.00' }
    ]
    await put({ due_schedule })
    expect((await put({ issued_on: '2026-01-04' })).due_schedule).toMatchObject(due_schedule)
  })

  test('another client or currency, as long as nothing is paid', async () => {
    const { ledger, whole, put, send, pay } = await world()
    const other = await ledger.addClient()
    const first = await put(whole)
    const moved = await put({ client_id: other })
    expect(moved).toMatchObject({ client_id: other, status: 'open', external_refs: [own] })
    expect(moved.id).not.toBe(first.id)
    const dollars = await put({ currency: 'USD', client_id: whole.client_id })
    expect(dollars).toMatchObject({ client_id: whole.client_id, currency: 'USD', total: '100.00' })
    const euros = await put({ currency: 'EUR' })
    const payment = await pay(euros.id, '10.00')
    const refused = await send({ client_id: other })
    expect(refused).toMatchObject({ status: 409, body: { code: 'invoice_has_payments', errors: [{ pointer: '/client_id' }] } })
    await ledger.reverse(payment, { reason: 'entered_wrongly' })
    expect(await put({ client_id: other })).toMatchObject({ client_id: other, balance: '100.00' })
  })

  test('without automatic credit the payments of the invoice move all the same, and no other credit does', async () => {
    const { ledger, client_id, whole, put, pay, paymentOf } = await world()
    await done(ledger.call('PATCH', '/v1/organization', { body: { auto_apply_credit: false } }))
    const first = await put(whole)
    const payment = await pay(first.id, '60.00')
    const spare = await ledger.pay(client_id, '50.00', { reserved_for: 'deposit' })
    expect(await put({ issued_on: '2026-01-03' })).toMatchObject({ balance: '40.00' })
    expect((await paymentOf(payment)).unapplied).toBe('0.00')
    expect((await paymentOf(spare)).unapplied).toBe('50.00')
  })
})

describe('how dunning starts', () => {
  test('is settled when an invoice is issued: a source may end dunning or begin it again, and nothing else', async () => {
    const { whole, put, send } = await world()
    await put({ ...whole, dunning_start: 'normal' })
    const start = async (dunning_start: string) =>
      ((await put({ dunning_start })) as unknown as { dunning: { start: string } }).dunning.start
    expect(await start('off')).toBe('off')
    expect(await start('normal')).toBe('normal')
    expect((await send({ dunning_start: 'baseline' })).body).toMatchObject({ errors: [{ pointer: '/dunning_start' }] })
  })
})
