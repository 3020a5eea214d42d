import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Reader } from '../../db/client.ts'
import type { Edge } from '../../http/edge.ts'
import { DeleteByRefQuery, RefQuery, ref, refusals } from '../../http/schemas.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { PendingWriteService } from '../pending-writes/service.ts'
import type { ReferenceService } from '../references/service.ts'
import { PaymentByRefSchema, PaymentSchema, PendingWriteByRefSchema, PutPaymentByRef, toApi } from './schemas.ts'
import type { PaymentService } from './service.ts'

type Options = Edge & { payments: PaymentService; references: ReferenceService; pendingWrites: PendingWriteService }

export const paymentByRefRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { database, once, payments, references, pendingWrites }
) => {
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
          'Omitted fields are unchanged. Another amount, currency, client, received_on or reserved_for takes the payment back as entered wrongly and records it anew under a new id, to which the references move. Other allocations release and apply the difference only. A status that differs is carried out: settle, reverse, fail or announce anew. A source_version older than the last one answers with applied: false. A body that states what the payment is already changes nothing and emits nothing. A `client_ref` of a client that does not exist yet: 202, the write is kept as a pending write and applied when the client is created. An `invoice_ref` in `allocations` that names an invoice that does not exist yet, or more than is open of it: the payment is recorded, and this part waits in `pending_allocations`, kept for that invoice. Announced money holds the invoice by its part from the moment the invoice is created. A newer source_version that says otherwise of a failed payment records it anew.',
        querystring: RefQuery,
        body: PutPaymentByRef,
        response: {
          200: ref(PaymentByRefSchema),
          201: ref(PaymentByRefSchema),
          202: ref(PendingWriteByRefSchema),
          ...refusals(422)
        }
      }
    },
    (request, reply) =>
      once(request, reply, (tx) => {
        const { source_version: version, ...body } = request.body
        const sourceVersion = version === undefined ? null : BigInt(version)
        return pendingWrites.put(tx, { kind: 'payment', ref: request.query, body, sourceVersion })
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
          'As of the day it was entered for. Announced money is failed instead; what is failed or taken back already stays so. A payment that its source deleted is no collection that failed. With `source_version` the deletion holds against older and equal versions in any order: of a payment that does not exist yet it is kept as a pending write (202), and a version older than the last one answers 200 with `applied: false`.',
        querystring: DeleteByRefQuery,
        response: {
          200: ref(PaymentByRefSchema),
          202: ref(PendingWriteByRefSchema),
          204: Type.Null({ description: 'Taken back' }),
          ...refusals(404)
        }
      }
    },
    (request, reply) =>
      once(request, reply, (tx) => {
        const { source_version: version, ...name } = request.query
        return pendingWrites.remove(tx, {
          kind: 'payment',
          ref: name,
          sourceVersion: version === undefined ? null : BigInt(version)
        })
      })
  )
}
