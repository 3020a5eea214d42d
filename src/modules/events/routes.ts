import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { decodeRankCursor, encodeRankCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { closed, IdParams, pageOf, ref, refusals } from '../../http/schemas.ts'
import { eventTypes } from './event.ts'
import { EventQuery, EventSchema, EventTypeSchema, firesWhen, toApi } from './schemas.ts'
import type { EventService } from './service.ts'

type Options = Edge & { events: EventService }

const tags = ['Events']

export const eventRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, events }) => {
  app.get(
    '/events',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listEvents',
        tags,
        summary: 'List events in their order, oldest first',
        description:
          'The pull side of webhooks. Pass next_cursor as `cursor` until it is null; later, pass the last seq that you have as `after_seq`. No event is missed. A new event gets its seq within about a second.',
        querystring: EventQuery,
        response: { 200: pageOf(EventSchema) }
      }
    },
    async (request, reply) => {
      const {
        limit,
        cursor,
        after_seq: afterSeq = '0',
        type,
        object_id: objectId = null,
        client_id: clientId = null,
        from,
        to
      } = request.query
      const filter = {
        afterSeq: decodeRankCursor(cursor)?.rank ?? BigInt(afterSeq),
        limit: limit + 1,
        types: type === undefined ? null : [type],
        objectId,
        clientId,
        from: from === undefined ? null : new Date(from),
        to: to === undefined ? null : new Date(to)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => events.page(reader, filter))
      const cursorOf = ({ seq, id }: (typeof rows)[number]) => encodeRankCursor({ rank: seq ?? 0n, id })
      return reply.send(toPage(rows, { limit, cursorOf, toApi }))
    }
  )

  app.get(
    '/events/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getEvent',
        tags,
        summary: 'An event',
        description: 'With the exact body that is sent, until its retention is over.',
        params: IdParams,
        response: { 200: ref(EventSchema), ...refusals(404) }
      }
    },
    async (request, reply) =>
      reply.send(toApi(await database.reading(request.principal.orgId, (reader) => events.get(reader, request.params.id))))
  )

  app.get(
    '/event-types',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listEventTypes',
        tags,
        summary: 'Every type of event, and when it fires',
        description: 'What an endpoint can subscribe to, beside `object.*` and `*`.',
        response: { 200: closed({ data: Type.Array(ref(EventTypeSchema)) }) }
      }
    },
    async (_request, reply) => reply.send({ data: eventTypes.map((type) => ({ type, fires_when: firesWhen[type] })) })
  )
}
