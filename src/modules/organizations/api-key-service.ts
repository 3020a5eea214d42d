import type { Database, Reader, Tx } from '../../db/client.ts'
import { BoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DomainError } from '../../kernel/errors.ts'
import { hashOf, keyText, type Mode, type Principal, prefixOf, type Scope } from './api-key.ts'
import * as repository from './repository.ts'

export type ApiKeyServiceDeps = Readonly<{
  database: Database
  clock: Clock
  newId: () => string
  randomBytes: (length: number) => Buffer
}>

/**
 * How long a revoked key may still pass in another process than the one that revoked it, with the look-up less than a second. A message
 * from process to process would say it sooner, but not through a pooler, nor while its connection is lost.
 */
const CACHE_MS = 900
const CACHE_MAX = 10_000
const TOUCH_EVERY_MS = 60_000

type NewKey = Readonly<{ name: string; scopes: readonly Scope[]; expiresAt: Date | null }>
type Cached = { principal: Principal; expiresAt: Date | null; checkedAt: number; touchedAt: number }

export function createApiKeyService({ database, clock, newId, randomBytes }: ApiKeyServiceDeps) {
  const cache = new BoundedMap<string, Cached>(CACHE_MAX)

  async function lookUp(hash: string, nowMs: number): Promise<Cached | undefined> {
    const row = await database.scheduling((scheduler) => repository.findKeyByHash(scheduler, hash))
    if (row === undefined) {
      cache.delete(hash)
      return undefined
    }
    const { orgId, id, scopes, expiresAt, itemsPerKey, itemsPerOrganization, connections } = row
    database.limitShare(orgId, connections)
    const found = {
      principal: { orgId, keyId: id, scopes, limits: { itemsPerKey, itemsPerOrganization } },
      expiresAt,
      checkedAt: nowMs,
      touchedAt: cache.get(hash)?.touchedAt ?? 0
    }
    cache.set(hash, found)
    return found
  }

  /** When a key was last used is kept to the minute, beside the request: it must not slow or fail one. */
  function touch(found: Cached, nowMs: number): void {
    if (nowMs - found.touchedAt < TOUCH_EVERY_MS) return
    found.touchedAt = nowMs
    const { orgId, keyId } = found.principal
    database
      .scoped(orgId, (tx) => repository.touchKey(tx, { id: keyId, at: new Date(nowMs) }))
      .catch(() => {
        found.touchedAt = 0
      })
  }

  function fresh(mode: Mode, input: NewKey & Pick<repository.ApiKey, 'itemsPerMinute'>, orgId: string) {
    const text = keyText(mode, randomBytes(32))
    const now = clock.now()
    const { name, scopes, expiresAt, itemsPerMinute } = input
    const row: repository.ApiKey = {
      orgId,
      id: newId(),
      name,
      hash: hashOf(text),
      prefix: prefixOf(text),
      scopes: [...scopes],
      expiresAt,
      lastUsedAt: null,
      revokedAt: null,
      itemsPerMinute,
      version: 1,
      createdAt: now,
      updatedAt: now
    }
    return { row, text }
  }

  function refusePast(expiresAt: Date | null): void {
    if (expiresAt === null || expiresAt > clock.now()) return
    throw new DomainError('invalid_date', 'The expiry lies in the past. Send a later `expires_at`, or null for no expiry.', {
      pointer: '/expires_at'
    })
  }

  return {
    /**
     * @param beforeLookUp runs before a key is looked up that is not known here, and may throw.
     * @returns whose key this is, or undefined when it is unknown, expired or revoked.
     */
    async authenticate(key: string, beforeLookUp: () => void = () => undefined): Promise<Principal | undefined> {
      const hash = hashOf(key)
      const nowMs = clock.now().getTime()
      const cached = cache.get(hash)
      if (cached === undefined) beforeLookUp()
      const found = cached !== undefined && nowMs - cached.checkedAt < CACHE_MS ? cached : await lookUp(hash, nowMs)
      if (found === undefined || (found.expiresAt !== null && found.expiresAt.getTime() <= nowMs)) return undefined
      touch(found, nowMs)
      return found.principal
    },

    /** @returns the key's text too: it is shown this once and only its hash is kept. */
    async create(tx: Tx, { mode, ...input }: NewKey & { mode: Mode }) {
      refusePast(input.expiresAt)
      const { row, text } = fresh(mode, { ...input, itemsPerMinute: null }, tx.orgId)
      await repository.insertKey(tx, row)
      return { key: row, text }
    },

    async revoke(tx: Tx, id: string): Promise<void> {
      const live = await repository.liveKeysForUpdate(tx)
      const key = live.find((candidate) => candidate.id === id)
      if (key === undefined) throw new DomainError('not_found', 'There is no such key.')
      const works = ({ expiresAt }: repository.ApiKey) => expiresAt === null || expiresAt > clock.now()
      if (!live.some((other) => other.id !== id && other.scopes.includes('admin') && works(other))) {
        throw new DomainError('last_admin_key', 'This is the last key with the scope "admin": make another before you revoke it.')
      }
      await repository.saveKey(tx, { ...key, revokedAt: clock.now(), updatedAt: clock.now(), version: key.version + 1 })
      tx.afterCommit(() => cache.delete(key.hash))
    },

    /**
     * A new key with the same name, scopes and limit; the old one ends with this transaction.
     * @param expiresAt undefined keeps the old expiry, which must lie ahead then: a key that expired gets no new life by default.
     */
    async rotate(tx: Tx, { id, mode, expiresAt }: { id: string; mode: Mode; expiresAt: Date | null | undefined }) {
      const old = await repository.findKeyForUpdate(tx, id)
      if (old === undefined) throw new DomainError('not_found', 'There is no such key.')
      if (expiresAt === undefined && old.expiresAt !== null && old.expiresAt <= clock.now()) {
        const sentence = `This key expired at ${old.expiresAt.toISOString()}. Send \`expires_at\` for the new one, or null for no expiry.`
        throw new DomainError('invalid_date', sentence, { pointer: '/expires_at' })
      }
      refusePast(expiresAt ?? null)
      const { row, text } = fresh(mode, { ...old, expiresAt: expiresAt === undefined ? old.expiresAt : expiresAt }, tx.orgId)
      await repository.insertKey(tx, row)
      await repository.saveKey(tx, { ...old, revokedAt: clock.now(), updatedAt: clock.now(), version: old.version + 1 })
      tx.afterCommit(() => cache.delete(old.hash))
      return { key: row, text }
    },

    /**
     * Sets limits that the operator states for an organization, or for a key of it; null leaves it to the setting of all. Requests follow
     * within a second, in every process. What is not stated stays.
     * @returns what stands
     * @throws DomainError `not_found`
     */
    async setOrganizationLimits(tx: Tx, change: Partial<repository.OrganizationLimits>): Promise<repository.OrganizationLimits> {
      return found(await repository.saveOrganizationLimits(tx, change), 'organization')
    },

    async setKeyLimits(tx: Tx, id: string, change: Partial<repository.KeyLimits>): Promise<repository.KeyLimits> {
      return found(await repository.saveKeyLimits(tx, id, change), 'key')
    },

    page: (reader: Reader, input: Parameters<typeof repository.pageOfKeys>[1]) => repository.pageOfKeys(reader, input)
  }
}

export type ApiKeyService = ReturnType<typeof createApiKeyService>

function found<T>(limits: T | undefined, what: string): T {
  if (limits === undefined) throw new DomainError('not_found', `There is no such ${what}.`)
  return limits
}
