import { type Static, Type } from 'typebox'
import { closed, DayText, InstantText, named, nullable, oneOf } from '../../http/schemas.ts'
import { modelVersions } from './model.ts'
import type { ModelView } from './model-view.ts'

const weightOf = closed({ weight: Type.Number(), prior: Type.Number(), drift: Type.Number({ description: 'weight less prior' }) })

const settingFields = {
  model: oneOf(modelVersions, { description: 'v1 as specified, v2 with what was added since' }),
  serious_days: Type.Integer({ minimum: 1, maximum: 119, description: 'More days late than these are seriously late' }),
  follows_outcomes: Type.Boolean({ description: 'Whether the weights follow your own outcomes' }),
  band_limits: Type.Array(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), {
    minItems: 4,
    maxItems: 4,
    description:
      'Values of seriously_late from which moderate, elevated, high and severe begin, each above the one before. Default 0.02, 0.05, 0.12, 0.3. The band is the higher of those of seriously_late and late'
  }),
  late_band_limits: Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), {
    minItems: 4,
    maxItems: 4,
    description:
      'Values of late from which moderate, elevated, high and severe begin, none below the one before; 1 is never reached. Default 0.5, 0.8, 1, 1: lateness alone does not lead beyond elevated'
  })
}
const AssumedWeight = Type.Number({ minimum: 0, maximum: 5, description: 'In log-odds' })
const assumedFields = {
  open_dispute: AssumedWeight,
  broken_promise: AssumedWeight,
  broken_promises_max: Type.Integer({ minimum: 0, maximum: 20 }),
  returned_payment: AssumedWeight,
  never_answered: AssumedWeight
}

export const RiskModelSchema = named(
  'RiskModel',
  closed({
    ...settingFields,
    assumed: closed(assumedFields, { description: 'Weights of signals that no ledger at hand measured: assumptions' }),
    as_of: DayText,
    reset_on: nullable(DayText),
    is_stale: Type.Boolean({ description: 'Facts were recorded late: the next nightly pass follows all outcomes again' }),
    outcomes: closed({ late: Type.Integer(), seriously_late: Type.Integer() }, { description: 'How many the weights followed' }),
    weights: Type.Array(closed({ name: Type.String(), late: weightOf, seriously_late: weightOf })),
    version: Type.Integer(),
    updated_at: InstantText
  })
)

export const UpdateRiskModel = Type.Partial(
  closed({ ...settingFields, assumed: Type.Partial(closed(assumedFields), { additionalProperties: false, minProperties: 1 }) }),
  { additionalProperties: false, minProperties: 1 }
)
export type UpdateRiskModelBody = Static<typeof UpdateRiskModel>

export function modelToApi({ settings, standing, weights, outcomes }: ModelView): Static<typeof RiskModelSchema> {
  const { model, seriousDays, followsOutcomes, bandRule, assumed } = settings
  return {
    ...{ model, serious_days: seriousDays, follows_outcomes: followsOutcomes },
    ...{ band_limits: [...bandRule.seriouslyLate], late_band_limits: [...bandRule.late] },
    assumed: {
      ...{ open_dispute: assumed.openDispute, broken_promise: assumed.brokenPromise },
      ...{ broken_promises_max: assumed.brokenPromisesMax, returned_payment: assumed.returnedPayment },
      never_answered: assumed.neverAnswered
    },
    ...{ as_of: standing.day, reset_on: standing.resetOn, is_stale: standing.isStale, outcomes },
    weights: weights.map(({ name, late, seriouslyLate }) => ({ name, late, seriously_late: seriouslyLate })),
    version: standing.version,
    updated_at: standing.updatedAt.toISOString()
  }
}
