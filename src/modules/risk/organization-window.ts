import { assert } from '../../kernel/assert.ts'
import type { EpochDay } from './invoice-facts.ts'
import { logTermsOf, newOrganization, type OrganizationState, type OrganizationTerm, WINDOW_DAYS } from './organization-state.ts'

type Sums = {
  known: number[]
  late: number[]
  payments: number
  delayDays: number
  firstIssuedOn: EpochDay | null
  terms: { count: number; logSum: number }
  amounts: Record<string, { count: number; logSum: number }>
}

/**
 * Walks an organization's ledger through time: terms are added in any order, for any day that has not begun, and the state at the
 * start of a day is the sum of what counts then. Costs a term's work twice, when it enters the window and when it leaves it.
 */
export function createOrganizationWindow({ from, thresholds }: { from: EpochDay; thresholds: readonly number[] }) {
  const terms = new Map<EpochDay, OrganizationTerm[]>()
  const sums = newOrganization(from, thresholds)
  const state: Sums & { day: EpochDay } = {
    ...{ day: from, known: [...sums.known], late: [...sums.late], payments: 0, delayDays: 0, firstIssuedOn: null },
    ...{ terms: { count: 0, logSum: 0 }, amounts: {} }
  }

  return {
    add(term: OrganizationTerm): void {
      const of = terms.get(term.day)
      if (of === undefined) terms.set(term.day, [term])
      else of.push(term)
      if (term.day <= state.day) count(state, { term, sign: 1 })
    },
    /** The state at the start of the day, valid until the next call. Days come in order. */
    on(day: EpochDay): OrganizationState {
      assert(day >= state.day, 'The window goes forward only.')
      while (state.day < day) {
        state.day += 1
        for (const term of terms.get(state.day) ?? []) count(state, { term, sign: 1 })
        for (const term of terms.get(state.day - WINDOW_DAYS) ?? []) if (term.kind !== 'issued') count(state, { term, sign: -1 })
        terms.delete(state.day - WINDOW_DAYS)
      }
      return state
    }
  }
}

function count(sums: Sums, { term, sign }: { term: OrganizationTerm; sign: 1 | -1 }): void {
  if (term.kind === 'outcome') {
    sums.known[term.threshold] = (sums.known[term.threshold] ?? 0) + sign
    if (term.isLate) sums.late[term.threshold] = (sums.late[term.threshold] ?? 0) + sign
  } else if (term.kind === 'paid') {
    sums.payments += sign
    sums.delayDays += sign * term.delayDays
  } else {
    const { currency, amount, issuedOn } = term.claim
    sums.firstIssuedOn = Math.min(issuedOn, sums.firstIssuedOn ?? issuedOn)
    const amounts = sums.amounts[currency] ?? { count: 0, logSum: 0 }
    sums.amounts[currency] = { count: amounts.count + sign, logSum: amounts.logSum + sign * Math.log1p(amount) }
    sums.terms = { count: sums.terms.count + sign, logSum: sums.terms.logSum + sign * logTermsOf(term.claim) }
  }
}
