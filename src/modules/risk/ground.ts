import { epochDayOf } from '../../kernel/day.ts'
import type { Ground } from './features-at-issue.ts'
import type { EpochDay } from './invoice-facts.ts'
import { thresholdsFor } from './levels.ts'
import { models } from './model.ts'
import { type DaySums, organizationOn } from './organization-days.ts'
import type { Standing } from './organization-repository.ts'
import type { OrganizationState } from './organization-state.ts'

/** What the scores of an organization rest on. `days` may go on being counted into; `recount` says that it was. */
export function groundOf(
  standing: Pick<Standing, 'model' | 'seriousDays'>,
  days: ReadonlyMap<EpochDay, DaySums>
): Ground & { recount: () => void } {
  const thresholds = thresholdsFor(standing.seriousDays)
  const known = new Map<EpochDay, OrganizationState>()
  return {
    ...{ model: models[standing.model], seriousDays: standing.seriousDays, thresholds },
    organizationOn: (day) => {
      const state = known.get(day) ?? organizationOn(days, { day, thresholds })
      known.set(day, state)
      return state
    },
    recount: () => known.clear()
  }
}

/** The ground of the standing's own day, whose state it keeps: no sums of days are needed for it. */
export function groundOfStanding(standing: Pick<Standing, 'model' | 'seriousDays' | 'state' | 'day'>): Ground | undefined {
  const { model, seriousDays, state, day } = standing
  if (state.day !== epochDayOf(day)) return undefined
  return { model: models[model], seriousDays, thresholds: thresholdsFor(seriousDays), organizationOn: () => state }
}
