import { type Static, Type } from 'typebox'
import {
  Amount,
  CurrencyCode,
  closed,
  DayText,
  ExternalRef,
  Id,
  InstantText,
  LongText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  updatedSince
} from '../../http/schemas.ts'
import { formatAmount } from '../../kernel/money.ts'
import { type Dispute, disputeReasons, disputeStatuses, faults, findings } from './dispute.ts'

export const DisputeSchema = named(
  'Dispute',
  closed(
    {
      id: Id,
      client_id: Id,
      invoice_id: Id,
      currency: CurrencyCode,
      amount: Amount,
      reason: oneOf(disputeReasons),
      note: nullable(Type.String()),
      opened_on: DayText,
      respond_by_on: nullable(Type.String({ format: 'date', description: 'The last day for your answer' })),
      overdue_at: nullable(Type.String({ format: 'date-time', description: 'When that day had passed without one' })),
      status: oneOf(disputeStatuses),
      resolution: nullable(
        closed(
          {
            at_fault: nullable(oneOf(faults)),
            credit: Amount,
            credit_note_id: nullable(Id),
            reason: nullable(
              oneOf(['invoice_closed'], {
                description: '`invoice_closed` where the invoice was voided or written off; null where somebody ended it'
              })
            ),
            note: nullable(Type.String()),
            resolved_on: DayText,
            resolved_at: InstantText
          },
          { description: 'How it ended; null while it is open' }
        )
      ),
      version: Type.Integer(),
      created_at: InstantText,
      updated_at: InstantText
    },
    { description: 'The client contests an invoice, or an amount of it: that is not dunned while it is open' }
  )
)

export const disputeSchemas = [DisputeSchema]

export const OpenDispute = closed(
  {
    invoice_id: Type.Optional(Id),
    invoice_ref: Type.Optional(ref(ExternalRef)),
    amount: Type.Optional({ ...Amount, description: 'What of the invoice is contested; absent contests all that is open of it' }),
    reason: oneOf(disputeReasons),
    ...optional({
      note: LongText,
      respond_by_on: Type.String({
        format: 'date',
        description: 'The last day for your answer; dispute.overdue fires on the next'
      })
    })
  },
  {
    examples: [
      {
        invoice_ref: { source: 'books', id: '2026-001' },
        amount: '250.00',
        reason: 'quality',
        note: 'Two of ten pieces came broken',
        respond_by_on: '2026-03-13'
      }
    ]
  }
)
export type OpenDisputeBody = Static<typeof OpenDispute>

export const ResolveDispute = closed(
  {
    outcome: oneOf(findings, {
      description: '`upheld` credits all that is disputed, `partly_upheld` the credit that is given, `rejected` nothing'
    }),
    at_fault: oneOf(faults),
    credit: Type.Optional({ ...Amount, description: 'For `partly_upheld`, and only for it' }),
    note: Type.Optional(LongText)
  },
  { examples: [{ outcome: 'partly_upheld', at_fault: 'ours', credit: '125.00' }] }
)

export const WithdrawDispute = closed({ note: Type.Optional(LongText) })

export const DisputeQuery = closed({
  ...pageQuery,
  ...updatedSince,
  ...optional({ client_id: Id, invoice_id: Id, status: oneOf(disputeStatuses) })
})

/** A dispute exactly as GET returns it and as events carry it. */
export function toApi(dispute: Dispute): Static<typeof DisputeSchema> {
  const { resolution } = dispute
  return {
    id: dispute.id,
    client_id: dispute.clientId,
    invoice_id: dispute.invoiceId,
    currency: dispute.currency,
    amount: formatAmount(dispute.amountMinor, dispute.currency),
    reason: dispute.reason,
    note: dispute.note,
    opened_on: dispute.openedOn,
    respond_by_on: dispute.respondByOn,
    overdue_at: dispute.overdueAt?.toISOString() ?? null,
    status: dispute.status,
    resolution: resolution && {
      at_fault: resolution.atFault,
      credit: formatAmount(resolution.creditMinor, dispute.currency),
      credit_note_id: resolution.creditNoteId,
      reason: resolution.reason,
      note: resolution.note,
      resolved_on: resolution.resolvedOn,
      resolved_at: resolution.resolvedAt.toISOString()
    },
    version: dispute.version,
    created_at: dispute.createdAt.toISOString(),
    updated_at: dispute.updatedAt.toISOString()
  }
}
