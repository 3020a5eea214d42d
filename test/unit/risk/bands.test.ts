import { describe, expect, it } from 'vitest'
import type { ReplayedInvoice } from '../../../src/evaluate/replay.ts'
import { issueTimeViews } from '../../../src/evaluate/replay.ts'
import { riseAt } from '../../../src/modules/risk/extended-features.ts'
import { observe } from '../../../src/modules/risk/features.ts'
import { byIssue, isLate, knownOn, type LedgerClaim } from '../../../src/modules/risk/invoice-facts.ts'
import { type ModelVersion, models } from '../../../src/modules/risk/model.ts'
import { bandOf, type Score, scoreOf } from '../../../src/modules/risk/score.ts'
import { followOutcome, mutable, priorWeights } from '../../../src/modules/risk/weights.ts'
import { asScored, paidClaim, settled, situationOf, TODAY } from './builders.ts'

const SERIOUS = 30
const MONTHS = 11

type Owned = Readonly<{ client: number; claim: LedgerClaim }>

/** Ten clients, an invoice each month of 11: nine pay on the due day, one pays one day later every month. */
const ledger: readonly Owned[] = Array.from({ length: 10 }).flatMap((_, client) =>
  Array.from({ length: MONTHS }, (_, month) => {
    const dueOn = TODAY - 30 * (MONTHS - month)
    return { client, claim: paidClaim(client === 0 ? month + 1 : 0, { dueOn, issuedOn: dueOn - 14 }) }
  })
)

/** The values that follow every outcome known by the day. */
function weightsOn(day: number, { version, level }: { version: ModelVersion; level: number }): Float64Array {
  const model = models[version]
  const invoices = ledger.map(({ client, claim }): ReplayedInvoice => {
    return { ...asScored(claim), client: String(client), ended: settled(claim) }
  })
  const outcomes = [...issueTimeViews(invoices, SERIOUS)].map(({ invoice, situation }) => {
    const ended = invoice.ended ?? invoice
    return { invoice, on: knownOn(ended, level), isLate: isLate(ended, level), ...observe(situation, { model, level }) }
  })
  const weights = mutable(priorWeights(model, level))
  for (const outcome of outcomes.toSorted((a, b) => a.on - b.on || byIssue(a.invoice, b.invoice)))
    if (outcome.on <= day) followOutcome(weights, outcome)
  return weights.values
}

/** A client's score on the morning after the slow one's payment of each month. */
function scoresOf(client: number, version: ModelVersion): Score[] {
  return Array.from({ length: MONTHS }, (_, month) => {
    const day = TODAY - 30 * (MONTHS - month) + month + 2
    const known = ledger.filter(({ claim }) => claim.issuedOn < day)
    const of = (isOwn: boolean) => known.filter((one) => (one.client === client) === isOwn).map(({ claim }) => claim)
    const late = weightsOn(day, { version, level: 0 })
    const seriouslyLate = weightsOn(day, { version, level: SERIOUS })
    return scoreOf(situationOf(of(true), { day, others: of(false) }), {
      ...{ model: models[version], seriousDays: SERIOUS, weights: { late, seriouslyLate } }
    })
  })
}

describe('a client who pays one day later every month, among nine who pay on time', () => {
  const scores = scoresOf(0, 'v2')

  it('is in no low band at a late chance of four in five, and its score rises with its delay', () => {
    const last = scores.at(-1)
    expect(last?.late).toBeGreaterThan(0.8)
    expect(last?.band).toBe('elevated')
    for (const [month, { score, band }] of scores.entries()) {
      expect(band, `month ${month + 1}`).not.toBe('low')
      expect(score).toBeGreaterThan(scores[month - 1]?.score ?? 0)
    }
  })

  it('does not become less likely to pay seriously late while its delay rises', () => {
    // One payment later than the one before it is no trend; from the third on there is one.
    for (const [month, { seriouslyLate }] of scores.entries())
      if (month >= 2) expect(seriouslyLate, `month ${month + 1}`).toBeGreaterThan(scores[month - 1]?.seriouslyLate ?? 1)
    expect(scores.at(-1)?.seriouslyLate).toBeGreaterThan(scores[0]?.seriouslyLate ?? 1)
  })

  it('is told so, in points that add up', () => {
    const { score, base, factors, reasons } = scores.at(-1) as Score
    const rise = factors.find(({ name }) => name === 'rise')
    expect(rise?.points).toBeGreaterThan(20)
    expect(reasons).toContainEqual(expect.objectContaining({ name: 'rise', text: 'pays later each time' }))
    expect(factors.reduce((sum, { points }) => sum + Math.round(points * 100), Math.round(base * 100))).toBe(score * 100)
  })

  it('leaves the others where they are', () => {
    for (const { band, factors } of scoresOf(1, 'v2').slice(2)) {
      expect(band).toBe('low')
      expect(factors.find(({ name }) => name === 'rise')?.points).toBe(0)
    }
  })

  it('is in no low band under v1 either, which has no such factor', () => {
    expect(scoresOf(0, 'v1').at(-1)?.band).toBe('elevated')
  })
})

describe('a rise', () => {
  const rise = (delays: readonly number[], clientRate = 0.01) => riseAt(delays, { level: SERIOUS, clientRate })

  it('is nothing of delays that do not rise, of one payment, and of a last payment that is not late', () => {
    for (const delays of [[], [9], [5, 5, 5, 5], [8, 6, 4, 2], [-8, -6, -4, -2], [2, 1, 0]]) expect(rise(delays)).toBe(0)
  })

  it('weighs more the steadier it is, the later the last payment was, and the rarer the level is in the record', () => {
    expect(rise([1, 2, 3, 4, 5, 6, 7, 8])).toBeGreaterThan(2 * rise([3, 1, 2, 6, 4, 5, 7, 8]))
    expect(rise([1, 2, 3, 4, 5, 6, 7, 18])).toBeGreaterThan(rise([1, 2, 3, 4, 5, 6, 7, 8]))
    expect(rise([1, 2, 3, 4], 0.01)).toBeGreaterThan(rise([1, 2, 3, 4], 0.05))
    expect(rise([1, 2, 3, 4], 0.5)).toBe(rise([1, 2, 3, 4], 0.08))
  })
})

describe('a band', () => {
  it('is the higher of those of both chances, and lateness alone does not lead beyond elevated', () => {
    const bands = [
      [0.49, 0.019],
      [0.5, 0.019],
      [0.8, 0.019],
      [0.9999, 0.019],
      [0.1, 0.02],
      [0.6, 0.12],
      [0.9, 0.3]
    ].map(([late = 0, seriouslyLate = 0]) => bandOf({ late, seriouslyLate }))
    expect(bands).toEqual(['low', 'moderate', 'elevated', 'elevated', 'moderate', 'high', 'severe'])
  })
})
