import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { atRefs } from '../../http/fields.ts'
import { etagOf, expectedVersion, requireMatch } from '../../http/idempotency.ts'
import {
  actionHeaders,
  DeleteByRefQuery,
  IdParams,
  matchHeaders,
  pageOf,
  RefQuery,
  ref,
  refusals,
  writeHeaders
} from '../../http/schemas.ts'
import type { PendingWriteService } from '../pending-writes/service.ts'
import { changeDocument, toDocument } from './client-document.ts'
import {
  ChangedClientSchema,
  ClientByRefSchema,
  ClientQuery,
  ClientSchema,
  CreateClient,
  clientChangeFrom,
  newClientFrom,
  OffboardClient,
  PendingWriteByRefSchema,
  PutClient,
  UpdateClient
} from './schemas.ts'
import type { ClientService } from './service.ts'

type Options = Edge & { clients: ClientService }

const tags = ['Clients']

export const clientRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, clients }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listClients',
        tags,
        summary: 'List clients, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: ClientQuery,
        response: { 200: pageOf(ClientSchema) }
      }
    },
    async (request, reply) => {
      const { limit, cursor, updated_since: since, tag = null } = request.query
      const updatedSince = since === undefined ? null : new Date(since)
      const filter = { limit: limit + 1, after: decodeCursor(cursor), updatedSince, tag }
      const rows = await database.reading(request.principal.orgId, (reader) => clients.page(reader, filter))
      return reply.send(
        toPage(rows, { limit, cursorOf: (row) => encodeCursor({ at: row.createdAt, id: row.id }), toApi: toDocument })
      )
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'createClient',
        tags,
        summary: 'Make a client',
        description: 'What is left out is as the organization has it.',
        headers: writeHeaders,
        body: CreateClient,
        response: { 201: ref(ClientSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        return {
          status: 201,
          body: toDocument(await atRefs(request.body, () => clients.create(tx, newClientFrom(request.body))))
        }
      })
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getClient',
        tags,
        summary: 'A client with its contacts and references',
        description: 'With the version that a change can be made from, in the ETag.',
        params: IdParams,
        response: { 200: ref(ClientSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const client = await database.reading(request.principal.orgId, (reader) => clients.get(reader, request.params.id))
      const body = toDocument(client)
      return reply.header('etag', etagOf(body)).send(body)
    }
  )

  app.patch(
    '/:id',
    {
      config: {
        scope: 'write',
        elsewhere: { archived_at: 'Send `archived`.', offboarding_started_at: 'Use POST /v1/clients/{id}/offboard.' }
      },
      schema: {
        operationId: 'updateClient',
        tags,
        summary: 'Change a client',
        description:
          'What is absent stays, null clears, lists and metadata are replaced whole. A changed time zone or exemption has its open invoices decided anew; with another policy, `applies_to` is required and states what it is for, and `policy_change` answers how many invoices it moved or left.',
        params: IdParams,
        headers: matchHeaders,
        body: UpdateClient,
        response: { 200: ref(ChangedClientSchema), ...refusals(404, 412, 422) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const change = clientChangeFrom(request.body)
        const update = { id: request.params.id, change, expectedVersion: expectedVersion(request) }
        const { client, policyChange } = await atRefs(request.body, () => clients.update(tx, update))
        return { status: 200, body: changeDocument(client, policyChange) }
      })
  )

  app.delete(
    '/:id',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'deleteClient',
        tags,
        summary: 'Delete a client that has no invoices, payments or interactions',
        description: 'A client with any of them is refused with 409: archive it instead.',
        params: IdParams,
        headers: matchHeaders,
        response: { 204: Type.Null({ description: 'Deleted' }), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await clients.remove(tx, { id: request.params.id, expectedVersion: expectedVersion(request) })
        return { status: 204, body: null }
      })
  )
}

/** Parting with a client. */
export const offboardingRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { once, clients }) => {
  app.post(
    '/:id/offboard',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'offboardClient',
        tags,
        summary: 'Begin to part with a client',
        description:
          'From now on it gets no new invoices but those that say for_commitment. What is open goes on being collected; when nothing is owed any more, client.offboarding_completed carries the closing statement.',
        params: IdParams,
        headers: actionHeaders,
        body: OffboardClient,
        response: { 200: ref(ClientSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, clients)
        return { status: 200, body: toDocument(await clients.offboard(tx, request.params.id)) }
      })
  )
}

export const clientByRefRoutes: FastifyPluginAsyncTypebox<Options & { pendingWrites: PendingWriteService }> = async (
  app,
  { database, once, clients, pendingWrites }
) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getClientByRef',
        tags,
        summary: 'The client that another system calls so',
        description: 'Its id there may hold slashes.',
        querystring: RefQuery,
        response: { 200: ref(ClientSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const client = await database.reading(request.principal.orgId, (reader) => clients.getByRef(reader, request.query))
      const body = toDocument(client)
      return reply.header('etag', etagOf(body)).send(body)
    }
  )

  app.put(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'putClientByRef',
        tags,
        summary: 'Make a client, or merge into it, by what another system calls it',
        description:
          'Answers 201 when it made the client, else 200: what is absent stays, null clears. A source_version older than the last applied answers 200 with applied false and changes nothing, so a sync may be replayed in any order. A `parent_ref` of a client that does not exist yet does not keep the client, nor its invoices and payments, waiting: the client is created or changed at once, its parent stays as it is, and `pending_write` shows what waits. It becomes the parent when it is created. Stating another parent, or `parent_id`, takes its place; deleting the pending write gives it up. If it cannot be the parent then (`nested_parent`), the pending write is refused and `pending_write.refused` sent.',
        querystring: RefQuery,
        headers: matchHeaders,
        body: PutClient,
        response: {
          200: ref(ClientByRefSchema),
          201: ref(ClientByRefSchema),
          ...refusals(412, 422)
        }
      }
    },
    (request, reply) =>
      once(request, reply, (tx) => {
        const { source_version: version, ...body } = request.body
        const sourceVersion = version === undefined ? null : BigInt(version)
        const expected = expectedVersion(request)
        const write = { kind: 'client', ref: request.query, body, sourceVersion, expectedVersion: expected } as const
        return atRefs(body, () => pendingWrites.put(tx, write))
      })
  )

  app.delete(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'archiveClientByRef',
        tags,
        summary: 'Archive a client by external reference',
        description:
          'The client gets no new invoices; what is open stays open. Archiving again changes nothing. With `source_version` the deletion holds against older and equal versions in any order: of a client that does not exist yet it is kept as a pending write (202), and a version older than the last one answers with `applied: false`. A PUT with a newer version takes the archiving back.',
        querystring: DeleteByRefQuery,
        response: { 200: ref(ClientByRefSchema), 202: ref(PendingWriteByRefSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, (tx) => {
        const { source_version: version, ...name } = request.query
        return pendingWrites.remove(tx, {
          kind: 'client',
          ref: name,
          sourceVersion: version === undefined ? null : BigInt(version)
        })
      })
  )
}
