import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import type { DeliveryService } from './delivery-service.ts'
import { attemptToApi, DeliveryQuery, DeliverySchema, DeliveryWithAttemptsSchema, deliveryToApi } from './schemas.ts'

type Options = Edge & { deliveries: DeliveryService }

const tags = ['Webhooks']

export const deliveryRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, deliveries }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listWebhookDeliveries',
        tags,
        summary: 'List deliveries, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: DeliveryQuery,
        response: { 200: pageOf(DeliverySchema) }
      }
    },
    async (request, reply) => {
      const {
        limit,
        cursor,
        endpoint_id: endpointId = null,
        event_id: eventId = null,
        status = null,
        updated_since: since
      } = request.query
      const updatedSince = since === undefined ? null : new Date(since)
      const filter = { limit: limit + 1, after: decodeCursor(cursor), endpointId, eventId, status, updatedSince }
      const rows = await database.reading(request.principal.orgId, (reader) => deliveries.page(reader, filter))
      const cursorOf = (row: (typeof rows)[number]) => encodeCursor({ at: row.createdAt, id: row.id })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: deliveryToApi }))
    }
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getWebhookDelivery',
        tags,
        summary: 'A delivery with every attempt',
        description: 'When each was made, how long it took, and the beginning of what the endpoint answered.',
        params: IdParams,
        response: { 200: ref(DeliveryWithAttemptsSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { delivery, attempts } = await database.reading(request.principal.orgId, (reader) =>
        deliveries.get(reader, request.params.id)
      )
      return reply.send({ ...deliveryToApi(delivery), log: attempts.map(attemptToApi) })
    }
  )

  app.post(
    '/:id/retry',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'retryWebhookDelivery',
        tags,
        summary: 'Start over a delivery that failed, was cancelled or superseded',
        description:
          'With the same webhook-id, at once, on a fresh schedule. One that succeeded or is queued is refused with 409.',
        params: IdParams,
        headers: writeHeaders,
        response: { 202: ref(DeliverySchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({ status: 202, body: deliveryToApi(await deliveries.retry(tx, request.params.id)) }))
  )
}
