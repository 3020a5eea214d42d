import { models } from './model.ts'
import type { Standing, WeightsOfDay } from './organization-repository.ts'
import type { RiskSettings } from './settings.ts'
import { priorValues } from './weights.ts'

type Drift = Readonly<{ weight: number; prior: number; drift: number }>

/** An organization's settings, and how far its outcomes moved the weights from where they start. */
export type ModelView = Readonly<{
  settings: RiskSettings
  standing: Standing
  weights: readonly Readonly<{ name: string; late: Drift; seriouslyLate: Drift }>[]
  outcomes: Readonly<{ late: number; seriously_late: number }>
}>

/** @param followed undefined where the weights are those that no outcome moved. */
export function modelView(standing: Standing, followed: WeightsOfDay | undefined): ModelView {
  const model = models[standing.model]
  const driftOf = (values: ArrayLike<number> | undefined) => {
    const priors = priorValues(model)
    return (index: number): Drift => {
      const prior = priors[index] ?? 0
      const weight = values?.[index] ?? prior
      return { weight, prior, drift: weight - prior }
    }
  }
  const late = driftOf(followed?.late)
  const seriouslyLate = driftOf(followed?.serious)
  return {
    ...{ settings: standing.settings, standing },
    weights: model.features.map(({ name }, index) => ({ name, late: late(index), seriouslyLate: seriouslyLate(index) })),
    outcomes: { late: followed?.lateOutcomes ?? 0, seriously_late: followed?.seriousOutcomes ?? 0 }
  }
}
