import type { Database } from './db/client.ts'
import { BEFORE_ALL_IDS } from './kernel/keyset.ts'
import type { Services } from './services.ts'

const PER_LOOK = 500

/** The ids of all organizations, in their order, for passes that visit each. */
export async function* everyOrganization(
  database: Database,
  { organizations }: Pick<Services, 'organizations'>
): AsyncGenerator<string> {
  for (let after: string | undefined = BEFORE_ALL_IDS; after !== undefined; ) {
    const page = { after, limit: PER_LOOK }
    const ids: string[] = await database.scheduling((scheduler) => organizations.organizationsAfter(scheduler, page))
    yield* ids
    after = ids.length < PER_LOOK ? undefined : ids.at(-1)
  }
}
