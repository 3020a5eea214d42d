import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScorer } from '../../../src/evaluate/protocol.ts'
import { issueTimeViews, type ReplayedInvoice } from '../../../src/evaluate/replay.ts'
import { type Observation, observe } from '../../../src/modules/risk/features.ts'
import { byIssue, isLate, knownOn, settlementOf } from '../../../src/modules/risk/invoice-facts.ts'
import { sigmoid } from '../../../src/modules/risk/log-odds.ts'
import { models } from '../../../src/modules/risk/model.ts'
import { followOutcome, frozen, logOddsOf, mutable, priorWeights } from '../../../src/modules/risk/weights.ts'
import { arbitraryLedger, asScored } from './builders.ts'

const arbitraryReplay: fc.Arbitrary<ReplayedInvoice[]> = arbitraryLedger.map((ledger) =>
  ledger.map((claim, index) => ({ ...asScored(claim), client: `C${index % 3}`, ended: settlementOf(claim) }))
)

describe('weights that follow outcomes', () => {
  it('are at every issue those of a replay of what was known, by day known, day of issue and number', () => {
    fc.assert(
      fc.property(arbitraryReplay, fc.constantFrom(0, 30), (invoices, level) => {
        const score = createScorer(models.v2, level)
        const seen: { invoice: ReplayedInvoice; observation: Observation }[] = []
        for (const view of issueTimeViews(invoices, 30)) {
          const { pFollowing } = score(view)
          const weights = mutable(priorWeights(models.v2, level))
          const observation = observe(view.situation, { model: models.v2, level })
          const known = ({ invoice }: { invoice: ReplayedInvoice }) => knownOn(invoice.ended ?? invoice, level)
          const outcomes = seen.filter((one) => known(one) <= view.invoice.issuedOn)
          for (const one of outcomes.toSorted((a, b) => known(a) - known(b) || byIssue(a.invoice, b.invoice))) {
            followOutcome(weights, { ...one.observation, isLate: isLate(one.invoice.ended ?? one.invoice, level) })
          }
          expect(pFollowing).toBe(sigmoid(logOddsOf(observation, weights.values)))
          seen.push({ invoice: view.invoice, observation })
        }
      }),
      { numRuns: 60 }
    )
  })

  it('go towards what happens, ever more slowly', () => {
    const weights = mutable(priorWeights(models.v1, 0))
    const x = models.v1.features.map(({ name }) => (name === 'bias' ? 1 : 0))
    const steps = Array.from({ length: 50 }, () => {
      const before = logOddsOf({ offset: 0, x }, weights.values)
      followOutcome(weights, { offset: 0, x, isLate: true })
      return logOddsOf({ offset: 0, x }, weights.values) - before
    })
    expect(steps.every((step, index) => step > 0 && step <= (steps[index - 1] ?? 1))).toBe(true)
    const { values, outcomes } = frozen(weights)
    expect(outcomes).toBe(50)
    expect(values.filter((value, index) => value !== models.v1.features[index]?.weight).length).toBe(1)
  })

  it('stay where they are when nothing is surprising', () => {
    const weights = mutable(priorWeights(models.v2, 0))
    followOutcome(weights, { offset: 40, x: models.v2.features.map(() => 0), isLate: true })
    expect([...weights.values]).toEqual(priorWeights(models.v2, 0).values)
  })
})
