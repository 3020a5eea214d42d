import { afterAll, describe, expect, test } from 'vitest'
import { done, type EventRow, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Told = Readonly<{ events: EventRow[]; lines: string[] }>

/** The events of one invoice that a piece of work brings, without its dunning. */
async function toldOf(ledger: Ledger, id: string, work: () => Promise<unknown>): Promise<Told> {
  const before = (await ledger.events()).length
  await work()
  const events = (await ledger.events()).slice(before).filter(({ type, object }) => object.id === id && !type.includes('dunning'))
  return { events, lines: events.map(({ type }) => type) }
}

async function start(total = '100.00') {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  const refs = [{ source: 'books', id: '1' }]
  const { id } = await ledger.issue(clientId, { total, issued_on: '2026-01-01', due_on: '2026-01-31', external_refs: refs })
  const put = (body: object) => done(ledger.call('PUT', '/v1/invoices/by-ref?source=books&id=1', { body }))
  return { ledger, clientId, id, put }
}

describe('the events of an invoice belong to what became of it, whatever caused that', () => {
  test('a total that is lowered to what was paid: it is paid', async () => {
    const { ledger, clientId, id, put } = await start()
    await ledger.pay(clientId, '95.00')
    const { events, lines } = await toldOf(ledger, id, () => put({ total: '95.00' }))
    expect(lines).toEqual(['invoice.updated', 'invoice.paid'])
    for (const { object, previous } of events) {
      expect(object).toEqual(await ledger.invoice(id))
      expect(previous).toMatchObject({ status: 'open', balance: '5.00', total: '100.00' })
    }
  })

  test('a total that is raised above what was paid: it is open again', async () => {
    const { ledger, clientId, id, put } = await start()
    await ledger.pay(clientId, '100.00')
    const { lines } = await toldOf(ledger, id, () => put({ total: '120.00' }))
    expect(lines).toEqual(['invoice.updated', 'invoice.reopened'])
  })

  test('a total that is raised, and paid at once from what the client has: never told as open', async () => {
    const { ledger, clientId, id, put } = await start()
    await ledger.pay(clientId, '150.00')
    const { events, lines } = await toldOf(ledger, id, () => put({ total: '120.00' }))
    expect(lines).toEqual(['invoice.updated'])
    expect(events[0]?.object).toEqual(await ledger.invoice(id))
  })

  test('a total that is raised, and paid in part from what the client has', async () => {
    const { ledger, clientId, id, put } = await start()
    await ledger.pay(clientId, '60.00', { reserved_for: 'deposit' })
    await ledger.pay(clientId, '110.00')
    const { lines } = await toldOf(ledger, id, () => put({ total: '120.00' }))
    expect(lines).toEqual(['invoice.updated', 'invoice.reopened'])
  })

  test('a total that is lowered while nothing is paid: that is no payment', async () => {
    const { ledger, id, put } = await start()
    const { lines } = await toldOf(ledger, id, () => put({ total: '80.00' }))
    expect(lines).toEqual(['invoice.updated'])
  })

  test('a source that says several things at once: each event once, with the invoice as all of them leave it', async () => {
    const { ledger, clientId, id, put } = await start()
    await ledger.pay(clientId, '50.00')
    const body = { total: '50.00', number: 'R-2', metadata: { a: 'b' } }
    const { events, lines } = await toldOf(ledger, id, async () => {
      await put({ ...body, total: '100.00', due_on: '2026-02-15' })
      await put(body)
      await put(body)
    })
    expect(lines).toEqual(['invoice.updated', 'invoice.rescheduled', 'invoice.updated', 'invoice.paid'])
    const [first, , , last] = events
    expect(first?.object).toMatchObject({ number: 'R-2', due_on: '2026-02-15', metadata: { a: 'b' } })
    expect(last?.object).toEqual(await ledger.invoice(id))
  })

  test('an invoice that is paid at once from what the client has: created as it stands, and paid', async () => {
    const { ledger, clientId } = await start()
    await ledger.pay(clientId, '150.00')
    const { id } = await ledger.issue(clientId, { total: '50.00', due_on: '2026-03-01' })
    const told = (await ledger.events()).filter(({ object }) => object.id === id)
    expect(told.map(({ type }) => type)).toEqual(['invoice.created', 'invoice.paid'])
    const now = await ledger.invoice(id)
    expect(told.map(({ object }) => object)).toEqual([now, now])
    expect(told.map(({ previous }) => previous)).toEqual([null, expect.objectContaining({ status: 'open', balance: '50.00' })])
  })

  test.for(['by its source', 'by POST with references in another order'])(
    'an invoice that is paid at once and issued %s: nothing is told but that',
    async (way) => {
      const ledger = await newLedger()
      const client_id = await ledger.addClient()
      await ledger.pay(client_id, '100.00')
      const before = (await ledger.events()).length
      const body = { client_id, number: 'R', currency: 'EUR', total: '100.00', issued_on: '2026-01-01', due_on: '2026-01-31' }
      const external_refs = ['b', 'a'].map((source) => ({ source, id: '1' }))
      const made =
        way === 'by its source'
          ? ledger.call('PUT', '/v1/invoices/by-ref?source=books&id=1', { body })
          : ledger.call('POST', '/v1/invoices', { body: { ...body, external_refs } })
      expect(await done(made)).toMatchObject({ status: 'paid' })
      const events = (await ledger.events()).slice(before).filter(({ object }) => object['number'] === 'R')
      expect(events.map(({ type }) => type)).toEqual(['invoice.created', 'invoice.paid'])
      expect(events[1]?.previous).not.toHaveProperty('external_refs')
    }
  )

  test('money taken back from what was written off in part: open again', async () => {
    const { ledger, clientId, id } = await start()
    const paymentId = await ledger.pay(clientId, '40.00')
    await done(ledger.call('POST', `/v1/invoices/${id}/write-off`, { body: {} }))
    const { lines } = await toldOf(ledger, id, () => ledger.reverse(paymentId, { reason: 'bounced' }))
    expect(lines).toEqual(['invoice.reopened'])
  })
})

test('what is told of dunning carries the state that the transaction leaves, however many payments settle the invoice in it', async () => {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  for (const amount of ['40.00', '30.00', '80.00']) await ledger.pay(clientId, amount)
  const due_schedule = [
    { due_on: '2025-12-01', amount: '60.00' },
    { due_on: '2026-02-01', amount: '60.00' }
  ]
  // It starts silently at the stage of its age, which it leaves when credit settles that part.
  const terms = { total: '120.00', issued_on: '2025-11-01', due_on: undefined, due_schedule, dunning_start: 'baseline' }
  const { id } = await ledger.issue(clientId, terms)
  const cleared = await ledger.events('invoice.dunning_cleared')
  expect(cleared.map(({ object }) => [object['status'], object['balance']])).toEqual([['paid', '0.00']])
  expect(cleared[0]?.object).toEqual(await ledger.invoice(id))
})
