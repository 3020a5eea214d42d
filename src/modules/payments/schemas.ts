import { type Static, Type } from 'typebox'
import {
  Amount,
  CurrencyCode,
  closed,
  DayText,
  ExternalRef,
  ExternalRefs,
  Id,
  InstantText,
  LongText,
  Metadata,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  ShortText,
  SourceVersion,
  updatedSince
} from '../../http/schemas.ts'
import { formatAmount, storedCurrency } from '../../kernel/money.ts'
import { balanceSchemas } from './balance-schemas.ts'
import { ALLOCATIONS_SHOWN, knownOf, type PaymentView, sumByInvoice, waitingOf } from './payment.ts'

const statuses = ['pending', 'settled', 'failed', 'reversed'] as const
const reversalReasons = ['bounced', 'charged_back', 'entered_wrongly', 'deleted_upstream'] as const

const InstrumentSchema = closed({
  kind: oneOf(['cheque', 'promissory_note', 'direct_debit', 'transfer', 'card', 'other']),
  number: Type.Optional(ShortText),
  bank: Type.Optional(ShortText),
  drawer: Type.Optional(ShortText)
})

export const AllocationSchema = named('PaymentAllocation', closed({ invoice_id: Id, amount: Amount }))

const NAMED_MAX = 200

const paymentFields = {
  id: Id,
  client_id: Id,
  currency: CurrencyCode,
  amount: Amount,
  unapplied: Type.String({ description: 'What no invoice has used' }),
  status: oneOf(statuses),
  received_on: nullable(DayText),
  matures_on: nullable(DayText),
  instrument: nullable(InstrumentSchema),
  method: nullable(Type.String()),
  reference: nullable(Type.String()),
  reserved_for: nullable(Type.String()),
  reversal: nullable(closed({ reason: oneOf(reversalReasons), reversed_on: DayText, note: nullable(Type.String()) })),
  allocations: Type.Array(ref(AllocationSchema), {
    maxItems: ALLOCATIONS_SHOWN,
    description: `The first ${ALLOCATIONS_SHOWN} invoices that the payment settles: of its client, or of a branch that the payment names`
  }),
  allocations_count: Type.Integer({ description: 'Number of invoices that the payment settles' }),
  allocations_url: Type.String({ description: 'Path of the list of all of them' }),
  announced_allocations: Type.Array(closed({ invoice_id: Id, amount: Amount }), {
    maxItems: NAMED_MAX,
    description:
      'Allocations named by the source or by hand: held while the payment is pending, applied once it is settled, and never moved by `reallocate`'
  }),
  announced_allocations_count: Type.Integer({ description: 'Number of allocations named; the first 200 are shown' }),
  pending_allocations: Type.Array(closed({ invoice_id: nullable(Id), invoice_ref: nullable(ref(ExternalRef)), amount: Amount }), {
    maxItems: NAMED_MAX,
    description:
      'Allocations named by `invoice_ref` that could not be applied yet: no invoice has the reference (`invoice_id` is null), or less of it is open, or it is in another currency, or neither of the client nor of a client whose `parent_id` names it. This part of `unapplied` is kept for that invoice and is applied as soon as it can be'
  }),
  pending_allocations_count: Type.Integer({ description: 'Number of allocations that wait; the first 200 are shown' }),
  unconfirmed_at: nullable(
    Type.String({
      format: 'date-time',
      description: 'When the time was over in which announced money should have come, with nothing said of it'
    })
  ),
  external_refs: ExternalRefs,
  metadata: Metadata,
  version: Type.Integer(),
  created_at: InstantText,
  updated_at: InstantText
}
export const PaymentSchema = named('Payment', closed(paymentFields))
export const PaymentByRefSchema = named(
  'PaymentByRef',
  closed({
    ...paymentFields,
    applied: Type.Boolean({
      description:
        'False when nothing was changed: the source had sent a newer version before, or the payment failed or was reversed and the body states neither `settled` nor `pending`'
    })
  })
)
export type PaymentDocument = Static<typeof PaymentSchema>

export const AllocationsInput = Type.Array(
  closed({ invoice_id: Type.Optional(Id), invoice_ref: Type.Optional(ref(ExternalRef)), amount: Amount }),
  {
    minItems: 1,
    maxItems: NAMED_MAX,
    description:
      'Amounts that are applied to these invoices, for announced money once it is there. An invoice is one of the client, or of a client whose `parent_id` names it. Without allocations the payment is applied to what is oldest due of the client itself. In a PUT by reference an `invoice_ref` may name an invoice that does not exist yet, or more than is open: that part waits, see `pending_allocations`'
  }
)
export type AllocationsBody = Static<typeof AllocationsInput>

const money = { amount: Amount, currency: CurrencyCode }
const whose = { client_id: Type.Optional(Id), client_ref: Type.Optional(ref(ExternalRef)) }
const details = {
  status: oneOf(['settled', 'pending'], {
    description: '`settled` unless said; `pending` for money that is announced and not there yet'
  }),
  received_on: DayText,
  matures_on: DayText,
  instrument: InstrumentSchema,
  method: ShortText,
  reference: ShortText,
  reserved_for: Type.String({
    minLength: 1,
    maxLength: 200,
    description: 'Purpose of the money. It is only applied by `allocate`, and it does not cover what is dunned'
  }),
  allocations: AllocationsInput,
  metadata: Metadata
}

export const CreatePayment = closed(
  { ...whose, ...money, ...optional(details), external_refs: Type.Optional(ExternalRefs) },
  {
    examples: [
      {
        client_ref: { source: 'crm', id: 'C-1001' },
        amount: '1250.00',
        currency: 'EUR',
        received_on: '2026-02-01',
        method: 'transfer'
      }
    ]
  }
)
export type CreatePaymentBody = Static<typeof CreatePayment>

export const PutPaymentByRef = closed({
  ...whose,
  ...optional({
    ...money,
    ...details,
    status: oneOf(['settled', 'pending', 'failed'], {
      description:
        '`settled` where it creates the payment. `failed` of money that was received reverses it; `pending` of money that was received takes it back as entered wrongly and announces it anew. Omitted, a payment that failed or was reversed is unchanged'
    }),
    reversal_reason: oneOf(reversalReasons, {
      description: 'With `status: failed`, of money that was received; `bounced` by default'
    }),
    reversed_on: Type.String({
      format: 'date',
      description: 'With `status: failed`, of money that was received: the day on which it went again; today by default'
    })
  }),
  source_version: Type.Optional(SourceVersion)
})
export type PutPaymentBody = Static<typeof PutPaymentByRef>

export const SettlePayment = closed(optional({ received_on: DayText, allocations: AllocationsInput }))
export const FailPayment = closed({})
export const ReversePayment = closed({ reason: oneOf(reversalReasons), ...optional({ reversed_on: DayText, note: LongText }) })
export const AllocatePayment = closed(optional({ allocations: AllocationsInput }))

export const PaymentQuery = closed({
  ...pageQuery,
  ...updatedSince,
  client_id: Type.Optional(Id),
  status: Type.Optional(oneOf(statuses)),
  has_credit: Type.Optional(Type.Boolean({ description: 'Whether something of it is unapplied' }))
})

export { PendingWriteByRefSchema } from '../pending-writes/schemas.ts'

export const AllocationQuery = closed(pageQuery)

export const paymentSchemas = [PaymentSchema, PaymentByRefSchema, AllocationSchema, ...balanceSchemas]

/** A payment exactly as GET returns it and as events carry it. */
export function toApi(view: PaymentView): PaymentDocument {
  const { payment, allocations, named, externalRefs } = view
  const amount = (minor: bigint) => formatAmount(minor, payment.currency)
  const { reversalReason, reversedOn, reversalNote } = payment
  const [announced, waiting] = [sumByInvoice(knownOf(named)), waitingOf(view)]
  return {
    id: payment.id,
    client_id: payment.clientId,
    currency: payment.currency,
    amount: amount(payment.amountMinor),
    unapplied: amount(payment.unappliedMinor),
    status: payment.status,
    received_on: payment.receivedOn,
    matures_on: payment.maturesOn,
    instrument: payment.instrument as PaymentDocument['instrument'],
    method: payment.method,
    reference: payment.reference,
    reserved_for: payment.reservedFor,
    reversal:
      reversalReason === null || reversedOn === null
        ? null
        : { reason: reversalReason, reversed_on: reversedOn, note: reversalNote },
    allocations: sumByInvoice(allocations)
      .slice(0, ALLOCATIONS_SHOWN)
      .map(({ invoiceId, amountMinor }) => ({ invoice_id: invoiceId, amount: amount(amountMinor) })),
    allocations_count: view.allocationsCount,
    allocations_url: `/v1/payments/${payment.id}/allocations`,
    announced_allocations: announced.slice(0, NAMED_MAX).map(({ invoiceId, amountMinor }) => ({
      invoice_id: invoiceId,
      amount: amount(amountMinor)
    })),
    announced_allocations_count: announced.length,
    pending_allocations: waiting.slice(0, NAMED_MAX).map(({ invoiceId, ref, amountMinor }) => ({
      invoice_id: invoiceId,
      invoice_ref: ref === null ? null : { ...ref },
      amount: amount(amountMinor)
    })),
    pending_allocations_count: waiting.length,
    unconfirmed_at: payment.unconfirmedAt?.toISOString() ?? null,
    external_refs: [...externalRefs],
    metadata: { ...payment.metadata },
    version: payment.version,
    created_at: payment.createdAt.toISOString(),
    updated_at: payment.updatedAt.toISOString()
  }
}

export function allocationToApi(of: {
  invoiceId: string
  amountMinor: bigint
  currency: string
}): Static<typeof AllocationSchema> {
  return { invoice_id: of.invoiceId, amount: formatAmount(of.amountMinor, storedCurrency(of.currency)) }
}
