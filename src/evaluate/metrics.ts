/** A prediction, higher meaning later, and what happened. Probabilities for what needs them. */
export type Prediction = Readonly<{ p: number; isLate: boolean }>

/** A tenth of the predictions, lowest first, and how many of them were late. */
export type Decile = Readonly<{ count: number; meanPredicted: number; lateRate: number }>

/**
 * The chance that a late invoice was given a higher value than one on time, ties counting half: the Mann-Whitney statistic. Undefined
 * when all are late or none is.
 */
export function auc(predictions: readonly Prediction[]): number | undefined {
  const late = predictions.reduce((sum, { isLate }) => sum + (isLate ? 1 : 0), 0)
  const others = predictions.length - late
  if (late === 0 || others === 0) return undefined
  let rankSum = 0
  let below = 0
  for (const tied of tiesOf(predictions.toSorted((a, b) => a.p - b.p))) {
    rankSum += tied.late * (below + (tied.count + 1) / 2)
    below += tied.count
  }
  return (rankSum - (late * (late + 1)) / 2) / (late * others)
}

/** Average precision: the mean of the precision at each late invoice, taken from the highest value down. Ties are taken together. */
export function prAuc(predictions: readonly Prediction[]): number | undefined {
  const late = predictions.reduce((sum, { isLate }) => sum + (isLate ? 1 : 0), 0)
  if (late === 0) return undefined
  let found = 0
  let taken = 0
  let sum = 0
  for (const tied of tiesOf(predictions.toSorted((a, b) => b.p - a.p))) {
    found += tied.late
    taken += tied.count
    sum += (tied.late / late) * (found / taken)
  }
  return sum
}

function* tiesOf(sorted: readonly Prediction[]): Generator<{ count: number; late: number }> {
  for (let from = 0; from < sorted.length; ) {
    const p = sorted[from]?.p
    let count = 0
    let late = 0
    for (let one = sorted[from]; one !== undefined && one.p === p; one = sorted[from + count]) {
      count += 1
      late += one.isLate ? 1 : 0
    }
    yield { count, late }
    from += count
  }
}

/** The mean squared difference between a probability and what happened: Brier's score. 0 is perfect. */
export function brier(predictions: readonly Prediction[]): number | undefined {
  return mean(predictions.map(({ p, isLate }) => (p - (isLate ? 1 : 0)) ** 2))
}

export function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The predictions in ten parts of equal size by what was predicted: where it is honest, predicted and late agree in each. */
export function deciles(predictions: readonly Prediction[]): Decile[] {
  const sorted = predictions.toSorted((a, b) => a.p - b.p)
  return Array.from({ length: 10 }, (_, tenth) => {
    const part = sorted.slice(Math.floor((tenth * sorted.length) / 10), Math.floor(((tenth + 1) * sorted.length) / 10))
    return {
      count: part.length,
      meanPredicted: mean(part.map(({ p }) => p)) ?? 0,
      lateRate: mean(part.map(({ isLate }) => (isLate ? 1 : 0))) ?? 0
    }
  }).filter(({ count }) => count > 0)
}
