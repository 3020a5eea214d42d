import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, decodeRankCursor, encodeCursor, encodeRankCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { ParameterRefusal } from '../../http/fields.ts'
import { IdParams, pageOf, ref, refusals } from '../../http/schemas.ts'
import { type Day, dayFromEpochDay, day as dayOf, epochDayOf } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import {
  ClientRiskScoreSchema,
  clientScoreToApi,
  DayScoreSchema,
  dayScoreToApi,
  HistoryQuery,
  InvoiceRiskScoreSchema,
  invoiceScoreToApi,
  RankedClientSchema,
  RankingQuery,
  rankedToApi,
  ScoreQuery
} from './schemas.ts'
import type { RiskService } from './service.ts'

type Options = Edge & { risk: RiskService }

const tags = ['Risk']
const DAY_MS = 86_400_000

export const clientRiskRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, risk }) => {
  app.get(
    '/:id/risk-score',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getClientRiskScore',
        tags,
        summary: 'How likely a client pays late',
        description:
          'Returns the score as of the start of a day: what happens on that day counts from the next. Base and factors add up to the score. It is computed with every change of this client that was acknowledged before the request; see computed_through_at. A past day is recomputed from the ledger as it is known now.',
        params: IdParams,
        querystring: ScoreQuery,
        response: { 200: ref(ClientRiskScoreSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { orgId } = request.principal
      const { as_of: asOf } = request.query
      const input = { clientId: request.params.id, asOf: asOf === undefined ? null : dayOf(asOf) }
      const found = await database.reading(orgId, (reader) => risk.ofClient(reader, input)).catch(asParameter)
      return reply.send(clientScoreToApi(found))
    }
  )

  app.get(
    '/:id/risk-scores',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listClientRiskScores',
        tags,
        summary: 'A client’s scores through time, newest first',
        description:
          'Returns one score for each day on which the score or the band was another than before, as it was computed then. Newest first.',
        params: IdParams,
        querystring: HistoryQuery,
        response: { 200: pageOf(DayScoreSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { limit, cursor } = request.query
      const { id: clientId } = request.params
      const after = decodeCursor(cursor)
      const before = after === null ? 'infinity' : dayFromEpochDay(Math.floor(after.at.getTime() / DAY_MS))
      const input = { clientId, before, limit: limit + 1 }
      const rows = await database.reading(request.principal.orgId, (reader) => risk.history(reader, input))
      const cursorOf = ({ day }: { day: Day }) => encodeCursor({ at: new Date(epochDayOf(day) * DAY_MS), id: clientId })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: dayScoreToApi }))
    }
  )
}

export const invoiceRiskRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, risk }) => {
  app.get(
    '/:id/risk-score',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getInvoiceRiskScore',
        tags,
        summary: 'How likely an open invoice is paid late, and when it is expected',
        description:
          'Returns the score as of the start of today, computed with every change of the client that was acknowledged before the request. late, seriously_late and score rate the invoice by its terms and its client; ends_seriously_late and the expected days take into account how long it has been unpaid. Refuses an invoice of which nothing is open.',
        params: IdParams,
        response: { 200: ref(InvoiceRiskScoreSchema), ...refusals(404, 409) }
      }
    },
    async (request, reply) => {
      const found = await database.reading(request.principal.orgId, (reader) => risk.ofInvoice(reader, request.params.id))
      return reply.send(invoiceScoreToApi(found))
    }
  )
}

export const riskScoreRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, risk }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listRiskScores',
        tags,
        summary: 'List clients by risk, or by what is expected to be lost',
        description:
          'Lists scores as they are kept: as of the last daily pass, and of changes as of computed_through_at, usually some seconds ago. Sorted by the score, or by expected_bad in one currency, then by client_id, both descending.',
        querystring: RankingQuery,
        response: { 200: pageOf(RankedClientSchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, sort, band, currency } = request.query
      const filter = { sort, band: band ?? null, currency: currency ?? null, after: decodeRankCursor(cursor), limit: limit + 1 }
      const rows = await database.reading(request.principal.orgId, (reader) => risk.ranking(reader, filter))
      const cursorOf = ({ rank, clientId: id }: (typeof rows)[number]) => encodeRankCursor({ rank, id })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: rankedToApi }))
    }
  )
}

/** The only field that such a request has is a parameter. */
function asParameter(error: unknown): never {
  if (!(error instanceof DomainError) || error.pointer === undefined) throw error
  throw new ParameterRefusal(error.code, error.message, { pointer: error.pointer })
}
