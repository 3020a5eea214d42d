import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { expectSoundBooks } from '../../support/agreements.ts'
import { done, type InvoiceBody, type Ledger, startDunning } from '../../support/dunning.ts'
import { createModelBooks, type ModelBooks } from '../../support/model-books.ts'
import { amountOf, commands, type World } from '../../support/model-commands.ts'

const { newLedger, database, close } = await startDunning()
afterAll(close)

/** The same histories each time, so that a change is judged by what it changes; MODEL_RUNS asks for as many others. */
const others = process.env['MODEL_RUNS']
const RUNS = Number(others ?? 25)
const chosen = others === undefined ? { seed: 1 } : {}

type Page<T> = Readonly<{ data: T[] }>
type PaymentBody = Readonly<{ id: string; status: string; unapplied: string }>
type HoldBody = Readonly<{
  id: string
  scope: string
  invoice_ids: string[]
  part: object | null
  is_active: boolean
  origin: { id: string } | null
}>

const all = async <T>(ledger: Ledger, path: string) => (await done(ledger.call<Page<T>>('GET', `${path}?limit=200`))).data

test(`${RUNS} random histories of invoices, money and agreements: the books come to what a simple model says, and nothing is dunned that was not to be`, async () => {
  const histories = fc.commands(commands, { maxCommands: 40, size: 'max' })
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const ledger = await newLedger()
      await ledger.usePolicy([
        { code: 'courtesy', offset_days: -3 },
        { code: 'reminder', offset_days: 3 },
        { code: 'second', offset_days: 10 },
        { code: 'final', offset_days: 24, repeat_every_days: 7 }
      ])
      const world: World = {
        ...{ ledger, clientId: await ledger.addClient() },
        made: { hold: [], promise: [], plan: [], dispute: [] }
      }
      const books = createModelBooks()
      await fc.asyncModelRun(() => ({ model: books, real: world }), history)
      await ledger.advance(1)
      await expectSameMoney(books, ledger)
      await expectSoundBooks(database, ledger)
      await expectAgreementsHold(books, ledger)
      await expectDunnedOnlyWhatWasDue(books, ledger)
    }),
    { numRuns: RUNS, endOnFailure: true, ...chosen }
  )
}, 240_000)

async function expectSameMoney(books: ModelBooks, ledger: Ledger): Promise<void> {
  const invoices = await all<InvoiceBody>(ledger, '/v1/invoices')
  expect(Object.fromEntries(invoices.map(({ id, balance, status }) => [id, `${status} ${balance}`]))).toEqual(
    Object.fromEntries(books.invoices.map(({ id, balanceMinor, status }) => [id, `${status} ${amountOf(balanceMinor)}`]))
  )
  const payments = await all<PaymentBody>(ledger, '/v1/payments')
  expect(Object.fromEntries(payments.map(({ id, unapplied, status }) => [id, `${status} ${unapplied}`]))).toEqual(
    Object.fromEntries(books.payments.map(({ id, unappliedMinor, status }) => [id, `${status} ${amountOf(unappliedMinor)}`]))
  )
}

/** A promise or a plan holds as long as it runs and no longer, and runs only over something open. */
async function expectAgreementsHold(books: ModelBooks, ledger: Ledger): Promise<void> {
  const holding = (await all<HoldBody>(ledger, '/v1/holds')).filter(({ is_active: isActive }) => isActive)
  const held = new Set(holding.flatMap(({ origin }) => (origin === null ? [] : [origin.id])))
  const agreements = [
    ...(await all<{ id: string; status: string; invoice_ids: string[] }>(ledger, '/v1/promises')),
    ...(await all<{ id: string; status: string; invoice_ids: string[] }>(ledger, '/v1/payment-plans'))
  ]
  for (const { id, status, invoice_ids: invoiceIds } of agreements) {
    const isRunning = status === 'pending' || status === 'active'
    expect([id, status, held.has(id)]).toEqual([id, status, isRunning])
    if (isRunning) expect(invoiceIds.some((invoiceId) => books.find(invoiceId).status === 'open')).toBe(true)
  }
}

/** No live entry on a closed or held claim, and never two of one claim on one day. */
async function expectDunnedOnlyWhatWasDue(books: ModelBooks, ledger: Ledger): Promise<void> {
  const holds = new Map((await all<HoldBody>(ledger, '/v1/holds')).map((hold) => [hold.id, hold]))
  const spans = new Map<string, { from: string; until: string }>()
  for (const { type, object, occurredAt } of await ledger.events('hold.placed', 'hold.released')) {
    const known = spans.get(object.id)
    if (type === 'hold.placed') spans.set(object.id, { from: occurredAt, until: '9999' })
    else if (known !== undefined) spans.set(object.id, { ...known, until: occurredAt })
  }
  const days = new Set<string>()
  for (const entry of await ledger.entries()) {
    if (entry.mistaken_at !== null) continue
    expect(days).not.toContain(`${entry.invoice_id} ${entry.entered_on}`)
    days.add(`${entry.invoice_id} ${entry.entered_on}`)
    const line = `${entry.stage} of ${entry.invoice_id} at ${entry.entered_at}`
    expect([line, books.wasOpen(entry.invoice_id, entry.entered_at)]).toEqual([line, true])
    for (const [id, { from, until }] of spans) {
      const hold = holds.get(id)
      const covers =
        hold !== undefined && hold.part === null && (hold.scope === 'client' || hold.invoice_ids.includes(entry.invoice_id))
      if (covers) expect([line, id, from < entry.entered_at && entry.entered_at < until]).toEqual([line, id, false])
    }
  }
}
