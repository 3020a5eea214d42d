import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { IdParams, pageOf, ref, refusals } from '../../http/schemas.ts'
import { CreditNoteQuery, CreditNoteSchema, toApi } from './schemas.ts'
import type { CreditNoteService } from './service.ts'

type Options = Edge & { creditNotes: CreditNoteService }

const tags = ['Credit notes']

export const creditNoteRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, creditNotes }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listCreditNotes',
        tags,
        summary: 'List credit notes, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: CreditNoteQuery,
        response: { 200: pageOf(CreditNoteSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const filter = {
        limit: query.limit + 1,
        after: decodeCursor(query.cursor),
        clientId: query.client_id ?? null,
        invoiceId: query.invoice_id ?? null,
        updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => creditNotes.page(reader, filter))
      const cursorOf = ({ createdAt: at, id }: (typeof rows)[number]) => encodeCursor({ at, id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getCreditNote',
        tags,
        summary: 'A credit note',
        description: 'With what it took from its invoice, and what payments got back by it.',
        params: IdParams,
        response: { 200: ref(CreditNoteSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const document = toApi(await database.reading(request.principal.orgId, (reader) => creditNotes.get(reader, id)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )
}
