import { afterAll, expect, it } from 'vitest'
import { done, startDunning } from '../../support/dunning.ts'

const app = await startDunning()
afterAll(() => app[Symbol.asyncDispose]())

type Covering = Readonly<{ id: string; invoice_ids: string[]; invoices_count: number; invoices_url: string; parts?: object[] }>
type Page = Readonly<{ data: { invoice_id: string; amount?: string | null }[]; next_cursor: string | null }>

const INVOICES = 230

it('a promise over any number of invoices, and its hold, show 100 of them, their number and where all are, in events too', async () => {
  const ledger = await app.newLedger()
  const clientId = await ledger.addClient()
  const invoices = Array.from({ length: INVOICES }, (_, index) => {
    return { client_id: clientId, number: `P-${index}`, currency: 'EUR', total: '10.00', due_on: '2026-01-10' }
  })
  await done(ledger.call('POST', '/v1/invoices/batch', { body: { invoices } }))
  const body = { client_id: clientId, amount: `${INVOICES}0.00`, currency: 'EUR', promised_on: '2026-01-20' }
  const promise = await done(ledger.call<Covering>('POST', '/v1/promises', { body }))
  const { data } = await done(ledger.call<{ data: Covering[] }>('GET', `/v1/holds?client_id=${clientId}`))
  const [hold] = data
  expect(hold?.parts).toHaveLength(100)
  const rowsOf = async ({ invoices_url: url }: Covering) => {
    const first = await done(ledger.call<Page>('GET', `${url}?limit=200`))
    const second = await done(ledger.call<Page>('GET', `${url}?limit=200&cursor=${first.next_cursor}`))
    expect(second.next_cursor).toBeNull()
    return [...first.data, ...second.data]
  }
  for (const one of [promise, hold]) {
    expect([one?.invoice_ids.length, one?.invoices_count]).toEqual([100, INVOICES])
    const rows = one === undefined ? [] : await rowsOf(one)
    expect(rows.slice(0, 100).map((row) => row.invoice_id)).toEqual(one?.invoice_ids)
    expect(new Set(rows.map((row) => row.invoice_id)).size).toBe(INVOICES)
  }
  const held = hold === undefined ? [] : await rowsOf(hold)
  expect(new Set(held.map(({ amount }) => amount))).toEqual(new Set(['10.00']))
  const events = await ledger.events('promise.made', 'hold.placed')
  expect(events).toHaveLength(2)
  for (const { object } of events) expect(object['invoices_count']).toBe(INVOICES)
  for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(20_000)
})
