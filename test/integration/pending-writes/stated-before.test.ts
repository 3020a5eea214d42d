import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Doc = Record<string, unknown>

const at = (kind: string, id: string) => `/v1/${kind}/by-ref?${new URLSearchParams({ source: 'erp', id })}`
const put = (ledger: Ledger, kind: string, id: string, body: object) => ledger.call<Doc>('PUT', at(kind, id), { body })
const get = (ledger: Ledger, kind: string, id: string) => ledger.call<Doc>('GET', at(kind, id))
const pending = async (ledger: Ledger) => (await done(ledger.call<{ data: Doc[] }>('GET', '/v1/pending-writes'))).data

const client_ref = { source: 'erp', id: 'c' }
const invoice = { client_ref, number: 'R-1', currency: 'EUR', total: '100.00', issued_on: '2025-12-01', due_on: '2026-01-31' }
const payment = { client_ref, currency: 'EUR', amount: '40.00', received_on: '2025-12-20' }

describe('what is stated of an invoice before its client exists', () => {
  const halves = ['2026-02-01', '2026-03-01'].map((due_on) => ({ due_on, amount: '50.00' }))
  const { due_on: _, ...undue } = invoice
  test.for([
    ['a partial total under parts', { ...undue, due_schedule: halves }, { total: '90.00' }],
    ['a total that ends a part', { ...undue, due_schedule: halves }, { total: '50.00' }],
    ['a larger total under parts', { ...undue, due_schedule: halves }, { total: '120.00' }],
    ['a due day in the place of parts', { ...undue, due_schedule: halves }, { due_on: '2026-02-15' }],
    ['the last due day of the parts', { ...undue, due_schedule: halves }, { due_on: '2026-03-01', total: '80.00' }],
    ['parts in the place of a due day', invoice, { due_schedule: halves }],
    ['parts of another sum', invoice, { due_schedule: halves, total: '90.00' }],
    ['parts beside another due day', invoice, { due_schedule: halves, due_on: '2026-05-01' }],
    ['parts beside the due day', invoice, { due_schedule: halves, due_on: '2026-01-31' }],
    ['a total of 0', invoice, { total: '0.00' }],
    ['another day of issue and total', { ...undue, due_schedule: halves }, { issued_on: '2025-12-02', total: '90.00' }],
    ['another day of issue and due day', { ...undue, due_schedule: halves }, { issued_on: '2025-12-02', due_on: '2026-05-01' }]
  ] as const)('takes %s as an invoice that is there', async ([, first, second]) => {
    const there = await newLedger()
    await put(there, 'clients', 'c', { name: 'C' })
    await done(put(there, 'invoices', 'i', first))
    const direct = await put(there, 'invoices', 'i', second)
    const ledger = await newLedger()
    await done(put(ledger, 'invoices', 'i', first))
    const held = await put(ledger, 'invoices', 'i', second)
    if (direct.status < 300) expect(held.status).toBe(202)
    else expect(refusalOf(held)).toBe(refusalOf(direct))
    await put(ledger, 'clients', 'c', { name: 'C' })
    const termsOf = ({ body }: Awaited<ReturnType<typeof get>>) =>
      ['total', 'due_on', 'due_schedule', 'issued_on', 'balance', 'status'].map((field) => body[field])
    expect(termsOf(await get(ledger, 'invoices', 'i'))).toEqual(termsOf(await get(there, 'invoices', 'i')))
    expect(await pending(ledger)).toEqual([])
  })

  const thirds = ['2026-02-01', '2026-03-01', '2026-04-01'].map((due_on) => ({ due_on, amount: '30.00' }))
  test.for([
    ['a total', { due_schedule: thirds, total: '90.00' }, { total: '70.00' }],
    ['a total after parts alone', { due_schedule: [halves[0], { ...halves[1], due_on: '2026-03-15' }] }, { total: '90.00' }],
    ['a total after another', { total: '50.00' }, { total: '100.00' }],
    ['a larger total', { number: 'R-2' }, { total: '120.00' }],
    ['a due day in the place of parts', { total: '90.00' }, { due_on: '2026-02-15' }],
    ['parts', { total: '90.00' }, { due_schedule: thirds }]
  ] as const)('takes %s on top of what waits as an invoice in parts that is there', async ([, first, second]) => {
    const other = { client_ref: { source: 'erp', id: 'd' } }
    const [there, ledger] = [await newLedger(), await newLedger()]
    for (const one of [there, ledger]) {
      await put(one, 'clients', 'c', { name: 'C' })
      await done(put(one, 'invoices', 'i', { ...undue, due_schedule: halves }))
    }
    await put(there, 'clients', 'd', { name: 'D' })
    await done(put(there, 'invoices', 'i', { ...other, ...first }))
    const direct = await put(there, 'invoices', 'i', second)
    expect((await put(ledger, 'invoices', 'i', { ...other, ...first })).status).toBe(202)
    const held = await put(ledger, 'invoices', 'i', second)
    if (direct.status < 300) expect(held.status).toBe(202)
    else expect(refusalOf(held)).toBe(refusalOf(direct))
    await put(ledger, 'clients', 'd', { name: 'D' })
    const termsOf = ({ body }: Awaited<ReturnType<typeof get>>) =>
      ['number', 'total', 'due_on', 'due_schedule', 'issued_on', 'balance', 'status'].map((field) => body[field])
    expect(termsOf(await get(ledger, 'invoices', 'i'))).toEqual(termsOf(await get(there, 'invoices', 'i')))
    expect(await pending(ledger)).toEqual([])
  })

  const { received_on: __, ...announced } = { ...payment, status: 'pending', matures_on: '2026-01-10' }
  test.for([
    ['settled, then announced', payment, announced],
    ['gone, then announced', { ...payment, status: 'failed', reversed_on: '2025-12-21' }, announced],
    ['gone, then settled', { ...payment, status: 'failed', reversal_reason: 'charged_back' }, { ...payment, status: 'settled' }],
    ['announced, then settled', announced, { status: 'settled', received_on: '2025-12-20' }],
    ['announced, then failed', announced, { status: 'failed' }],
    ['settled, then gone', payment, { status: 'failed', reversed_on: '2025-12-21' }]
  ] as const)('takes a payment that is %s, as one that is there', async ([, first, second]) => {
    const [there, ledger] = [await newLedger(), await newLedger()]
    await put(there, 'clients', 'c', { name: 'C' })
    for (const one of [there, ledger]) {
      await done(put(one, 'payments', 'p', { ...first, source_version: 1 }))
      await done(put(one, 'payments', 'p', { ...second, source_version: 2 }))
    }
    await put(ledger, 'clients', 'c', { name: 'C' })
    const standsOf = ({ body }: Awaited<ReturnType<typeof get>>) =>
      ['status', 'amount', 'received_on', 'matures_on', 'reversal', 'unapplied'].map((field) => body[field])
    expect(standsOf(await get(ledger, 'payments', 'p'))).toEqual(standsOf(await get(there, 'payments', 'p')))
  })

  test('is refused at once for all that can be checked without its client', async () => {
    const ledger = await newLedger()
    const wrong = [
      ['invoices', { ...undue, due_schedule: halves, total: '90.00' }, '400 invalid_amount /due_schedule'],
      ['invoices', { ...invoice, due_schedule: halves }, '400 invalid_request /due_on'],
      ['invoices', { ...invoice, total: '0.00' }, '400 invalid_amount /total'],
      ['invoices', { ...invoice, due_on: '2025-11-01' }, '400 invalid_date /due_on'],
      ['invoices', { ...invoice, dunning_policy_id: crypto.randomUUID() }, '422 reference_not_found /dunning_policy_id'],
      ['payments', { ...payment, amount: '0.00' }, '400 invalid_amount /amount'],
      ['payments', { ...payment, status: 'pending' }, '400 invalid_request /received_on'],
      ['payments', { ...payment, reversed_on: '2026-01-01' }, '400 invalid_request /reversed_on'],
      [
        'payments',
        { ...payment, allocations: [{ invoice_ref: client_ref, amount: '41.00' }] },
        '422 payment_exceeds_balance /allocations'
      ],
      [
        'payments',
        { ...payment, allocations: [{ invoice_ref: client_ref, amount: '0.00' }] },
        '400 invalid_amount /allocations/0/amount'
      ]
    ] as const
    for (const [kind, body, refusal] of wrong)
      expect(refusalOf(await put(ledger, kind, 'w', body)), JSON.stringify(body)).toBe(refusal)
    await put(ledger, 'clients', 'there', { name: 'C' })
    const other = { client_ref: { source: 'erp', id: 'there' } }
    await done(put(ledger, 'invoices', 'x', { ...invoice, ...other }))
    await done(put(ledger, 'payments', 'x', { ...payment, ...other }))
    expect(refusalOf(await put(ledger, 'invoices', 'x', { client_ref, due_schedule: halves, total: '1.00' }))).toBe(
      '400 invalid_amount /due_schedule'
    )
    expect(refusalOf(await put(ledger, 'payments', 'x', { client_ref, amount: '1.234' }))).toBe('400 invalid_amount /amount')
  })
})
