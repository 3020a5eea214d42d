import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auc, brier, deciles, type Prediction, prAuc } from '../../../src/evaluate/metrics.ts'

const arbitraryPredictions = fc.array(fc.record({ p: fc.integer({ min: 0, max: 8 }).map((n) => n / 8), isLate: fc.boolean() }), {
  minLength: 1,
  maxLength: 40
})

function naiveAuc(predictions: readonly Prediction[]): number {
  const pairs = predictions
    .filter(({ isLate }) => isLate)
    .flatMap((late) => predictions.filter((o) => !o.isLate).map((on) => [late.p, on.p]))
  return pairs.reduce((sum, [late = 0, onTime = 0]) => sum + (late > onTime ? 1 : late === onTime ? 0.5 : 0), 0) / pairs.length
}

describe('the figures of an evaluation', () => {
  it('rank as comparing every pair does', () => {
    fc.assert(
      fc.property(arbitraryPredictions, (predictions) => {
        const expected = naiveAuc(predictions)
        const got = auc(predictions)
        if (got === undefined) expect(expected).toBeNaN()
        else expect(got).toBeCloseTo(expected, 12)
      })
    )
  })

  it('are those of an example that was worked out by hand', () => {
    const predictions = [0.9, 0.8, 0.7, 0.6].map((p, index) => ({ p, isLate: index % 2 === 0 }))
    expect(auc(predictions)).toBe(0.75)
    expect(prAuc(predictions)).toBeCloseTo((1 + 2 / 3) / 2, 12)
    expect(brier(predictions)).toBeCloseTo((0.01 + 0.64 + 0.09 + 0.36) / 4, 12)
  })

  it('do not pretend to rank what is all alike', () => {
    expect([auc([]), prAuc([{ p: 0.5, isLate: false }]), auc([{ p: 0.5, isLate: true }]), brier([])]).toEqual(
      Array(4).fill(undefined)
    )
  })

  it('leave no invoice out of the tenths, nor count one twice', () => {
    fc.assert(
      fc.property(arbitraryPredictions, (predictions) => {
        const tenths = deciles(predictions)
        expect(tenths.reduce((sum, { count }) => sum + count, 0)).toBe(predictions.length)
        expect(tenths.every(({ meanPredicted }, index) => meanPredicted >= (tenths[index - 1]?.meanPredicted ?? 0))).toBe(true)
      })
    )
  })
})
