import type { Day } from '../../kernel/day.ts'
import type { Exposure } from './exposure.ts'
import type { Score } from './score.ts'
import type * as scoreRepository from './score-repository.ts'

/** What every answer about a score says. */
export type Basis = Readonly<{
  asOf: Day
  computedThroughAt: Date
  score: Score
  seriousDays: number
  model: 'v1' | 'v2'
  weightsOf: Day | null
}>

export type ClientScore = Basis &
  Readonly<{
    clientId: string
    expectedDaysLate: Readonly<{ p10: number; p50: number; p90: number }>
    exposures: readonly Exposure[]
    percentile: number | null
    index: Readonly<{ daysBeyondTerms: number; index: number }> | null
  }>

export type InvoiceScore = Basis &
  Readonly<{
    invoiceId: string
    clientId: string
    expectedOn: Day
    earlyOn: Day
    lateOn: Day
    endsSeriouslyLate: number
    exposure: Exposure
  }>

export type RankedClient = scoreRepository.DayScore &
  Readonly<{ rank: bigint; computedThroughAt: Date; exposures: readonly Exposure[] }>
