import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import {
  DunningEntrySchema,
  EntryQuery,
  entryFilterFrom,
  entryToApi,
  InteractionSchema,
  interactionToApi,
  ReportOutcome,
  reportFrom
} from './schemas.ts'
import type { DunningService } from './service.ts'

type Options = Edge & { dunning: DunningService }

const tags = ['Dunning']

/** What was entered, and what came of telling somebody. */
export const entryRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, dunning }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listDunningEntries',
        tags,
        summary: 'List stage entries, newest first',
        description: 'Sorted by entered_at, then id, both falling. from_on and to_on are days of entry, both included.',
        querystring: EntryQuery,
        response: { 200: pageOf(DunningEntrySchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, ...query } = request.query
      const filter = { ...entryFilterFrom(query), limit: limit + 1, after: decodeCursor(cursor) }
      const rows = await database.reading(request.principal.orgId, (reader) => dunning.pageOfEntries(reader, filter))
      return reply.send(toPage(rows, { limit, cursorOf: ({ enteredAt: at, id }) => encodeCursor({ at, id }), toApi: entryToApi }))
    }
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getDunningEntry',
        tags,
        summary: 'A stage entry',
        description: 'With what came of telling somebody, as far as it was reported.',
        params: IdParams,
        response: { 200: ref(DunningEntrySchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      return reply.send(entryToApi(await database.reading(request.principal.orgId, (reader) => dunning.getEntry(reader, id))))
    }
  )

  app.post(
    '/:id/outcome',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'reportDunningOutcome',
        tags,
        summary: 'Tell what came of a stage entry',
        description:
          'Whether the message of the stage went out, arrived, was answered. It becomes an interaction, so that the history knows who was really told; a message that is sent and then delivered is reported twice.',
        params: IdParams,
        headers: writeHeaders,
        body: ReportOutcome,
        response: { 201: ref(InteractionSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const input = { id: request.params.id, report: reportFrom(request.body) }
        return { status: 201, body: interactionToApi(await dunning.reportOutcome(tx, input)) }
      })
  )
}
