import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import { DunningRunSchema, RequestDunningRun, RunQuery, runToApi } from './run-schemas.ts'
import { DunningExplanationSchema, explanationToApi } from './schemas.ts'
import type { DunningService } from './service.ts'

type Options = Edge & { dunning: DunningService }

const tags = ['Dunning']

/** Under the path of invoices: what dunning has done with one and why. */
export const invoiceDunningRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, dunning }) => {
  app.get(
    '/:id/dunning',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'explainInvoiceDunning',
        tags,
        summary: 'Why an invoice is in its stage, and what comes next',
        description:
          'Decides as the sweep would now, without doing it: the rule that hits, what was compared, what would change it.',
        params: IdParams,
        response: { 200: ref(DunningExplanationSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const explanation = await database.reading(request.principal.orgId, (reader) => dunning.explainInvoice(reader, id))
      return reply.send(explanationToApi(explanation))
    }
  )
}

export const dunningRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, dunning }) => {
  app.get(
    '/runs',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listDunningRuns',
        tags,
        summary: 'List sweeps that were asked for, newest first',
        description: 'Sorted by id, falling. The sweep that runs every minute leaves no trace here.',
        querystring: RunQuery,
        response: { 200: pageOf(DunningRunSchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, updated_since: since } = request.query
      const input = { limit: limit + 1, after: decodeCursor(cursor), updatedSince: since === undefined ? null : new Date(since) }
      const rows = await database.reading(request.principal.orgId, (reader) => dunning.pageOfRuns(reader, input))
      return reply.send(toPage(rows, { limit, cursorOf: ({ createdAt: at, id }) => encodeCursor({ at, id }), toApi: runToApi }))
    }
  )

  app.post(
    '/runs',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'requestDunningRun',
        tags,
        summary: 'Ask for a sweep now',
        description:
          'It runs in the background at the time of the organization; GET tells when it is done. One that waits already and would do the same is answered instead of another.',
        headers: writeHeaders,
        body: RequestDunningRun,
        response: { 202: ref(DunningRunSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const dryRun = request.body.dry_run ?? false
        return { status: 202, body: runToApi(await dunning.requestRun(tx, { dryRun })) }
      })
  )

  app.get(
    '/runs/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getDunningRun',
        tags,
        summary: 'A sweep that was asked for',
        description:
          '`done` once everything that was due then is decided. What cannot be decided is put off (`client.processing_parked`) and the run goes on; a dry run is `failed`, and `failure` names the client. A run that fails for a reason that is no client’s is `failed` too.',
        params: IdParams,
        response: { 200: ref(DunningRunSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const run = await database.reading(request.principal.orgId, (reader) => dunning.getRun(reader, id))
      return reply.send(runToApi(run))
    }
  )
}
