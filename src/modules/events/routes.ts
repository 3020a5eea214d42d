import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { decodeRankCursor, encodeRankCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { ParameterRefusal } from '../../http/fields.ts'
import { closed, IdParams, pageOf, ref, refusals } from '../../http/schemas.ts'
import { eventTypes, ROWS_IN_BODY } from './event.ts'
import { EventQuery, EventSchema, EventTypeSchema, firesWhen, RestPageSchema, RestParams, RestQuery, toApi } from './schemas.ts'
import type { After, EventService } from './service.ts'

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
          'The pull side of webhooks. Pass next_cursor as `cursor` until it is null; later, pass the id of the last event that you have as `after_id`. No event is missed: after a restore from a backup without that event it is refused with 410 `position_lost`. A new event gets its seq within about a second.',
        querystring: EventQuery,
        response: { 200: pageOf(EventSchema), ...refusals(410) }
      }
    },
    async (request, reply) => {
      const { limit, type, object_id: objectId = null, client_id: clientId = null, from, to } = request.query
      const filter = {
        after: afterOf(request.query),
        limit: limit + 1,
        types: type === undefined ? null : [type],
        objectId,
        clientId,
        from: from === undefined ? null : new Date(from),
        to: to === undefined ? null : new Date(to)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => events.log(reader, filter))
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
    '/events/:id/rest/:list',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listRestOfEvent',
        tags,
        summary: 'List what the body of an event has no room for',
        description: `A body has the first ${ROWS_IN_BODY} rows of each list in its context. Where a list has more, \`<list>_count\` beside it says how many, and \`<list>_url\` is this path: the rows that follow, as they were when the event was made and in the same order. Empty if the body has all of them; 404 once the body is erased.`,
        params: RestParams,
        querystring: RestQuery,
        response: { 200: RestPageSchema, ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { limit, cursor } = request.query
      const { id, list } = request.params
      const input = { eventId: id, list, after: decodeRankCursor(cursor)?.rank ?? 0n, limit: limit + 1 }
      const rows = await database.reading(request.principal.orgId, (reader) => events.restPage(reader, input))
      const cursorOf = ({ place: rank }: (typeof rows)[number]) => encodeRankCursor({ rank, id })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: ({ row }) => row }))
    }
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

type Position = Readonly<{ cursor?: string; after_id?: string; after_seq?: string }>

/** A cursor belongs to the question with its `after_id` or `after_seq`, and goes on from a later event. */
function afterOf({ cursor, after_id: id, after_seq: seq }: Position): After {
  if (id !== undefined && seq !== undefined) {
    throw new ParameterRefusal('invalid_request', 'Send `after_id` or `after_seq`, not both.', { pointer: '/after_seq' })
  }
  const last = decodeRankCursor(cursor)
  if (last !== null) return { seq: last.rank, id: last.id }
  return id === undefined ? { seq: BigInt(seq ?? '0'), id: null } : { id }
}
