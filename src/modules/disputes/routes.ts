import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Reader } from '../../db/client.ts'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { requireMatch } from '../../http/idempotency.ts'
import { actionHeaders, IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import { day } from '../../kernel/day.ts'
import { amountAt } from '../invoices/input.ts'
import type { ReferenceService } from '../references/service.ts'
import {
  DisputeQuery,
  DisputeSchema,
  OpenDispute,
  type OpenDisputeBody,
  ResolveDispute,
  toApi,
  WithdrawDispute
} from './schemas.ts'
import type { DisputeService, NewDispute } from './service.ts'

type Options = Edge & { disputes: DisputeService; references: ReferenceService }

const tags = ['Disputes']

export const disputeRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, disputes, references }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listDisputes',
        tags,
        summary: 'List disputes, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: DisputeQuery,
        response: { 200: pageOf(DisputeSchema) }
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
      const rows = await database.reading(request.principal.orgId, (reader) => disputes.page(reader, filter))
      const cursorOf = ({ createdAt: at, id }: (typeof rows)[number]) => encodeCursor({ at, id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'openDispute',
        tags,
        summary: 'Note that the client contests an invoice, or an amount of it',
        description:
          'Until it is resolved or withdrawn, what is contested is not dunned. The rest is, unless the policy says otherwise with disputed_part. Several disputes of an invoice contest no more than what is open of it.',
        headers: writeHeaders,
        body: OpenDispute,
        response: { 201: ref(DisputeSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const draft = await newDisputeFrom(tx, request.body, { disputes, references })
        return { status: 201, body: toApi(await disputes.open(tx, draft)) }
      })
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getDispute',
        tags,
        summary: 'A dispute',
        description: 'With what is contested, and how it ended.',
        params: IdParams,
        response: { 200: ref(DisputeSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = toApi(await database.reading(request.principal.orgId, (reader) => disputes.get(reader, request.params.id)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.post(
    '/:id/resolve',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'resolveDispute',
        tags,
        summary: 'Answer a dispute',
        description:
          'What is upheld is credited by a credit note; what of it was paid meanwhile becomes unapplied credit of the payment. Dunning goes on with what is left, with one entry where its age says.',
        params: IdParams,
        headers: actionHeaders,
        body: ResolveDispute,
        response: { 200: ref(DisputeSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, disputes)
        const { id } = request.params
        const { outcome: finding, at_fault: atFault, credit, note } = request.body
        const { currency: of } = await disputes.get(tx, id)
        const creditMinor = credit === undefined ? null : amountAt(credit, { of, pointer: '/credit' })
        return { status: 200, body: toApi(await disputes.resolve(tx, { id, finding, atFault, creditMinor, note: note ?? null })) }
      })
  )

  app.post(
    '/:id/withdraw',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'withdrawDispute',
        tags,
        summary: 'Note that the client contests it no more',
        description: 'Nothing is credited, and dunning goes on with one entry where its age says.',
        params: IdParams,
        headers: actionHeaders,
        body: WithdrawDispute,
        response: { 200: ref(DisputeSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, disputes)
        const input = { id: request.params.id, note: request.body.note ?? null }
        return { status: 200, body: toApi(await disputes.withdraw(tx, input)) }
      })
  )
}

async function newDisputeFrom(
  reader: Reader,
  body: OpenDisputeBody,
  { disputes, references }: { disputes: DisputeService; references: ReferenceService }
): Promise<NewDispute> {
  const { invoice_id: id, invoice_ref: named, amount } = body
  const pointers = { id: '/invoice_id', ref: '/invoice_ref' }
  const invoiceId = await references.resolve(reader, { kind: 'invoice', id, ref: named, pointers })
  const { currency: of } = (await disputes.invoiceOf(reader, invoiceId)).invoice
  return {
    invoiceId,
    amountMinor: amount === undefined ? null : amountAt(amount, { of, pointer: '/amount' }),
    reason: body.reason,
    note: body.note ?? null,
    respondByOn: body.respond_by_on === undefined ? null : day(body.respond_by_on)
  }
}
