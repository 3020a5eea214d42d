import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import type { ReferenceService } from '../references/service.ts'
import { newInteractionFrom } from './input.ts'
import { InteractionQuery, InteractionSchema, LogInteraction, toApi } from './schemas.ts'
import type { InteractionService } from './service.ts'

type Options = Edge & { interactions: InteractionService; references: ReferenceService }

const tags = ['Interactions']

export const interactionRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { database, once, interactions, references }
) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listInteractions',
        tags,
        summary: 'List interactions, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: InteractionQuery,
        response: { 200: pageOf(InteractionSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const filter = {
        limit: query.limit + 1,
        after: decodeCursor(query.cursor),
        clientId: query.client_id ?? null,
        invoiceId: query.invoice_id ?? null,
        kind: query.kind ?? null,
        outcome: query.outcome ?? null,
        updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => interactions.page(reader, filter))
      const cursorOf = ({ createdAt: at, id }: (typeof rows)[number]) => encodeCursor({ at, id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'logInteraction',
        tags,
        summary: 'Log what was said',
        description:
          'A call, a message, a meeting, or a note of your own. It is kept as it was logged; what turns out differently is logged again. What came of a stage entry is told with reportDunningOutcome.',
        headers: writeHeaders,
        body: LogInteraction,
        response: { 201: ref(InteractionSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 201,
        body: toApi(await interactions.log(tx, await newInteractionFrom(tx, request.body, references)))
      }))
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getInteraction',
        tags,
        summary: 'An interaction',
        description: 'As it was logged.',
        params: IdParams,
        response: { 200: ref(InteractionSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const document = toApi(await database.reading(request.principal.orgId, (reader) => interactions.get(reader, id)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )
}
