import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, foreignCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { etagOf, expectedVersion } from '../../http/idempotency.ts'
import { IdParams, matchHeaders, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import type { OrganizationService } from '../organizations/service.ts'
import {
  CreateDunningPolicy,
  DunningPolicySchema,
  DunningPolicyVersionSchema,
  PolicyQuery,
  policyFrom,
  ReplaceDunningPolicy,
  toApi,
  versionToApi
} from './policy-schemas.ts'
import type { PolicyService } from './policy-service.ts'

type Options = Edge & { organizations: OrganizationService; policies: PolicyService }

const tags = ['Dunning']
const VERSION_MAX = 2 ** 31 - 1

export const policyRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, organizations, policies }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listDunningPolicies',
        tags,
        summary: 'List dunning policies, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: PolicyQuery,
        response: { 200: pageOf(DunningPolicySchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, updated_since: since } = request.query
      const input = { limit: limit + 1, after: decodeCursor(cursor), updatedSince: since === undefined ? null : new Date(since) }
      const rows = await database.reading(request.principal.orgId, (reader) => policies.page(reader, input))
      return reply.send(toPage(rows, { limit, cursorOf: ({ createdAt: at, id }) => encodeCursor({ at, id }), toApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'createDunningPolicy',
        tags,
        summary: 'Make a dunning policy',
        description: 'It applies where an invoice, a client or the organization names it.',
        headers: writeHeaders,
        body: CreateDunningPolicy,
        response: { 201: ref(DunningPolicySchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        // Locked, so that two at once cannot both be the last one allowed.
        const { now } = await organizations.booksForUpdate(tx)
        return { status: 201, body: toApi(await policies.create(tx, { policy: policyFrom(request.body), now })) }
      })
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getDunningPolicy',
        tags,
        summary: 'A dunning policy as it is now',
        description: 'With the version that a change can be made from, in the ETag.',
        params: IdParams,
        response: { 200: ref(DunningPolicySchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const body = toApi(await database.reading(request.principal.orgId, (reader) => policies.get(reader, request.params.id)))
      return reply.header('etag', etagOf(body)).send(body)
    }
  )

  app.put(
    '/:id',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'replaceDunningPolicy',
        tags,
        summary: 'Make the next version of a dunning policy',
        description:
          'The whole document is replaced. Invoices that have not entered a stage follow the new version at once; those that have keep theirs, unless in_flight is move.',
        params: IdParams,
        headers: matchHeaders,
        body: ReplaceDunningPolicy,
        response: { 200: ref(DunningPolicySchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { in_flight: inFlight = 'keep', ...document } = request.body
        const { now } = await organizations.books(tx)
        const change = { id: request.params.id, document, inFlight, now }
        const row = await policies.replace(tx, { ...change, expectedVersion: expectedVersion(request) })
        return { status: 200, body: toApi(row) }
      })
  )

  app.get(
    '/:id/versions',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listDunningPolicyVersions',
        tags,
        summary: 'List the versions of a dunning policy, newest first',
        description: 'Sorted by version, falling.',
        params: IdParams,
        querystring: PolicyQuery,
        response: { 200: pageOf(DunningPolicyVersionSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, updated_since: since } = request.query
      const { id: policyId } = request.params
      const input = {
        policyId,
        limit: limit + 1,
        before: versionOf(cursor, policyId),
        updatedSince: since === undefined ? null : new Date(since)
      }
      const rows = await database.reading(request.principal.orgId, async (reader) => {
        await policies.get(reader, policyId)
        return policies.versions(reader, input)
      })
      const cursorOf = ({ version }: (typeof rows)[number]) => encodeCursor({ at: new Date(version), id: policyId })
      return reply.send(toPage(rows, { limit, cursorOf, toApi: versionToApi }))
    }
  )
}

/** Versions of one policy are told apart by their number alone, so it stands where the cursors of other lists have an instant. */
function versionOf(text: string | undefined, policyId: string): number | null {
  const cursor = decodeCursor(text)
  if (cursor === null) return null
  const version = cursor.at.getTime()
  if (cursor.id !== policyId || version < 1 || version > VERSION_MAX) {
    throw foreignCursor()
  }
  return version
}
