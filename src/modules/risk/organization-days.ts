import type { EpochDay } from './invoice-facts.ts'
import { logTermsOf, newOrganization, type OrganizationState, type OrganizationTerm, WINDOW_DAYS } from './organization-state.ts'

type LogSum = Readonly<{ count: number; logSum: number }>

/** What begins to count on one day, of all invoices of an organization: the terms of `organizationTerms` with that day. */
export type DaySums = Readonly<{
  /** Per threshold, in their order. */
  known: readonly number[]
  late: readonly number[]
  payments: number
  delayDays: number
  terms: LogSum
  amounts: Readonly<Record<string, LogSum>>
}>

const noDay: DaySums = { known: [], late: [], payments: 0, delayDays: 0, terms: { count: 0, logSum: 0 }, amounts: {} }

/** Adds terms to the sums of their days, or takes them out again. */
export function addTerms(
  days: Map<EpochDay, DaySums>,
  terms: readonly OrganizationTerm[],
  { sign, thresholds }: { sign: 1 | -1; thresholds: readonly number[] }
): void {
  for (const term of terms) days.set(term.day, withTerm(days.get(term.day) ?? noDay, { term, sign, thresholds }))
}

function withTerm(
  sums: DaySums,
  { term, sign, thresholds }: { term: OrganizationTerm; sign: 1 | -1; thresholds: readonly number[] }
): DaySums {
  if (term.kind === 'paid') return { ...sums, payments: sums.payments + sign, delayDays: sums.delayDays + sign * term.delayDays }
  if (term.kind === 'issued') {
    const { currency, amount } = term.claim
    const amounts = plus(sums.amounts[currency] ?? noDay.terms, { count: sign, logSum: sign * Math.log1p(amount) })
    const terms = plus(sums.terms, { count: sign, logSum: sign * logTermsOf(term.claim) })
    return { ...sums, terms, amounts: { ...sums.amounts, [currency]: amounts } }
  }
  const at = (list: readonly number[], by: number) => {
    const counts = list.length === thresholds.length ? list.slice() : thresholds.map((_, index) => list[index] ?? 0)
    counts[term.threshold] = (counts[term.threshold] ?? 0) + by
    return counts
  }
  return { ...sums, known: at(sums.known, sign), late: term.isLate ? at(sums.late, sign) : sums.late }
}

/** A sum of nothing is nothing: what rounding left goes with the last term. */
function plus(sum: LogSum, by: LogSum): LogSum {
  const count = sum.count + by.count
  return { count, logSum: count === 0 ? 0 : sum.logSum + by.logSum }
}

/** The sums of two parts of the same days. */
export function sumOfDays(a: DaySums, b: DaySums): DaySums {
  const amounts = { ...a.amounts }
  for (const [currency, sum] of Object.entries(b.amounts)) amounts[currency] = plus(amounts[currency] ?? noDay.terms, sum)
  return {
    known: sumOfLists(a.known, b.known),
    late: sumOfLists(a.late, b.late),
    payments: a.payments + b.payments,
    delayDays: a.delayDays + b.delayDays,
    terms: plus(a.terms, b.terms),
    amounts
  }
}

function sumOfLists(a: readonly number[], b: readonly number[]): number[] {
  const longer = a.length > b.length ? a : b
  return longer.map((_, index) => (a[index] ?? 0) + (b[index] ?? 0))
}

/** The organization's state at the start of a day, in any order of days. O(days of the ledger). */
export function organizationOn(
  days: ReadonlyMap<EpochDay, DaySums>,
  { day, thresholds }: { day: EpochDay; thresholds: readonly number[] }
): OrganizationState {
  const none = newOrganization(day, thresholds)
  const [known, late] = [[...none.known], [...none.late]]
  let [payments, delayDays, firstIssuedOn] = [0, 0, Number.POSITIVE_INFINITY]
  let { terms }: { terms: LogSum } = none
  const amounts: Record<string, LogSum> = {}
  for (const [of, sums] of days) {
    if (of > day) continue
    if (sums.terms.count > 0) {
      // A term of an issue counts from the day after it.
      firstIssuedOn = Math.min(firstIssuedOn, of - 1)
      terms = plus(terms, sums.terms)
      for (const [currency, sum] of Object.entries(sums.amounts)) amounts[currency] = plus(amounts[currency] ?? noDay.terms, sum)
    }
    if (of <= day - WINDOW_DAYS) continue
    for (const [index, count] of sums.known.entries()) known[index] = (known[index] ?? 0) + count
    for (const [index, count] of sums.late.entries()) late[index] = (late[index] ?? 0) + count
    payments += sums.payments
    delayDays += sums.delayDays
  }
  return {
    day,
    known,
    late,
    payments,
    delayDays,
    terms,
    amounts,
    firstIssuedOn: Number.isFinite(firstIssuedOn) ? firstIssuedOn : null
  }
}

/**
 * A state as if other terms had been counted: without those of some invoices as they were, and with those of the same as they are. O(days).
 * The first issue stays where it was, also if it was taken out.
 */
export function withOtherTerms(
  state: OrganizationState,
  { before, after }: Readonly<Record<'before' | 'after', ReadonlyMap<EpochDay, DaySums>>>,
  thresholds: readonly number[]
): OrganizationState {
  const stateOf = (days: ReadonlyMap<EpochDay, DaySums>) => organizationOn(days, { day: state.day, thresholds })
  return combined(combined(state, stateOf(before), -1), stateOf(after), 1)
}

function combined(a: OrganizationState, b: OrganizationState, sign: 1 | -1): OrganizationState {
  const signed = ({ count, logSum }: LogSum): LogSum => ({ count: sign * count, logSum: sign * logSum })
  const signedList = (list: readonly number[]) => list.map((value) => sign * value)
  const amounts = { ...a.amounts }
  for (const [currency, sum] of Object.entries(b.amounts)) amounts[currency] = plus(amounts[currency] ?? noDay.terms, signed(sum))
  const issues = [a, ...(sign > 0 ? [b] : [])].flatMap(({ firstIssuedOn }) => firstIssuedOn ?? [])
  return {
    day: a.day,
    known: sumOfLists(a.known, signedList(b.known)),
    late: sumOfLists(a.late, signedList(b.late)),
    payments: a.payments + sign * b.payments,
    delayDays: a.delayDays + sign * b.delayDays,
    terms: plus(a.terms, signed(b.terms)),
    amounts,
    firstIssuedOn: issues.length > 0 ? Math.min(...issues) : null
  }
}
