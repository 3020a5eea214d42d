import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '../kernel/errors.ts'
import { OPERATOR_ORG_ID, type Principal, type Scope, standardLimits } from '../modules/organizations/api-key.ts'
import type { WrongAttempts } from './limits.ts'
import { headerText } from './validation.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Set by the authentication hook before any handler of `/v1` runs. */
    principal: Principal
  }
  interface FastifyContextConfig {
    /** What a key must hold for this route; `operator` asks for the operator's token instead of a key. */
    scope?: Scope | 'operator'
  }
}

/** @param beforeLookUp runs before a key is looked up that this process does not know, and may throw. */
export type Authenticate = (key: string, beforeLookUp: () => void) => Promise<Principal | undefined>

export const OPERATOR: Principal = { orgId: OPERATOR_ORG_ID, keyId: 'operator', scopes: [], limits: standardLimits }

/** Authenticates every request of the scope that it is called on. A route without a declared scope does not start. */
export function registerAuthentication(
  app: FastifyInstance,
  deps: { authenticate: Authenticate; operatorToken: string | undefined; wrong: WrongAttempts }
): void {
  const { wrong } = deps
  app.decorateRequest('principal', null as unknown as Principal)
  app.addHook('onRoute', (route) => {
    if (route.config?.scope === undefined) throw new Error(`${String(route.method)} ${route.url} declares no scope`)
    const { scope } = route.config
    const { description = '' } = route.schema ?? {}
    route.schema = {
      ...route.schema,
      ...(scope !== 'operator' && { description: `${description}\n\nScope: \`${scope}\`.`.trim(), 'x-required-scope': scope }),
      security: [{ [scope === 'operator' ? 'operator_token' : 'api_key']: [] }]
    }
  })
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { scope } = request.routeOptions.config
    const token = bearerOf(request)
    if (scope === 'operator') {
      wrong.check(request, reply)
      if (!isOperator(token, deps.operatorToken)) {
        wrong.count(request)
        throw new DomainError('unauthorized', "This is not the operator's token.")
      }
      request.principal = OPERATOR
      return
    }
    const principal = await deps.authenticate(token, () => wrong.check(request, reply))
    if (principal === undefined) {
      wrong.count(request)
      throw new DomainError('unauthorized', 'This key is not valid: it is unknown, expired or revoked.')
    }
    if (scope !== undefined && !allows(principal, scope)) {
      throw new DomainError('forbidden', `This key lacks the scope "${scope}".`)
    }
    request.principal = principal
  })
}

/** `admin` may do what `write` may, and `write` what `read` may. */
function allows(principal: Principal, wanted: Scope): boolean {
  const order: readonly Scope[] = ['read', 'write', 'admin']
  return principal.scopes.some((held) => order.indexOf(held) >= order.indexOf(wanted))
}

function bearerOf(request: FastifyRequest): string {
  const match = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(headerText(request, 'authorization') ?? '')
  if (match?.[1] === undefined) throw new DomainError('unauthorized', 'Send your key as "Authorization: Bearer dw_…".')
  return match[1]
}

function isOperator(token: string, expected: string | undefined): boolean {
  if (expected === undefined)
    throw new DomainError('forbidden', 'No operator token is set, so organizations are made by the command line only.')
  return timingSafeEqual(sha256(token), sha256(expected))
}

const sha256 = (text: string) => createHash('sha256').update(text).digest()
