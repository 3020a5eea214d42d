import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Invoice = { id: string; client_id: string; status: string; dunning: { held: boolean; next_at: string | null } }
type Hold = { client_id: string; until_on: string; reason: string; parts: { invoice_id: string; amount: string }[] }

const at = (kind: string, id: string) => `/v1/${kind}/by-ref?${new URLSearchParams({ source: 'erp', id })}`
const ref = (id: string) => ({ source: 'erp', id })
const terms = { currency: 'EUR', total: '100.00', issued_on: '2025-12-01', due_on: '2026-01-15', dunning_start: 'normal' }
const invoiceOf = (id: string, body: object = {}) => ({ client_ref: ref('c'), number: id, ...terms, ...body })
const announcement = { client_ref: ref('c'), currency: 'EUR', amount: '100.00', status: 'pending', matures_on: '2026-02-01' }
const naming = (...named: [string, string][]) => ({
  allocations: named.map(([id, amount]) => ({ invoice_ref: ref(id), amount }))
})

const put = (ledger: Ledger, kind: string, id: string, body: object) => done(ledger.call<Invoice>('PUT', at(kind, id), { body }))
const putInvoice = (ledger: Ledger, id: string, body: object = {}) => put(ledger, 'invoices', id, invoiceOf(id, body))
const announce = (ledger: Ledger, id: string, body: object) => put(ledger, 'payments', id, { ...announcement, ...body })
const invoiceNow = (ledger: Ledger, id: string) => done(ledger.call<Invoice>('GET', at('invoices', id)))
const isHeld = async (ledger: Ledger, id: string) => (await invoiceNow(ledger, id)).dunning.held

/** What announced money holds of an invoice, and through which day. */
async function heldOf(ledger: Ledger, id: string): Promise<string[]> {
  const { id: invoiceId } = await invoiceNow(ledger, id)
  const { data } = await done(ledger.call<{ data: Hold[] }>('GET', `/v1/holds?active=true&invoice_id=${invoiceId}&limit=200`))
  return data.flatMap(({ parts, until_on: untilOn }) =>
    parts.filter((part) => part.invoice_id === invoiceId).map(({ amount }) => `${amount} ${untilOn}`)
  )
}

async function withClient(): Promise<Ledger> {
  const ledger = await newLedger()
  await put(ledger, 'clients', 'c', { name: 'C' })
  return ledger
}

describe('money that is announced for an invoice holds it, whichever of the two came first', () => {
  test.for(['PUT', 'POST', 'batch'])('by %s', async (way) => {
    const ledger = await withClient()
    await announce(ledger, 'p', { ...naming(['late', '100.00']), matures_on: '2026-01-22' })
    if (way === 'PUT') expect(await putInvoice(ledger, 'late')).toMatchObject({ dunning: { held: true } })
    const { client_ref, ...rest } = invoiceOf('late')
    const body = { ...rest, client_ref, external_refs: [ref('late')] }
    if (way === 'POST') {
      const made = await done(ledger.call('POST', '/v1/invoices', { body }))
      expect(made).toMatchObject({ dunning: { held: true } })
    }
    if (way === 'batch') {
      const { results } = await done(
        ledger.call<{ results: object[] }>('POST', '/v1/invoices/batch', { body: { invoices: [body] } })
      )
      expect(results).toMatchObject([{ invoice: { dunning: { held: true } } }])
    }
    expect(await heldOf(ledger, 'late')).toEqual(['100.00 2026-01-25'])
    await ledger.advance('2026-01-25T23:00:00Z')
    expect(await ledger.entries()).toEqual([])
    await ledger.advance('2026-01-28T00:00:00Z')
    expect(await ledger.entries()).toHaveLength(1)
  })

  test('with no more than its part, and the rest is dunned', async () => {
    const ledger = await withClient()
    await announce(ledger, 'p', naming(['a', '40.00'], ['b', '60.00']))
    await putInvoice(ledger, 'a')
    await putInvoice(ledger, 'b', { total: '60.00' })
    expect([await heldOf(ledger, 'a'), await heldOf(ledger, 'b')]).toEqual([['40.00 2026-02-04'], ['60.00 2026-02-04']])
    expect([await isHeld(ledger, 'a'), await isHeld(ledger, 'b')]).toEqual([false, true])
  })

  test('once, where only the other invoice that it names was there', async () => {
    const ledger = await withClient()
    await putInvoice(ledger, 'a')
    await announce(ledger, 'p', naming(['a', '40.00'], ['b', '60.00']))
    await putInvoice(ledger, 'b')
    await putInvoice(ledger, 'b', { metadata: { said: 'again' } })
    expect([await heldOf(ledger, 'a'), await heldOf(ledger, 'b')]).toEqual([['40.00 2026-02-04'], ['60.00 2026-02-04']])
  })

  test('also where both waited for their client', async () => {
    const ledger = await newLedger()
    await announce(ledger, 'p', naming(['i', '100.00']))
    await putInvoice(ledger, 'i')
    await put(ledger, 'clients', 'c', { name: 'C' })
    expect(await heldOf(ledger, 'i')).toEqual(['100.00 2026-02-04'])
  })

  test('also one that is issued again, by its source or under the reference of a void one', async () => {
    const ledger = await withClient()
    await announce(ledger, 'p', naming(['i', '90.00']))
    const first = await putInvoice(ledger, 'i')
    const second = await putInvoice(ledger, 'i', { issued_on: '2025-12-02' })
    expect(second.id).not.toBe(first.id)
    expect(await heldOf(ledger, 'i')).toEqual(['90.00 2026-02-04'])
    await done(ledger.call('DELETE', at('invoices', 'i')))
    await putInvoice(ledger, 'i', { number: 'anew' })
    expect(await heldOf(ledger, 'i')).toEqual(['90.00 2026-02-04'])
    await done(ledger.call('DELETE', at('invoices', 'i')))
    await done(ledger.call('POST', '/v1/invoices', { body: { ...invoiceOf('i'), external_refs: [ref('i')] } }))
    expect(await heldOf(ledger, 'i')).toEqual(['90.00 2026-02-04'])
    await put(ledger, 'payments', 'p', { status: 'settled' })
    expect(await heldOf(ledger, 'i')).toEqual([])
    expect(await invoiceNow(ledger, 'i')).toMatchObject({ balance: '10.00', dunning: { held: false } })
  })

  test('also of a branch, once the client that announced it is its parent', async () => {
    const ledger = await withClient()
    await put(ledger, 'clients', 'b', { name: 'B' })
    await announce(ledger, 'p', naming(['late', '60.00'], ['there', '40.00']))
    await putInvoice(ledger, 'late', { client_ref: ref('b') })
    expect(await heldOf(ledger, 'late')).toEqual([])
    await put(ledger, 'clients', 'b', { parent_ref: ref('c') })
    expect(await heldOf(ledger, 'late')).toEqual(['60.00 2026-02-04'])
    await putInvoice(ledger, 'there', { client_ref: ref('b') })
    expect(await heldOf(ledger, 'there')).toEqual(['40.00 2026-02-04'])
  })

  test('also where both arrive in the same moment, from the client or its parent', async () => {
    const ledger = await withClient()
    await put(ledger, 'clients', 'b', { name: 'B', parent_ref: ref('c') })
    for (let round = 0; round < 12; round += 1) {
      const client_ref = ref(round % 2 === 0 ? 'c' : 'b')
      const named = naming([`i${round}`, '100.00'])
      const money = round % 4 < 2 ? announcement : { client_ref: ref('c'), currency: 'EUR', amount: '100.00' }
      await Promise.all([
        put(ledger, 'payments', `p${round}`, { ...money, ...named }),
        putInvoice(ledger, `i${round}`, { client_ref })
      ])
      if (round % 4 < 2) expect(await heldOf(ledger, `i${round}`), `${round}`).toEqual(['100.00 2026-02-04'])
      else expect(await invoiceNow(ledger, `i${round}`), `${round}`).toMatchObject({ status: 'paid' })
    }
  })
})

describe('an invoice that arrives is held by what is announced then, and by nothing else', () => {
  test.for([
    ['settled', { status: 'settled', received_on: '2025-12-20' }, []],
    ['failed', { status: 'failed' }, []],
    ['of another amount', { amount: '70.00', ...naming(['i', '70.00']) }, ['70.00 2026-02-04']],
    ['of another day', { matures_on: '2026-01-20' }, ['100.00 2026-01-23']],
    ['named for another one', naming(['other', '100.00']), []],
    ['named for this one', naming(['i', '50.00'], ['other', '50.00']), ['50.00 2026-02-04']]
  ] as const)('where it is %s by then', async ([, said, held]) => {
    const [late, early] = [await withClient(), await withClient()]
    for (const ledger of [late, early]) {
      if (ledger === early) await putInvoice(ledger, 'i')
      await announce(ledger, 'p', naming(['i', '100.00']))
      await put(ledger, 'payments', 'p', said)
      if (ledger === late) await putInvoice(ledger, 'i')
      expect(await heldOf(ledger, 'i')).toEqual(held)
    }
    const stands = async (ledger: Ledger) => {
      const { status, dunning } = await invoiceNow(ledger, 'i')
      return { status, dunning: { ...dunning, policy_id: null } }
    }
    expect(await stands(late)).toEqual(await stands(early))
  })

  test('where the announcement was taken back, or its time is over', async () => {
    const ledger = await withClient()
    await announce(ledger, 'gone', naming(['i', '100.00']))
    await done(ledger.call('DELETE', at('payments', 'gone')))
    await announce(ledger, 'over', { ...naming(['i', '100.00']), matures_on: '2026-01-02' })
    await ledger.advance('2026-01-07T00:00:00Z')
    await announce(ledger, 'past', { ...naming(['i', '100.00']), matures_on: '2026-01-02' })
    await putInvoice(ledger, 'i')
    expect(await heldOf(ledger, 'i')).toEqual([])
  })
})

describe('a collection that failed before its invoice came lets the invoice be reminded', () => {
  const autopay = { collection_method: 'autopay', due_on: '2026-02-20' }
  test.for([
    ['failed', [{ ...announcement, status: 'failed' }]],
    ['was announced, and failed', [announcement, { ...announcement, status: 'failed' }]],
    ['bounced', [{ ...announcement, status: 'failed', received_on: '2025-12-30' }]]
  ] as const)('that %s', async ([, says]) => {
    const [late, early] = [await withClient(), await withClient()]
    for (const ledger of [late, early]) {
      if (ledger === early) await putInvoice(ledger, 'i', autopay)
      for (const { matures_on, ...said } of says) {
        const whole = said.status === 'pending' ? { ...said, matures_on } : said
        await put(ledger, 'payments', 'p', { ...whole, ...naming(['i', '100.00']) })
      }
      if (ledger === late) await putInvoice(ledger, 'i', autopay)
    }
    const { dunning } = await invoiceNow(late, 'i')
    expect({ ...dunning, policy_id: null }).toEqual({ ...(await invoiceNow(early, 'i')).dunning, policy_id: null })
    const unpaid = await withClient()
    await putInvoice(unpaid, 'i', autopay)
    expect(dunning.next_at).not.toBe((await invoiceNow(unpaid, 'i')).dunning.next_at)
  })
})
