import { meanDelay } from './client-state.ts'
import {
  CURVE_PSEUDO_COUNT,
  chanceLater,
  clientCurve,
  delayQuantile,
  organizationCurve,
  QUANTILE_PSEUDO_COUNT
} from './delay-curve.ts'
import type { Claim, EpochDay } from './invoice-facts.ts'
import type { Level } from './levels.ts'
import type { Situation } from './situation.ts'

/** When an open invoice will be paid. The days are in order, and none is before the day of the situation. */
export type Expectation = Readonly<{
  /** P10, P50 and P90. */
  earlyOn: EpochDay
  expectedOn: EpochDay
  lateOn: EpochDay
  /** The chance that it ends more than the serious days late, 0 to 1. */
  seriouslyLate: number
}>

/** The chance of an open invoice to end more than the serious days late, given that it is unpaid so far. */
export function createSeriousChances(situation: Situation, seriousDays: Level): (invoice: Pick<Claim, 'dueOn'>) => number {
  const { client, organization: ledger, thresholds } = situation
  const likely = clientCurve(situation, { organization: organizationCurve(ledger, thresholds), pseudoCount: CURVE_PSEUDO_COUNT })
  return ({ dueOn }) => chanceLater(likely, { days: seriousDays, age: client.day - dueOn })
}

/**
 * Expects what the client usually does: the median of its last delays, the organization's where it has none. An invoice that is open
 * beyond that is expected as others that were as old. The interval is that of the delay curve, given that it is unpaid so far.
 */
export function createExpectations(
  situation: Situation,
  seriousChance: (invoice: Pick<Claim, 'dueOn'>) => number
): (invoice: Pick<Claim, 'dueOn'>) => Expectation {
  const { client, organization: ledger, thresholds } = situation
  const { day, recent } = client
  const organization = organizationCurve(ledger, thresholds)
  const spread = clientCurve(situation, { organization, pseudoCount: QUANTILE_PSEUDO_COUNT })
  const usual = median(recent.map(meanDelay))

  return ({ dueOn }) => {
    const age = day - dueOn
    const quantile = (q: number) => dueOn + delayQuantile(spread, { q, age })
    const byHabit = dueOn + (usual ?? delayQuantile(organization, { q: 0.5, age }))
    // A share paid later than an edge is paid on the next day at the earliest: quantiles round up to it.
    const expectedOn = Math.ceil(byHabit >= day ? byHabit : quantile(0.5))
    return {
      earlyOn: Math.min(expectedOn, Math.ceil(quantile(0.1))),
      expectedOn,
      lateOn: Math.max(expectedOn, Math.ceil(quantile(0.9))),
      seriouslyLate: seriousChance({ dueOn })
    }
  }
}

/** Of an even number, the lower of the two in the middle: a delay that was seen. Undefined for no values. */
export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}
