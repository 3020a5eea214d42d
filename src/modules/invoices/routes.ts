import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { decodeCursor, encodeCursor, toPage } from '../../http/cursor.ts'
import type { Edge } from '../../http/edge.ts'
import { atRefs } from '../../http/fields.ts'
import { expectedVersion, requireMatch } from '../../http/idempotency.ts'
import { problem } from '../../http/problem.ts'
import { actionHeaders, IdParams, matchHeaders, pageOf, ref, refusals, writeHeaders } from '../../http/schemas.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ReferenceService } from '../references/service.ts'
import { InvoiceBatch, InvoiceBatchResult } from './batch-schemas.ts'
import { dueTermsFrom, invoiceChangeFrom, newInvoiceFrom } from './input.ts'
import { CreateInvoice, InvoiceQuery, InvoiceSchema, RescheduleInvoice, toApi, UpdateInvoice, VoidInvoice } from './schemas.ts'
import type { BatchResult, InvoiceService } from './service.ts'

const tags = ['Invoices']

type Options = Edge & { invoices: InvoiceService; references: ReferenceService }

export const invoiceRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { database, once, invoices, references }) => {
  app.get(
    '',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listInvoices',
        tags,
        summary: 'List invoices, newest first',
        description: 'Sorted by created_at, then id, both falling.',
        querystring: InvoiceQuery,
        response: { 200: pageOf(InvoiceSchema) }
      }
    },
    async (request, reply) => {
      const query = request.query
      const { views, books } = await database.reading(request.principal.orgId, (reader) => invoices.page(reader, filterOf(query)))
      const cursorOf = ({ invoice }: (typeof views)[number]) => encodeCursor({ at: invoice.createdAt, id: invoice.id })
      return reply.send(toPage(views, { limit: query.limit, cursorOf, toApi: (view) => toApi(view, books) }))
    }
  )

  app.post(
    '',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'createInvoice',
        tags,
        summary: 'Issue an invoice',
        description:
          'Without due_on the client’s terms say when it falls due. Unapplied credit of the client is applied at once.',
        headers: writeHeaders,
        body: ref(CreateInvoice),
        response: { 201: ref(InvoiceSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => ({
        status: 201,
        body: await invoices.create(tx, await newInvoiceFrom(tx, request.body, references))
      }))
  )

  app.post(
    '/batch',
    {
      config: { scope: 'write', items: 'invoices' },
      schema: {
        operationId: 'createInvoices',
        tags,
        summary: 'Issue up to 1,000 invoices',
        description: 'In one transaction, with a result for each.',
        headers: writeHeaders,
        body: InvoiceBatch,
        response: { 200: ref(InvoiceBatchResult) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const inputs = await Promise.all(
          request.body.invoices.map((body) =>
            newInvoiceFrom(tx, body, references).catch((error: unknown) => {
              if (error instanceof DomainError) return error
              throw error
            })
          )
        )
        const results = (await invoices.createMany(tx, inputs)).map((result, index) =>
          resultOf(result, { instance: request.id, index })
        )
        return { status: 200, body: { results } }
      })
  )

  app.get(
    '/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getInvoice',
        tags,
        summary: 'An invoice',
        description: 'Its state as of today where the client is: what is open, how late it is, its stage and the next one.',
        params: IdParams,
        response: { 200: ref(InvoiceSchema), ...refusals(404) }
      }
    },
    async (request, reply) => {
      const document = await database.reading(request.principal.orgId, (reader) => invoices.document(reader, request.params.id))
      return reply.header('etag', `"${document.version}"`).send(document)
    }
  )

  app.patch(
    '/:id',
    {
      config: { scope: 'write', elsewhere: otherOperations },
      schema: {
        operationId: 'updateInvoice',
        tags,
        summary: 'Change settings of an invoice',
        description: 'What is absent stays. The due date is moved by reschedule, the total by PUT by-ref.',
        params: IdParams,
        headers: matchHeaders,
        body: UpdateInvoice,
        response: { 200: ref(InvoiceSchema), ...refusals(404, 412, 422) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        const change = invoiceChangeFrom(request.body)
        const { applies_to: appliesTo } = request.body
        const update = { id: request.params.id, change, appliesTo, expectedVersion: expectedVersion(request) }
        const body = await invoices.update(tx, update)
        return { status: 200, body }
      })
  )
}

const RESCHEDULE = 'Use POST /v1/invoices/{id}/reschedule.'
const PUT = 'Use PUT /v1/invoices/by-ref, by one of its external references.'
const ANEW = 'Use POST /v1/invoices/{id}/void and issue the invoice anew.'
/** What changes the fields of an invoice that PATCH leaves alone. */
const otherOperations = {
  due_on: RESCHEDULE,
  due_schedule: RESCHEDULE,
  total: PUT,
  client_id: ANEW,
  currency: ANEW,
  issued_on: ANEW,
  status: 'Use POST /v1/invoices/{id}/void or /v1/invoices/{id}/write-off.',
  balance: 'Record a payment with POST /v1/payments.',
  replaced_by_id: 'Use POST /v1/invoices/{id}/void with `replaced_by_id` or `replaced_by_ref`.',
  external_refs: 'They are stated when the invoice is issued.',
  dunning: 'Send `dunning_policy_id` or `dunning_start`.'
}

/** What ends or moves an invoice. */
export const invoiceActionRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { once, invoices, references }) => {
  app.post(
    '/:id/void',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'voidInvoice',
        tags,
        summary: 'Take back an invoice that nothing was paid on',
        description:
          'It is owed no longer and dunned no longer, and stays in the history. After a payment on it, reverse the payment first.',
        params: IdParams,
        headers: actionHeaders,
        body: VoidInvoice,
        response: { 200: ref(InvoiceSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, invoices)
        const { replaced_by_id: id, replaced_by_ref: by } = request.body
        const pointers = { id: '/replaced_by_id', ref: '/replaced_by_ref' }
        const replacedById = await references.resolveIfNamed(tx, { kind: 'invoice', id, ref: by, pointers })
        const voided = { id: request.params.id, replacedById }
        return { status: 200, body: await atRefs(request.body, () => invoices.voidInvoice(tx, voided)) }
      })
  )

  app.post(
    '/:id/write-off',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'writeOffInvoice',
        tags,
        summary: 'Give up what is still open',
        description:
          'What was paid stays paid. It is dunned no longer and stays in the history. A payment that names it brings back what it is worth, and once all of it is there the invoice is paid.',
        params: IdParams,
        headers: actionHeaders,
        response: { 200: ref(InvoiceSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, invoices)
        return { status: 200, body: await invoices.writeOff(tx, request.params.id) }
      })
  )

  app.post(
    '/:id/reschedule',
    {
      config: { scope: 'write' },
      schema: {
        operationId: 'rescheduleInvoice',
        tags,
        summary: 'Move the due date',
        description:
          'Starts the next dunning cycle: stages follow the new due date, and each may be entered once more. `due_schedule` moves the parts of an invoice that is due in parts, or divides one that is not. A paid or written-off invoice keeps its status; the new date counts once it is open again.',
        params: IdParams,
        headers: actionHeaders,
        body: RescheduleInvoice,
        response: { 200: ref(InvoiceSchema), ...refusals(404, 412) }
      }
    },
    (request, reply) =>
      once(request, reply, async (tx) => {
        await requireMatch(tx, request, invoices)
        const { id } = request.params
        if (request.body.due_on === undefined && request.body.due_schedule === undefined) {
          throw new DomainError('invalid_request', 'Send the new due_on, or due_schedule for an invoice that is due in parts.', {
            pointer: '/due_on'
          })
        }
        const { invoice } = await invoices.get(tx, id)
        return { status: 200, body: await invoices.changeTerms(tx, { id, ...dueTermsFrom(request.body, invoice.currency) }) }
      })
  )
}

function filterOf(query: Static<typeof InvoiceQuery>) {
  return {
    limit: query.limit + 1,
    after: decodeCursor(query.cursor),
    clientId: query.client_id ?? null,
    status: query.status ?? null,
    currency: query.currency ?? null,
    number: query.number ?? null,
    overdue: query.is_overdue ?? null,
    dueFromOn: query.due_from_on ?? null,
    dueToOn: query.due_to_on ?? null,
    updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
  }
}

function resultOf(result: BatchResult, where: { instance: string; index: number }) {
  const { index } = where
  if ('document' in result) return { index, status: 'created' as const, invoice: result.document, problem: null }
  return { index, status: 'refused' as const, invoice: null, problem: refusalOf(result.refusal, where) }
}

function refusalOf(refusal: DomainError, { instance, index }: { instance: string; index: number }) {
  const errors =
    refusal.pointer === undefined
      ? []
      : [{ in: 'body' as const, pointer: `/invoices/${index}${refusal.pointer}`, detail: refusal.message }]
  const { errors: found, ...rest } = problem(refusal.code, refusal.message, { instance, errors, existingId: refusal.existingId })
  return found === undefined ? rest : { ...rest, errors: [...found] }
}
