import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { etagOf } from '../../http/idempotency.ts'
import { IdParams, pageOf, ref, refusals } from '../../http/schemas.ts'
import { PendingWriteQuery, PendingWriteSchema, toApi } from './schemas.ts'
import type { PendingWriteService } from './service.ts'

type Options = Edge & { pendingWrites: PendingWriteService }

const tags = ['Pending writes']

export const pendingWriteRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, pendingWrites }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listPendingWrites',
        tags,
        summary: 'List pending writes',
        description:
          'Newest first (`created_at`, then `id`, descending). Includes writes that were refused after they had waited.',
        querystring: PendingWriteQuery,
        response: { 200: pageOf(PendingWriteSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const filter = {
        limit: query.limit + 1,
        after: decodeCursor(query.cursor),
        kind: query.kind ?? null,
        source: query.source ?? null,
        state: query.state ?? null,
        awaitedKind: query.waiting_for_kind ?? null,
        awaitedSource: query.waiting_for_source ?? null,
        awaitedId: query.waiting_for_id ?? null,
        updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => pendingWrites.page(reader, filter))
      const cursorOf = ({ createdAt: at, id }: (typeof rows)[number]) => encodeCursor({ at, id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getPendingWrite',
        tags,
        summary: 'Get a pending write',
        description: 'Returns what the write waits for, or why it was refused. A write that was applied is no longer pending.',
        params: IdParams,
        response: { 200: ref(PendingWriteSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const body = toApi(await database.reading(request.principal.orgId, (reader) => pendingWrites.get(reader, id)))
      return reply.header('etag', etagOf(body)).send(body)
    }
  )

  app.delete(
    '/:id',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'deletePendingWrite',
        tags,
        summary: 'Delete a pending write',
        description:
          'Drops the write, so that it is not applied. A later PUT under the same reference is handled as if the write had never come.',
        params: IdParams,
        response: { 204: Type.Null({ description: 'Deleted' }), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await pendingWrites.discard(tx, request.params.id)
        return { status: 204, body: null }
      })
  )
}
