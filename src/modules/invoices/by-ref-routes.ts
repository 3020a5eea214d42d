import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Edge } from '../../http/edge.ts'
import { RefQuery, ref, refusals } from '../../http/schemas.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ReferenceService } from '../references/service.ts'
import { putInvoiceByRef } from './by-ref-service.ts'
import { InvoiceByRefSchema, InvoiceSchema, PutInvoiceByRef } from './schemas.ts'
import type { InvoiceService } from './service.ts'

type Options = Edge & { invoices: InvoiceService; references: ReferenceService; newId: () => string }

/** An integration speaks of invoices by its own ids and never needs ours. */
export const invoiceByRefRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { database, once, invoices, references, newId }
) => {
  const tags = ['Invoices']

  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getInvoiceByRef',
        tags,
        summary: 'An invoice by what a source calls it',
        description: 'Its id there may hold slashes.',
        querystring: RefQuery,
        response: { 200: ref(InvoiceSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = await database.reading(request.principal.orgId, async (reader) => {
        const found = await references.find(reader, { kind: 'invoice', ...request.query })
        if (found === undefined) throw new DomainError('not_found', 'There is no invoice with this reference.')
        return invoices.document(reader, found.objectId)
      })
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.put(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'putInvoiceByRef',
        tags,
        summary: 'Make or merge the invoice that a source names',
        description:
          'Absent stays. A changed due day reschedules, a changed total adjusts. A source_version older than the last answers with applied: false. Saying the same again changes nothing.',
        querystring: RefQuery,
        body: PutInvoiceByRef,
        response: { 200: ref(InvoiceByRefSchema), 201: ref(InvoiceByRefSchema), ...refusals(422) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const input = { ref: request.query, body: request.body }
        const { status, document, applied } = await putInvoiceByRef(tx, input, { invoices, references, newId })
        return { status, body: { ...document, applied } }
      })
  )

  app.delete(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'voidInvoiceByRef',
        tags,
        summary: 'Void the invoice that a source deleted',
        description: 'Refused with 409 where something was paid on it. One that is void already stays so.',
        querystring: RefQuery,
        response: { 204: Type.Null({ description: 'Voided' }), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const found = await references.find(tx, { kind: 'invoice', ...request.query })
        if (found === undefined) throw new DomainError('not_found', 'There is no invoice with this reference.')
        const { status } = await invoices.document(tx, found.objectId)
        if (status !== 'void') await invoices.voidInvoice(tx, { id: found.objectId, replacedById: null })
        return { status: 204, body: null }
      })
  )
}
