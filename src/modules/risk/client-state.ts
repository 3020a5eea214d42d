import { assert } from '../../kernel/assert.ts'
import { type Claim, clipTerms, type EpochDay, type LedgerClaim, type Settled, settlementOf, termsOf } from './invoice-facts.ts'

/** Days in which an outcome loses half its weight. An assumption: the time in which a business changes its habits. */
export const HALF_LIFE_DAYS = 120

/** Of this many payments the delays are kept one by one. */
export const RECENT_LIMIT = 8

/** The width of a class of terms, in days. */
const TERMS_CLASS_DAYS = 5

/** What was invoiced in one currency, in its whole units. */
export type Invoiced = Readonly<{ count: number; amount: number }>

/** Outcomes with their weights: how many, Σ w, and Σ w of those later than each threshold, in the order of `thresholdsFor`. */
export type OutcomeSums = Readonly<{ count: number; weight: number; lateWeights: readonly number[] }>

/** What was settled in one currency, in its whole units: Σ amount and Σ amount·delay. */
export type SettledMoney = Readonly<{ amount: number; delayedAmountDays: number }>

/**
 * What was settled on one day: how many invoices, and Σ delay. It is one payment, as a client who pays twenty invoices on one day decided once:
 * any order among them would let its oldest or its newest invoices stand for all.
 */
export type Payment = Readonly<{ settledOn: EpochDay; count: number; delayDays: number }>

/**
 * What a client's record says at the start of a day, without its open invoices. Everything is a sum, so that an event costs the same
 * however long the record is, events may come in any order, and what an event added can be taken away again. `w` is the weight of an
 * outcome, 2^(−age/half-life) with its age in days.
 */
export type ClientState = Readonly<{
  /** Holds what was issued, and settled, before this day. */
  day: EpochDay
  issued: Readonly<{ count: number; termsDays: number; byCurrency: Readonly<Record<string, Invoiced>> }>
  settled: OutcomeSums &
    Readonly<{
      disputed: number
      /** Σ delay and Σ w·delay. */
      delayDays: number
      weightedDelayDays: number
      /** The same outcomes by their terms, see `termsClass`. */
      byTerms: Readonly<Record<string, OutcomeSums>>
      byCurrency: Readonly<Record<string, SettledMoney>>
    }>
  /** The last payments, oldest first. */
  recent: readonly Payment[]
  /** Facts of this day and later days. They count from the day after their own. */
  waiting: Readonly<{ issued: readonly Claim[]; settled: readonly Settled[] }>
}>

export function newClient(day: EpochDay, thresholds: readonly number[]): ClientState {
  return {
    day,
    issued: { count: 0, termsDays: 0, byCurrency: {} },
    settled: { ...noOutcomes(thresholds), disputed: 0, delayDays: 0, weightedDelayDays: 0, byTerms: {}, byCurrency: {} },
    recent: [],
    waiting: { issued: [], settled: [] }
  }
}

function noOutcomes(thresholds: readonly number[]): OutcomeSums {
  return { count: 0, weight: 0, lateWeights: thresholds.map(() => 0) }
}

/** Terms that are alike share a class: the 28, 30 and 31 days of a month, or a fortnight and half a month. */
export function termsClass(claim: Pick<Claim, 'issuedOn' | 'dueOn'>): string {
  return String(Math.round(clipTerms(termsOf(claim)) / TERMS_CLASS_DAYS))
}

/** The weight on a day of an outcome of another day; above 1 when that is later. */
export function weightOn(day: EpochDay, outcomeOn: EpochDay): number {
  return 2 ** ((outcomeOn - day) / HALF_LIFE_DAYS)
}

/** An invoice was issued. */
export function withIssued(state: ClientState, claim: Claim): ClientState {
  if (claim.issuedOn >= state.day) return { ...state, waiting: { ...state.waiting, issued: [...state.waiting.issued, claim] } }
  return { ...state, issued: countedIssue(state.issued, { claim, sign: 1 }) }
}

/** An invoice was voided, or was never meant to be. One that is settled has to be reopened first. */
export function withoutIssued(state: ClientState, claim: Claim): ClientState {
  if (claim.issuedOn >= state.day)
    return { ...state, waiting: { ...state.waiting, issued: without(state.waiting.issued, claim) } }
  return { ...state, issued: countedIssue(state.issued, { claim, sign: -1 }) }
}

/** An invoice was paid in full, or given up. */
export function withSettled(state: ClientState, { claim, thresholds }: Outcome): ClientState {
  if (waits(state, claim)) return { ...state, waiting: { ...state.waiting, settled: [...state.waiting.settled, claim] } }
  const recent = countedPayment(state.recent, { claim, sign: 1 }).slice(-RECENT_LIMIT)
  return { ...state, settled: countedOutcome(state, { claim, thresholds, sign: 1 }), recent }
}

/**
 * A settlement was reversed. Where it was one of the recent payments, an older one has to take its place: `lacksRecent` says so,
 * and `withRecent` puts it there.
 */
export function withoutSettled(state: ClientState, { claim, thresholds }: Outcome): ClientState {
  if (waits(state, claim)) return { ...state, waiting: { ...state.waiting, settled: without(state.waiting.settled, claim) } }
  const isRecent = state.recent.some(({ settledOn }) => settledOn === claim.settledOn)
  const recent = isRecent ? countedPayment(state.recent, { claim, sign: -1 }) : state.recent
  return { ...state, settled: countedOutcome(state, { claim, thresholds, sign: -1 }), recent }
}

/** What was paid before it was issued, a deposit, counts once it is issued. */
function waits({ day }: ClientState, { issuedOn, settledOn }: Settled): boolean {
  return issuedOn >= day || settledOn >= day
}

export type Outcome = Readonly<{ claim: Settled; thresholds: readonly number[] }>

/** There are older payments than those that are kept, and room for them. */
export function lacksRecent({ recent, settled }: ClientState): boolean {
  return recent.length < RECENT_LIMIT && recent.reduce((sum, { count }) => sum + count, 0) < settled.count
}

/** Takes the recent payments from the ledger: all that the client settled, in any order. */
export function withRecent(state: ClientState, claims: readonly Settled[]): ClientState {
  let recent: readonly Payment[] = []
  for (const claim of claims) if (!waits(state, claim)) recent = countedPayment(recent, { claim, sign: 1 }).slice(-RECENT_LIMIT)
  return { ...state, recent }
}

/** Days late in the mean of the invoices that were paid. */
export function meanDelay({ count, delayDays }: Pick<Payment, 'count' | 'delayDays'>): number {
  return delayDays / count
}

/** The payments, oldest first, with an invoice added to that of its day, or taken out of it. */
function countedPayment(payments: readonly Payment[], { claim, sign }: { claim: Settled; sign: 1 | -1 }): readonly Payment[] {
  const { settledOn } = claim
  const before = payments.find((payment) => payment.settledOn === settledOn) ?? { settledOn, count: 0, delayDays: 0 }
  const payment = { settledOn, count: before.count + sign, delayDays: before.delayDays + sign * claim.delayDays }
  const others = payments.filter((other) => other.settledOn !== settledOn)
  return payment.count === 0 ? others : [...others, payment].toSorted((a, b) => a.settledOn - b.settledOn)
}

/** The state at the start of a later day: sums decay, and what was waiting for the day counts. The past is rebuilt instead. */
export function clientOn(state: ClientState, { day, thresholds }: { day: EpochDay; thresholds: readonly number[] }): ClientState {
  assert(day >= state.day, 'A state goes forward only: an earlier day is rebuilt from the ledger.')
  if (day === state.day) return state
  const { settled, waiting } = state
  const decay = weightOn(day, state.day)
  let next: ClientState = {
    ...state,
    day,
    settled: {
      ...settled,
      ...decayed(settled, decay),
      weightedDelayDays: settled.weightedDelayDays * decay,
      byTerms: Object.fromEntries(Object.entries(settled.byTerms).map(([terms, sums]) => [terms, decayed(sums, decay)]))
    }
  }
  if (waiting.issued.length + waiting.settled.length === 0) return next
  next = { ...next, waiting: { issued: [], settled: [] } }
  for (const claim of waiting.issued) next = withIssued(next, claim)
  for (const claim of waiting.settled) next = withSettled(next, { claim, thresholds })
  return next
}

/** The state at the start of a day, from the client's ledger alone, all of it: what events kept must equal this. */
export function clientFromLedger(
  ledger: readonly LedgerClaim[],
  { day, thresholds }: { day: EpochDay; thresholds: readonly number[] }
): ClientState {
  let state = newClient(day, thresholds)
  for (const claim of ledger) {
    state = withIssued(state, claim)
    const settled = settlementOf(claim)
    if (settled !== undefined) state = withSettled(state, { claim: settled, thresholds })
  }
  return state
}

function countedIssue(issued: ClientState['issued'], { claim, sign }: { claim: Claim; sign: 1 | -1 }): ClientState['issued'] {
  const before = issued.byCurrency[claim.currency] ?? { count: 0, amount: 0 }
  const count = before.count + sign
  // What rounding left of sums of very different sizes may lie below nothing.
  const amount = count === 0 ? 0 : Math.max(0, before.amount + sign * claim.amount)
  return {
    count: issued.count + sign,
    termsDays: issued.termsDays + sign * termsOf(claim),
    byCurrency: { ...issued.byCurrency, [claim.currency]: { count, amount } }
  }
}

function countedOutcome({ day, settled }: ClientState, outcome: Outcome & { sign: 1 | -1 }): ClientState['settled'] {
  const { claim, sign, thresholds } = outcome
  const sums = countedSums(settled, { ...outcome, day })
  const terms = termsClass(claim)
  const { [terms]: ofTerms = noOutcomes(thresholds), ...otherTerms } = settled.byTerms
  const alike = countedSums(ofTerms, { ...outcome, day })
  const money = settled.byCurrency[claim.currency] ?? { amount: 0, delayedAmountDays: 0 }
  return {
    ...sums,
    disputed: settled.disputed + (claim.disputed ? sign : 0),
    delayDays: settled.delayDays + sign * claim.delayDays,
    weightedDelayDays: sums.count === 0 ? 0 : settled.weightedDelayDays + sign * weightOn(day, claim.settledOn) * claim.delayDays,
    byTerms: alike.count === 0 ? otherTerms : { ...otherTerms, [terms]: alike },
    byCurrency: {
      ...settled.byCurrency,
      [claim.currency]: {
        amount: money.amount + sign * claim.amount,
        delayedAmountDays: money.delayedAmountDays + sign * claim.amount * claim.delayDays
      }
    }
  }
}

type Counting = Outcome & Readonly<{ day: EpochDay; sign: 1 | -1 }>

/** A sum of nothing is nothing: what rounding left goes with the last outcome. */
function countedSums({ count, weight, lateWeights }: OutcomeSums, { claim, thresholds, day, sign }: Counting): OutcomeSums {
  if (count + sign === 0) return noOutcomes(thresholds)
  const term = sign * weightOn(day, claim.settledOn)
  return {
    count: count + sign,
    weight: weight + term,
    lateWeights: lateWeights.map((sum, index) => (claim.delayDays > (thresholds[index] ?? 0) ? sum + term : sum))
  }
}

function decayed({ count, weight, lateWeights }: OutcomeSums, factor: number): OutcomeSums {
  return { count, weight: weight * factor, lateWeights: lateWeights.map((sum) => sum * factor) }
}

function without<T extends { number: string }>(list: readonly T[], { number }: { number: string }): readonly T[] {
  return list.filter((item) => item.number !== number)
}
