import type { Tx } from '../../db/client.ts'
import { type Day, dayFromEpochDay } from '../../kernel/day.ts'
import type { Level } from './levels.ts'
import type { Model } from './model.ts'
import type { Standing, WeightsOfDay } from './organization-repository.ts'
import * as organizationRepository from './organization-repository.ts'
import { outcomesIn, type Side } from './outcome-repository.ts'
import { followOutcome, type MutableWeights, mutable, priorWeights } from './weights.ts'

/** PostgreSQL's word for a day before all days. */
const EVER = '-infinity'

type Values = Readonly<{ values: readonly number[]; outcomes: number }>

/**
 * Lets the weights follow every outcome that became known by the start of a day, in order, each once; all of them anew where one that was
 * followed turned out otherwise. Keeps the weights of each day on which they changed.
 */
export async function followOutcomes(
  tx: Tx,
  standing: Standing,
  { model, through }: { model: Model; through: Day }
): Promise<void> {
  const { isStale, resetOn, seriousDays } = standing
  const from = isStale ? resetOn : standing.day
  const start = isStale ? undefined : await organizationRepository.weightsOn(tx, standing.day)
  const covariances = isStale ? undefined : await organizationRepository.covariances(tx)
  const begin = (side: Side, level: Level): MutableWeights => {
    const prior = mutable(priorWeights(model, level))
    if (start === undefined || covariances === undefined) return prior
    const outcomes = side === 'late' ? start.lateOutcomes : start.seriousOutcomes
    return { values: Float64Array.from(start[side]), covariance: Float64Array.from(covariances[side]), outcomes }
  }
  const sides = { late: begin('late', 0), serious: begin('serious', seriousDays) }
  const first = { late: valuesOf(sides.late), serious: valuesOf(sides.serious) }
  const late = await follow(tx, { weights: sides.late, side: 'late', level: 0, from, through })
  const serious = await follow(tx, { weights: sides.serious, side: 'serious', level: seriousDays, from, through })
  if (isStale) await organizationRepository.removeWeightsAfter(tx, resetOn ?? EVER)
  await organizationRepository.saveWeights(tx, joined({ late, serious }, first))
  await organizationRepository.saveCovariances(tx, { late: sides.late.covariance, serious: sides.serious.covariance })
}

type Way = Readonly<{ weights: MutableWeights; side: Side; level: Level; from: Day | null; through: Day }>

/** @returns the values at the start of each day on which an outcome became known. */
async function follow(tx: Tx, { weights, side, level, from, through }: Way): Promise<Map<Day, Values>> {
  const byDay = new Map<Day, Values>()
  const span = { side, level, from: from ?? EVER, through }
  let last: number | undefined
  for await (const outcome of outcomesIn(tx, span)) {
    if (last !== undefined && outcome.knownOn !== last) byDay.set(dayFromEpochDay(last), valuesOf(weights))
    followOutcome(weights, outcome)
    last = outcome.knownOn
  }
  if (last !== undefined) byDay.set(dayFromEpochDay(last), valuesOf(weights))
  return byDay
}

function valuesOf({ values, outcomes }: MutableWeights): Values {
  return { values: [...values], outcomes }
}

/** One row for each day on which either changed; the other is as it was. */
function joined(sides: Readonly<Record<Side, Map<Day, Values>>>, first: Readonly<Record<Side, Values>>): WeightsOfDay[] {
  let { late, serious } = first
  return [...new Set([...sides.late.keys(), ...sides.serious.keys()])].sort().map((day) => {
    late = sides.late.get(day) ?? late
    serious = sides.serious.get(day) ?? serious
    return {
      ...{ day, late: late.values, serious: serious.values },
      ...{ lateOutcomes: late.outcomes, seriousOutcomes: serious.outcomes }
    }
  })
}
