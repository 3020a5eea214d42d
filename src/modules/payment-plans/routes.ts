import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { atRefs } from '../../http/fields.ts'
import { IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import type { ReferenceService } from '../references/service.ts'
import { newPlanFrom } from './input.ts'
import { PaymentPlanSchema, PlanQuery, ProposePlan, toApi } from './schemas.ts'
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
        body: toApi(await atRefs(request.body, async () => plans.propose(tx, await newPlanFrom(tx, request.body, references))))
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
}
