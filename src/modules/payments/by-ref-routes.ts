import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Reader } from '../../db/client.ts'
import type { Edge } from '../../http/edge.ts'
import { RefQuery, ref, refusals } from '../../http/schemas.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ReferenceService } from '../references/service.ts'
import { putPaymentByRef } from './by-ref-service.ts'
import { PaymentByRefSchema, PaymentSchema, PutPaymentByRef, toApi } from './schemas.ts'
import type { PaymentService } from './service.ts'

type Options = Edge & { payments: PaymentService; references: ReferenceService; newId: () => string }

export const paymentByRefRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, ...services }) => {
  const { payments, references } = services
  const tags = ['Payments']

  async function idOf(reader: Reader, name: { source: string; id: string }): Promise<string> {
    const found = await references.find(reader, { kind: 'payment', ...name })
    if (found === undefined) throw new DomainError('not_found', 'There is no payment with this reference.')
    return found.objectId
  }

  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getPaymentByRef',
        tags,
        summary: 'A payment by what a source calls it',
        description: 'Its id there may hold slashes.',
        querystring: RefQuery,
        response: { 200: ref(PaymentSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const view = await database.reading(request.principal.orgId, async (reader) =>
        payments.get(reader, await idOf(reader, request.query))
      )
      const document = toApi(view)
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.put(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'putPaymentByRef',
        tags,
        summary: 'Create or update a payment by external reference',
        description:
          'Omitted fields are unchanged. Another amount, currency, client, received_on or reserved_for takes the payment back as entered wrongly and records it anew under a new id, to which the references move. Other allocations release and apply the difference only. A status that differs is carried out: settle, reverse, fail or announce anew. A source_version older than the last one answers with applied: false. A body that states what the payment is already changes nothing and emits nothing.',
        querystring: RefQuery,
        body: PutPaymentByRef,
        response: { 200: ref(PaymentByRefSchema), 201: ref(PaymentByRefSchema), ...refusals(422) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { status, view, applied } = await putPaymentByRef(tx, { ref: request.query, body: request.body }, services)
        return { status, body: { ...toApi(view), applied } }
      })
  )

  app.delete(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'reversePaymentByRef',
        tags,
        summary: 'Take back the payment that a source deleted',
        description:
          'As of the day it was entered for. Announced money is failed instead; what is failed or taken back already stays so.',
        querystring: RefQuery,
        response: { 204: Type.Null({ description: 'Taken back' }), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const id = await idOf(tx, request.query)
        const { payment } = await payments.get(tx, id)
        if (payment.status === 'pending') await payments.fail(tx, id)
        if (payment.status === 'settled') await payments.reverse(tx, { id, reason: 'deleted_upstream', reversedOn: null })
        return { status: 204, body: null }
      })
  )
}
