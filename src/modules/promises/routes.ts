import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Reader } from '../../db/client.ts'
import { coveredPage } from '../../http/covered.ts'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { atRefs, moneyFrom } from '../../http/fields.ts'
import { requireMatch } from '../../http/idempotency.ts'
import { actionHeaders, IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import { day } from '../../kernel/day.ts'
import type { ReferenceService } from '../references/service.ts'
import {
  CancelPromise,
  MakePromise,
  type MakePromiseBody,
  PromisedInvoiceQuery,
  PromisedInvoiceSchema,
  PromiseQuery,
  PromiseSchema,
  toApi
} from './schemas.ts'
import type { NewPromise, PromiseService } from './service.ts'

type Options = Edge & { promises: PromiseService; references: ReferenceService }

const tags = ['Promises']

export const promiseRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, promises, references }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listPromises',
        tags,
        summary: 'List promises to pay, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: PromiseQuery,
        response: { 200: pageOf(PromiseSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const filter = {
        limit: query.limit + 1,
        after: decodeCursor(query.cursor),
        clientId: query.client_id ?? null,
        invoiceId: query.invoice_id ?? null,
        status: query.status ?? null,
        updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => promises.page(reader, filter))
      const cursorOf = ({ createdAt: at, id }: (typeof rows)[number]) => encodeCursor({ at, id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'makePromise',
        tags,
        summary: 'Take a promise to pay',
        description:
          'What it covers is not dunned until the promised day and the grace are over. Kept or broken is what was really paid by then; a payment that is recorded later may turn a broken one into a kept one.',
        headers: writeHeaders,
        body: MakePromise,
        response: { 201: ref(PromiseSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 201,
        body: toApi(await atRefs(request.body, async () => promises.make(tx, await newPromiseFrom(tx, request.body, references))))
      }))
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getPromise',
        tags,
        summary: 'A promise to pay',
        description: 'With what became of it.',
        params: IdParams,
        response: { 200: ref(PromiseSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = toApi(await database.reading(request.principal.orgId, (reader) => promises.get(reader, request.params.id)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.get(
    '/:id/invoices',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listPromiseInvoices',
        tags,
        summary: 'List the invoices that a promise covers',
        description: 'Sorted by invoice_id, rising.',
        params: IdParams,
        querystring: PromisedInvoiceQuery,
        response: { 200: pageOf(PromisedInvoiceSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const promise = await database.reading(request.principal.orgId, (reader) => promises.get(reader, request.params.id))
      return reply.send(coveredPage(promise.invoiceIds, { ...request.query, toApi: (id) => ({ invoice_id: id }) }))
    }
  )

  app.post(
    '/:id/cancel',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'cancelPromise',
        tags,
        summary: 'Take a promise back',
        description: 'Only while it is pending. Dunning goes on where the age says.',
        params: IdParams,
        headers: actionHeaders,
        body: CancelPromise,
        response: { 200: ref(PromiseSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, promises)
        return { status: 200, body: toApi(await promises.cancel(tx, request.params.id)) }
      })
  )
}

async function newPromiseFrom(reader: Reader, body: MakePromiseBody, references: ReferenceService): Promise<NewPromise> {
  const { client_id: id, client_ref: named } = body
  const { minor: amountMinor, currency } = moneyFrom(body, '')
  const pointers = { id: '/client_id', ref: '/client_ref' }
  const invoices = { kind: 'invoice', ids: body.invoice_ids, refs: body.invoice_refs } as const
  const [clientId, invoiceIds] = await Promise.all([
    references.resolve(reader, { kind: 'client', id, ref: named, pointers }),
    references.resolveMany(reader, invoices)
  ])
  return {
    clientId,
    invoiceIds,
    currency,
    amountMinor,
    promisedOn: day(body.promised_on),
    graceDays: body.grace_days ?? null,
    restoresService: body.restores_service ?? false,
    channel: body.channel ?? null,
    note: body.note ?? null
  }
}
