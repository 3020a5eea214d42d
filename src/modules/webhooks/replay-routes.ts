import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import { ReplayQuery, ReplaySchema, replayFrom, replayToApi, StartReplay } from './replay-schemas.ts'
import type { ReplayService } from './replay-service.ts'

type Options = Edge & { replays: ReplayService }

const tags = ['Webhooks']

export const endpointReplayRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { once, replays }) => {
  app.post(
    '/:id/replay',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'replayWebhookEvents',
        tags,
        summary: 'Send an endpoint a span of events again',
        description:
          'In their order and with the same webhook-ids, a few hundred waiting at a time, beside what happens meanwhile. What it did comes to stand in the replay.',
        params: IdParams,
        headers: writeHeaders,
        body: StartReplay,
        response: { 202: ref(ReplaySchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 202,
        body: replayToApi(await replays.create(tx, replayFrom(request.params.id, request.body)))
      }))
  )
}

export const replayRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, replays }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listWebhookReplays',
        tags,
        summary: 'List replays, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: ReplayQuery,
        response: { 200: pageOf(ReplaySchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, endpoint_id: endpointId = null, updated_since: since } = request.query
      const updatedSince = since === undefined ? null : new Date(since)
      const input = { limit: limit + 1, after: decodeCursor(cursor)?.id ?? null, endpointId, updatedSince }
      const rows = await database.reading(request.principal.orgId, (reader) => replays.page(reader, input))
      const cursorOf = (row: (typeof rows)[number]) => encodeCursor({ at: row.createdAt, id: row.id })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: replayToApi }))
    }
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getWebhookReplay',
        tags,
        summary: 'A replay and how far it is',
        description: 'Running until everything in its span was looked at.',
        params: IdParams,
        response: { 200: ref(ReplaySchema), ...refusals(404) }
      }
    },
    async (request, reply) =>
      reply.send(replayToApi(await database.reading(request.principal.orgId, (reader) => replays.get(reader, request.params.id))))
  )

  app.post(
    '/:id/cancel',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'cancelWebhookReplay',
        tags,
        summary: 'Stop a replay',
        description: 'What it queued already is sent. One that has ended stays as it is.',
        params: IdParams,
        headers: writeHeaders,
        response: { 200: ref(ReplaySchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({ status: 200, body: replayToApi(await replays.cancel(tx, request.params.id)) }))
  )
}
