import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../db/client.ts'
import type { Clock } from '../kernel/clock.ts'
import { OPERATOR_ORG_ID } from '../modules/organizations/api-key.ts'
import * as repository from '../modules/organizations/idempotency-repository.ts'

export type HealthDeps = Readonly<{ database: Database; clock: Clock; newId: () => string }>

/** For how long a write that went well speaks for the next. */
const SURE_MS = 250
/** As text that does not compress it fills a page and needs another, which a full disk has not. */
const WRITTEN_BYTES = 6_000

/**
 * `/livez`: the process runs. `/readyz`: it can do its work, which is to write: a server that only reads, or has no space left, still
 * answers. No key, and nothing about the inside.
 */
export function registerHealth(app: FastifyInstance, { database, clock, newId }: HealthDeps): void {
  const written = shared(() => {
    const body = randomBytes(WRITTEN_BYTES).toString('base64url')
    return database.rehearse(OPERATOR_ORG_ID, (tx) => repository.rehearse(tx, { key: newId(), body, now: clock.now() }))
  })
  app.get('/livez', { schema: { hide: true } }, () => ({ status: 'alive' }))
  app.get('/readyz', { schema: { hide: true } }, async () => {
    await written()
    return { status: 'ready' }
  })
}

/** Probes that come together, or a moment after one that went well, share its answer: nobody has a key, and each costs a write. */
function shared(check: () => Promise<void>): () => Promise<void> {
  let underWay: Promise<void> | undefined
  let goodUntil = 0
  async function checked(): Promise<void> {
    await check()
    goodUntil = performance.now() + SURE_MS
  }
  return async () => {
    if (performance.now() < goodUntil) return
    underWay ??= checked().finally(() => {
      underWay = undefined
    })
    await underWay
  }
}
