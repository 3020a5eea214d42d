import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeRankCursor, encodeRankCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { requireMatch } from '../../http/idempotency.ts'
import { actionHeaders, IdParams, pageOf, ref, refusals } from '../../http/schemas.ts'
import type { ReferenceService } from '../references/service.ts'
import { namedFrom } from './input.ts'
import { AllocatePayment, AllocationQuery, AllocationSchema, allocationToApi, PaymentSchema, toApi } from './schemas.ts'
import type { PaymentService } from './service.ts'

type Options = Edge & { payments: PaymentService; references: ReferenceService }

const tags = ['Payments']

export const allocationRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, payments, references }) => {
  app.get(
    '/:id/allocations',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listPaymentAllocations',
        tags,
        summary: 'List the invoices that a payment settles',
        description: 'Sorted by invoice_id, rising.',
        params: IdParams,
        querystring: AllocationQuery,
        response: { 200: pageOf(AllocationSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { limit, cursor } = request.query
      const of = { id: request.params.id, limit: limit + 1, after: decodeRankCursor(cursor)?.id ?? null }
      const rows = await database.reading(request.principal.orgId, (reader) => payments.allocations(reader, of))
      const cursorOf = ({ invoiceId: id }: (typeof rows)[number]) => encodeRankCursor({ rank: 0n, id })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: allocationToApi }))
    }
  )

  app.post(
    '/:id/allocations',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'allocatePayment',
        tags,
        summary: 'Set what is left of a payment against invoices',
        description:
          'Those that allocations name, of the client or of a client whose `parent_id` names it, else what is oldest due of the client in its currency.',
        params: IdParams,
        headers: actionHeaders,
        body: AllocatePayment,
        response: { 200: ref(PaymentSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, payments)
        const { id } = request.params
        const { payment } = await payments.get(tx, id)
        const wanted = await namedFrom(tx, { allocations: request.body.allocations, of: payment.currency }, references)
        return { status: 200, body: toApi(await payments.allocate(tx, { id, wanted })) }
      })
  )
}
