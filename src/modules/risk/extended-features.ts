import { termsClass } from './client-state.ts'
import { clipTerms, termsOf } from './invoice-facts.ts'
import { type Level, pseudoCount, thresholdIndex } from './levels.ts'
import { clip, logit } from './log-odds.ts'
import { AMOUNT_KNOTS, TERMS_KNOTS } from './model.ts'
import { OVERDUE_WEIGHT } from './open-position.ts'
import { meanLogAmount } from './organization-state.ts'
import type { Situation } from './situation.ts'

/** `same_due` halves the logarithm, so that it runs to about 2; beyond that many invoices the number says nothing more. */
const SAME_DUE_MAX = 2.5

const DAYS_PER_YEAR = 365.2425
const DAYS_PER_WEEK = 7

/** Of a client's own score: an invoice that is not there has no terms, amount or due day. */
const NONE = new Array<number>(2 + AMOUNT_KNOTS.length + TERMS_KNOTS.length + DAYS_PER_WEEK + 2).fill(0)

/**
 * The features that v2 adds, in the order of the model. The curves are piecewise linear, their shape learned with the weights: at most
 * two neighbours of a curve differ from 0, and they sum to 1.
 */
export function extendedFeatures(situation: Situation, at: { level: Level; clientRate: number }): readonly number[] {
  const { invoice, organization, position } = situation
  if (invoice === undefined) return NONE
  const logAmount = meanLogAmount(organization, invoice.currency)
  return [
    Math.min(SAME_DUE_MAX, Math.log1p(position.openByDueOn.get(invoice.dueOn) ?? 0) / 2),
    likeTerms(situation, at),
    ...(logAmount === undefined ? AMOUNT_KNOTS.map(() => 0) : curvePoints(AMOUNT_KNOTS, Math.log1p(invoice.amount) - logAmount)),
    ...curvePoints(TERMS_KNOTS, clipTerms(termsOf(invoice))),
    ...Array.from({ length: DAYS_PER_WEEK }, (_, weekday) => (weekdayIndex(invoice.dueOn) === weekday ? 1 : 0)),
    ...seasonOf(situation, invoice.dueOn)
  ]
}

/**
 * How the client's rate among invoices with like terms differs from its rate among all, in log-odds: the next step of the hierarchy.
 * Both are shrunk to the client's rate by the same pseudo-count, so that it is 0 for whoever only knows one kind of terms.
 */
function likeTerms(situation: Situation, { level, clientRate }: { level: Level; clientRate: number }): number {
  const { client, position, thresholds, invoice } = situation
  if (invoice === undefined) return 0
  const m = pseudoCount(level)
  const index = thresholdIndex(thresholds, level)
  const shrunk = (late: number, weight: number) => (late + m * clientRate) / (weight + m)
  const terms = termsClass(invoice)
  const alike = client.settled.byTerms[terms]
  const overdueAlike = OVERDUE_WEIGHT * position.overdue.filter((one) => one.terms === terms && one.days > level).length
  const overdue = OVERDUE_WEIGHT * (position.overdueBeyond[index] ?? 0)
  const ofAlike = shrunk((alike?.lateWeights[index] ?? 0) + overdueAlike, (alike?.weight ?? 0) + overdueAlike)
  const ofAll = shrunk((client.settled.lateWeights[index] ?? 0) + overdue, client.settled.weight + overdue)
  return logit(ofAlike) - logit(ofAll)
}

/** The weights of a value among the knots of a curve: linear between neighbours, the last knot's beyond the ends. */
export function curvePoints(knots: readonly number[], value: number): number[] {
  const clipped = clip(value, knots[0] ?? 0, knots.at(-1) ?? 0)
  return knots.map((knot, index) => {
    const [before, after] = [knots[index - 1] ?? knot - 1, knots[index + 1] ?? knot + 1]
    return Math.max(0, clipped <= knot ? (clipped - before) / (knot - before) : (after - clipped) / (after - knot))
  })
}

/** Where in the year a day is. In a ledger's first year a season cannot be told from a change, so nothing is said of it. */
function seasonOf({ client, organization }: Situation, day: number): number[] {
  const { firstIssuedOn } = organization
  if (firstIssuedOn === null || client.day - firstIssuedOn < DAYS_PER_YEAR) return [0, 0]
  const angle = (2 * Math.PI * day) / DAYS_PER_YEAR
  return [Math.sin(angle), Math.cos(angle)]
}

/** Monday 0 to Sunday 6. 1970-01-01 was a Thursday. */
function weekdayIndex(day: number): number {
  return (((day + 3) % DAYS_PER_WEEK) + DAYS_PER_WEEK) % DAYS_PER_WEEK
}
