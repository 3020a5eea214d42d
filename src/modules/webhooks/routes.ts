import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { etagOf, expectedVersion } from '../../http/idempotency.ts'
import { IdParams, matchHeaders, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import type { DeliveryService } from './delivery-service.ts'
import type { EndpointService } from './endpoint-service.ts'
import {
  CreateEndpoint,
  changeFrom,
  DeliverySchema,
  deliveryToApi,
  EnableEndpoint,
  EndpointQuery,
  EndpointSchema,
  endpointToApi,
  NewEndpointSchema,
  RotateSecret,
  settingsFrom,
  UpdateEndpoint
} from './schemas.ts'

type Options = Edge & { endpoints: EndpointService; deliveries: DeliveryService }

const tags = ['Webhooks']

export const endpointRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, endpoints }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listWebhookEndpoints',
        tags,
        summary: 'List endpoints, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: EndpointQuery,
        response: { 200: pageOf(EndpointSchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, updated_since: since } = request.query
      const input = { limit: limit + 1, after: decodeCursor(cursor), updatedSince: since === undefined ? null : new Date(since) }
      const rows = await database.reading(request.principal.orgId, (reader) => endpoints.page(reader, input))
      const cursorOf = (row: (typeof rows)[number]) => encodeCursor({ at: row.createdAt, id: row.id })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: endpointToApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'createWebhookEndpoint',
        tags,
        summary: 'Subscribe a URL to events',
        description: 'Events that commit from now on are sent to it. The secret that verifies them is shown this once.',
        headers: writeHeaders,
        body: CreateEndpoint,
        response: { 201: ref(NewEndpointSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { view, secret } = await endpoints.create(tx, {
          settings: settingsFrom(request.body),
          signature: request.body.signature ?? 'v1'
        })
        return { status: 201, secret: true, body: { ...endpointToApi(view), secret } }
      })
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getWebhookEndpoint',
        tags,
        summary: 'An endpoint and how it fares',
        description: 'Whether its circuit is open, how it failed last, and how much waits for it.',
        params: IdParams,
        response: { 200: ref(EndpointSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = endpointToApi(
        await database.reading(request.principal.orgId, (reader) => endpoints.get(reader, request.params.id))
      )
      return reply.header('etag', etagOf(document)).send(document)
    }
  )

  app.patch(
    '/:id',
    {
      config: {
        scope: 'admin',
        elsewhere: {
          status: 'Use POST /v1/webhook-endpoints/{id}/enable.',
          header_names: 'Send `headers`.',
          public_keys: 'Use POST /v1/webhook-endpoints/{id}/rotate-secret.'
        }
      },
      schema: {
        operationId: 'updateWebhookEndpoint',
        tags,
        summary: 'Change an endpoint',
        description: 'What is absent stays. What is queued goes to the new URL.',
        params: IdParams,
        headers: matchHeaders,
        body: UpdateEndpoint,
        response: { 200: ref(EndpointSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { id } = request.params
        const change = changeFrom(request.body)
        const view = await endpoints.update(tx, { id, change, expectedVersion: expectedVersion(request) })
        return { status: 200, body: endpointToApi(view) }
      })
  )

  app.delete(
    '/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'deleteWebhookEndpoint',
        tags,
        summary: 'Delete an endpoint',
        description: 'What waits for it is cancelled; what is under way is finished. Its deliveries stay readable.',
        params: IdParams,
        headers: matchHeaders,
        response: { 204: Type.Null({ description: 'Deleted' }), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await endpoints.remove(tx, { id: request.params.id, expectedVersion: expectedVersion(request) })
        return { status: 204, body: null }
      })
  )
}

/** What an endpoint can be told to do. */
export const endpointActionRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { once, endpoints, deliveries }) => {
  app.post(
    '/:id/rotate-secret',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'rotateWebhookSecret',
        tags,
        summary: 'Give an endpoint a new secret',
        description:
          'The new one signs at once; the old one signs beside it for 24 hours, whatever is rotated meanwhile, while five sign at most. Shown this once. With `signature` the endpoint goes over to the other kind.',
        params: IdParams,
        headers: writeHeaders,
        body: RotateSecret,
        response: { 200: ref(NewEndpointSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { view, secret } = await endpoints.rotateSecret(tx, {
          id: request.params.id,
          signature: request.body.signature
        })
        return { status: 200, secret: true, body: { ...endpointToApi(view), secret } }
      })
  )

  app.post(
    '/:id/test',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'testWebhookEndpoint',
        tags,
        summary: 'Send `webhook_endpoint.test` to an endpoint',
        description: 'To this one alone, whatever it subscribed to. What came of it stands in the delivery.',
        params: IdParams,
        headers: writeHeaders,
        response: { 202: ref(DeliverySchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const deliveryId = await endpoints.test(tx, request.params.id)
        return { status: 202, body: deliveryToApi(await deliveries.find(tx, deliveryId)) }
      })
  )

  app.post(
    '/:id/enable',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'enableWebhookEndpoint',
        tags,
        summary: 'Let an endpoint have deliveries again',
        description:
          'Its circuit is closed. What was queued when it was disabled is sent, as far as it is still true, or dropped with `skip`; what it missed is sent too with `replay_since`.',
        params: IdParams,
        headers: writeHeaders,
        body: EnableEndpoint,
        response: { 200: ref(EndpointSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { resume = 'continue', replay_since: since } = request.body
        const replaySince = since === undefined ? null : new Date(since)
        const view = await endpoints.enable(tx, { id: request.params.id, resume, replaySince })
        return { status: 200, body: endpointToApi(view) }
      })
  )
}
