import { type Static, Type } from 'typebox'
import {
  ActiveCurrencyCode,
  Amount,
  CurrencyCode,
  closed,
  DayText,
  ExternalRef,
  ExternalRefs,
  Id,
  InstantText,
  Metadata,
  named,
  nullable,
  oneOf,
  pageQuery,
  ref,
  ShortText,
  SourceVersion,
  updatedSince
} from '../../http/schemas.ts'
import { daysBetween } from '../../kernel/day.ts'
import { formatAmount } from '../../kernel/money.ts'
import { policyScopes } from '../clients/client.ts'
import { type Present, todayFor } from '../organizations/organization.ts'
import { daysOverdue, effectiveDueOn, type InvoiceView, lastEffectiveDueOn, leading, type Obligation } from './invoice.ts'

const statuses = ['open', 'paid', 'void', 'written_off'] as const
const dunningStarts = ['normal', 'baseline', 'off'] as const

export const PARTS_MAX = 60
const LINKS_MAX = 10

const PaymentLinkSchema = closed({
  kind: Type.String({ minLength: 1, maxLength: 40 }),
  url: Type.String({ format: 'web-url', maxLength: 2000 })
})

export const EffectiveDueOn = Type.String({
  format: 'date',
  description:
    'The day from which lateness counts: `due_on`, or the first open day after it if the dunning policy has `due_on_closed_day: next_open`'
})

const PartSchema = closed({
  due_on: DayText,
  effective_due_on: EffectiveDueOn,
  amount: Amount,
  balance: Amount,
  days_overdue: Type.Integer({ minimum: 0 }),
  stage: nullable(Type.String())
})

const InvoiceDunning = closed(
  {
    start: oneOf(dunningStarts, {
      description:
        '`normal`: enters every stage; `baseline`: started at the stage of its age, without the events and actions of that stage and those before; `off`: is not dunned'
    }),
    policy_id: nullable(Id),
    policy_version: nullable(Type.Integer()),
    stage: nullable(Type.String({ description: "The organization's own code of the stage it is in" })),
    entered_at: nullable(InstantText),
    next_stage: nullable(
      Type.String({ description: 'The stage that is entered next if nothing changes; null if none is known' })
    ),
    next_at: nullable(Type.String({ format: 'date-time', description: 'When `next_stage` is entered' })),
    held: Type.Boolean({ description: 'A hold keeps it from being dunned' }),
    cycle: Type.Integer({ minimum: 1, description: 'Grows when the due date is moved; a stage is entered once in each' })
  },
  { description: 'Of the part that fell due first and is still open' }
)

const CollectionMethod = oneOf(['manual', 'autopay'], {
  description:
    'How the invoice is paid. `manual`: the client pays, and stages before the due date remind of it. `autopay`: you collect the money. The invoice enters no stage, and no notice lists it, until `effective_due_on` has passed or a collection failed; then it is dunned by its age. Announce a collection as a pending payment: its amount is not dunned until the payment settles, fails or is unconfirmed. A collection failed if a payment for the invoice is `failed`, is pending and unconfirmed, or was reversed as `bounced` or `charged_back`'
})

const invoiceFields = {
  id: Id,
  client_id: Id,
  number: Type.String(),
  currency: CurrencyCode,
  total: Amount,
  balance: Amount,
  status: oneOf(statuses),
  issued_on: DayText,
  due_on: DayText,
  effective_due_on: EffectiveDueOn,
  due_schedule: Type.Array(PartSchema, {
    maxItems: PARTS_MAX,
    description: 'The parts by due date; one for an invoice that is due at once'
  }),
  is_partially_paid: Type.Boolean(),
  is_overdue: Type.Boolean(),
  days_overdue: Type.Integer({ minimum: 0 }),
  collection_method: CollectionMethod,
  payment_links: Type.Array(PaymentLinkSchema, { maxItems: LINKS_MAX }),
  dunning_policy_id: nullable(Id),
  dunning: InvoiceDunning,
  external_refs: ExternalRefs,
  metadata: Metadata,
  replaced_by_id: nullable(Id),
  version: Type.Integer(),
  created_at: InstantText,
  updated_at: InstantText
}
export const InvoiceSchema = named('Invoice', closed(invoiceFields))
export const InvoiceByRefSchema = named(
  'InvoiceByRef',
  closed({
    ...invoiceFields,
    applied: Type.Boolean({
      description:
        'False when nothing was changed: the source had sent a newer version before, or the invoice is void and the body says nothing new'
    })
  })
)
export type InvoiceDocument = Static<typeof InvoiceSchema>

const settings = {
  collection_method: CollectionMethod,
  payment_links: Type.Array(PaymentLinkSchema, { maxItems: LINKS_MAX }),
  dunning_policy_id: nullable(Id),
  metadata: Metadata
}
const DueSchedule = Type.Array(closed({ due_on: DayText, amount: Amount }), {
  minItems: 2,
  maxItems: PARTS_MAX,
  description: 'The due days and amounts of the parts, which sum to the total; instead of due_on'
})
const dueFields = {
  issued_on: Type.Optional(DayText),
  due_on: Type.Optional(DayText),
  due_schedule: Type.Optional(DueSchedule)
}
const claim = { number: ShortText, currency: CurrencyCode, total: Amount }
const whose = { client_id: Type.Optional(Id), client_ref: Type.Optional(ref(ExternalRef)) }
const DunningStartInput = oneOf(dunningStarts, {
  description:
    'How dunning starts. Default: `baseline` (at the stage of its age, without events and actions) for what is overdue already and fell due before the organization’s `dunning_from_on`, else `normal`'
})
const dunningStart = { dunning_start: Type.Optional(DunningStartInput) }

const ForCommitment = Type.Boolean({
  description: 'It is for what was agreed before the client’s offboarding began, which lets no other invoice through'
})

export const CreateInvoice = named(
  'CreateInvoice',
  closed(
    {
      ...whose,
      ...claim,
      currency: ActiveCurrencyCode,
      ...dueFields,
      ...dunningStart,
      collection_method: Type.Optional(settings.collection_method),
      payment_links: Type.Optional(settings.payment_links),
      dunning_policy_id: Type.Optional(settings.dunning_policy_id),
      metadata: Type.Optional(settings.metadata),
      external_refs: Type.Optional(ExternalRefs),
      for_commitment: Type.Optional(ForCommitment)
    },
    {
      examples: [
        {
          client_ref: { source: 'crm', id: 'C-1001' },
          number: '2026-0042',
          currency: 'EUR',
          total: '1250.00',
          issued_on: '2026-01-05',
          due_on: '2026-02-04'
        }
      ]
    }
  )
)
export type CreateInvoiceBody = Static<typeof CreateInvoice>

const AppliesTo = oneOf(policyScopes, {
  description:
    'What another `dunning_policy_id` is for. `all` (default): the ladder in flight goes on under it; stages that were entered count by code, others by age. `new_invoices`: the ladder in flight ends under the policy that it started with'
})

export const UpdateInvoice = Type.Partial(
  closed({
    number: ShortText,
    ...settings,
    applies_to: AppliesTo,
    dunning_start: oneOf(['normal', 'off'], { description: '`off` ends dunning, `normal` begins it again by age' })
  }),
  { additionalProperties: false, minProperties: 1 }
)

export const PutInvoiceByRef = Type.Partial(
  closed({
    ...whose,
    ...claim,
    ...settings,
    issued_on: DayText,
    due_on: DayText,
    due_schedule: DueSchedule,
    dunning_start: DunningStartInput,
    applies_to: AppliesTo,
    for_commitment: ForCommitment,
    source_version: SourceVersion
  }),
  { additionalProperties: false }
)
export type PutInvoiceBody = Static<typeof PutInvoiceByRef>

export const VoidInvoice = closed({
  replaced_by_id: Type.Optional(Id),
  replaced_by_ref: Type.Optional(ref(ExternalRef))
})
export const RescheduleInvoice = closed({ due_on: Type.Optional(DayText), due_schedule: Type.Optional(DueSchedule) })

export const InvoiceQuery = closed({
  ...pageQuery,
  ...updatedSince,
  client_id: Type.Optional(Id),
  status: Type.Optional(oneOf(statuses)),
  currency: Type.Optional(CurrencyCode),
  number: Type.Optional(ShortText),
  is_overdue: Type.Optional(Type.Boolean({ description: 'As the invoice says it: by the day that it is for its client' })),
  due_from_on: Type.Optional(DayText),
  due_to_on: Type.Optional(DayText)
})

export { PendingWriteByRefSchema } from '../pending-writes/schemas.ts'

export const invoiceSchemas = [InvoiceSchema, InvoiceByRefSchema, CreateInvoice]

/** An invoice exactly as GET returns it and as events carry it. */
export function toApi({ invoice, obligations, externalRefs, timeZone }: InvoiceView, present: Present): InvoiceDocument {
  const today = todayFor(present, timeZone)
  const late = invoice.status === 'open' ? daysOverdue(obligations, today) : 0
  const amount = (minor: bigint) => formatAmount(minor, invoice.currency)
  const partOf = (part: Obligation) => ({
    due_on: part.dueOn,
    effective_due_on: effectiveDueOn(part),
    amount: amount(part.amountMinor),
    balance: amount(part.balanceMinor),
    days_overdue: part.balanceMinor > 0n ? Math.max(0, daysBetween(part.overdueFromOn, today) + 1) : 0,
    stage: part.stageCode
  })
  return {
    id: invoice.id,
    client_id: invoice.clientId,
    number: invoice.number,
    currency: invoice.currency,
    total: amount(invoice.totalMinor),
    balance: amount(invoice.balanceMinor),
    status: invoice.status,
    issued_on: invoice.issuedOn,
    due_on: invoice.dueOn,
    effective_due_on: lastEffectiveDueOn(obligations),
    due_schedule: obligations.map(partOf),
    is_partially_paid: invoice.status === 'open' && invoice.balanceMinor < invoice.totalMinor,
    is_overdue: late > 0,
    days_overdue: late,
    collection_method: invoice.collectionMethod,
    payment_links: [...invoice.paymentLinks],
    dunning_policy_id: invoice.dunningPolicyId,
    dunning: dunningToApi(invoice.dunningStart, leading(obligations)),
    external_refs: [...externalRefs],
    metadata: { ...invoice.metadata },
    replaced_by_id: invoice.replacedById,
    version: invoice.version,
    created_at: invoice.createdAt.toISOString(),
    updated_at: invoice.updatedAt.toISOString()
  }
}

function dunningToApi(start: (typeof dunningStarts)[number], obligation: Obligation | undefined): InvoiceDocument['dunning'] {
  return {
    start,
    policy_id: obligation?.policyId ?? null,
    policy_version: obligation?.policyVersion ?? null,
    stage: obligation?.stageCode ?? null,
    entered_at: obligation?.stageEnteredAt?.toISOString() ?? null,
    next_stage: obligation?.nextStageCode ?? null,
    next_at: obligation?.nextEntryAt?.toISOString() ?? null,
    held: obligation?.isHeld ?? false,
    cycle: obligation?.cycle ?? 1
  }
}
