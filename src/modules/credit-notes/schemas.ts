import { type Static, Type } from 'typebox'
import {
  Amount,
  CurrencyCode,
  closed,
  DayText,
  Id,
  InstantText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  updatedSince
} from '../../http/schemas.ts'
import { formatAmount } from '../../kernel/money.ts'
import { type CreditNote, creditReasons } from './credit-note.ts'

export const CreditNoteSchema = named(
  'CreditNote',
  closed(
    {
      id: Id,
      client_id: Id,
      invoice_id: Id,
      dispute_id: nullable(Type.String({ format: 'uuid', description: 'The dispute whose outcome it is' })),
      currency: CurrencyCode,
      amount: Amount,
      released: Type.String({
        description: 'What payments had settled of the amount already: unapplied credit of those payments since'
      }),
      reason: oneOf(creditReasons),
      note: nullable(Type.String()),
      issued_on: DayText,
      version: Type.Integer(),
      created_at: InstantText,
      updated_at: InstantText
    },
    { description: 'Takes from what an invoice claims, without money' }
  )
)

export const creditNoteSchemas = [CreditNoteSchema]

export const CreditNoteQuery = closed({ ...pageQuery, ...updatedSince, ...optional({ client_id: Id, invoice_id: Id }) })

/** A credit note exactly as GET returns it and as events carry it. */
export function toApi(note: CreditNote): Static<typeof CreditNoteSchema> {
  return {
    id: note.id,
    client_id: note.clientId,
    invoice_id: note.invoiceId,
    dispute_id: note.disputeId,
    currency: note.currency,
    amount: formatAmount(note.amountMinor, note.currency),
    released: formatAmount(note.releasedMinor, note.currency),
    reason: note.reason,
    note: note.note,
    issued_on: note.issuedOn,
    version: note.version,
    created_at: note.createdAt.toISOString(),
    updated_at: note.updatedAt.toISOString()
  }
}
