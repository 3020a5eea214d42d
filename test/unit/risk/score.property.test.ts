import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noSignals } from '../../../src/modules/risk/assumptions.ts'
import { createExpectations, createSeriousChances } from '../../../src/modules/risk/expectation.ts'
import { observe } from '../../../src/modules/risk/features.ts'
import { type ModelVersion, models, modelVersions } from '../../../src/modules/risk/model.ts'
import { type Factor, type Score, scoreOf } from '../../../src/modules/risk/score.ts'
import type { Situation } from '../../../src/modules/risk/situation.ts'
import {
  arbitraryClaim,
  arbitraryLedger,
  asScored,
  ledgerClaim,
  paidClaim,
  priorScoring,
  situationOf,
  TODAY
} from './builders.ts'

const arbitrarySituation: fc.Arbitrary<Situation> = fc
  .tuple(arbitraryLedger, arbitraryLedger, fc.option(arbitraryClaim, { nil: undefined }))
  .map(([ledger, others, invoice]) =>
    situationOf(ledger, { others, ...(invoice === undefined ? {} : { invoice: asScored(invoice) }) })
  )

const arbitraryVersion = fc.constantFrom(...modelVersions)

function sumInHundredths({ base, factors }: Score): number {
  return factors.reduce((sum, { points }: Factor) => sum + Math.round(points * 100), Math.round(base * 100))
}

describe('a score', () => {
  it('is finite and in its bounds for every ledger, also under weights that went astray', () => {
    fc.assert(
      fc.property(
        arbitrarySituation,
        arbitraryVersion,
        fc.double({ min: -50, max: 50, noNaN: true }),
        (situation, version, factor) => {
          const scoring = priorScoring(version)
          const astray = { ...scoring, weights: { late: scoring.model.features.map(() => factor), seriouslyLate: [factor] } }
          for (const score of [scoreOf(situation, scoring), scoreOf(situation, astray)]) {
            expect(Number.isInteger(score.score) && score.score >= 0 && score.score <= 1000).toBe(true)
            expect(score.late).toBeGreaterThan(0)
            expect(score.late).toBeLessThan(1)
            expect(score.seriouslyLate).toBeGreaterThan(0)
            expect(score.seriouslyLate).toBeLessThanOrEqual(score.late)
            expect(score.confidence).toBeGreaterThanOrEqual(0)
            expect(score.confidence).toBeLessThan(1)
            expect(score.factors.every(({ value, points }) => Number.isFinite(value) && Number.isFinite(points))).toBe(true)
          }
        }
      ),
      { numRuns: 200 }
    )
  })

  it('is the sum of its base and its factors, to the hundredth of a point', () => {
    fc.assert(
      fc.property(
        arbitrarySituation,
        arbitraryVersion,
        fc.array(fc.integer({ min: 0, max: 400 })),
        (situation, version, promises) => {
          const signals = { ...noSignals, hasOpenDispute: true, brokenPromisesOn: promises.map((ago) => TODAY - ago) }
          const score = scoreOf(situation, { ...priorScoring(version), signals })
          expect(sumInHundredths(score)).toBe(score.score * 100)
          const limit = score.factors.at(-1)
          if (score.late > 1e-3 && score.late < 1 - 1e-3) expect(Math.abs(limit?.points ?? Number.NaN)).toBeLessThan(0.75)
        }
      ),
      { numRuns: 200 }
    )
  })

  it('gives at most four reasons that harm and one that helps, and none that speaks of nobody', () => {
    fc.assert(
      fc.property(arbitrarySituation, (situation) => {
        const { reasons } = scoreOf(situation, priorScoring())
        expect(reasons.filter(({ points }) => points > 0).length).toBeLessThanOrEqual(4)
        expect(reasons.filter(({ points }) => points < 0).length).toBeLessThanOrEqual(1)
        expect(reasons.some(({ name, value }) => ['offset', 'bias', 'limit'].includes(name) || value === 0)).toBe(false)
      }),
      { numRuns: 100 }
    )
  })
})

describe('under the prior weights', () => {
  const risks = (situation: Situation, version: ModelVersion) => {
    const { score, late, seriouslyLate } = scoreOf(situation, priorScoring(version))
    return [score, late, seriouslyLate]
  }

  it('the newest payment never lowers the risk by coming late instead of on time', () => {
    const delays = fc.tuple(fc.integer({ min: -20, max: 0 }), fc.integer({ min: 1, max: 90 }))
    fc.assert(
      fc.property(
        arbitraryLedger,
        delays,
        arbitraryVersion,
        fc.option(arbitraryClaim, { nil: undefined }),
        (ledger, days, version, one) => {
          const before = ledger.filter(({ settledOn }) => settledOn === null || settledOn < TODAY - 1)
          const others = arbitraryOthers
          const invoice = one === undefined ? {} : { invoice: asScored(one) }
          const [onTime, late] = days.map((delay) => {
            const newest = { ...newestClaim, dueOn: TODAY - 1 - delay, issuedOn: TODAY - 121 - delay, settledOn: TODAY - 1 }
            return risks(
              { ...situationOf([...before, newest], invoice), organization: situationOf(before, { others }).organization },
              version
            )
          })
          for (const [index, risk] of (late ?? []).entries())
            expect(risk).toBeGreaterThanOrEqual((onTime?.[index] ?? 2000) - 1e-12)
        }
      ),
      { numRuns: 300 }
    )
  })

  it('a further outcome never lowers the confidence of its day', () => {
    fc.assert(
      fc.property(arbitraryLedger, fc.integer({ min: -20, max: 90 }), (ledger, delay) => {
        const further = { ...newestClaim, dueOn: TODAY - 1 - delay, settledOn: TODAY - 1 }
        const confidence = (claims: typeof ledger) => scoreOf(situationOf(claims), priorScoring()).confidence
        expect(confidence([...ledger, further])).toBeGreaterThanOrEqual(confidence(ledger))
      }),
      { numRuns: 200 }
    )
  })
})

const newestClaim = ledgerClaim({ number: 'Z', issuedOn: TODAY - 400 })
const arbitraryOthers = [0, 3, 12, 40].map((delay) => paidClaim(delay))

describe('what is expected of an open invoice', () => {
  it('lies in order, not before today, with a chance between 0 and 1 that is certain beyond the level', () => {
    fc.assert(
      fc.property(arbitrarySituation, arbitraryClaim, (situation, invoice) => {
        const { earlyOn, expectedOn, lateOn, seriouslyLate } = createExpectations(
          situation,
          createSeriousChances(situation, 30)
        )(invoice)
        expect([earlyOn, expectedOn, lateOn].every(Number.isInteger)).toBe(true)
        expect(TODAY <= earlyOn && earlyOn <= expectedOn && expectedOn <= lateOn).toBe(true)
        expect(seriouslyLate).toBeGreaterThanOrEqual(0)
        expect(seriouslyLate).toBeLessThanOrEqual(1)
        if (TODAY - invoice.dueOn > 30) expect(seriouslyLate).toBe(1)
      }),
      { numRuns: 200 }
    )
  })
})

it('the features keep the bounds that they promise', () => {
  const unbounded = new Set(['hist', 'hist0', 'like_terms', 'over_age', 'same_due', 'rise'])
  fc.assert(
    fc.property(arbitrarySituation, fc.constantFrom(0, 30), (situation, level) => {
      const { x } = observe(situation, { model: models.v2, level })
      expect(x.length).toBe(models.v2.features.length)
      for (const [index, { name }] of models.v2.features.entries()) {
        const limit = unbounded.has(name) ? 18.5 : 1 + 1e-12
        expect(Math.abs(x[index] ?? Number.NaN), name).toBeLessThanOrEqual(limit)
      }
    }),
    { numRuns: 200 }
  )
})
