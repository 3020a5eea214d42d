import { type Static, Type } from 'typebox'
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
import { installmentStatuses, type PaymentPlan, planStatuses } from './plan.ts'
import type { Previewed } from './proposal-service.ts'
import { INSTALLMENTS_MAX, intervals } from './schedule.ts'

const InstallmentSchema = closed({
  position: Type.Integer({ minimum: 1 }),
  due_on: DayText,
  amount: Amount,
  paid: Amount,
  credited: Type.String({ description: 'What of it is owed no more though no money came for it, as after a credit note' }),
  status: oneOf(installmentStatuses, {
    description: '`missed` once its grace is over; `paid` once nothing of it is left to pay, even if late'
  }),
  missed_on: nullable(Type.String({ format: 'date', description: 'Stays when it is paid later' }))
})

const COVERED_MAX = 200

const AcceptanceSchema = closed({
  accepted_by: ShortText,
  accepted_at: InstantText,
  channel: nullable(Type.String()),
  note: nullable(Type.String()),
  document_url: nullable(Type.String())
})

export const PaymentPlanSchema = named(
  'PaymentPlan',
  closed(
    {
      id: Id,
      client_id: Id,
      invoice_ids: Type.Array(Id, { maxItems: COVERED_MAX }),
      currency: CurrencyCode,
      covered: Type.String({ description: 'What was open of the invoices when it was proposed' }),
      discount: Type.String({ description: 'Given up when it is completed, void when it is broken' }),
      total: Type.String({ description: 'What is to be paid: the sum of the installments' }),
      paid: Amount,
      installments: Type.Array(InstallmentSchema, { maxItems: INSTALLMENTS_MAX + 1 }),
      grace_days: Type.Integer(),
      break_after_missed: Type.Integer(),
      restores_service: Type.Boolean({ description: 'Whether service goes on while the plan is active' }),
      expires_on: DayText,
      status: oneOf(planStatuses),
      acceptance: nullable(AcceptanceSchema),
      accepted_on: nullable(DayText),
      replaces_id: nullable(Id),
      replaced_by_id: nullable(Id),
      ended_on: nullable(DayText),
      end_reason: nullable(Type.String()),
      note: nullable(Type.String()),
      version: Type.Integer(),
      created_at: InstantText,
      updated_at: InstantText
    },
    { description: 'An agreement to pay invoices in parts by dates. While it is active its installments are what is due' }
  )
)

export const PlanPreviewSchema = named(
  'PlanPreview',
  closed({
    currency: CurrencyCode,
    covered: Amount,
    discount: Amount,
    total: Amount,
    installments: Type.Array(closed({ position: Type.Integer(), due_on: DayText, amount: Amount }), {
      maxItems: INSTALLMENTS_MAX + 1,
      description: 'The down payment, where there is one, first'
    })
  })
)

export const planSchemas = [PaymentPlanSchema, PlanPreviewSchema]

const EqualScheduleSchema = closed({
  kind: Type.Unsafe<'equal'>({ type: 'string', const: 'equal' }),
  count: Type.Integer({ minimum: 1, maximum: INSTALLMENTS_MAX }),
  every: oneOf(intervals),
  first_on: DayText,
  calendar: Type.Optional(oneOf(['iso8601', 'persian', 'hebrew'], { description: 'Whose months count; iso8601 unless said' })),
  down_payment: Type.Optional(
    closed({ amount: Amount, due_on: Type.Optional(Type.String({ format: 'date', description: 'Today unless said' })) })
  )
})
const CustomScheduleSchema = closed({
  kind: Type.Unsafe<'custom'>({ type: 'string', const: 'custom' }),
  installments: Type.Array(closed({ due_on: DayText, amount: Amount }), { minItems: 1, maxItems: INSTALLMENTS_MAX })
})
export type ScheduleBody = Static<typeof EqualScheduleSchema> | Static<typeof CustomScheduleSchema>

const ScheduleSchema = Type.Unsafe<ScheduleBody>({
  description: '`equal` parts, or `custom` ones that sum to what is covered less the discount',
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: [EqualScheduleSchema, CustomScheduleSchema]
})

const terms = {
  schedule: ScheduleSchema,
  ...optional({
    discount: Amount,
    grace_days: Type.Integer({ minimum: 0, maximum: 30, description: '3 unless said' }),
    break_after_missed: Type.Integer({
      minimum: 1,
      maximum: INSTALLMENTS_MAX,
      description: 'Installments ever missed that break it; 2 unless said, 1 for a plan of one'
    }),
    restores_service: Type.Boolean({
      description:
        'Default false: service that a stage suspended stays suspended until the stage is settled. `true` restores it while the plan is active, as far as the invoices of the plan are what suspended it; it is suspended again if the plan is broken or cancelled'
    }),
    expires_on: Type.String({ format: 'date', description: 'The last day to accept it; in 14 days unless said' }),
    note: LongText
  })
}

const covered = {
  client_id: Type.Optional(Id),
  client_ref: Type.Optional(ref(ExternalRef)),
  invoice_ids: Type.Optional(
    Type.Array(Id, {
      minItems: 1,
      maxItems: COVERED_MAX,
      uniqueItems: true,
      description: 'Required unless `invoice_refs` is sent'
    })
  ),
  invoice_refs: Type.Optional(InvoiceRefs)
}

const example = {
  client_ref: { source: 'crm', id: 'C-1001' },
  invoice_ids: ['01900000-0000-7000-8000-000000000001'],
  schedule: { kind: 'equal', count: 6, every: 'monthly', first_on: '2026-01-31' }
}

export const ProposePlan = closed({ ...covered, ...terms }, { examples: [example] })
export type ProposePlanBody = Static<typeof ProposePlan>
export const RenegotiatePlan = closed(terms)
export type RenegotiatePlanBody = Static<typeof RenegotiatePlan>

export const AcceptPlan = closed({
  accepted_by: ShortText,
  ...optional({
    accepted_at: InstantText,
    channel: ShortText,
    note: LongText,
    document_url: Type.String({ format: 'web-url', maxLength: 2000 })
  })
})
export type AcceptPlanBody = Static<typeof AcceptPlan>
export const RejectPlan = closed({})
export const CancelPlan = closed(optional({ reason: ShortText }))

export const PlanQuery = closed({
  ...pageQuery,
  ...updatedSince,
  ...optional({ client_id: Id, invoice_id: Id, status: oneOf(planStatuses) })
})

/** A plan exactly as GET returns it and as events carry it. */
export function toApi(plan: PaymentPlan): Static<typeof PaymentPlanSchema> {
  const amount = (minor: bigint) => formatAmount(minor, plan.currency)
  const { acceptance } = plan
  return {
    id: plan.id,
    client_id: plan.clientId,
    invoice_ids: [...plan.invoiceIds],
    currency: plan.currency,
    covered: amount(plan.coveredMinor),
    discount: amount(plan.discountMinor),
    total: amount(plan.coveredMinor - plan.discountMinor),
    paid: amount(plan.installments.reduce((sum, { paidMinor }) => sum + paidMinor, 0n)),
    installments: plan.installments.map((one, index) => ({
      position: index + 1,
      due_on: one.dueOn,
      amount: amount(one.amountMinor),
      paid: amount(one.paidMinor),
      credited: amount(one.creditedMinor),
      status: one.status,
      missed_on: one.missedOn
    })),
    grace_days: plan.graceDays,
    break_after_missed: plan.breakAfterMissed,
    restores_service: plan.restoresService,
    expires_on: plan.expiresOn,
    status: plan.status,
    acceptance: acceptance && {
      accepted_by: acceptance.by,
      accepted_at: acceptance.at.toISOString(),
      channel: acceptance.channel,
      note: acceptance.note,
      document_url: acceptance.documentUrl
    },
    accepted_on: plan.acceptedOn,
    replaces_id: plan.replacesId,
    replaced_by_id: plan.replacedById,
    ended_on: plan.endedOn,
    end_reason: plan.endReason,
    note: plan.note,
    version: plan.version,
    created_at: plan.createdAt.toISOString(),
    updated_at: plan.updatedAt.toISOString()
  }
}

export function previewToApi({
  currency,
  coveredMinor,
  discountMinor,
  installments
}: Previewed): Static<typeof PlanPreviewSchema> {
  const amount = (minor: bigint) => formatAmount(minor, currency)
  return {
    currency,
    covered: amount(coveredMinor),
    discount: amount(discountMinor),
    total: amount(coveredMinor - discountMinor),
    installments: installments.map(({ dueOn, amountMinor }, index) => ({
      position: index + 1,
      due_on: dueOn,
      amount: amount(amountMinor)
    }))
  }
}
