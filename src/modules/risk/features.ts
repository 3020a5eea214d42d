import { extendedFeatures } from './extended-features.ts'
import { clipTerms, termsOf } from './invoice-facts.ts'
import { type Level, pseudoCount, thresholdIndex } from './levels.ts'
import { clip, logit } from './log-odds.ts'
import type { Model } from './model.ts'
import { OVERDUE_WEIGHT, TREND_OUTCOMES } from './open-position.ts'
import { lateRate, logTermsOf, meanDelayDays, meanLogAmount, meanLogTerms } from './organization-state.ts'
import type { Situation } from './situation.ts'

/** `offset` is the organization's own log-odds, `x` the features in the order of the model, `clientRate` the shrunk rate in `hist`. */
export type Observation = Readonly<{ offset: number; x: readonly number[]; clientRate: number }>

/** The share of disputed invoices that is expected of a client, and how many invoices' worth of it. */
const PRIOR_DISPUTES = 0.05
const PRIOR_DISPUTE_INVOICES = 2

/** Outcomes of the organization's mean delay that a client is given beforehand. */
const PRIOR_DELAYS = 2

/** Days that halve the way of `sev`, `trend` and `terms` to their bounds, roughly. */
const SEVERITY_DAYS = 20
const TREND_DAYS = 15
const TERMS_DAYS = 15
const AGE_DAYS = 15

/** Below so many outcomes there is no trend. */
const TREND_OUTCOMES_MIN = 4

/**
 * The features of a model at a level. All are finite, and between −1 and 1 but for the rates (differences of log-odds, within ±18.5)
 * and the logarithms `over_age`, `same_due` and `rise`.
 */
export function observe(situation: Situation, { model, level }: { model: Model; level: Level }): Observation {
  const { organization, thresholds } = situation
  const organizationLogOdds = logit(lateRate(organization, { level, thresholds }))
  const clientRate = clientRateAt(situation, level)
  const record = recordFeatures(situation, { level, clientRate })
  const specified = [
    logit(clientRate) - organizationLogOdds,
    level === 0 ? 0 : logit(clientRateAt(situation, 0)) - logit(lateRate(organization, { level: 0, thresholds })),
    ...record,
    ...positionFeatures(situation),
    ...invoiceFeatures(situation),
    1 / (1 + outcomesOf(situation)),
    1
  ]
  const x = model.version === 'v1' ? specified : [...specified, ...extendedFeatures(situation, { level, clientRate })]
  return { offset: organizationLogOdds, x, clientRate }
}

/** Settled invoices, and overdue ones: of both it is known how they went, so far. */
export function outcomesOf({ client, position }: Pick<Situation, 'client' | 'position'>): number {
  return client.settled.count + position.overdueCount
}

/** The weight of the outcomes that are known at a level: an overdue invoice is one once it is older than that. */
export function outcomeWeight({ client, position, thresholds }: Omit<Situation, 'organization'>, level: Level): number {
  return client.settled.weight + OVERDUE_WEIGHT * (position.overdueBeyond[thresholdIndex(thresholds, level)] ?? 0)
}

/** The recency-weighted share of the client's outcomes that is late at a level, shrunk to the organization's. */
export function clientRateAt(situation: Situation, level: Level): number {
  const { client, position, organization, thresholds } = situation
  const index = thresholdIndex(thresholds, level)
  const late = (client.settled.lateWeights[index] ?? 0) + OVERDUE_WEIGHT * (position.overdueBeyond[index] ?? 0)
  const m = pseudoCount(level)
  return (late + m * lateRate(organization, { level, thresholds })) / (outcomeWeight(situation, level) + m)
}

/** sev, last, trend: how the client paid, apart from how often it was late. */
function recordFeatures(situation: Situation, { level, clientRate }: { level: Level; clientRate: number }): number[] {
  const { client, position } = situation
  const { settled } = client
  const mu = meanDelayDays(situation.organization)
  const n = outcomesOf(situation)
  const weight = settled.weight + OVERDUE_WEIGHT * position.overdueCount
  const weightedDelay = settled.weightedDelayDays + OVERDUE_WEIGHT * position.overdueDelayDays
  const recentMean = (weightedDelay + PRIOR_DELAYS * mu) / (weight + PRIOR_DELAYS)
  const mean = (settled.delayDays + position.overdueDelayDays + PRIOR_DELAYS * mu) / (n + PRIOR_DELAYS)
  const last = position.lastDelayDays.at(-1)
  const newest = position.lastDelayDays.slice(-TREND_OUTCOMES)
  const newestMean = newest.reduce((sum, delay) => sum + delay, 0) / newest.length
  return [
    Math.tanh((recentMean - mu) / SEVERITY_DAYS),
    last === undefined ? 0 : (last > level ? 1 : 0) - clientRate,
    n >= TREND_OUTCOMES_MIN ? Math.tanh((newestMean - mean) / TREND_DAYS) : 0
  ]
}

/** over_share, over_age, load, dispute: how the client stands. */
function positionFeatures({ client, position }: Situation): number[] {
  const n = outcomesOf({ client, position })
  const disputes = client.settled.disputed + position.disputedOverdue
  return [
    position.openRatio > 0 ? position.overdueRatio / position.openRatio : 0,
    Math.log1p(position.oldestOverdueDays / AGE_DAYS),
    (Math.tanh(Math.log((position.openRatio + 1) / 3)) * n) / (n + 1),
    (disputes + PRIOR_DISPUTE_INVOICES * PRIOR_DISPUTES) / (n + PRIOR_DISPUTE_INVOICES) - PRIOR_DISPUTES
  ]
}

/** amt_own, amt_ten, terms_own, terms_ten, wkend, eom: the invoice itself. */
function invoiceFeatures({ client, organization, invoice }: Situation): number[] {
  if (invoice === undefined) return [0, 0, 0, 0, 0, 0]
  const { issued } = client
  const usual = issued.byCurrency[invoice.currency]
  const logAmount = meanLogAmount(organization, invoice.currency)
  const logTerms = meanLogTerms(organization)
  const terms = clipTerms(termsOf(invoice))
  return [
    usual === undefined || usual.count === 0
      ? 0
      : Math.tanh(clip(Math.log((invoice.amount + 1) / (usual.amount / usual.count + 1)), -3, 3)),
    logAmount === undefined ? 0 : Math.tanh(Math.log1p(invoice.amount) - logAmount),
    issued.count === 0 ? 0 : Math.tanh(clip(terms - issued.termsDays / issued.count, -60, 60) / TERMS_DAYS),
    logTerms === undefined ? 0 : Math.tanh(2 * (logTermsOf(invoice) - logTerms)),
    invoice.isDueOnClosedDay ? 1 : 0,
    invoice.isDueAtMonthEnd ? 1 : 0
  ]
}
