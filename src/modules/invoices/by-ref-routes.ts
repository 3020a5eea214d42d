import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Edge } from '../../http/edge.ts'
import { DeleteByRefQuery, RefQuery, ref, refusals } from '../../http/schemas.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { PendingWriteService } from '../pending-writes/service.ts'
import type { ReferenceService } from '../references/service.ts'
import { InvoiceByRefSchema, InvoiceSchema, PendingWriteByRefSchema, PutInvoiceByRef } from './schemas.ts'
import type { InvoiceService } from './service.ts'

type Options = Edge & { invoices: InvoiceService; references: ReferenceService; pendingWrites: PendingWriteService }

/** An integration speaks of invoices by its own ids and never needs ours. */
export const invoiceByRefRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { database, once, invoices, references, pendingWrites }
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
        summary: 'Create or update an invoice by external reference',
        description:
          'Omitted fields are unchanged. A retired currency is taken where the invoice has it already; a new invoice takes an active one. Another total, due_on or due_schedule changes what is owed and when, also of a paid invoice; `due_schedule` replaces all parts. Another client, currency or issued_on voids the invoice and issues it anew under a new id: references, payments on it (of the same client and currency) and what else hung on it move to the new one. A void invoice is issued anew by a body that says otherwise, or by a newer source_version; the void one keeps its history under its id and gives its references up. A source_version older than the last answers with applied: false. A body that states what the invoice is already changes nothing and emits nothing. A `client_ref` of a client that does not exist yet: 202, the write is kept as a pending write and applied when the client is created.',
        querystring: RefQuery,
        body: PutInvoiceByRef,
        response: {
          200: ref(InvoiceByRefSchema),
          201: ref(InvoiceByRefSchema),
          202: ref(PendingWriteByRefSchema),
          ...refusals(422)
        }
      }
    },
    (request, reply) =>
      once(request, reply, (tx) => {
        const { source_version: version, ...body } = request.body
        const sourceVersion = version === undefined ? null : BigInt(version)
        return pendingWrites.put(tx, { kind: 'invoice', ref: request.query, body, sourceVersion })
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
        description:
          'Refused with 409 where something was paid on it. One that is void already stays so. With `source_version` the deletion holds against older and equal versions in any order: of an invoice that does not exist yet it is kept as a pending write (202), and a version older than the last one answers 200 with `applied: false`.',
        querystring: DeleteByRefQuery,
        response: {
          200: ref(InvoiceByRefSchema),
          202: ref(PendingWriteByRefSchema),
          204: Type.Null({ description: 'Voided' }),
          ...refusals(404)
        }
      }
    },
    (request, reply) =>
      once(request, reply, (tx) => {
        const { source_version: version, ...name } = request.query
        return pendingWrites.remove(tx, {
          kind: 'invoice',
          ref: name,
          sourceVersion: version === undefined ? null : BigInt(version)
        })
      })
  )
}
