import { isDeepStrictEqual } from 'node:util'
import type { Reader, Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import { BoundedMap } from '../../kernel/bounded-map.ts'
import { DomainError } from '../../kernel/errors.ts'
import { refuseStale } from '../organizations/service.ts'
import type { PolicyRef } from './facts.ts'
import { defaultPolicy, type Policy } from './policy.ts'
import { checkedPolicyFrom, type PolicyDocument, policyFromJson, policyToJson } from './policy-document.ts'
import type { PolicyRow } from './policy-repository.ts'
import * as repository from './policy-repository.ts'

/** What an edit does to obligations that stand on an earlier version: they stay on it, or move to the new one by code. */
export const inFlightChoices = ['keep', 'move'] as const
export type InFlight = (typeof inFlightChoices)[number]

export type PolicyServiceDeps = Readonly<{
  newId: () => string
  /** A policy has a new version: what follows it is to be decided anew. Filled by the composition. */
  versionAdded: (tx: Tx, added: PolicyRef & Readonly<{ inFlight: InFlight; now: Date }>) => Promise<void>
}>

/** Many more than anyone keeps apart; so few that a sweep reads the versions of all of them at once. */
const POLICIES_MAX = 200
const CACHE_MAX = 10_000

export function createPolicyService({ newId, versionAdded }: PolicyServiceDeps) {
  const cache = new BoundedMap<string, Policy>(CACHE_MAX)

  async function insert(tx: Tx, { policy, now }: { policy: Policy; now: Date }): Promise<PolicyRow> {
    const row = { id: newId(), version: 1, document: policyToJson(policy), createdAt: now, versionedAt: now }
    await repository.insert(tx, row)
    return row
  }

  return {
    /** @returns the id of the policy that a new organization starts with. */
    seed: async (tx: Tx, now: Date): Promise<string> => (await insert(tx, { policy: defaultPolicy, now })).id,

    async create(tx: Tx, input: { policy: Policy; now: Date }): Promise<PolicyRow> {
      if ((await repository.count(tx)) >= POLICIES_MAX) {
        throw new DomainError(
          'limit_reached',
          `An organization has at most ${POLICIES_MAX} dunning policies: change one instead.`
        )
      }
      return insert(tx, input)
    },

    /** The next version. What is in flight stays on the version that it started with, unless it is told to move. */
    async replace(
      tx: Tx,
      change: { id: string; document: PolicyDocument; inFlight: InFlight; now: Date; expectedVersion?: number | undefined }
    ): Promise<PolicyRow> {
      const before = await repository.findForUpdate(tx, change.id)
      if (before === undefined) throw new DomainError('not_found', 'There is no such dunning policy.')
      refuseStale(before.version, change.expectedVersion)
      const document = policyToJson(checkedPolicyFrom(change.document, before.document))
      const { inFlight, now } = change
      if (isDeepStrictEqual(document, before.document)) {
        // No other version, but what is in flight may be told to come to this one.
        if (inFlight === 'move') await versionAdded(tx, { policyId: before.id, version: before.version, inFlight, now })
        return before
      }
      const after = { ...before, version: before.version + 1, document, versionedAt: change.now }
      await repository.saveVersion(tx, after)
      await versionAdded(tx, { policyId: after.id, version: after.version, inFlight: change.inFlight, now: change.now })
      return after
    },

    async get(reader: Reader, id: string): Promise<PolicyRow> {
      const row = await repository.find(reader, id)
      if (row === undefined) throw new DomainError('not_found', 'There is no such dunning policy.')
      return row
    },

    page: (reader: Reader, input: Parameters<typeof repository.page>[1]) => repository.page(reader, input),

    versions: (reader: Reader, input: Parameters<typeof repository.pageOfVersions>[1]) =>
      repository.pageOfVersions(reader, input),

    /**
     * The policies behind the references, each asked for once in the life of the process: a version never changes. Not for a
     * version that this transaction wrote itself: should it fail, its number would go to another document.
     */
    async at(reader: Reader, refs: Iterable<PolicyRef>): Promise<(ref: PolicyRef) => Policy> {
      const keyOf = ({ policyId, version }: PolicyRef) => `${reader.orgId}/${policyId}/${version}`
      const wanted = new Map<string, Policy | undefined>()
      const missing = new Map<string, PolicyRef>()
      for (const ref of refs) {
        const key = keyOf(ref)
        if (wanted.has(key)) continue
        const known = cache.get(key)
        wanted.set(key, known)
        if (known === undefined) missing.set(key, ref)
      }
      if (missing.size > 0) {
        for (const row of await repository.versionsAt(reader, [...missing.values()])) {
          const policy = policyFromJson(row.document)
          wanted.set(keyOf(row), policy)
          cache.set(keyOf(row), policy)
        }
      }
      return (ref) => {
        const policy = wanted.get(keyOf(ref))
        assert(policy !== undefined, 'a recorded policy version exists')
        return policy
      }
    }
  }
}

export type PolicyService = ReturnType<typeof createPolicyService>
