import type { Reader } from '../../db/client.ts'
import { BoundedMap } from '../../kernel/bounded-map.ts'
import type { Organization } from './organization.ts'
import * as repository from './repository.ts'

const ORGANIZATIONS_MAX = 10_000

/**
 * Organizations as they were last read. Every command asks for its own, and they change rarely: to ask the database whether one did
 * costs a fraction of reading it with its calendar and policies.
 */
export function createOrganizationCache() {
  const known = new BoundedMap<string, { organization: Organization; revision: string }>(ORGANIZATIONS_MAX)

  return {
    /** As it stands in the reader's transaction. */
    async find(reader: Reader): Promise<Organization | undefined> {
      const { orgId } = reader
      const before = known.get(orgId)
      if (before !== undefined && (await repository.findRevision(reader)) === before.revision) return before.organization
      const found = await repository.find(reader)
      if (found === undefined) return undefined
      known.set(orgId, found)
      return found.organization
    }
  }
}
