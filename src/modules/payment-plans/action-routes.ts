import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Edge } from '../../http/edge.ts'
import { atRefs } from '../../http/fields.ts'
import { requireMatch } from '../../http/idempotency.ts'
import { actionHeaders, IdParams, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import type { ReferenceService } from '../references/service.ts'
import { acceptanceFrom, newPlanFrom, termsFrom } from './input.ts'
import {
  AcceptPlan,
  CancelPlan,
  PaymentPlanSchema,
  PlanPreviewSchema,
  ProposePlan,
  previewToApi,
  RejectPlan,
  RenegotiatePlan,
  toApi
} from './schemas.ts'
import type { PaymentPlanService } from './service.ts'

type Options = Edge & { plans: PaymentPlanService; references: ReferenceService }

const tags = ['Payment plans']

/** What a plan goes through after it was proposed, and before. */
export const planActionRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { once, plans, references }) => {
  app.post(
    '/:id/cancel',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'cancelPaymentPlan',
        tags,
        summary: 'End a plan or a proposal',
        description: 'The discount of an active plan is void, and dunning goes on where the age says.',
        params: IdParams,
        headers: actionHeaders,
        body: CancelPlan,
        response: { 200: ref(PaymentPlanSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, plans)
        return {
          status: 200,
          body: toApi(await plans.cancel(tx, { id: request.params.id, reason: request.body.reason ?? null }))
        }
      })
  )

  app.post(
    '/preview',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'previewPaymentPlan',
        tags,
        summary: 'What a payment plan would be',
        description: 'The installments of the same body, or the same refusal. Nothing is written.',
        headers: writeHeaders,
        body: ProposePlan,
        response: { 200: ref(PlanPreviewSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 200,
        body: previewToApi(
          await atRefs(request.body, async () => plans.preview(tx, await newPlanFrom(tx, request.body, references)))
        )
      }))
  )

  app.post(
    '/:id/accept',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'acceptPaymentPlan',
        tags,
        summary: 'The client agrees',
        description:
          'Who, when and how is kept as evidence. From now on its invoices are held and its installments are what is due.',
        params: IdParams,
        headers: actionHeaders,
        body: AcceptPlan,
        response: { 200: ref(PaymentPlanSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, plans)
        return {
          status: 200,
          body: toApi(await plans.accept(tx, { id: request.params.id, acceptance: acceptanceFrom(request.body) }))
        }
      })
  )

  app.post(
    '/:id/reject',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'rejectPaymentPlan',
        tags,
        summary: 'The client does not agree',
        description: 'Only a proposal can be rejected.',
        params: IdParams,
        headers: actionHeaders,
        body: RejectPlan,
        response: { 200: ref(PaymentPlanSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, plans)
        return { status: 200, body: toApi(await plans.reject(tx, request.params.id)) }
      })
  )

  app.post(
    '/:id/renegotiate',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'renegotiatePaymentPlan',
        tags,
        summary: 'Propose another plan in place of this one',
        description:
          'Over what is still open of its invoices. The present plan goes on until the new one is accepted; both are kept.',
        params: IdParams,
        headers: actionHeaders,
        body: RenegotiatePlan,
        response: { 201: ref(PaymentPlanSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, plans)
        return {
          status: 201,
          body: toApi(await plans.renegotiate(tx, { id: request.params.id, terms: termsFrom(request.body) }))
        }
      })
  )
}
