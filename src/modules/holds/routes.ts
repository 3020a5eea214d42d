import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Reader } from '../../db/client.ts'
import { coveredPage } from '../../http/covered.ts'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { atRefs } from '../../http/fields.ts'
import { requireMatch } from '../../http/idempotency.ts'
import { actionHeaders, IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import { day } from '../../kernel/day.ts'
import type { ReferenceService } from '../references/service.ts'
import {
  HeldInvoiceQuery,
  HeldInvoiceSchema,
  HoldQuery,
  HoldSchema,
  heldInvoiceToApi,
  PlaceHold,
  type PlaceHoldBody,
  ReleaseHold,
  toApi
} from './schemas.ts'
import type { HoldService, NewHold } from './service.ts'

type Options = Edge & { holds: HoldService; references: ReferenceService }

const tags = ['Holds']

export const holdRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, holds, references }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listHolds',
        tags,
        summary: 'List holds, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: HoldQuery,
        response: { 200: pageOf(HoldSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const filter = {
        limit: query.limit + 1,
        after: decodeCursor(query.cursor),
        clientId: query.client_id ?? null,
        invoiceId: query.invoice_id ?? null,
        reason: query.reason ?? null,
        isActive: query.active ?? null,
        updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => holds.page(reader, filter))
      const cursorOf = ({ createdAt: at, id }: (typeof rows)[number]) => encodeCursor({ at, id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'placeHold',
        tags,
        summary: 'Stop dunning a client, or some of its invoices',
        description:
          'From now on nothing is dunned there, through until_on or until it is released. That something is overdue is said all the same. When the last hold ends, dunning goes on with one entry, not with those that were missed.',
        headers: writeHeaders,
        body: PlaceHold,
        response: { 201: ref(HoldSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 201,
        body: toApi(
          await atRefs(request.body, async () => holds.placeByHand(tx, await newHoldFrom(tx, request.body, references)))
        )
      }))
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getHold',
        tags,
        summary: 'A hold, active or ended',
        description: 'With what placed it, and how it ended.',
        params: IdParams,
        response: { 200: ref(HoldSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = toApi(await database.reading(request.principal.orgId, (reader) => holds.get(reader, request.params.id)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.get(
    '/:id/invoices',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listHoldInvoices',
        tags,
        summary: 'List the invoices that a hold names',
        description: 'Sorted by invoice_id, rising. Empty for a hold over the client.',
        params: IdParams,
        querystring: HeldInvoiceQuery,
        response: { 200: pageOf(HeldInvoiceSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const hold = await database.reading(request.principal.orgId, (reader) => holds.get(reader, request.params.id))
      return reply.send(coveredPage(hold.invoiceIds, { ...request.query, toApi: (id) => heldInvoiceToApi(hold, id) }))
    }
  )

  app.post(
    '/:id/release',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'releaseHold',
        tags,
        summary: 'End a hold',
        description: 'One that an agreement placed ends with that agreement and not by hand.',
        params: IdParams,
        headers: actionHeaders,
        body: ReleaseHold,
        response: { 200: ref(HoldSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, holds)
        return { status: 200, body: toApi(await holds.releaseByHand(tx, request.params.id)) }
      })
  )
}

async function newHoldFrom(reader: Reader, body: PlaceHoldBody, references: ReferenceService): Promise<NewHold> {
  const { client_id: id, client_ref: named } = body
  const pointers = { id: '/client_id', ref: '/client_ref' }
  const invoices = { kind: 'invoice', ids: body.invoice_ids, refs: body.invoice_refs } as const
  const [clientId, invoiceIds] = await Promise.all([
    references.resolve(reader, { kind: 'client', id, ref: named, pointers }),
    references.resolveMany(reader, invoices)
  ])
  return {
    clientId,
    invoiceIds,
    reason: body.reason,
    resume: body.resume ?? 'by_age',
    untilOn: body.until_on === undefined ? null : day(body.until_on),
    note: body.note ?? null
  }
}
