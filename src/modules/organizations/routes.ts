import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { etagOf, expectedVersion } from '../../http/idempotency.ts'
import {
  closed,
  IdParams,
  matchHeaders,
  pageOf,
  pageQuery,
  ref,
  refusals,
  updatedSince,
  writeHeaders
} from '../../http/schemas.ts'
import { ApiKeySchema, CreateApiKey, keyToApi, NewApiKeySchema, RotateApiKey } from './api-key-schemas.ts'
import type { ApiKeyService } from './api-key-service.ts'
import {
  AdvanceTestClock,
  clockToApi,
  OrganizationSchema,
  organizationChangeFrom,
  SetTestClock,
  TestClockSchema,
  toApi,
  UpdateOrganization
} from './schemas.ts'
import type { OrganizationService } from './service.ts'

type Options = Edge & { organizations: OrganizationService }

export const organizationRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, organizations }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getOrganization',
        tags: ['Organization'],
        summary: 'The organization that the key belongs to',
        description: 'With the version that a change can be made from, in the ETag.',
        response: { 200: ref(OrganizationSchema) }
      }
    },
    async (request, reply) => {
      const { organization } = await database.reading(request.principal.orgId, (reader) => organizations.books(reader))
      const body = toApi(organization)
      return reply.header('etag', etagOf(body)).send(body)
    }
  )

  app.patch(
    '',
    {
      config: { scope: 'admin', elsewhere: { mode: 'It is stated when the organization is created.' } },
      schema: {
        operationId: 'updateOrganization',
        tags: ['Organization'],
        summary: 'Change settings',
        description:
          'Omitted fields are unchanged. A changed calendar or time zone has everything open decided anew. Another default policy is for new invoices and for open ones that have not entered a stage; `applies_to: all` moves the others, too.',
        headers: matchHeaders,
        body: UpdateOrganization,
        response: { 200: ref(OrganizationSchema), ...refusals(412, 422) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const change = organizationChangeFrom(request.body)
        return { status: 200, body: toApi(await organizations.update(tx, { change, expectedVersion: expectedVersion(request) })) }
      })
  )
}

export const testClockRoutes: FastifyPluginAsyncTypebox<Options & { nothingDue: NothingDue }> = async (app, options) => {
  const { database, once, organizations, nothingDue } = options
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getTestClock',
        tags: ['Test clock'],
        summary: 'Where the test clock stands',
        description:
          'A live organization has no clock of its own: 409. All of a test organization that happens, begins or changes has its time by this clock, created_at and updated_at too. Real time has recorded_at, what API keys, webhook endpoints, deliveries and replays show, and how long idempotency keys are kept.',
        response: { 200: ref(TestClockSchema), ...refusals(409) }
      }
    },
    async (request, reply) => {
      const { organization } = await database.reading(request.principal.orgId, (reader) => organizations.books(reader))
      return reply.send(clockToApi(organizations.requireTest(organization)))
    }
  )

  app.put(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'setTestClock',
        tags: ['Test clock'],
        summary: 'Put the test clock forward over time in which nothing is due',
        description:
          'Refused with 422 where something falls due on the way, so that nothing is passed over: advance the clock then.',
        body: SetTestClock,
        response: { 200: ref(TestClockSchema), ...refusals(422) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const at = new Date(request.body.now_at)
        return {
          status: 200,
          body: clockToApi(await organizations.setClock(tx, { at, nothingDueBefore: (until) => nothingDue(tx, until) }))
        }
      })
  )

  app.post(
    '/advance',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'advanceTestClock',
        tags: ['Test clock'],
        summary: 'Let the test clock run',
        description:
          'At most 31 days a call. It runs in the background through every boundary in order, so that thirty days in one call give what thirty real days would; GET tells when it stands still again.',
        headers: writeHeaders,
        body: AdvanceTestClock,
        response: { 202: ref(TestClockSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const body = request.body
        const to = 'to_at' in body ? { at: new Date(body.to_at) } : { days: body.days }
        return { status: 202, body: clockToApi(await organizations.advanceClock(tx, to)) }
      })
  )
}

type NothingDue = (tx: Parameters<OrganizationService['setClock']>[0], until: Date) => Promise<boolean>

export const apiKeyRoutes: FastifyPluginAsyncTypebox<Options & { apiKeys: ApiKeyService }> = async (app, options) => {
  const { database, once, organizations, apiKeys } = options
  const tags = ['API keys']

  app.get(
    '',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listApiKeys',
        tags,
        summary: 'List live keys, newest first',
        description: 'Sorted by created_at, then id, both falling. The keys themselves are not kept, only their hashes.',
        querystring: closed({ ...pageQuery, ...updatedSince }),
        response: { 200: pageOf(ApiKeySchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, updated_since: since } = request.query
      const input = { limit: limit + 1, after: decodeCursor(cursor), updatedSince: since === undefined ? null : new Date(since) }
      const rows = await database.reading(request.principal.orgId, (reader) => apiKeys.page(reader, input))
      return reply.send(
        toPage(rows, { limit, cursorOf: (row) => encodeCursor({ at: row.createdAt, id: row.id }), toApi: keyToApi })
      )
    }
  )

  app.post(
    '',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'createApiKey',
        tags,
        summary: 'Make a key',
        description: 'The key is shown this once. `admin` may do what `write` may, and `write` what `read` may.',
        headers: writeHeaders,
        body: CreateApiKey,
        response: { 201: ref(NewApiKeySchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { name, scopes, expires_at: expiresAt } = request.body
        const { organization } = await organizations.books(tx)
        const input = { mode: organization.mode, name, scopes, expiresAt: expiresAt == null ? null : new Date(expiresAt) }
        const { key, text } = await apiKeys.create(tx, input)
        return { status: 201, secret: true, body: { ...keyToApi(key), key: text } }
      })
  )

  app.post(
    '/:id/rotate',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'rotateApiKey',
        tags,
        summary: 'Replace a key by a new one',
        description:
          'The new key has the same name and scopes, and the same expiry unless `expires_at` states another. A key that has expired is only replaced with an expiry that is stated. The old one stops at once, within a second in other processes.',
        params: IdParams,
        headers: writeHeaders,
        body: RotateApiKey,
        response: { 201: ref(NewApiKeySchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { organization } = await organizations.books(tx)
        const { expires_at: stated } = request.body
        const expiresAt = stated == null ? stated : new Date(stated)
        const { key, text } = await apiKeys.rotate(tx, { id: request.params.id, mode: organization.mode, expiresAt })
        return { status: 201, secret: true, body: { ...keyToApi(key), key: text } }
      })
  )

  app.delete(
    '/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'revokeApiKey',
        tags,
        summary: 'Revoke a key',
        description: 'It stops at once, within a second in other processes. The last admin key cannot be revoked.',
        params: IdParams,
        response: { 204: Type.Null({ description: 'Revoked' }), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await apiKeys.revoke(tx, request.params.id)
        return { status: 204, body: null }
      })
  )
}
