import type { Reader, Tx } from '../../db/client.ts'
import { addDays, dayFromEpochDay, dayIn, epochDayOf, startOfDay } from '../../kernel/day.ts'
import type { Present } from '../organizations/organization.ts'
import type { Ground } from './features-at-issue.ts'
import type { EpochDay } from './invoice-facts.ts'
import { thresholdsFor } from './levels.ts'
import { models } from './model.ts'
import type { Standing } from './organization-repository.ts'
import * as organizationRepository from './organization-repository.ts'
import { newOrganization } from './organization-state.ts'
import type { WeightsOn } from './rescoring.ts'
import { riskDefaults } from './settings.ts'
import { priorValues, priorWeights } from './weights.ts'

/**
 * Locks an organization's scores. Where they have not begun they begin with its first event, so that it does not matter when they are
 * first looked after.
 */
export async function ensureStanding(tx: Tx, { books, now }: { books: Present; now: Date }): Promise<Standing> {
  const known = await organizationRepository.findForUpdate(tx)
  if (known !== undefined) return known
  const beganAt = await organizationRepository.firstEventAt(tx)
  const standing = firstStanding(beganAt === undefined || beganAt > books.now ? books : { ...books, now: beganAt }, now)
  await organizationRepository.insert(tx, standing, priorCovariances(standing))
  return (await organizationRepository.findForUpdate(tx)) ?? standing
}

/** An organization before anything was followed, as it is first kept: whoever read it may change it. */
export function firstStanding({ now: at, organization: { timeZone } }: Present, now: Date): Standing {
  const day = dayIn(at, timeZone)
  const { model, seriousDays } = riskDefaults
  return {
    ...{ settings: riskDefaults, model, seriousDays, day, nextPassAt: startOfDay(addDays(day, 1), timeZone), followedSeq: 0n },
    ...{ state: newOrganization(epochDayOf(day), thresholdsFor(seriousDays)), distribution: [], resetOn: null },
    ...{ isStale: false, version: 1, updatedAt: now }
  }
}

export function priorCovariances({ model, seriousDays }: Pick<Standing, 'model' | 'seriousDays'>) {
  return {
    late: priorWeights(models[model], 0).covariance,
    serious: priorWeights(models[model], seriousDays).covariance
  }
}

/** The weights of each of these days: those that followed outcomes, or the prior ones where an organization does not want that. */
export async function weightsOf(
  reader: Reader,
  { standing, ground, days }: { standing: Pick<Standing, 'settings'>; ground: Pick<Ground, 'model'>; days: readonly EpochDay[] }
): Promise<WeightsOn> {
  const values = priorValues(ground.model)
  const prior = { late: values, seriouslyLate: values }
  if (!standing.settings.followsOutcomes) return () => prior
  const known = new Map<EpochDay, ReturnType<WeightsOn>>()
  for (const day of days) {
    const found = await organizationRepository.weightsOn(reader, dayFromEpochDay(day))
    if (found !== undefined) known.set(day, { late: found.late, seriouslyLate: found.serious })
  }
  return (day) => known.get(day) ?? prior
}
