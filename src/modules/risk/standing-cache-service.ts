import type { Reader } from '../../db/client.ts'
import { BoundedMap } from '../../kernel/bounded-map.ts'
import type { Standing, WeightsOfDay } from './organization-repository.ts'
import * as organizationRepository from './organization-repository.ts'

/** What every score of an organization needs as it stands: read once for each version of it. */
export type Kept = Readonly<{
  standing: Standing
  /** The last that followed outcomes. */
  weights: WeightsOfDay | undefined
  /** How many clients have a lower score, by score; beyond the last all of them have. */
  below: readonly number[]
  clients: number
}>

const ORGANIZATIONS_MAX = 1_000

export function createStandingCache() {
  const known = new BoundedMap<string, Kept>(ORGANIZATIONS_MAX)

  return {
    /** Undefined where nothing was scored yet. */
    async latest(reader: Reader): Promise<Kept | undefined> {
      const { orgId } = reader
      const before = known.get(orgId)
      const standing = await organizationRepository.findNewer(reader, before?.standing.version ?? 0)
      if (standing === undefined) return before
      const kept = { standing, weights: await organizationRepository.weightsOn(reader, 'infinity'), ...ranksOf(standing) }
      known.set(orgId, kept)
      return kept
    }
  }
}

function ranksOf({ distribution }: Standing): Pick<Kept, 'below' | 'clients'> {
  let clients = 0
  const below = distribution.map((count) => {
    const lower = clients
    clients += count
    return lower
  })
  return { below, clients }
}
