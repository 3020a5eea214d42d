import { termsClass } from './client-state.ts'
import { clipTerms, termsOf } from './invoice-facts.ts'
import { type Level, priorRate, pseudoCount, thresholdIndex } from './levels.ts'
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
  const rise = riseAt(position.lastDelayDays, at)
  if (invoice === undefined) return [...NONE, rise]
  const logAmount = meanLogAmount(organization, invoice.currency)
  return [
    Math.min(SAME_DUE_MAX, Math.log1p(position.openByDueOn.get(invoice.dueOn) ?? 0) / 2),
    likeTerms(situation, at),
    ...(logAmount === undefined ? AMOUNT_KNOTS.map(() => 0) : curvePoints(AMOUNT_KNOTS, Math.log1p(invoice.amount) - logAmount)),
    ...curvePoints(TERMS_KNOTS, clipTerms(termsOf(invoice))),
    ...Array.from({ length: DAYS_PER_WEEK }, (_, weekday) => (weekdayIndex(invoice.dueOn) === weekday ? 1 : 0)),
    ...seasonOf(situation, invoice.dueOn),
    rise
  ]
}

/** Pairs of payments that say nothing yet, days late at which a rise begins to count, and what it weighs against what is forgotten. */
const RISE_PAIRS = 1
const RISE_DAYS = 0.5
const RISE_SHARE = 0.25

/**
 * How steadily each payment came later than those before it, while the last one is late: Kendall's tau, shrunk, and cubed so that chance stays
 * small. It counts for more the later the last payment was. And a client that leaves its habits is no longer known by them, nor by those of
 * others: the rarer a level is by its record than before anything was known, the more a rise weighs there.
 */
export function riseAt(delays: readonly number[], { level, clientRate }: { level: Level; clientRate: number }): number {
  let rises = 0
  for (let at = 1; at < delays.length; at += 1)
    for (let before = 0; before < at; before += 1) rises += Math.sign((delays[at] ?? 0) - (delays[before] ?? 0))
  const pairs = (delays.length * (delays.length - 1)) / 2
  const steadiness = (Math.max(0, rises) / (pairs + RISE_PAIRS)) ** 3
  const lastDays = Math.max(0, delays.at(-1) ?? 0)
  const forgotten = Math.max(0, logit(priorRate(level)) - logit(clientRate))
  return steadiness * (RISE_SHARE * Math.log1p(lastDays) + (forgotten * lastDays) / (lastDays + RISE_DAYS))
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
  const alikeBeyond = position.overdue.reduce((sum, one) => sum + (one.terms === terms && one.days > level ? one.count : 0), 0)
  const overdueAlike = OVERDUE_WEIGHT * alikeBeyond
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
