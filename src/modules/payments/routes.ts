import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { requireMatch } from '../../http/idempotency.ts'
import { actionHeaders, IdParams, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import { day } from '../../kernel/day.ts'
import { knownCurrency } from '../../kernel/money.ts'
import type { ReferenceService } from '../references/service.ts'
import {
  balanceToApi,
  ClientBalanceSchema,
  ClosingStatementSchema,
  ReallocateClient,
  ReallocationSchema,
  reallocationToApi
} from './balance-schemas.ts'
import { namedFrom, newPaymentFrom } from './input.ts'
import { CreatePayment, FailPayment, PaymentQuery, PaymentSchema, ReversePayment, SettlePayment, toApi } from './schemas.ts'
import type { PaymentService } from './service.ts'

type Options = Edge & { payments: PaymentService; references: ReferenceService }

const tags = ['Payments']

export const paymentRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, payments, references }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listPayments',
        tags,
        summary: 'List payments, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: PaymentQuery,
        response: { 200: pageOf(PaymentSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const filter = {
        limit: query.limit + 1,
        after: decodeCursor(query.cursor),
        clientId: query.client_id ?? null,
        status: query.status ?? null,
        hasCredit: query.has_credit ?? null,
        updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
      }
      const rows = await database.reading(request.principal.orgId, (reader) => payments.page(reader, filter))
      const cursorOf = ({ payment }: (typeof rows)[number]) => encodeCursor({ at: payment.createdAt, id: payment.id })
      return reply.send(toPage(rows, { limit: query.limit, cursorOf, toApi }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'recordPayment',
        tags,
        summary: 'Record money that came in or is announced',
        description:
          'Without allocations it settles what is oldest due of the client, in its currency; what is left is unapplied credit of the client. Allocations may also name invoices of its branches: clients whose `parent_id` names it. Announced money settles nothing yet: as much as it will settle is not dunned through matures_on, or today, and the clearing_days of the organization.',
        headers: writeHeaders,
        body: CreatePayment,
        response: { 201: ref(PaymentSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 201,
        body: toApi(await payments.record(tx, await newPaymentFrom(tx, request.body, references)))
      }))
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getPayment',
        tags,
        summary: 'A payment',
        description: 'With what it settled and what of it is unapplied.',
        params: IdParams,
        response: { 200: ref(PaymentSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = toApi(await database.reading(request.principal.orgId, (reader) => payments.get(reader, request.params.id)))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.post(
    '/:id/settle',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'settlePayment',
        tags,
        summary: 'The announced money is there',
        description:
          'It counts from received_on, today unless said, and settles what allocations name, else what it was announced for, as far as that is open, else what is oldest due.',
        params: IdParams,
        headers: actionHeaders,
        body: SettlePayment,
        response: { 200: ref(PaymentSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, payments)
        const { id } = request.params
        const { payment } = await payments.get(tx, id)
        const allocations = await namedFrom(tx, { allocations: request.body.allocations, of: payment.currency }, references)
        const receivedOn = request.body.received_on === undefined ? null : day(request.body.received_on)
        return { status: 200, body: toApi(await payments.settle(tx, { id, receivedOn, allocations })) }
      })
  )

  app.post(
    '/:id/fail',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'failPayment',
        tags,
        summary: 'The announced money will not come',
        description:
          'It never counted. What it held is dunned again, by its age. An invoice with `collection_method: autopay` that it was announced for is dunned before its due date too.',
        params: IdParams,
        headers: actionHeaders,
        body: FailPayment,
        response: { 200: ref(PaymentSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, payments)
        return { status: 200, body: toApi(await payments.fail(tx, request.params.id)) }
      })
  )

  app.post(
    '/:id/reverse',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'reversePayment',
        tags,
        summary: 'Take a payment back',
        description:
          '`bounced` and `charged_back` act on their day; `entered_wrongly` and `deleted_upstream` act as of the day the payment was entered for. What it settled is open again.',
        params: IdParams,
        headers: actionHeaders,
        body: ReversePayment,
        response: { 200: ref(PaymentSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, payments)
        const { reason, reversed_on: on, note = null } = request.body
        const input = { id: request.params.id, reason, reversedOn: on === undefined ? null : day(on), note }
        return { status: 200, body: toApi(await payments.reverse(tx, input)) }
      })
  )
}

export const clientBalanceRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, payments }) => {
  app.get(
    '/:id/balance',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getClientBalance',
        tags: ['Clients'],
        summary: 'What a client owes and has, per currency',
        description:
          'As of today where the client is. Announced money is told apart and in no other figure. A parent also shows its branches, and both together.',
        params: IdParams,
        response: { 200: ref(ClientBalanceSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const balances = await database.reading(request.principal.orgId, (reader) => payments.balances(reader, id))
      return reply.send(balanceToApi(balances))
    }
  )

  app.get(
    '/:id/closing-statement',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getClosingStatement',
        tags: ['Clients'],
        summary: 'What a client’s ledger comes to',
        description:
          'Everything invoiced, paid and given up since the first invoice, per currency: `invoiced` less `paid` and `given_up` is `open`. What a parent paid of its invoices is `paid` too; `unapplied_credit` is what its own payments have left. Made for parting with a client.',
        params: IdParams,
        response: { 200: ref(ClosingStatementSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      return reply.send(await database.reading(request.principal.orgId, (reader) => payments.closingStatement(reader, id)))
    }
  )

  app.post(
    '/:id/reallocate',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'reallocateClient',
        tags: ['Clients'],
        summary: 'Apply a client’s payments anew, oldest due first',
        description:
          'Which invoice a payment without allocations settles depends on what was there when it came. This releases what was applied automatically and applies it again, in one transaction: first what sources named and is waiting, then the oldest due; of one due day the oldest issued, of these by number, of these by their first reference. Payments go by the day on which they were received, of one day by their first reference. Allocations that are named (`announced_allocations`) and reserved payments stay, and no invoice of a branch is paid by it. It counts from the days on which the money was received, and only invoices whose state changes have an event. A second call changes nothing.',
        params: IdParams,
        headers: writeHeaders,
        body: ReallocateClient,
        response: { 200: ref(ReallocationSchema), ...refusals(404) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const { id: clientId } = request.params
        const code = request.body.currency === undefined ? null : knownCurrency(request.body.currency)
        const moved = await payments.reallocateClient(tx, { clientId, currency: code })
        return { status: 200, body: reallocationToApi(clientId, moved) }
      })
  )
}
