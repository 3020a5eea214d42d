import { expect } from 'vitest'
import { done, type EventRow, type InvoiceBody, type Ledger } from './dunning.ts'
import type { ModelBooks } from './model-books.ts'
import { balanceOf } from './model-claims.ts'
import { amountOf, minorOf } from './model-command.ts'
import { endStages } from './model-dunning-commands.ts'

type Page<T> = Readonly<{ data: T[] }>
type PaymentBody = Readonly<{ id: string; status: string; unapplied: string }>
type HoldBody = Readonly<{
  id: string
  scope: string
  invoice_ids: string[]
  reason: string
  parts: { invoice_id: string; amount: string }[]
  part: object | null
  is_active: boolean
  origin: { id: string } | null
}>
type AgreementBody = Readonly<{ id: string; status: string; invoice_ids: string[] }>

const all = async <T>(ledger: Ledger, path: string) => (await done(ledger.call<Page<T>>('GET', `${path}?limit=200`))).data

export async function expectSameMoney(books: ModelBooks, ledger: Ledger): Promise<void> {
  const invoices = await all<InvoiceBody>(ledger, '/v1/invoices')
  expect(Object.fromEntries(invoices.map(({ id, balance, status }) => [id, `${status} ${balance}`]))).toEqual(
    Object.fromEntries(books.invoices.map((invoice) => [invoice.id, `${invoice.status} ${amountOf(balanceOf(invoice))}`]))
  )
  const payments = await all<PaymentBody>(ledger, '/v1/payments')
  expect(Object.fromEntries(payments.map(({ id, unapplied, status }) => [id, `${status} ${unapplied}`]))).toEqual(
    Object.fromEntries(books.payments.map(({ id, unappliedMinor, status }) => [id, `${status} ${amountOf(unappliedMinor)}`]))
  )
}

/** A client that is being parted with has left once nothing is owed, and only then. */
export async function expectLeft(books: ModelBooks, { ledger, clientId }: { ledger: Ledger; clientId: string }): Promise<void> {
  const client = await done(ledger.call<{ offboarded_at: string | null }>('GET', `/v1/clients/${clientId}`))
  const owesNothing = books.invoices.every(({ status }) => status !== 'open')
  expect(client.offboarded_at !== null).toBe(books.isLeaving && owesNothing)
}

/** A promise or a plan holds as long as it runs and no longer, and runs only over something open. */
export async function expectAgreementsHold(books: ModelBooks, ledger: Ledger): Promise<void> {
  const holding = (await all<HoldBody>(ledger, '/v1/holds')).filter(({ is_active: isActive }) => isActive)
  const held = new Map(holding.flatMap((hold) => (hold.origin === null ? [] : [[hold.origin.id, hold.invoice_ids] as const])))
  const agreements = [
    ...(await all<AgreementBody>(ledger, '/v1/promises')),
    ...(await all<AgreementBody>(ledger, '/v1/payment-plans'))
  ]
  for (const { id, status, invoice_ids: invoiceIds } of agreements) {
    const isRunning = status === 'pending' || status === 'active'
    expect([id, status, held.get(id)?.toSorted()]).toEqual([id, status, isRunning ? invoiceIds.toSorted() : undefined])
    if (isRunning) expect(invoiceIds.some((invoiceId) => books.find(invoiceId).status === 'open')).toBe(true)
  }
  const running = agreements.filter(({ status }) => status === 'active').flatMap(({ invoice_ids: ids }) => ids)
  expect(running.length, 'two plans run over one invoice').toBe(new Set(running).size)
}

type PlanBody = AgreementBody & Readonly<{ installments: { amount: string; paid: string; credited: string }[] }>

/** A plan asks for no more than what is open of what it covers. */
export async function expectPlansAskNoMore(books: ModelBooks, ledger: Ledger): Promise<void> {
  const plans = await all<PlanBody>(ledger, '/v1/payment-plans')
  for (const { id, invoice_ids: ids, installments } of plans.filter(({ status }) => status === 'active')) {
    const left = installments.map((one) => minorOf(one.amount) - minorOf(one.paid) - minorOf(one.credited))
    const asked = left.reduce((sum, each) => sum + each, 0n)
    const open = ids.reduce((sum, invoiceId) => sum + balanceOf(books.find(invoiceId)), 0n)
    expect([id, asked > open, asked > 0n]).toEqual([id, false, true])
  }
}

/** From when until when a hold held, with what it named when it was placed and what in the end. */
type Span = Readonly<{ hold: HoldBody; placedOn: readonly string[]; from: string; until: string }>

async function spansOf(ledger: Ledger): Promise<Span[]> {
  const spans = new Map<string, Span>()
  for (const { type, object, occurredAt } of await ledger.events('hold.placed', 'hold.released')) {
    const hold = object as unknown as HoldBody
    const known = spans.get(hold.id)
    if (type === 'hold.placed') spans.set(hold.id, { hold, placedOn: hold.invoice_ids, from: occurredAt, until: '9999' })
    else if (known !== undefined) spans.set(hold.id, { ...known, until: occurredAt })
  }
  const now = new Map((await all<HoldBody>(ledger, '/v1/holds')).map((hold) => [hold.id, hold]))
  return [...spans.values()].map((span) => ({ ...span, hold: now.get(span.hold.id) ?? span.hold }))
}

/** From when on a hold held all of an invoice; what replaces one is held from then on. Of a promise less is held as money comes in. */
function heldFrom(
  { hold, placedOn, from }: Span,
  { books, invoiceId, balance }: { books: ModelBooks; invoiceId: string; balance: string }
): string {
  const part = hold.parts.find(({ invoice_id: id }) => id === invoiceId)?.amount ?? '0.00'
  const isInParts = books.find(invoiceId).parts.length > 1
  const isWhole = hold.part === null || (!isInParts && hold.reason === 'payment_pending' && minorOf(part) >= minorOf(balance))
  if (!isWhole) return '9999'
  if (hold.scope === 'client' || placedOn.includes(invoiceId)) return from
  const movedAt = hold.invoice_ids.includes(invoiceId) ? (books.tookOverAt.get(invoiceId) ?? '9999') : '9999'
  return movedAt > from ? movedAt : from
}

/** No live entry on a closed, held or exempt claim, and never two of one claim on one day. */
export async function expectDunnedOnlyWhatWasDue(books: ModelBooks, ledger: Ledger): Promise<void> {
  const spans = await spansOf(ledger)
  const days = new Set<string>()
  for (const entry of await ledger.entries()) {
    // What starts silently says where it stands, and is sent to nobody.
    if (entry.mistaken_at !== null || entry.kind === 'baseline') continue
    const { invoice_id: invoiceId, obligation_id: obligationId, entered_on: on, entered_at: at, balance } = entry
    expect(days).not.toContain(`${obligationId} ${entry.cycle} ${on}`)
    days.add(`${obligationId} ${entry.cycle} ${on}`)
    const line = `${entry.stage} of ${invoiceId} at ${at}`
    expect([line, books.wasOpen(invoiceId, at)]).toEqual([line, true])
    expect([line, books.wasExempt(on, at)]).toEqual([line, false])
    const holding = spans.filter((span) => heldFrom(span, { books, invoiceId, balance }) < at && at < span.until)
    expect([line, holding.map(({ hold }) => hold.id)]).toEqual([line, []])
  }
}

/** What is open, neither held nor covered by credit, is dunned on some day to come, or was to the end of its ladder. */
export async function expectNothingForgotten(books: ModelBooks, ledger: Ledger): Promise<void> {
  if (books.payments.some((one) => one.unappliedMinor > 0n && !one.isReserved && !one.isParents)) return
  const { now_at: now } = await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))
  for (const { id, status, dunning } of await all<InvoiceBody>(ledger, '/v1/invoices')) {
    if (status !== 'open' || dunning.held || !books.find(id).isDunned) continue
    const isOver = dunning.next_at === null && endStages.includes(dunning.stage ?? '')
    expect([id, dunning.stage, dunning.next_at, isOver || (dunning.next_at ?? '') > now]).toEqual([
      ...[id, dunning.stage, dunning.next_at],
      true
    ])
  }
}

/** Whoever is told of a stage, or of all, is asked for something, and for no more than is open, not contested and not covered. */
export async function expectAskedFor(ledger: Ledger): Promise<void> {
  for (const { context } of await ledger.events('invoice.dunning_stage_entered')) expectNet(context['amounts'], 'balance')
  for (const { context } of await ledger.events('client.dunning_notice_due')) expectNet(context, 'total')
}

const takenBy = ['disputed', 'unapplied_credit', 'announced', 'promised'] as const

function expectNet(told: EventRow['context'][string], of: string): void {
  const figures = told as Record<string, string>
  const net = minorOf(figures['net_total'] ?? '')
  expect(net).toBeGreaterThan(0n)
  expect(net).toBe(takenBy.reduce((left, name) => left - minorOf(figures[name] ?? ''), minorOf(figures[of] ?? '')))
}
