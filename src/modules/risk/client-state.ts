import { assert } from '../../kernel/assert.ts'
import {
  type AlikeClaims,
  type AlikeLedger,
  type AlikeSettled,
  aloneOf,
  type Claim,
  clipTerms,
  type EpochDay,
  isEnded,
  issueOf,
  type LedgerClaim,
  ledgerAloneOf,
  type Settled,
  settledAloneOf,
  standing,
  termsOf,
  together
} from './invoice-facts.ts'

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
  waiting: Readonly<{ issued: readonly AlikeClaims[]; settled: readonly AlikeSettled[] }>
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

/** What was issued, settled, and taken back of either, with counts below 0. Of one client, in any order. */
export type Counted = Readonly<{ issued: Iterable<AlikeClaims>; settled: Iterable<AlikeSettled> }>

/**
 * The state with more of it, or less. Where one of the recent payments is taken out, an older one has to take its place: `lacksRecent` says
 * so, and `withRecent` puts it there.
 */
export function withCounted(state: ClientState, counted: Counted, thresholds: readonly number[]): ClientState {
  const { day } = state
  const issued = together(counted.issued)
  // More before less: a payment that is pushed out by a newer one is not to come back in part when another one goes.
  const settled = together(counted.settled).toSorted((a, b) => b.count - a.count)
  let next = state
  for (const claims of issued) if (!isAhead(day, claims)) next = { ...next, issued: countedIssue(next.issued, claims) }
  for (const claims of settled) {
    if (waits(day, claims)) continue
    const of = { claims, thresholds }
    next = { ...next, settled: countedOutcome(next, of), recent: countedRecent(next.recent, claims) }
  }
  const ahead = {
    issued: issued.filter((claims) => isAhead(day, claims)),
    settled: settled.filter((claims) => waits(day, claims))
  }
  if (ahead.issued.length + ahead.settled.length === 0) return next
  const { waiting } = state
  const sum = {
    issued: standing([...waiting.issued, ...ahead.issued]),
    settled: standing([...waiting.settled, ...ahead.settled])
  }
  return { ...next, waiting: sum }
}

/** An invoice was issued. */
export function withIssued(state: ClientState, claim: Claim): ClientState {
  return withCounted(state, { issued: [aloneOf(claim)], settled: [] }, [])
}

/** An invoice was voided, or is measured against the others. One that is settled has to be reopened first. */
export function withoutIssued(state: ClientState, claim: Claim): ClientState {
  return withCounted(state, { issued: [aloneOf(claim, -1)], settled: [] }, [])
}

/** An invoice was paid in full, or given up. */
export function withSettled(state: ClientState, { claim, thresholds }: Outcome): ClientState {
  return withCounted(state, { issued: [], settled: [settledAloneOf(claim)] }, thresholds)
}

export type Outcome = Readonly<{ claim: Settled; thresholds: readonly number[] }>

/** All of this as it stands in a ledger. */
export function countedOf(ledger: readonly AlikeLedger[]): Counted {
  return { issued: ledger.map(issueOf), settled: ledger.filter(isEnded) }
}

/** The state at the start of a day, from the client's ledger alone, all of it: what events kept must equal this. */
export function clientFromLedger(
  ledger: readonly LedgerClaim[],
  { day, thresholds }: { day: EpochDay; thresholds: readonly number[] }
): ClientState {
  const claims = ledger.map((claim) => ledgerAloneOf(claim))
  return withCounted(newClient(day, thresholds), countedOf(claims), thresholds)
}

function isAhead(day: EpochDay, { issuedOn }: Pick<AlikeClaims, 'issuedOn'>): boolean {
  return issuedOn >= day
}

/** What was paid before it was issued, a deposit, counts once it is issued. */
function waits(day: EpochDay, { issuedOn, settledOn }: Pick<AlikeSettled, 'issuedOn' | 'settledOn'>): boolean {
  return issuedOn >= day || settledOn >= day
}

/** An older payment than those that are kept is not among the last. */
function countedRecent(recent: readonly Payment[], claims: AlikeSettled): readonly Payment[] {
  if (claims.count < 0 && !recent.some(({ settledOn }) => settledOn === claims.settledOn)) return recent
  const { settledOn, count, delayDays } = claims
  return countedPayment(recent, { settledOn, count, delayDays: count * delayDays }).slice(-RECENT_LIMIT)
}

/** There are older payments than those that are kept, and room for them. */
export function lacksRecent({ recent, settled }: ClientState): boolean {
  return recent.length < RECENT_LIMIT && recent.reduce((sum, { count }) => sum + count, 0) < settled.count
}

/**
 * Takes the recent payments from the ledger: the last days on which anything was settled that counts on the state's day, and what was settled
 * besides.
 */
export function withRecent(state: ClientState, payments: readonly Payment[], besides: readonly AlikeSettled[] = []): ClientState {
  let recent: readonly Payment[] = payments.toSorted((a, b) => a.settledOn - b.settledOn).slice(-RECENT_LIMIT)
  for (const claims of besides) if (!waits(state.day, claims)) recent = countedRecent(recent, claims)
  return { ...state, recent }
}

/** Days late in the mean of the invoices that were paid. */
export function meanDelay({ count, delayDays }: Pick<Payment, 'count' | 'delayDays'>): number {
  return delayDays / count
}

/** The payments, oldest first, with invoices added to that of their day, or taken out of it. */
function countedPayment(payments: readonly Payment[], { settledOn, count, delayDays }: Payment): readonly Payment[] {
  const before = payments.find((payment) => payment.settledOn === settledOn) ?? { settledOn, count: 0, delayDays: 0 }
  const payment = { settledOn, count: before.count + count, delayDays: before.delayDays + delayDays }
  const others = payments.filter((other) => other.settledOn !== settledOn)
  return payment.count === 0 ? others : [...others, payment].toSorted((a, b) => a.settledOn - b.settledOn)
}

/** The state at the start of a later day: sums decay, and what was waiting for the day counts. The past is rebuilt instead. */
export function clientOn(state: ClientState, { day, thresholds }: { day: EpochDay; thresholds: readonly number[] }): ClientState {
  assert(day >= state.day, 'A state goes forward only: an earlier day is rebuilt from the ledger.')
  if (day === state.day) return state
  const { settled, waiting } = state
  const decay = weightOn(day, state.day)
  const next: ClientState = {
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
  return withCounted({ ...next, waiting: { issued: [], settled: [] } }, waiting, thresholds)
}

function countedIssue(issued: ClientState['issued'], claims: AlikeClaims): ClientState['issued'] {
  const { currency, count: by } = claims
  const before = issued.byCurrency[currency] ?? { count: 0, amount: 0 }
  const count = before.count + by
  // What rounding left of sums of very different sizes may lie below nothing.
  const amount = count === 0 ? 0 : Math.max(0, before.amount + claims.amount)
  return {
    count: issued.count + by,
    termsDays: issued.termsDays + by * termsOf(claims),
    byCurrency: { ...issued.byCurrency, [currency]: { count, amount } }
  }
}

type Outcomes = Readonly<{ claims: AlikeSettled; thresholds: readonly number[] }>

function countedOutcome({ day, settled }: ClientState, { claims, thresholds }: Outcomes): ClientState['settled'] {
  const { count, delayDays, currency } = claims
  const sums = countedSums(settled, { claims, thresholds, day })
  const terms = termsClass(claims)
  const { [terms]: ofTerms = noOutcomes(thresholds), ...otherTerms } = settled.byTerms
  const alike = countedSums(ofTerms, { claims, thresholds, day })
  const money = settled.byCurrency[currency] ?? { amount: 0, delayedAmountDays: 0 }
  return {
    ...sums,
    disputed: settled.disputed + claims.disputed,
    delayDays: settled.delayDays + count * delayDays,
    weightedDelayDays: sums.count === 0 ? 0 : settled.weightedDelayDays + count * weightOn(day, claims.settledOn) * delayDays,
    byTerms: alike.count === 0 ? otherTerms : { ...otherTerms, [terms]: alike },
    byCurrency: {
      ...settled.byCurrency,
      [currency]: {
        amount: money.amount + claims.amount,
        delayedAmountDays: money.delayedAmountDays + claims.amount * delayDays
      }
    }
  }
}

type Counting = Outcomes & Readonly<{ day: EpochDay }>

/** A sum of nothing is nothing: what rounding left goes with the last outcome. */
function countedSums({ count, weight, lateWeights }: OutcomeSums, { claims, thresholds, day }: Counting): OutcomeSums {
  if (count + claims.count === 0) return noOutcomes(thresholds)
  const term = claims.count * weightOn(day, claims.settledOn)
  return {
    count: count + claims.count,
    weight: weight + term,
    lateWeights: lateWeights.map((sum, index) => (claims.delayDays > (thresholds[index] ?? 0) ? sum + term : sum))
  }
}

function decayed({ count, weight, lateWeights }: OutcomeSums, factor: number): OutcomeSums {
  return { count, weight: weight * factor, lateWeights: lateWeights.map((sum) => sum * factor) }
}
