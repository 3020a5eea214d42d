import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import { DomainError } from '../kernel/errors.ts'
import { OPERATOR_ORG_ID } from '../modules/organizations/api-key.ts'
import * as repository from '../modules/organizations/idempotency-repository.ts'

export type HealthDeps = Readonly<{ database: Database; clock: Clock; newId: () => string; isFit: () => Promise<unknown> }>

/** For how long a write that went well speaks for the next. */
const SURE_MS = 250
/** As text that does not compress it fills a page and needs another, which a full disk has not. */
const WRITTEN_BYTES = 6_000

/**
 * `/livez`: the process runs. `/readyz`: it can do its work, which is to write: a server that only reads, or has no space left, still
 * answers; and under both roles, on a schema and with a key that fit. No key, and nothing about the inside.
 */
export function registerHealth(app: FastifyInstance, { database, clock, newId, isFit }: HealthDeps): void {
  const written = () => {
    const body = randomBytes(WRITTEN_BYTES).toString('base64url')
    return database.rehearse(OPERATOR_ORG_ID, (tx) => repository.rehearse(tx, { key: newId(), body, now: clock.now() }))
  }
  const ready = shared(async (log) => {
    await Promise.all([written(), isFit().catch((error: unknown) => unfit(error, log))])
  })
  app.get('/livez', { schema: { hide: true } }, () => ({ status: 'alive' }))
  app.get('/readyz', { schema: { hide: true } }, async (request) => {
    await ready(request.log)
    return { status: 'ready' }
  })
}

function unfit(error: unknown, log: FastifyBaseLogger): never {
  if (isUnavailable(error)) throw error
  log.error({ err: error }, 'this process does not fit its database')
  throw new DomainError('unavailable', 'This process cannot do its work now. Its log says why.')
}

type Check = (log: FastifyBaseLogger) => Promise<void>

/** Probes that come together, or a moment after one that went well, share its answer: nobody has a key, and each costs a write. */
function shared(check: Check): Check {
  let underWay: Promise<void> | undefined
  let goodUntil = 0
  async function checked(log: FastifyBaseLogger): Promise<void> {
    await check(log)
    goodUntil = performance.now() + SURE_MS
  }
  return async (log) => {
    if (performance.now() < goodUntil) return
    underWay ??= checked(log).finally(() => {
      underWay = undefined
    })
    await underWay
  }
}
