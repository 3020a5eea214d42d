import { type Static, Type } from 'typebox'
import { coveredFields, coveredToApi } from '../../http/covered.ts'
import {
  Amount,
  CurrencyCode,
  closed,
  DayText,
  ExternalRef,
  Id,
  InstantText,
  InvoiceRefs,
  LongText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  ShortText,
  updatedSince
} from '../../http/schemas.ts'
import { formatAmount } from '../../kernel/money.ts'
import { lastDayOf, type PaymentPromise, promiseStatuses } from './promise.ts'

export const PromiseSchema = named(
  'Promise',
  closed(
    {
      id: Id,
      client_id: Id,
      ...coveredFields,
      amount: Amount,
      currency: CurrencyCode,
      made_on: DayText,
      promised_on: DayText,
      grace_days: Type.Integer(),
      last_on: Type.String({ format: 'date', description: 'promised_on and the grace: paid by then, it is kept' }),
      restores_service: Type.Boolean({ description: 'Whether service goes on while the promise is pending' }),
      channel: nullable(Type.String()),
      note: nullable(Type.String()),
      status: oneOf(promiseStatuses),
      ended_on: nullable(DayText),
      end_reason: nullable(Type.String()),
      version: Type.Integer(),
      created_at: InstantText,
      updated_at: InstantText
    },
    {
      description:
        'The client’s word: so much by a day. As much of what is covered as is promised and has not come in yet is not dunned until then'
    }
  )
)

export const PromisedInvoiceSchema = named('PromisedInvoice', closed({ invoice_id: Id }))
export const PromisedInvoiceQuery = closed(pageQuery)

export const promiseSchemas = [PromiseSchema, PromisedInvoiceSchema]

export const MakePromise = closed(
  {
    client_id: Type.Optional(Id),
    client_ref: Type.Optional(ref(ExternalRef)),
    invoice_ids: Type.Optional(
      Type.Array(Id, {
        minItems: 1,
        maxItems: 200,
        uniqueItems: true,
        description: 'Absent covers all that is open in the currency'
      })
    ),
    invoice_refs: Type.Optional(InvoiceRefs),
    amount: Amount,
    currency: CurrencyCode,
    promised_on: DayText,
    ...optional({
      grace_days: Type.Integer({ minimum: 0, maximum: 30, description: 'The organization’s unless said' }),
      restores_service: Type.Boolean({
        description:
          'Default false: service that a stage suspended stays suspended until the stage is settled. `true` restores it while the promise is pending, as far as the invoices of the promise are what suspended it; it is suspended again if the promise is broken or cancelled'
      }),
      channel: ShortText,
      note: LongText
    })
  },
  {
    examples: [
      {
        client_ref: { source: 'crm', id: 'C-1001' },
        amount: '1250.00',
        currency: 'EUR',
        promised_on: '2026-02-13',
        channel: 'phone'
      }
    ]
  }
)
export type MakePromiseBody = Static<typeof MakePromise>

export const CancelPromise = closed({})

export const PromiseQuery = closed({
  ...pageQuery,
  ...updatedSince,
  ...optional({ client_id: Id, invoice_id: Id, status: oneOf(promiseStatuses) })
})

/** A promise exactly as GET returns it and as events carry it. */
export function toApi(promise: PaymentPromise): Static<typeof PromiseSchema> {
  return {
    id: promise.id,
    client_id: promise.clientId,
    ...coveredToApi(promise.invoiceIds, `/v1/promises/${promise.id}`),
    amount: formatAmount(promise.amountMinor, promise.currency),
    currency: promise.currency,
    made_on: promise.madeOn,
    promised_on: promise.promisedOn,
    grace_days: promise.graceDays,
    last_on: lastDayOf(promise),
    restores_service: promise.restoresService,
    channel: promise.channel,
    note: promise.note,
    status: promise.status,
    ended_on: promise.endedOn,
    end_reason: promise.endReason,
    version: promise.version,
    created_at: promise.createdAt.toISOString(),
    updated_at: promise.updatedAt.toISOString()
  }
}
