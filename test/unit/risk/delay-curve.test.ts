import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chanceLater, clientCurve, delayQuantile, organizationCurve, shareLater } from '../../../src/modules/risk/delay-curve.ts'
import { EDGES } from '../../../src/modules/risk/levels.ts'
import { arbitraryLedger, ledgerClaim, paidClaim, situationOf, TODAY, thresholds } from './builders.ts'

const arbitraryCurve = arbitraryLedger.map((ledger) => {
  const situation = situationOf(ledger)
  return clientCurve(situation, { organization: organizationCurve(situation.organization, thresholds), pseudoCount: 2 })
})

describe('the delay curve', () => {
  it('never rises, between 1 and 0, for every ledger', () => {
    fc.assert(
      fc.property(arbitraryCurve, (curve) => {
        const shares = Array.from({ length: 200 }, (_, n) => shareLater(curve, n - 70))
        expect(shares.every((share, index) => share >= 0 && share <= (shares[index - 1] ?? 1) + 1e-12)).toBe(true)
      })
    )
  })

  it('says of a quantile what it says of the share', () => {
    fc.assert(
      fc.property(
        arbitraryCurve,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.integer({ min: -60, max: 110 }),
        (curve, q, age) => {
          const days = delayQuantile(curve, { q, age })
          expect(days).toBeGreaterThanOrEqual(age)
          if (days > age) expect(shareLater(curve, days)).toBeCloseTo((1 - q) * shareLater(curve, age - 1), 9)
        }
      )
    )
  })

  it('is certain of what has come, and surer the older an invoice is', () => {
    fc.assert(
      fc.property(arbitraryCurve, (curve) => {
        const chances = [-10, 0, 5, 10, 20, 29, 30, 31, 60, 500].map((age) => chanceLater(curve, { days: 30, age }))
        expect(chances.every((chance, index) => chance >= (chances[index - 1] ?? 0) && chance <= 1)).toBe(true)
        expect(chances.slice(-3)).toEqual([1, 1, 1])
      })
    )
  })

  it('leaves what falls due today its due day, and what is unpaid when a level begins the day on which it is reached', () => {
    // All are paid on the due day but for one in four, half of which are paid 1 to 30 days late.
    const curve = EDGES.map((edge) => (edge < 0 ? 1 : edge < 30 ? 0.25 : 0.125))
    expect([-1, 0, 1, 30, 31].map((age) => chanceLater(curve, { days: 0, age }))).toEqual([0.25, 0.25, 1, 1, 1])
    expect([-1, 0].map((age) => chanceLater(curve, { days: 30, age }))).toEqual([0.125, 0.125])
    expect(chanceLater(curve, { days: 30, age: 30 })).toBeLessThan(1)
    expect(delayQuantile(curve, { q: 0.5, age: 0 })).toBe(0)
  })

  it('counts the client’s outcomes, and of an overdue invoice what the organization’s go on to do', () => {
    const situation = situationOf([
      paidClaim(10, { dueOn: TODAY - 11, issuedOn: TODAY - 41 }),
      ledgerClaim({ dueOn: TODAY - 10 })
    ])
    // Linear between 7 and 10 days: 0.3 are paid more than 9 days late, and are unpaid 10 days after the due day.
    const organization = EDGES.map((edge) => (edge < 0 ? 1 : edge < 10 ? 0.5 : edge < 30 ? 0.2 : 0.1))
    const curve = clientCurve(situation, { organization, pseudoCount: 8 })
    const weight = situation.client.settled.weight
    expect(curve[EDGES.indexOf(7)]).toBeCloseTo((weight + 1 + 8 * 0.5) / (weight + 9), 12)
    expect(curve[EDGES.indexOf(30)]).toBeCloseTo((0 + 0.1 / 0.3 + 8 * 0.1) / (weight + 9), 12)
  })
})
