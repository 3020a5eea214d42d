import { afterAll, describe, expect, test } from 'vitest'
import { done, type InvoiceBody, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Part = { due_on: string; amount: string; balance: string }
type Invoice = InvoiceBody & {
  total: string
  due_on: string
  due_schedule: Part[]
  metadata: Record<string, string>
  applied: boolean
  issued_on: string
}

const at = '/v1/invoices/by-ref?source=erp&id=n'
const twoParts = [
  { due_on: '2026-02-01', amount: '5000.00' },
  { due_on: '2026-03-01', amount: '5000.00' }
]
const partsOf = ({ due_schedule: parts }: Invoice) =>
  parts.map(({ due_on: on, amount, balance }) => `${on} ${balance} of ${amount}`)

async function world() {
  const ledger = await newLedger({ clockAt: '2026-01-10T12:00:00Z' })
  const client_id = await ledger.addClient()
  const whole = { client_id, currency: 'EUR', number: 'N-1', issued_on: '2026-01-01' }
  const send = (body: object) => ledger.call<Invoice>('PUT', at, { body })
  const put = (body: object) => done(send(body))
  const get = () => done(ledger.call<Invoice>('GET', at))
  const pay = (id: string, amount: string) =>
    ledger.pay(client_id, amount, { received_on: '2026-01-10', allocations: [{ invoice_id: id, amount }] })
  return { ledger, client_id, whole, send, put, get, pay }
}

describe('the total of an invoice that is due in parts', () => {
  test('is lowered from the last part backwards; what is paid of a part stays', async () => {
    const { whole, put, pay } = await world()
    const { id } = await put({ ...whole, total: '10000.00', due_schedule: twoParts })
    await pay(id, '4500.00')
    expect(partsOf(await put({ total: '9999.99' }))).toEqual(['2026-02-01 500.00 of 5000.00', '2026-03-01 4999.99 of 4999.99'])
    expect(partsOf(await put({ total: '4800.00' }))).toEqual(['2026-02-01 300.00 of 4800.00'])
    const paid = await put({ total: '4500.00' })
    expect(paid).toMatchObject({ status: 'paid', balance: '0.00', due_on: '2026-02-01' })
  })

  test('is raised on the last part, and reopens an invoice that was paid', async () => {
    const { whole, put, pay } = await world()
    const { id } = await put({ ...whole, total: '10000.00', due_schedule: twoParts })
    await pay(id, '10000.00')
    const raised = await put({ total: '10000.01' })
    expect(raised).toMatchObject({ status: 'open', balance: '0.01' })
    expect(partsOf(raised)).toEqual(['2026-02-01 0.00 of 5000.00', '2026-03-01 0.01 of 5000.01'])
  })

  test('below what was paid gives the rest back as credit, the last part first', async () => {
    const { ledger, client_id, whole, put, pay } = await world()
    const { id } = await put({ ...whole, total: '10000.00', due_schedule: twoParts })
    await pay(id, '9000.00')
    expect(partsOf(await put({ total: '7000.00' }))).toEqual(['2026-02-01 0.00 of 5000.00', '2026-03-01 0.00 of 2000.00'])
    const { balances } = await done(ledger.call<{ balances: object[] }>('GET', `/v1/clients/${client_id}/balance`))
    expect(balances).toMatchObject([{ open: '0.00', unapplied_credit: '2000.00' }])
    expect(partsOf(await put({ total: '7500.00' }))).toEqual(['2026-02-01 0.00 of 5000.00', '2026-03-01 0.00 of 2500.00'])
  })

  test('cannot be less than what was credited of it', async () => {
    const { ledger, whole, put, send, get } = await world()
    const { id } = await put({ ...whole, total: '10000.00', due_schedule: twoParts })
    const dispute = { invoice_id: id, amount: '9000.00', reason: 'quality' }
    const made = await ledger.call<{ id: string }>('POST', '/v1/disputes', { body: dispute })
    await done(ledger.call('POST', `/v1/disputes/${made.body.id}/resolve`, { body: { outcome: 'upheld', at_fault: 'ours' } }))
    expect((await send({ total: '8999.99' })).body).toMatchObject({ code: 'invalid_amount', errors: [{ pointer: '/total' }] })
    expect((await put({ total: '9500.00' })).balance).toBe('500.00')
    expect((await get()).total).toBe('9500.00')
  })
})

describe('the due days of an invoice', () => {
  test('that is due in parts move by a schedule, which may have more parts or fewer', async () => {
    const { whole, put, pay, ledger } = await world()
    const { id } = await put({ ...whole, total: '10000.00', due_schedule: twoParts })
    await pay(id, '5500.00')
    const three = [
      { due_on: '2026-02-01', amount: '5000.00' },
      { due_on: '2026-03-15', amount: '2000.00' },
      { due_on: '2026-04-15', amount: '3000.00' }
    ]
    const before = (await ledger.events()).length
    const split = await put({ due_schedule: three })
    expect(partsOf(split)).toEqual([
      '2026-02-01 0.00 of 5000.00',
      '2026-03-15 1500.00 of 2000.00',
      '2026-04-15 3000.00 of 3000.00'
    ])
    expect(split).toMatchObject({ total: '10000.00', balance: '4500.00', due_on: '2026-04-15', applied: true })
    expect((await ledger.events()).slice(before).map(({ type }) => type)).toContain('invoice.rescheduled')
    expect(await put({ due_schedule: three })).toMatchObject({ version: split.version })
    const two = [
      { due_on: '2026-02-01', amount: '4000.00' },
      { due_on: '2026-05-01', amount: '6000.00' }
    ]
    const joined = await put({ due_schedule: two })
    expect(partsOf(joined)).toEqual(['2026-02-01 0.00 of 4000.00', '2026-05-01 4500.00 of 6000.00'])
    const smaller = await put({ total: '9000.00', due_schedule: [two[0], { due_on: '2026-05-01', amount: '5000.00' }] })
    expect(partsOf(smaller)).toEqual(['2026-02-01 0.00 of 4000.00', '2026-05-01 3500.00 of 5000.00'])
  })

  test('follow the ladder of each new part', async () => {
    const { whole, put, ledger } = await world()
    await ledger.usePolicy([{ code: 'reminder', offset_days: 5 }])
    const { id } = await put({ ...whole, total: '100.00', due_on: '2026-02-01' })
    await put({
      due_schedule: [
        { due_on: '2026-01-20', amount: '40.00' },
        { due_on: '2026-02-20', amount: '60.00' }
      ]
    })
    for (const days of [30, 30]) await ledger.advance(days)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-25', 'reminder 2026-02-25'])
    expect(await ledger.invoice(id)).toMatchObject({ is_overdue: true, days_overdue: 50 })
  })

  test('move by hand for an invoice that is due in parts too', async () => {
    const { whole, put, ledger } = await world()
    const { id } = await put({ ...whole, total: '10000.00', due_schedule: twoParts })
    const reschedule = (body: object) => ledger.call<Invoice>('POST', `/v1/invoices/${id}/reschedule`, { body })
    expect((await reschedule({ due_on: '2026-04-01' })).body).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/due_on' }]
    })
    const due_schedule = [twoParts[0], { due_on: '2026-04-01', amount: '5000.00' }]
    expect(partsOf(await done(reschedule({ due_schedule })))).toEqual([
      '2026-02-01 5000.00 of 5000.00',
      '2026-04-01 5000.00 of 5000.00'
    ])
    expect((await reschedule({})).body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/due_on' }] })
  })

  test('sum to the total, in order, and never before the issue', async () => {
    const { whole, put, send } = await world()
    await put({ ...whole, total: '10000.00', due_schedule: twoParts })
    const refused = async (body: object) => (await send(body)).body as unknown as { code: string; errors: { pointer: string }[] }
    const [first, second] = twoParts
    expect(await refused({ due_schedule: [first, { ...second, amount: '4999.99' }] })).toMatchObject({
      errors: [{ pointer: '/due_schedule' }]
    })
    expect(await refused({ due_schedule: [second, first] })).toMatchObject({ errors: [{ pointer: '/due_schedule/1/due_on' }] })
    expect(await refused({ due_schedule: [{ ...first, due_on: '2025-12-31' }, second] })).toMatchObject({
      errors: [{ pointer: '/due_schedule/0/due_on' }]
    })
    expect(await refused({ due_schedule: twoParts, due_on: '2026-02-01' })).toMatchObject({ errors: [{ pointer: '/due_on' }] })
  })
})

describe('a paid invoice', () => {
  test('takes corrections of number, due day and metadata, and ends as if they had come before the payment', async () => {
    const shown = ({ id: _, client_id: __, version: ___, ...rest }: Invoice & { created_at?: string; updated_at?: string }) => {
      const { created_at: ____, updated_at: _____, dunning, ...same } = rest
      return { ...same, dunning: { ...dunning, policy_id: null } }
    }
    const second = { number: 'N-2', due_on: '2026-02-20', metadata: { a: '1' } }
    const [late, early] = [await world(), await world()]
    const v1 = ({ whole }: typeof late) => ({ ...whole, total: '100.00', due_on: '2026-01-05', source_version: 1 })
    const v2 = (of: typeof late) => ({ ...v1(of), ...second, source_version: 2 })
    const { id } = await late.put(v1(late))
    await late.pay(id, '100.00')
    expect(await late.put(v2(late))).toMatchObject({ applied: true, status: 'paid', ...second })
    const other = await early.put(v1(early))
    await early.put(v2(early))
    await early.pay(other.id, '100.00')
    expect(shown(await late.get())).toEqual(shown(await early.get()))
  })

  test('is dunned by its new due day once its money is gone', async () => {
    const { ledger, whole, put, pay } = await world()
    await ledger.usePolicy([{ code: 'reminder', offset_days: 5 }])
    const { id } = await put({ ...whole, total: '100.00', due_on: '2026-01-12' })
    const payment = await pay(id, '100.00')
    await put({ due_on: '2026-02-01' })
    await ledger.advance('2026-01-20T12:00:00Z')
    await ledger.reverse(payment, { reason: 'bounced' })
    await ledger.advance(30)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-02-06'])
  })

  test('a written-off invoice takes them too, and stays written off', async () => {
    const { ledger, whole, put } = await world()
    const { id } = await put({ ...whole, total: '100.00', due_on: '2026-01-12' })
    await done(ledger.call('POST', `/v1/invoices/${id}/write-off`, { body: {} }))
    const second = { number: 'N-2', due_on: '2026-02-20', metadata: { a: '1' } }
    expect(await put(second)).toMatchObject({ ...second, applied: true, status: 'written_off', balance: '0.00' })
  })
})
