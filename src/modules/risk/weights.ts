import type { Level } from './levels.ts'
import { sigmoid } from './log-odds.ts'
import { type Model, sdAt } from './model.ts'

/**
 * What the features of a model weigh at one level. `covariance` (row by row) is how sure that is: it shrinks with every outcome, and
 * with it the step of the next one.
 */
export type Weights = Readonly<{ values: readonly number[]; covariance: readonly number[]; outcomes: number }>

/** What the features weigh before any outcome, the same at every level. */
export function priorValues({ features }: Model): readonly number[] {
  return features.map(({ weight }) => weight)
}

/** The weights before any outcome. The spread is the level's, the values are the same at every level. */
export function priorWeights(model: Model, level: Level): Weights {
  const { features } = model
  const d = features.length
  const covariance = new Array<number>(d * d).fill(0)
  for (const [index, feature] of features.entries()) covariance[index * d + index] = sdAt(feature, level) ** 2
  return { values: priorValues(model), covariance, outcomes: 0 }
}

/** The log-odds of being late: the organization's own, and what the features add. */
export function logOddsOf({ offset, x }: { offset: number; x: readonly number[] }, values: ArrayLike<number>): number {
  let sum = 0
  for (let index = 0; index < x.length; index += 1) sum += (values[index] ?? 0) * (x[index] ?? 0)
  return offset + sum
}

/**
 * One outcome of an invoice, with the features that it was issued with: a step of Bayesian logistic regression by the extended Kalman
 * filter (Laplace's approximation, one observation at a time), O(d²) in the number of features. Every step depends on those before:
 * outcomes are applied once each, in the order of the day they became known, then of issue. Changes its argument's arrays.
 */
export function followOutcome(
  weights: MutableWeights,
  { offset, x, isLate }: { offset: number; x: readonly number[]; isLate: boolean }
): void {
  const { values, covariance } = weights
  const d = values.length
  const p = sigmoid(logOddsOf({ offset, x }, values))
  const variance = p * (1 - p)
  const gain = new Float64Array(d)
  let spread = 0
  for (let row = 0; row < d; row += 1) {
    let sum = 0
    for (let column = 0; column < d; column += 1) sum += (covariance[row * d + column] ?? 0) * (x[column] ?? 0)
    gain[row] = sum
    spread += sum * (x[row] ?? 0)
  }
  const scale = 1 + variance * spread
  const step = ((isLate ? 1 : 0) - p) / scale
  const shrink = variance / scale
  for (let row = 0; row < d; row += 1) {
    const ofRow = gain[row] ?? 0
    values[row] = (values[row] ?? 0) + ofRow * step
    const taken = ofRow * shrink
    for (let column = 0; column < d; column += 1) {
      covariance[row * d + column] = (covariance[row * d + column] ?? 0) - taken * (gain[column] ?? 0)
    }
  }
  weights.outcomes += 1
}

/** Weights on their way through many outcomes. */
export type MutableWeights = { values: Float64Array; covariance: Float64Array; outcomes: number }

export function mutable({ values, covariance, outcomes }: Weights): MutableWeights {
  return { values: Float64Array.from(values), covariance: Float64Array.from(covariance), outcomes }
}

export function frozen({ values, covariance, outcomes }: MutableWeights): Weights {
  return { values: [...values], covariance: [...covariance], outcomes }
}
