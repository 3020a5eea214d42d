import { type AssumedWeights, assumedWeights } from './assumptions.ts'
import { type Level, SERIOUS_DAYS } from './levels.ts'
import type { ModelVersion } from './model.ts'
import { type BandRule, bandRule } from './score.ts'

/** What an organization decides of its scores. */
export type RiskSettings = Readonly<{
  model: ModelVersion
  /** More days late than these are seriously late. */
  seriousDays: Level
  /** Whether the weights follow the organization's own outcomes; otherwise they stay where they start. */
  followsOutcomes: boolean
  bandRule: BandRule
  assumed: AssumedWeights
}>

export const riskDefaults: RiskSettings = {
  model: 'v2',
  seriousDays: SERIOUS_DAYS,
  followsOutcomes: true,
  bandRule,
  assumed: assumedWeights
}
