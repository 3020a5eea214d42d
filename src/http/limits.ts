import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../kernel/clock.ts'
import { DomainError } from '../kernel/errors.ts'
import { itemsOf } from './items.ts'
import { Quota, type Standing } from './quota.ts'

/** What may be asked for in a minute of this process, unless the operator has set another limit; 0 is no limit. */
export type Limits = Readonly<{
  itemsPerKey: number
  itemsPerOrganization: number
  /** Wrong keys, wrong tokens and paths that do not exist. */
  wrongPerAddress: number
}>

/**
 * Limits the items that a key, and all keys of an organization together, ask for: a request is one, a batch as many as it has. While one is
 * left, a request is done whole; after the last, nothing of a request is read. Its answer tells what is left of the tighter limit.
 */
export function registerLimits(app: FastifyInstance, { limits, clock }: { limits: Limits; clock: Clock }): void {
  const quotas = [
    { of: 'keyId', limit: 'itemsPerKey', name: 'key', quota: new Quota(clock) },
    { of: 'orgId', limit: 'itemsPerOrganization', name: 'organization', quota: new Quota(clock) }
  ] as const
  const standingsOf = ({ principal }: FastifyRequest) =>
    quotas.flatMap(({ of, limit: which, name, quota }) => {
      const limit = principal.limits[which] ?? limits[which]
      return limit === 0 ? [] : [{ name, ...quota.standing(principal[of], limit) }]
    })
  const spend = (request: FastifyRequest, reply: FastifyReply, amount: number) => {
    for (const { quota, of } of quotas) quota.spend(request.principal[of], amount)
    const standings = standingsOf(request)
    const [first] = standings
    if (first === undefined) return
    tell(
      reply,
      standings.reduce((tightest, one) => (one.remaining < tightest.remaining ? one : tightest), first)
    )
  }
  app.addHook('preParsing', async (request, reply) => {
    for (const { name, ...standing } of standingsOf(request)) {
      if (standing.isSpent) throw refusal(reply, standing, `This ${name} may ask for ${standing.limit} items a minute.`)
    }
    spend(request, reply, 1)
  })
  app.addHook('preHandler', async (request, reply) => {
    const more = itemsOf(request) - 1
    if (more > 0) spend(request, reply, more)
  })
}

export type WrongAttempts = Readonly<{
  /** @throws DomainError `rate_limited` once too many came from the address of the request. */
  check: (request: FastifyRequest, reply: FastifyReply) => void
  count: (request: FastifyRequest) => void
}>

/** Limits what an address tries: a key costs a look-up, and a token could be guessed. Who has a key that is known is not concerned. */
export function wrongAttempts({ limits, clock }: { limits: Limits; clock: Clock }): WrongAttempts {
  const quota = new Quota(clock)
  return {
    check: ({ ip }, reply) => {
      const standing = quota.standing(ip, limits.wrongPerAddress)
      if (!standing.isSpent) return
      throw refusal(
        reply,
        standing,
        `More than ${standing.limit} wrong keys, tokens or paths in a minute came from this address.`
      )
    },
    count: ({ ip }) => quota.spend(ip, 1)
  }
}

function tell(reply: FastifyReply, { limit, remaining, resetSeconds }: Standing): void {
  void reply.headers({ 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': resetSeconds })
}

function refusal(reply: FastifyReply, standing: Standing, sentence: string): DomainError {
  tell(reply, standing)
  void reply.header('retry-after', standing.resetSeconds)
  return new DomainError('rate_limited', `${sentence} Wait as Retry-After says.`)
}
