import { type Assumed, type AssumedWeights, assumedAddends, noSignals, type Signals } from './assumptions.ts'
import { type Observation, observe, outcomeWeight } from './features.ts'
import { type Level, pseudoCount } from './levels.ts'
import { clip, clipProbability, logit, sigmoid } from './log-odds.ts'
import type { Feature, Model } from './model.ts'
import type { Situation } from './situation.ts'
import { logOddsOf } from './weights.ts'

/** Points that double the odds of paying late, the score of even an average ledger, and the rate that it stands for. */
const DOUBLING_POINTS = 40
const MIDDLE_SCORE = 500
const MIDDLE_RATE = 0.2
const SCORE_MAX = 1000

const POINTS_PER_LOG_ODDS = DOUBLING_POINTS / Math.LN2

/** Points are given to the hundredth: what is added are whole hundredths, so that the sum is exact. */
const HUNDREDTHS = 100

export const bands = ['low', 'moderate', 'elevated', 'high', 'severe'] as const
export type Band = (typeof bands)[number]

/** The chance from which each band after the first begins; 1 is never reached. ASSUMPTIONS: an organization may set its own. */
export type BandLimits = readonly [number, number, number, number]

/**
 * A client is in the higher of the bands of both chances. Paying late alone does not lead beyond `elevated`: who pays everything a few days
 * late costs time, and seldom money.
 */
export type BandRule = Readonly<{ late: BandLimits; seriouslyLate: BandLimits }>
export const bandRule: BandRule = { late: [0.5, 0.8, 1, 1], seriouslyLate: [0.02, 0.05, 0.12, 0.3] }

/** Below this confidence, a recent outcome or two, a file is thin. */
const CONFIDENCE_MIN = 0.5

const REASONS_MAX = 4

export type Factor = Readonly<{
  name: string
  /** The feature's value, or the signal's. */
  value: number
  /** Added to the score, in hundredths; positive is riskier. */
  points: number
  text: string
  /** No data stands behind its weight. */
  isAssumed: boolean
}>

/** What a score says, without why. */
export type Verdict = Readonly<{
  /** 0 to 1000; higher is riskier, 40 points double the odds of paying late. */
  score: number
  band: Band
  /** 0 to 1; the second is never above the first. */
  late: number
  seriouslyLate: number
}>

export type Score = Verdict &
  Readonly<{
    /** With the factors' points it adds up to the score exactly. */
    base: number
    /** All of them, the last being `limit`: what rounding and bounds took or gave. */
    factors: readonly Factor[]
    /** The most telling ones: up to four that harm, and one that helps. */
    reasons: readonly Factor[]
    /** 0 to below 1: the part of the rates in the score that is the client's own record. */
    confidence: number
    isThinFile: boolean
  }>

export type Scoring = Readonly<{
  model: Model
  seriousDays: Level
  /** The weights' values at level 0 and at the serious level, in the order of the model's features. */
  weights: Readonly<{ late: ArrayLike<number>; seriouslyLate: ArrayLike<number> }>
  signals?: Signals
  assumed?: AssumedWeights
  bandRule?: BandRule
}>

/** Judges a client or, where the situation names one, an invoice. O(features), and finite for every ledger. */
export function verdictOf(situation: Situation, scoring: Scoring): Verdict {
  return judged(situation, scoring).verdict
}

/** The verdict, and what it was made from at level 0. */
function judged(situation: Situation, scoring: Scoring) {
  const { model, seriousDays, weights, signals = noSignals, bandRule: rule = bandRule } = scoring
  const assumed = assumedAddends(signals, { day: situation.client.day, weights: scoring.assumed })
  const added = assumed.reduce((sum, { logOdds }) => sum + logOdds, 0)
  const seen = observe(situation, { model, level: 0 })
  const seriouslySeen = observe(situation, { model, level: seriousDays })
  const chance = (observation: Observation, values: ArrayLike<number>) =>
    clipProbability(sigmoid(logOddsOf(observation, values) + added))
  const late = chance(seen, weights.late)
  const seriouslyLate = Math.min(late, chance(seriouslySeen, weights.seriouslyLate))
  const score = Math.round(clip(MIDDLE_SCORE + POINTS_PER_LOG_ODDS * (logit(late) - logit(MIDDLE_RATE)), 0, SCORE_MAX))
  const verdict: Verdict = { score, band: bandOf({ late, seriouslyLate }, rule), late, seriouslyLate }
  return { verdict, seen, assumed }
}

/** The same with what it is made of. */
export function scoreOf(situation: Situation, scoring: Scoring): Score {
  const { verdict, seen, assumed } = judged(situation, scoring)
  const { score } = verdict
  const base = hundredthsOf(MIDDLE_SCORE - POINTS_PER_LOG_ODDS * logit(MIDDLE_RATE))
  const addends = addendsOf(seen, { model: scoring.model, values: scoring.weights.late, assumed })
  const factors = addends.map(({ name, value, logOdds, text, isAssumed }) => {
    return { name, value, points: hundredthsOf(POINTS_PER_LOG_ODDS * logOdds), text, isAssumed }
  })
  const limit = score * HUNDREDTHS - factors.reduce((sum, { points }) => sum + points, base)
  const all = [...factors, { name: 'limit', value: 0, points: limit, text: 'rounding and bounds of the score', isAssumed: false }]
  const n = outcomeWeight(situation, 0)
  const confidence = n / (n + pseudoCount(0))
  return {
    ...{ ...verdict, base: base / HUNDREDTHS, factors: all.map(inPoints), reasons: reasonsAmong(factors).map(inPoints) },
    ...{ confidence, isThinFile: confidence < CONFIDENCE_MIN }
  }
}

/** The band of both chances. */
export function bandOf(chances: Readonly<Record<keyof BandRule, number>>, rule: BandRule = bandRule): Band {
  const passed = (of: keyof BandRule) => rule[of].filter((limit) => chances[of] >= limit).length
  return bands[Math.max(passed('late'), passed('seriouslyLate'))] ?? 'severe'
}

type Addend = Assumed & Readonly<{ isAssumed: boolean }>

type By = Readonly<{ model: Model; values: ArrayLike<number>; assumed: readonly Assumed[] }>

function addendsOf({ offset, x }: Observation, { model, values, assumed }: By): Addend[] {
  const ledger = { name: 'offset', value: offset, logOdds: offset, text: 'usual for this ledger', isAssumed: false }
  const addends = new Map<string, Addend>()
  for (const [index, feature] of model.features.entries()) {
    const value = x[index] ?? 0
    const logOdds = (values[index] ?? 0) * value
    const name = feature.curve?.name ?? feature.name
    const before = addends.get(name)
    const addend = { name, value: value * (feature.curve?.knot ?? 1), logOdds, text: textOf(feature, value), isAssumed: false }
    addends.set(name, before === undefined ? addend : joined(before, addend))
  }
  return [ledger, ...addends.values(), ...assumed.map((one) => ({ ...one, isAssumed: true }))]
}

/** The points of a curve are one addend: where on the curve it is, and what the curve adds there. */
function joined(before: Addend, point: Addend): Addend {
  const text = before.text === SILENT ? point.text : before.text
  return { ...before, value: before.value + point.value, logOdds: before.logOdds + point.logOdds, text }
}

const SILENT = 'says nothing here'

function textOf({ above, below }: Feature, value: number): string {
  if (value === 0) return SILENT
  return value < 0 ? below : above
}

/** What speaks of the client or the invoice, and weighs at least a point; the rest explains nothing to anybody. */
function reasonsAmong(factors: readonly Factor[]): Factor[] {
  const telling = factors.filter(({ name, points }) => Math.abs(points) >= HUNDREDTHS && !['offset', 'bias'].includes(name))
  const harming = telling.filter(({ points }) => points > 0).toSorted((a, b) => b.points - a.points)
  const helping = telling.filter(({ points }) => points < 0).toSorted((a, b) => a.points - b.points)
  return [...harming.slice(0, REASONS_MAX), ...helping.slice(0, 1)]
}

function hundredthsOf(points: number): number {
  return Math.round(points * HUNDREDTHS)
}

function inPoints(factor: Factor): Factor {
  return { ...factor, points: factor.points / HUNDREDTHS }
}
