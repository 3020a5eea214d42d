import { addDays, type Day, day, daysBetween } from '../kernel/day.ts'
import { currency, exponentOf } from '../kernel/money.ts'
import type { LedgerPayment, LedgerRow } from './ledger.ts'
import { type SampleClient, sampleClients } from './sample-clients.ts'

export type SampleOptions = Readonly<{
  /** Any integer; the same seed always gives the same ledger. */
  seed?: number
  /** The first day on which an invoice may be issued. */
  firstOn?: Day
  /** How many days invoices are issued for. Payments follow later. */
  spanDays?: number
}>

/**
 * The project's own ledger: about 1,000 invoices over a year to invented clients of many currencies, zones and scripts, each with
 * a paying habit of its own. Sorted by issue day, then number. No amount needs rounding in its currency.
 */
export function sampleLedger({ seed = 1, firstOn = day('2025-01-06'), spanDays = 365 }: SampleOptions = {}): LedgerRow[] {
  const drafts = sampleClients.flatMap((client, index) => {
    // Each client draws from a stream of its own, so that adding a client leaves the others' invoices as they were.
    const random = randomFrom(seed * 1_000 + index)
    return draftsFor(client, { random, firstOn, spanDays })
  })
  drafts.sort((a, b) => (a.issuedOn < b.issuedOn ? -1 : a.issuedOn > b.issuedOn ? 1 : a.client < b.client ? -1 : 1))
  return drafts.map((draft, index) => ({ ...draft, line: index + 2, invoice: `S-${String(index + 1).padStart(5, '0')}` }))
}

type Random = () => number
type Draft = Omit<LedgerRow, 'line' | 'invoice'>
type Span = Readonly<{ random: Random; firstOn: Day; spanDays: number }>

function draftsFor(client: SampleClient, { random, firstOn, spanDays }: Span): Draft[] {
  const drafts: Draft[] = []
  const inCurrency = currency(client.currency)
  let creditMinor = 0n
  for (let at = whole(random, 0, client.everyDays - 1); at < spanDays; at += client.everyDays) {
    const issuedOn = addDays(firstOn, at)
    const dueOn = addDays(issuedOn, client.termsDays)
    const amountMinor = amountFor(client, random)
    const payments = paymentsFor(client, {
      random,
      firstOn,
      spanDays,
      issuedOn,
      dueOn,
      amountMinor,
      creditMinor,
      nth: drafts.length
    })
    if (client.habit === 'overpayer') creditMinor += paid(payments) - amountMinor
    drafts.push({
      client: client.code,
      clientName: client.name,
      locale: client.locale,
      timeZone: client.timeZone,
      issuedOn,
      dueOn,
      amountMinor,
      currency: inCurrency,
      disputed: false,
      payments
    })
  }
  return drafts
}

type Claim = Span & Readonly<{ issuedOn: Day; dueOn: Day; amountMinor: bigint; creditMinor: bigint; nth: number }>

function paymentsFor(client: SampleClient, claim: Claim): LedgerPayment[] {
  const { random, amountMinor } = claim
  const month = Math.floor(daysBetween(claim.firstOn, claim.issuedOn) / 30)
  const late = (days: number): LedgerPayment[] => [{ on: payableOn(claim, days), amountMinor }]
  switch (client.habit) {
    case 'prompt':
      return late(whole(random, -6, 0))
    case 'slightly_late':
      return late(whole(random, 1, 9))
    case 'later_every_month':
      return late(month * 5 + whole(random, -2, 3))
    case 'seasonal':
      return late(isLean(claim.dueOn) ? whole(random, 22, 48) : whole(random, -4, 1))
    case 'stops_paying':
      return daysBetween(claim.firstOn, claim.dueOn) > claim.spanDays / 2 ? [] : late(whole(random, -3, 4))
    case 'part_payer':
      return inTwoParts(claim)
    case 'overpayer':
      return [{ on: payableOn(claim, whole(random, -6, -1)), amountMinor: generously(client, claim) }]
  }
}

/** A little more than half by about the due date and the rest weeks later; one in nine rests is never paid. */
function inTwoParts(claim: Claim): LedgerPayment[] {
  const firstMinor = (claim.amountMinor * BigInt(whole(claim.random, 40, 65))) / 100n
  const first = { on: payableOn(claim, whole(claim.random, -3, 5)), amountMinor: firstMinor }
  const rest = { on: payableOn(claim, whole(claim.random, 9, 45)), amountMinor: claim.amountMinor - firstMinor }
  return claim.nth % 9 === 8 ? [first] : [first, rest]
}

/**
 * What an overpayer sends: what the invoice still asks for after the credit of earlier payments, and every third time a tenth of
 * the usual amount too much. It is sent before the next invoice, so that the credit can only go to that one.
 */
function generously(client: SampleClient, { amountMinor, creditMinor, nth }: Claim): bigint {
  const askedMinor = amountMinor - creditMinor
  const extraMinor = (BigInt(client.usualAmount) * unit(client)) / 10n
  return nth % 3 === 0 ? askedMinor + extraMinor : askedMinor
}

function payableOn({ issuedOn, dueOn }: Claim, daysAfterDue: number): Day {
  const on = addDays(dueOn, daysAfterDue)
  return on <= issuedOn ? addDays(issuedOn, 1) : on
}

/** The months in which a seasonal client has no income: midsummer and the turn of the year. */
function isLean(on: Day): boolean {
  return ['01', '07', '08', '12'].includes(on.slice(5, 7))
}

/** Between half and one and a half times the client's usual amount, down to the last decimal of its currency. */
function amountFor(client: SampleClient, random: Random): bigint {
  const usualMinor = BigInt(client.usualAmount) * unit(client)
  const amountMinor = (usualMinor * BigInt(whole(random, 5_000, 15_000))) / 10_000n
  return client.currency === 'IRR' ? amountMinor - (amountMinor % unit(client)) : amountMinor + BigInt(whole(random, 0, 99))
}

/** Minor units in one unit of the client's currency. */
function unit(client: SampleClient): bigint {
  return 10n ** BigInt(exponentOf(currency(client.currency)))
}

function paid(payments: readonly LedgerPayment[]): bigint {
  return payments.reduce((sum, payment) => sum + payment.amountMinor, 0n)
}

/** A whole number from `low` to `high`, both included. */
function whole(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1))
}

/** mulberry32: 32 bits of state, even enough for a sample, the same on every machine. Returns numbers in [0, 1). */
function randomFrom(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
