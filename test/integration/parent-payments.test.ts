import { afterAll, describe, expect, test } from 'vitest'
import { expectSoundBooks } from '../support/agreements.ts'
import { done, type Ledger, startDunning } from '../support/dunning.ts'

const { newLedger, close, database } = await startDunning()
afterAll(close)

type Payment = {
  id: string
  client_id: string
  status: string
  unapplied: string
  allocations: { invoice_id: string; amount: string }[]
  waiting_allocations: { amount: string }[]
}
type Balances = { balances: { open: string; unapplied_credit: string }[] }
type Hold = { client_id: string; released_at: string | null }

const terms = { issued_on: '2026-01-01', due_on: '2026-01-10' }
const at = (kind: string, id: string) => `/v1/${kind}/by-ref?source=erp&id=${id}`

/** A parent with a branch; each has an invoice of 100.00 EUR, due on 10 January. */
async function family() {
  const ledger = await newLedger()
  const parent = await ledger.addClient()
  const branch = await ledger.addClient({ parent_id: parent })
  const [own, theirs] = [(await ledger.issue(parent, terms)).id, (await ledger.issue(branch, terms)).id]
  return { ledger, parent, branch, own, theirs, nameTheirs: name(theirs, '100.00') }
}

const name = (invoice_id: string, amount: string) => ({ invoice_id, amount })
const paymentOf = (ledger: Ledger, id: string) => done(ledger.call<Payment>('GET', `/v1/payments/${id}`))
const statusOf = async (ledger: Ledger, id: string) => (await ledger.invoice(id)).status
const balanceOf = async (ledger: Ledger, id: string) => (await ledger.invoice(id)).balance
const moneyOf = async (ledger: Ledger, id: string) =>
  (await done(ledger.call<Balances>('GET', `/v1/clients/${id}/balance`))).balances.map(({ open, unapplied_credit: credit }) => ({
    open,
    credit
  }))
const closingOf = async (ledger: Ledger, id: string) =>
  (await done(ledger.call<{ currencies: object[] }>('GET', `/v1/clients/${id}/closing-statement`))).currencies
const heldOf = async (ledger: Ledger) => (await done(ledger.call<{ data: Hold[] }>('GET', '/v1/holds'))).data
/** A complaint about an invoice. @returns finds it right: the amount is credited, and what was paid of it is given back. */
async function complain(ledger: Ledger, invoice_id: string, amount: string): Promise<() => Promise<unknown>> {
  const { id } = await done(
    ledger.call<{ id: string }>('POST', '/v1/disputes', { body: { invoice_id, reason: 'quality', amount } })
  )
  return () => done(ledger.call('POST', `/v1/disputes/${id}/resolve`, { body: { outcome: 'upheld', at_fault: 'ours' } }))
}
const toldOf = async (ledger: Ledger, clientId: string, ...types: string[]) =>
  (await ledger.events(...types)).filter(({ object }) => object['client_id'] === clientId).map(({ type }) => type)

describe('a parent pays for its branches', () => {
  test('with allocations to its own invoices and to theirs, and the rest is its own credit', async () => {
    const { ledger, parent, branch, own, theirs, nameTheirs } = await family()
    const id = await ledger.pay(parent, '150.00', { allocations: [name(own, '40.00'), nameTheirs] })
    expect(await paymentOf(ledger, id)).toMatchObject({ client_id: parent, unapplied: '10.00' })
    expect([await balanceOf(ledger, own), await statusOf(ledger, theirs)]).toEqual(['60.00', 'paid'])
    expect(await moneyOf(ledger, parent)).toEqual([{ open: '60.00', credit: '10.00' }])
    expect(await moneyOf(ledger, branch)).toEqual([])
    expect(await toldOf(ledger, branch, 'invoice.paid', 'payment.settled')).toEqual(['invoice.paid'])
    expect(await toldOf(ledger, parent, 'invoice.paid', 'payment.settled')).toEqual(['payment.settled'])
    await expectSoundBooks(database, ledger)
  })

  test('of later allocations too, and never by itself', async () => {
    const { ledger, parent, own, theirs, nameTheirs } = await family()
    const id = await ledger.pay(parent, '250.00')
    expect([await statusOf(ledger, own), await statusOf(ledger, theirs)]).toEqual(['paid', 'open'])
    await done(ledger.call('POST', `/v1/payments/${id}/allocations`, { body: { allocations: [nameTheirs] } }))
    expect(await statusOf(ledger, theirs)).toBe('paid')
    expect(await paymentOf(ledger, id)).toMatchObject({ unapplied: '50.00' })
    const again = await done(ledger.call<{ moved: object[] }>('POST', `/v1/clients/${parent}/reallocate`, { body: {} }))
    expect(JSON.stringify(again)).not.toContain(theirs)
    expect(await statusOf(ledger, theirs)).toBe('paid')
    await expectSoundBooks(database, ledger)
  })

  test('and both closing statements add up', async () => {
    const { ledger, parent, branch, nameTheirs } = await family()
    await ledger.pay(parent, '150.00', { allocations: [nameTheirs] })
    expect(await closingOf(ledger, parent)).toMatchObject([
      { currency: 'EUR', invoiced: '100.00', paid: '0.00', given_up: '0.00', open: '100.00', unapplied_credit: '50.00' }
    ])
    expect(await closingOf(ledger, branch)).toMatchObject([
      { currency: 'EUR', invoiced: '100.00', paid: '100.00', given_up: '0.00', open: '0.00', unapplied_credit: '0.00' }
    ])
  })

  test('which ends the parting with a branch', async () => {
    const { ledger, parent, branch, nameTheirs } = await family()
    await done(ledger.call('POST', `/v1/clients/${branch}/offboard`, { body: {} }))
    await ledger.pay(parent, '100.00', { allocations: [nameTheirs] })
    expect(await ledger.told('client.offboarding_completed')).toHaveLength(1)
  })

  test('but not for others: what is neither its own nor a branch’s is refused, naming the field and the rule', async () => {
    const { ledger, parent, branch, own } = await family()
    const other = await ledger.addClient()
    const { id: foreign } = await ledger.issue(other, terms)
    const refused = async (client_id: string, invoiceId: string, status: string) => {
      const body = { client_id, currency: 'EUR', amount: '50.00', status, allocations: [name(invoiceId, '50.00')] }
      const { status: code, body: problem } = await ledger.call<object>('POST', '/v1/payments', { body })
      expect([code, problem]).toMatchObject([
        422,
        {
          code: 'reference_not_found',
          errors: [{ pointer: '/allocations/0/invoice_id', detail: expect.stringContaining('parent_id') }]
        }
      ])
    }
    for (const status of ['settled', 'pending']) {
      await refused(parent, foreign, status)
      await refused(branch, own, status)
    }
    await expectSoundBooks(database, ledger)
  })

  test('and a payment that bounces reopens their invoices, each with its own dunning', async () => {
    const { ledger, parent, branch, own, theirs, nameTheirs } = await family()
    await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
    const id = await ledger.pay(parent, '150.00', { allocations: [name(own, '50.00'), nameTheirs] })
    await ledger.advance('2026-01-20T12:00:00Z')
    expect(await ledger.ladder(theirs)).toEqual([])
    await ledger.reverse(id, { reason: 'bounced' })
    expect([await balanceOf(ledger, own), await balanceOf(ledger, theirs)]).toEqual(['100.00', '100.00'])
    expect(await toldOf(ledger, branch, 'invoice.reopened', 'payment.reversed')).toEqual(['invoice.reopened'])
    expect(await moneyOf(ledger, parent)).toEqual([{ open: '100.00', credit: '0.00' }])
    await ledger.advance(1)
    expect(await ledger.ladder(theirs)).toHaveLength(1)
    await expectSoundBooks(database, ledger)
  })

  test('and what a branch’s invoice no longer claims is credit of the parent, which its dunning nets at once', async () => {
    const { ledger, parent, branch, own, theirs, nameTheirs } = await family()
    await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
    await done(ledger.call('PATCH', '/v1/organization', { body: { auto_apply_credit: false } }))
    const uphold = await complain(ledger, theirs, '100.00')
    const id = await ledger.pay(parent, '90.00', { allocations: [{ ...nameTheirs, amount: '90.00' }] })
    await uphold()
    expect(await paymentOf(ledger, id)).toMatchObject({ unapplied: '90.00', allocations: [] })
    expect(await moneyOf(ledger, branch)).toEqual([])
    expect(await moneyOf(ledger, parent)).toEqual([{ open: '100.00', credit: '90.00' }])
    await ledger.pay(parent, '10.00', { allocations: [name(own, '10.00')] })
    await ledger.advance('2026-01-20T12:00:00Z')
    expect(await ledger.ladder(own)).toEqual([])
    await expectSoundBooks(database, ledger)
  })

  test('also announced: the branch’s invoice is not dunned until it is there or failed', async () => {
    const { ledger, parent, branch, own, theirs, nameTheirs } = await family()
    await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
    const body = { status: 'pending', matures_on: '2026-01-20', allocations: [name(own, '100.00'), nameTheirs] }
    const id = await ledger.pay(parent, '200.00', body)
    expect((await heldOf(ledger)).map((hold) => hold.client_id).toSorted()).toEqual([parent, branch].toSorted())
    await ledger.advance('2026-01-18T12:00:00Z')
    expect([await ledger.ladder(own), await ledger.ladder(theirs)]).toEqual([[], []])
    const failed = await ledger.pay(parent, '0.01', { ...body, allocations: [name(theirs, '0.01')] })
    await done(ledger.call('POST', `/v1/payments/${failed}/fail`, { body: {} }))
    await done(ledger.call('POST', `/v1/payments/${id}/settle`, { body: {} }))
    expect([await statusOf(ledger, own), await statusOf(ledger, theirs)]).toEqual(['paid', 'paid'])
    expect((await heldOf(ledger)).every((hold) => hold.released_at !== null)).toBe(true)
    await expectSoundBooks(database, ledger)
  })

  test('and announced money that never shows lets them be dunned again', async () => {
    const { ledger, parent, theirs, nameTheirs } = await family()
    await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
    await ledger.pay(parent, '100.00', { status: 'pending', matures_on: '2026-01-12', allocations: [nameTheirs] })
    await ledger.advance('2026-01-31T12:00:00Z')
    expect(await ledger.ladder(theirs)).toHaveLength(1)
    await expectSoundBooks(database, ledger)
  })

  test('of what was given up too: it is a recovery of the branch’s invoice', async () => {
    const { ledger, parent, theirs, nameTheirs } = await family()
    await done(ledger.call('POST', `/v1/invoices/${theirs}/write-off`, { body: {} }))
    const id = await ledger.pay(parent, '100.00', { allocations: [nameTheirs] })
    expect(await statusOf(ledger, theirs)).toBe('paid')
    await ledger.reverse(id, { reason: 'entered_wrongly' })
    expect(await statusOf(ledger, theirs)).toBe('written_off')
    await expectSoundBooks(database, ledger)
  })

  test('and the branch’s score sees the invoice paid', async () => {
    const { ledger, parent, branch, theirs, nameTheirs } = await family()
    const exposureOf = async (id: string) =>
      (await done(ledger.call<{ exposure: object[] }>('GET', `/v1/clients/${id}/risk-score`))).exposure
    expect(await exposureOf(branch)).toMatchObject([{ currency: 'EUR', open: '100.00' }])
    await ledger.pay(parent, '100.00', { allocations: [nameTheirs] })
    expect(await exposureOf(branch)).toEqual([])
    expect(await exposureOf(parent)).toMatchObject([{ currency: 'EUR', open: '100.00' }])
    expect(await statusOf(ledger, theirs)).toBe('paid')
  })
})

describe('whose parent a client is', () => {
  test('decides what may be named; what is set already stays, and its credit goes back to who paid', async () => {
    const { ledger, parent, branch, theirs, nameTheirs } = await family()
    const uphold = await complain(ledger, theirs, '40.00')
    const id = await ledger.pay(parent, '90.00', { allocations: [{ ...nameTheirs, amount: '90.00' }] })
    await done(ledger.call('PATCH', `/v1/clients/${branch}`, { body: { parent_id: null } }))
    expect(await balanceOf(ledger, theirs)).toBe('10.00')
    const { id: third } = await ledger.issue(branch, terms)
    const body = { client_id: parent, currency: 'EUR', amount: '10.00', allocations: [name(third, '10.00')] }
    expect((await ledger.call('POST', '/v1/payments', { body })).status).toBe(422)
    await uphold()
    expect(await paymentOf(ledger, id)).toMatchObject({ unapplied: '30.00' })
    await ledger.reverse(id, { reason: 'bounced' })
    expect(await balanceOf(ledger, theirs)).toBe('60.00')
    await expectSoundBooks(database, ledger)
  })
})

describe('a source', () => {
  const settled = { currency: 'EUR', amount: '300.00', received_on: '2026-01-01' }
  const wanted = (amount: string) => [{ invoice_ref: { source: 'erp', id: 'b' }, amount }]
  const put = (ledger: Ledger, kind: string, id: string, body: object) =>
    done(ledger.call<Payment & { applied: boolean }>('PUT', at(kind, id), { body }))

  test.each([
    ['payment', 'invoice', 'parent'],
    ['payment', 'parent', 'invoice'],
    ['invoice', 'payment', 'parent'],
    ['invoice', 'parent', 'payment'],
    ['parent', 'payment', 'invoice'],
    ['parent', 'invoice', 'payment']
  ])('sends %s, %s, %s in any order and it ends the same', async (...order) => {
    const ledger = await newLedger()
    const [parent, branch] = [await ledger.addClient(), await ledger.addClient()]
    const invoice = { client_id: branch, number: 'B', currency: 'EUR', total: '120.00', ...terms }
    const writes: Record<string, () => Promise<unknown>> = {
      payment: () => put(ledger, 'payments', 'p', { client_id: parent, ...settled, allocations: wanted('100.00') }),
      invoice: () => put(ledger, 'invoices', 'b', invoice),
      parent: () => done(ledger.call('PATCH', `/v1/clients/${branch}`, { body: { parent_id: parent } }))
    }
    for (const what of [...order, ...order]) await writes[what]?.()
    expect(await moneyOf(ledger, parent)).toEqual([{ open: '0.00', credit: '200.00' }])
    expect(await moneyOf(ledger, branch)).toEqual([{ open: '20.00', credit: '0.00' }])
    await expectSoundBooks(database, ledger)
  })

  test('that lowers, raises and issues anew a branch’s invoice leaves the parent’s money where it names it', async () => {
    const ledger = await newLedger()
    const parent = await ledger.addClient()
    const branch = await ledger.addClient({ parent_id: parent })
    const invoice = { client_id: branch, number: 'B', currency: 'EUR', total: '100.00', ...terms }
    await put(ledger, 'invoices', 'b', invoice)
    const whole = { client_id: parent, ...settled, amount: '100.00', allocations: wanted('100.00') }
    await put(ledger, 'payments', 'p', whole)
    expect((await put(ledger, 'payments', 'p', whole)).unapplied).toBe('0.00')
    await put(ledger, 'invoices', 'b', { ...invoice, total: '60.00' })
    expect([await moneyOf(ledger, parent), await moneyOf(ledger, branch)]).toEqual([[{ open: '0.00', credit: '40.00' }], []])
    await put(ledger, 'invoices', 'b', { ...invoice, total: '90.00' })
    expect(await moneyOf(ledger, parent)).toEqual([{ open: '0.00', credit: '10.00' }])
    await put(ledger, 'invoices', 'b', { ...invoice, total: '100.00', issued_on: '2025-12-31' })
    expect([await moneyOf(ledger, parent), await moneyOf(ledger, branch)]).toEqual([[{ open: '0.00', credit: '0.00' }], []])
    await put(ledger, 'payments', 'p', { ...whole, amount: '80.00', allocations: wanted('80.00') })
    expect(await moneyOf(ledger, branch)).toEqual([{ open: '20.00', credit: '0.00' }])
    await put(ledger, 'payments', 'p', { status: 'failed' })
    expect(await moneyOf(ledger, branch)).toEqual([{ open: '100.00', credit: '0.00' }])
    await expectSoundBooks(database, ledger)
  })
})

describe('at once', () => {
  test('a payment of the parent and one of the branch settle an invoice once', async () => {
    const { ledger, parent, branch, theirs, nameTheirs } = await family()
    const pay = (client_id: string) =>
      ledger.call('POST', '/v1/payments', { body: { client_id, currency: 'EUR', amount: '100.00', allocations: [nameTheirs] } })
    const statuses = (await Promise.all([pay(parent), pay(branch), pay(parent)])).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([201, 422, 422])
    expect(await statusOf(ledger, theirs)).toBe('paid')
    await expectSoundBooks(database, ledger)
  })

  test('what moves the parent’s money from both sides loses none of it', async () => {
    const ledger = await newLedger()
    const parent = await ledger.addClient()
    const branches = await Promise.all([1, 2, 3].map(() => ledger.addClient({ parent_id: parent })))
    const put = (kind: string, id: string, body: object) => ledger.call('PUT', at(kind, id), { body })
    const invoiceOf = (client_id: string, index: number, total: string) =>
      put('invoices', `b${index}`, { client_id, number: `B${index}`, currency: 'EUR', total, ...terms })
    const allocations = branches.map((_, index) => ({ invoice_ref: { source: 'erp', id: `b${index}` }, amount: '100.00' }))
    const pay = () =>
      put('payments', 'p', { client_id: parent, currency: 'EUR', amount: '300.00', received_on: '2026-01-01', allocations })
    for (const totals of [['100.00'], ['60.00'], ['100.00'], ['80.00']]) {
      const answers = await Promise.all([
        pay(),
        ...branches.map((id, index) => invoiceOf(id, index, totals[0] ?? '')),
        ledger.call('POST', `/v1/clients/${parent}/reallocate`, { body: {} })
      ])
      expect(answers.map(({ status }) => status).filter((status) => status >= 300)).toEqual([])
      await expectSoundBooks(database, ledger)
    }
    expect(await moneyOf(ledger, parent)).toEqual([{ open: '0.00', credit: '60.00' }])
    for (const id of branches) expect(await moneyOf(ledger, id)).toEqual([])
  })
})
