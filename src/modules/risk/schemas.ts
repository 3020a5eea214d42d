import { type Static, Type } from 'typebox'
import {
  Amount,
  CurrencyCode,
  closed,
  DayText,
  Id,
  InstantText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref
} from '../../http/schemas.ts'
import type { Day } from '../../kernel/day.ts'
import { formatAmount, storedCurrency } from '../../kernel/money.ts'
import type { Exposure } from './exposure.ts'
import { modelVersions } from './model.ts'
import { RiskModelSchema } from './model-schemas.ts'
import { bands, type Factor, type Score } from './score.ts'
import type { ClientScore, InvoiceScore, RankedClient } from './score-answer.ts'
import type { DayScore } from './score-repository.ts'

const Chance = Type.Number({ minimum: 0, maximum: 1 })
const Band = oneOf(bands, {
  description:
    'The higher of two bands. By seriously_late: low below 0.02, moderate from 0.02, elevated from 0.05, high from 0.12, severe from 0.3. By late: low below 0.5, moderate from 0.5, elevated from 0.8. band_limits and late_band_limits of the risk model change these'
})
const Points = Type.Number({ description: 'Hundredths count. Positive is riskier; 40 points double the odds of paying late' })

export const RiskFactorSchema = named(
  'RiskFactor',
  closed({
    name: Type.String(),
    value: Type.Number({ description: 'Of the feature, or of the signal' }),
    points: Points,
    text: Type.String(),
    is_assumed: Type.Boolean({ description: 'No data stands behind its weight: it is a setting' })
  })
)

const ComputedThrough = {
  ...InstantText,
  description:
    'Real time. Every change of this client that was acknowledged before this instant is read; what the organization’s other clients did is in its rates and weights as of the last refresh, some seconds ago'
}

const scoreFields = {
  as_of: Type.String({ format: 'date', description: 'The day at whose start it holds: what happens today counts from tomorrow' }),
  computed_through_at: ComputedThrough,
  score: Type.Integer({ minimum: 0, maximum: 1000, description: 'Higher is riskier; 40 points double the odds of paying late' }),
  band: Band,
  late: Type.Number({ minimum: 0, maximum: 1, description: 'The chance that an invoice is paid after its due date' }),
  seriously_late: Type.Number({ minimum: 0, maximum: 1, description: 'The chance of more than serious_days late' }),
  serious_days: Type.Integer(),
  confidence: Type.Number({ minimum: 0, maximum: 1, description: 'The part of the rates in it that is the client’s own record' }),
  is_thin_file: Type.Boolean({ description: 'Little is known of this client' }),
  base: Points,
  factors: Type.Array(ref(RiskFactorSchema), { description: 'All of them: with base they add up to the score' }),
  reasons: Type.Array(ref(RiskFactorSchema), {
    maxItems: 5,
    description: 'The most telling: up to four that harm, one that helps'
  }),
  model: oneOf(modelVersions),
  weights_of: nullable(
    Type.String({ format: 'date', description: 'The day of the weights; null for those that no outcome moved' })
  )
}

export const ExposureSchema = named(
  'RiskExposure',
  closed({
    currency: CurrencyCode,
    open: Amount,
    overdue: Amount,
    expected_bad: Type.String({ description: 'What of it is expected to be paid seriously late, or never; an estimate' })
  })
)

const Days = Type.Integer({ description: 'After the due date; negative before it' })

export const ClientRiskScoreSchema = named(
  'ClientRiskScore',
  closed({
    client_id: Id,
    ...scoreFields,
    expected_days_late: closed({ p10: Days, p50: Days, p90: Days }, { description: 'Of an invoice that is issued now' }),
    exposure: Type.Array(ref(ExposureSchema)),
    percentile: nullable(
      Type.Integer({ minimum: 0, maximum: 100, description: 'Of the other clients, how many of a hundred score lower' })
    ),
    payment_index: nullable(
      closed(
        { days_beyond_terms: Type.Number(), index: Type.Integer({ minimum: 0, maximum: 100 }) },
        { description: 'Describes the record as commercial credit reports do, 80 being prompt; predicts less than the score' }
      )
    )
  })
)

export const InvoiceRiskScoreSchema = named(
  'InvoiceRiskScore',
  closed({
    invoice_id: Id,
    client_id: Id,
    ...scoreFields,
    expected_on: Type.String({ format: 'date', description: 'When it is expected to be paid' }),
    early_on: Type.String({ format: 'date', description: 'One in ten is paid by then' }),
    late_on: Type.String({ format: 'date', description: 'Nine in ten are paid by then' }),
    ends_seriously_late: Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'The chance to be paid more than serious_days late, or never, given that the invoice is unpaid at the start of as_of. It can still be paid on that day. 1 once it is more than serious_days overdue'
    }),
    exposure: ref(ExposureSchema)
  })
)

export const DayScoreSchema = named(
  'DayRiskScore',
  closed({ client_id: Id, as_of: DayText, score: Type.Integer(), band: Band, late: Chance, seriously_late: Chance })
)

export const RankedClientSchema = named(
  'RankedRiskScore',
  closed({
    client_id: Id,
    as_of: DayText,
    computed_through_at: {
      ...InstantText,
      description: 'Real time. Every change that was acknowledged before this instant is in the list; later ones may not be yet'
    },
    score: Type.Integer(),
    band: Band,
    late: Chance,
    seriously_late: Chance,
    exposure: Type.Array(ref(ExposureSchema))
  })
)

export const ScoreQuery = closed({
  as_of: Type.Optional(Type.String({ format: 'date', description: 'A past day, recomputed from the ledger; today unless said' }))
})
export const HistoryQuery = closed(pageQuery)
export const RankingQuery = closed({
  ...pageQuery,
  sort: oneOf(['risk', 'expected_bad'], { default: 'risk', description: 'The highest first' }),
  ...optional({
    band: oneOf(bands),
    currency: Type.String({
      ...CurrencyCode,
      description:
        'Whose amounts expected_bad sorts by; the organization’s default unless said. Amounts of currencies are never added'
    })
  })
})

export const riskSchemas = [
  RiskFactorSchema,
  ExposureSchema,
  ClientRiskScoreSchema,
  InvoiceRiskScoreSchema,
  DayScoreSchema,
  RankedClientSchema,
  RiskModelSchema
]

const factorToApi = ({ name, value, points, text, isAssumed }: Factor) => ({ name, value, points, text, is_assumed: isAssumed })

export function exposureToApi({
  currency: code,
  openMinor,
  overdueMinor,
  expectedBadMinor
}: Exposure): Static<typeof ExposureSchema> {
  const amount = (minor: bigint) => formatAmount(minor, storedCurrency(code))
  return { currency: code, open: amount(openMinor), overdue: amount(overdueMinor), expected_bad: amount(expectedBadMinor) }
}

type Common = Readonly<{
  asOf: Day
  computedThroughAt: Date
  score: Score
  seriousDays: number
  model: 'v1' | 'v2'
  weightsOf: Day | null
}>

function commonToApi({ asOf, computedThroughAt, score, seriousDays, model, weightsOf }: Common) {
  return {
    ...{ as_of: asOf, computed_through_at: computedThroughAt.toISOString() },
    ...{ score: score.score, band: score.band, late: score.late, seriously_late: score.seriouslyLate },
    ...{ serious_days: seriousDays, confidence: score.confidence, is_thin_file: score.isThinFile, base: score.base },
    ...{ factors: score.factors.map(factorToApi), reasons: score.reasons.map(factorToApi), model, weights_of: weightsOf }
  }
}

export function clientScoreToApi(found: ClientScore): Static<typeof ClientRiskScoreSchema> {
  const { index } = found
  return {
    client_id: found.clientId,
    ...commonToApi(found),
    expected_days_late: found.expectedDaysLate,
    exposure: found.exposures.map(exposureToApi),
    percentile: found.percentile,
    payment_index: index && { days_beyond_terms: index.daysBeyondTerms, index: index.index }
  }
}

export function invoiceScoreToApi(found: InvoiceScore): Static<typeof InvoiceRiskScoreSchema> {
  const { expectedOn, earlyOn, lateOn } = found
  return {
    ...{ invoice_id: found.invoiceId, client_id: found.clientId, ...commonToApi(found) },
    ...{ expected_on: expectedOn, early_on: earlyOn, late_on: lateOn, ends_seriously_late: found.endsSeriouslyLate },
    exposure: exposureToApi(found.exposure)
  }
}

export function dayScoreToApi({ clientId, day, score, band, late, seriouslyLate }: DayScore): Static<typeof DayScoreSchema> {
  return { client_id: clientId, as_of: day, score, band, late, seriously_late: seriouslyLate }
}

export function rankedToApi({
  exposures,
  computedThroughAt,
  ...row
}: Omit<RankedClient, 'rank'>): Static<typeof RankedClientSchema> {
  const computed = { computed_through_at: computedThroughAt.toISOString() }
  return { ...dayScoreToApi(row), ...computed, exposure: exposures.map(exposureToApi) }
}

/** What an event says of a score. */
export function bandContext(score: Score, asOf: Day) {
  const { band, late, seriouslyLate, reasons } = score
  return { as_of: asOf, score: score.score, band, late, seriously_late: seriouslyLate, reasons: reasons.map(factorToApi) }
}
