import { type Claim, clipTerms, type EpochDay, isLate, knownOn, type Settled, termsOf } from './invoice-facts.ts'
import { type Level, priorRate, thresholdIndex } from './levels.ts'

/** An organization's rates are those of the outcomes that became known in so many days. */
export const WINDOW_DAYS = 365

/** Invoices of the prior rate that an organization is given beforehand. */
const PRIOR_OUTCOMES = 20

/** Fewer payments than these say nothing about the mean delay, nor fewer invoices about the usual one. */
const PAYMENTS_MIN = 10
const ISSUED_MIN = 20

type LogSum = Readonly<{ count: number; logSum: number }>

/**
 * What an organization's ledger says at the start of a day. All of it are sums over days: `organizationDays` names the day of each
 * term, so that whoever keeps one row per organization and day has this state by adding rows.
 */
export type OrganizationState = Readonly<{
  day: EpochDay
  /** Per threshold, outcomes that became known in the window, and those of them that are late. */
  known: readonly number[]
  late: readonly number[]
  /** Payments that became known in the window, and Σ of their delays. */
  payments: number
  delayDays: number
  /** The day of the first issue, before this day; null before there is one. */
  firstIssuedOn: EpochDay | null
  /** Everything ever issued before the day: Σ log1p of terms in days and, per currency, of amounts in whole units. */
  terms: LogSum
  amounts: Readonly<Record<string, LogSum>>
}>

export function newOrganization(day: EpochDay, thresholds: readonly number[]): OrganizationState {
  const zeros = thresholds.map(() => 0)
  return {
    day,
    known: zeros,
    late: zeros,
    payments: 0,
    delayDays: 0,
    firstIssuedOn: null,
    terms: { count: 0, logSum: 0 },
    amounts: {}
  }
}

/** The share of outcomes that is late at the level; the prior rate where there are none. Between 0 and 1, never 0 or 1. */
export function lateRate(
  { known, late }: OrganizationState,
  { level, thresholds }: { level: Level; thresholds: readonly number[] }
) {
  const index = thresholdIndex(thresholds, level)
  return ((late[index] ?? 0) + PRIOR_OUTCOMES * priorRate(level)) / ((known[index] ?? 0) + PRIOR_OUTCOMES)
}

/** Mean days late of the window's payments, negative when early; 0 as long as there are too few to tell. */
export function meanDelayDays({ payments, delayDays }: OrganizationState): number {
  return payments >= PAYMENTS_MIN ? delayDays / payments : 0
}

/** Mean of log1p(terms); undefined as long as there are too few invoices to tell. */
export function meanLogTerms({ terms }: OrganizationState): number | undefined {
  return terms.count > ISSUED_MIN ? terms.logSum / terms.count : undefined
}

/** Mean of log1p(amount) in a currency; undefined as long as there are too few invoices to tell. */
export function meanLogAmount({ amounts }: OrganizationState, currency: string): number | undefined {
  const sum = amounts[currency]
  return sum !== undefined && sum.count > ISSUED_MIN ? sum.logSum / sum.count : undefined
}

/** Natural logarithms: 0 for an amount, or terms, of 0. */
export function logTermsOf(claim: Claim): number {
  return Math.log1p(clipTerms(termsOf(claim)))
}

/** A term of the organization's sums, and the day from whose start it counts. */
export type OrganizationTerm = Readonly<{ day: EpochDay }> &
  (
    | Readonly<{ kind: 'issued'; claim: Claim }>
    | Readonly<{ kind: 'paid'; delayDays: number }>
    | Readonly<{ kind: 'outcome'; threshold: number; isLate: boolean }>
  )

/** All that one invoice adds to the organization's sums, outcomes of coming days included while it is open. */
export function organizationTerms(claim: Claim & Partial<Settled>, thresholds: readonly number[]): OrganizationTerm[] {
  const { issuedOn, settledOn, delayDays } = claim
  const terms: OrganizationTerm[] = [{ kind: 'issued', day: issuedOn + 1, claim }]
  if (settledOn !== undefined && delayDays !== undefined)
    terms.push({ kind: 'paid', day: Math.max(settledOn, issuedOn) + 1, delayDays })
  for (const [threshold, level] of thresholds.entries()) {
    terms.push({ kind: 'outcome', day: knownOn(claim, level), threshold, isLate: isLate(claim, level) })
  }
  return terms
}
