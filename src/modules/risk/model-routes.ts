import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Edge } from '../../http/edge.ts'
import { expectedVersion } from '../../http/idempotency.ts'
import { actionHeaders, matchHeaders, ref, refusals } from '../../http/schemas.ts'
import { DomainError } from '../../kernel/errors.ts'
import { modelToApi, RiskModelSchema, UpdateRiskModel, type UpdateRiskModelBody } from './model-schemas.ts'
import type { BandLimits } from './score.ts'
import type { ModelChange } from './score-service.ts'
import type { RiskService } from './service.ts'

type Options = Edge & { risk: RiskService }

const tags = ['Risk']

export const riskModelRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, risk }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getRiskModel',
        tags,
        summary: 'How scores are made: settings, weights, and their drift from where they started',
        description: 'Weights without any outcome are judgement, and marked so where no data stands behind them at all.',
        response: { 200: ref(RiskModelSchema) }
      }
    },
    async (request, reply) => {
      const document = modelToApi(await database.reading(request.principal.orgId, (reader) => risk.model(reader)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.patch(
    '',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'updateRiskModel',
        tags,
        summary: 'Change how scores are made',
        description:
          'What is absent stays. Another model or serious_days means to count everything anew from the ledger, which happens in the background.',
        headers: matchHeaders,
        body: UpdateRiskModel,
        response: { 200: ref(RiskModelSchema), ...refusals(412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const change = changeFrom(request.body)
        return {
          status: 200,
          body: modelToApi(await risk.updateModel(tx, { change, expectedVersion: expectedVersion(request) }))
        }
      })
  )

  app.post(
    '/reset',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'resetRiskModel',
        tags,
        summary: 'Set the weights back to where they started',
        description: 'They follow what becomes known from then on. The history of scores stays.',
        headers: actionHeaders,
        response: { 200: ref(RiskModelSchema), ...refusals(412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({ status: 200, body: modelToApi(await risk.resetModel(tx, expectedVersion(request))) }))
  )
}

/** @throws DomainError naming the limits that do not rise. */
function changeFrom(body: UpdateRiskModelBody): ModelChange {
  const { model, serious_days: seriousDays, follows_outcomes: followsOutcomes, assumed } = body
  const { band_limits: seriousLimits, late_band_limits: lateLimits } = body
  const bandRule = {
    ...(seriousLimits !== undefined && { seriouslyLate: risingLimits(seriousLimits, '/band_limits') }),
    ...(lateLimits !== undefined && { late: risingLimits(lateLimits, '/late_band_limits') })
  }
  return {
    ...(model !== undefined && { model }),
    ...(seriousDays !== undefined && { seriousDays }),
    ...(followsOutcomes !== undefined && { followsOutcomes }),
    bandRule,
    ...(assumed !== undefined && {
      assumed: {
        ...(assumed.open_dispute !== undefined && { openDispute: assumed.open_dispute }),
        ...(assumed.broken_promise !== undefined && { brokenPromise: assumed.broken_promise }),
        ...(assumed.broken_promises_max !== undefined && { brokenPromisesMax: assumed.broken_promises_max }),
        ...(assumed.returned_payment !== undefined && { returnedPayment: assumed.returned_payment }),
        ...(assumed.never_answered !== undefined && { neverAnswered: assumed.never_answered })
      }
    })
  }
}

function risingLimits(limits: readonly number[], pointer: string): BandLimits {
  const [moderate = 0, elevated = 0, high = 0, severe = 0] = limits
  // 1 is never reached, so that more than one band may have it.
  const isAbove = (one: number, before: number) => one > before || one === 1
  if (isAbove(elevated, moderate) && isAbove(high, elevated) && isAbove(severe, high)) return [moderate, elevated, high, severe]
  throw new DomainError('invalid_request', 'Each limit must be above the one before.', { pointer })
}
