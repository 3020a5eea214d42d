import { afterAll, expect, it } from 'vitest'
import type { Call } from '../../support/app.ts'
import { done, startDunning } from '../../support/dunning.ts'

const app = await startDunning()
afterAll(() => app[Symbol.asyncDispose]())

type Row = Readonly<{ id: string; number: string; due_on: string; net: string; entry_id: string | null }>
type Context = Readonly<{
  total: string
  net_total: string
  obligations: Row[]
  obligations_count: number
  obligations_url: string | null
}>

const INVOICES = 300

/** A client who owes so many invoices, of whom a notice was sent. */
async function owing(count: number) {
  const ledger = await app.newLedger()
  await ledger.usePolicy([{ code: 'reminder', offset_days: 10 }])
  const clientId = await ledger.addClient()
  const invoices = Array.from({ length: count }, (_, index) => ({
    ...{ client_id: clientId, number: `INV-2026-${String(index).padStart(6, '0')}`, currency: 'EUR', total: '1250.00' },
    // The later the number, the earlier the day.
    due_on: new Date(Date.UTC(2026, 0, 31) - Math.floor(index / 12) * 86_400_000).toISOString().slice(0, 10)
  }))
  await done(ledger.call('POST', '/v1/invoices/batch', { body: { invoices } }))
  await ledger.advance('2026-01-25T12:00:00Z')
  await ledger.advance('2026-02-10T12:00:00Z')
  // Numbers them.
  await ledger.events()
  const { data } = await done(
    ledger.call<{ data: { id: string; body: object }[] }>(
      'GET',
      '/v1/events?type=client.dunning_notice_due&limit=200&from=2026-02-10T00:00:00Z'
    )
  )
  const last = data.at(-1)
  if (last === undefined) throw new Error('No notice was made.')
  return { ledger, id: last.id, body: last.body as { data: { context: Context } } }
}

async function restOf(call: Call, url: string): Promise<Row[]> {
  const rows: Row[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { data: Row[]; next_cursor: string | null } = await done(
      call<{ data: Row[]; next_cursor: string | null }>('GET', `${url}?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`)
    )
    rows.push(...page.data)
    cursor = page.next_cursor
  }
  return rows
}

it('a notice of 300 invoices is below 20 KB, with the 50 that fell due first, and its link has the other 250', async () => {
  const { ledger, id, body } = await owing(INVOICES)
  expect(JSON.stringify(body).length).toBeLessThan(20_000)
  const { context } = body.data
  expect([context.total, context.obligations_count]).toEqual(['375000.00', INVOICES])
  expect(context.obligations).toHaveLength(50)
  expect(context.obligations_url).toBe(`/v1/events/${id}/rest/obligations`)
  const rest = await restOf(ledger.call, context.obligations_url ?? '')
  expect(rest).toHaveLength(250)
  const all = [...context.obligations, ...rest]
  expect(new Set(all.map((row) => row.id)).size).toBe(INVOICES)
  expect(all.map((row) => row.due_on)).toEqual(all.map((row) => row.due_on).toSorted())
  expect(new Set(rest.map((row) => Object.keys(row).join()))).toEqual(new Set([Object.keys(context.obligations[0] ?? {}).join()]))
})

it('a notice of 50 invoices has them all, and no link', async () => {
  const { ledger, id, body } = await owing(50)
  expect(body.data.context).toMatchObject({ obligations_count: 50, obligations_url: null })
  expect(body.data.context.obligations).toHaveLength(50)
  expect(await restOf(ledger.call, `/v1/events/${id}/rest/obligations`)).toEqual([])
})

it('what a body has no room for is erased with it', async () => {
  const { ledger, id } = await owing(60)
  const { services, database } = app
  const before = new Date(Date.now() + 60_000)
  await database.scoped(ledger.id, (tx) => services.events.eraseBodies(tx, { before, limit: 10_000 }))
  const { status, body } = await ledger.call<{ code: string }>('GET', `/v1/events/${id}/rest/obligations`)
  expect([status, body.code]).toEqual([404, 'not_found'])
})
