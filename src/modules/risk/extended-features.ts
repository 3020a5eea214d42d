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
  const season = (2 * Math.PI * invoice.dueOn) / DAYS_PER_YEAR
  return [
    Math.min(SAME_DUE_MAX, Math.log1p(position.openByDueOn.get(invoice.dueOn) ?? 0) / 2),
    logit(likeTermsRate(situation, at)) - logit(at.clientRate),
    ...(logAmount === undefined ? AMOUNT_KNOTS.map(() => 0) : curvePoints(AMOUNT_KNOTS, Math.log1p(invoice.amount) - logAmount)),
    ...curvePoints(TERMS_KNOTS, clipTerms(termsOf(invoice))),
    ...Array.from({ length: DAYS_PER_WEEK }, (_, weekday) => (weekdayIndex(invoice.dueOn) === weekday ? 1 : 0)),
    Math.sin(season),
    Math.cos(season)
  ]
}

/** The client's rate among invoices with terms of the same class, shrunk to its rate among all: the next step of the hierarchy. */
function likeTermsRate(
  { client, position, thresholds, invoice }: Situation,
  { level, clientRate }: { level: Level; clientRate: number }
) {
  const m = pseudoCount(level)
  if (invoice === undefined) return clientRate
  const terms = termsClass(invoice)
  const alike = client.settled.byTerms[terms]
  const overdue = OVERDUE_WEIGHT * position.overdue.filter((one) => one.terms === terms && one.days > level).length
  const late = alike?.lateWeights[thresholdIndex(thresholds, level)] ?? 0
  return (late + overdue + m * clientRate) / ((alike?.weight ?? 0) + overdue + m)
}

/** The weights of a value among the knots of a curve: linear between neighbours, the last knot's beyond the ends. */
export function curvePoints(knots: readonly number[], value: number): number[] {
  const clipped = clip(value, knots[0] ?? 0, knots.at(-1) ?? 0)
  return knots.map((knot, index) => {
    const [before, after] = [knots[index - 1] ?? knot - 1, knots[index + 1] ?? knot + 1]
    return Math.max(0, clipped <= knot ? (clipped - before) / (knot - before) : (after - clipped) / (after - knot))
  })
}

/** Monday 0 to Sunday 6. 1970-01-01 was a Thursday. */
function weekdayIndex(day: number): number {
  return (((day + 3) % DAYS_PER_WEEK) + DAYS_PER_WEEK) % DAYS_PER_WEEK
}
