import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import type { ReferenceService } from '../references/service.ts'
import { acceptanceFrom, newPlanFrom, termsFrom } from './input.ts'
import {
  AcceptPlan,
  CancelPlan,
  PaymentPlanSchema,
  PlanPreviewSchema,
  PlanQuery,
  ProposePlan,
  previewToApi,
  RejectPlan,
  RenegotiatePlan,
  toApi
} from './schemas.ts'
import type { PaymentPlanService } from './service.ts'

type Options = Edge & { plans: PaymentPlanService; references: ReferenceService }

const tags = ['Payment plans']

export const planRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, plans, references }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listPaymentPlans',
        tags,
        summary: 'List payment plans, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: PlanQuery,
        response: { 200: pageOf(PaymentPlanSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const filter = {
        limit: query.limit + 1,
        after: decodeCursor(query.cursor),
        clientId: query.client_id ?? null,
        invoiceId: query.invoice_id ?? null,
        status: query.status ?? null,
        updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => plans.page(reader, filter))
      const cursorOf = ({ createdAt: at, id }: (typeof rows)[number]) => encodeCursor({ at, id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'proposePaymentPlan',
        tags,
        summary: 'Propose a payment plan',
        description:
          'Over open invoices of one client in one currency. Nothing changes until it is accepted; it can be until expires_on, as long as what is open stays the same.',
        headers: writeHeaders,
        body: ProposePlan,
        response: { 201: ref(PaymentPlanSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 201,
        body: toApi(await plans.propose(tx, await newPlanFrom(tx, request.body, references)))
      }))
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getPaymentPlan',
        tags,
        summary: 'A payment plan',
        description: 'With its installments as they stand.',
        params: IdParams,
        response: { 200: ref(PaymentPlanSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = toApi(await database.reading(request.principal.orgId, (reader) => plans.get(reader, request.params.id)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

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
        headers: writeHeaders,
        body: CancelPlan,
        response: { 200: ref(PaymentPlanSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 200,
        body: toApi(await plans.cancel(tx, { id: request.params.id, reason: request.body.reason ?? null }))
      }))
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
        body: previewToApi(await plans.preview(tx, await newPlanFrom(tx, request.body, references)))
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
        headers: writeHeaders,
        body: AcceptPlan,
        response: { 200: ref(PaymentPlanSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 200,
        body: toApi(await plans.accept(tx, { id: request.params.id, acceptance: acceptanceFrom(request.body) }))
      }))
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
        headers: writeHeaders,
        body: RejectPlan,
        response: { 200: ref(PaymentPlanSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({ status: 200, body: toApi(await plans.reject(tx, request.params.id)) }))
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
        headers: writeHeaders,
        body: RenegotiatePlan,
        response: { 201: ref(PaymentPlanSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 201,
        body: toApi(await plans.renegotiate(tx, { id: request.params.id, terms: termsFrom(request.body) }))
      }))
  )
}
