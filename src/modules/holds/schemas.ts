import { type Static, Type } from 'typebox'
import { coveredFields, coveredToApi, INVOICES_SHOWN } from '../../http/covered.ts'
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
  updatedSince
} from '../../http/schemas.ts'
import { formatAmount } from '../../kernel/money.ts'
import { type Hold, holdReasons, lastingReasons, manualReasons, resumptions } from './hold.ts'

const byHand = [...manualReasons, ...lastingReasons] as const

export const HoldSchema = named(
  'Hold',
  closed(
    {
      id: Id,
      client_id: Id,
      scope: oneOf(['client', 'invoices'], { description: '`client`: everything it owes, what comes later too' }),
      ...coveredFields,
      reason: oneOf(holdReasons),
      resume: oneOf(resumptions, {
        description:
          '`by_age`: the age goes on counting, and dunning resumes where it stands then; `shift`: the clock stands still'
      }),
      from_on: DayText,
      until_on: nullable(Type.String({ format: 'date', description: 'The last day; null until it is released' })),
      part: nullable(
        closed(
          { amount: Amount, currency: CurrencyCode },
          { description: 'Amount of its invoices that is not dunned, in sum; null for all of them' }
        )
      ),
      parts: Type.Array(closed({ invoice_id: Id, amount: Amount }), {
        maxItems: INVOICES_SHOWN,
        description:
          'Amount of each invoice in `invoice_ids` that is not dunned, up to its balance; empty if all of them are held whole'
      }),
      restores_service: Type.Boolean({
        description: 'Whether service that a stage of its invoices suspended goes on while it holds; as its promise or plan says'
      }),
      note: nullable(Type.String()),
      origin: nullable(
        closed(
          { kind: oneOf(['promise', 'dispute', 'payment_plan', 'payment', 'stage_entry']), id: Id },
          {
            description: 'What placed it, and ends it; null for a hold by hand'
          }
        )
      ),
      is_active: Type.Boolean(),
      released_at: nullable(InstantText),
      released_on: nullable(DayText),
      release_reason: nullable(Type.String()),
      review_due_at: nullable(
        Type.String({
          format: 'date-time',
          description:
            'Since when nothing is open that it was placed for: release it, or new invoices of the client are not dunned either. Only of a hold by hand without `until_on`; null while something is open'
        })
      ),
      version: Type.Integer(),
      created_at: InstantText,
      updated_at: InstantText
    },
    { description: 'A reason not to dun. Several may overlap: dunning resumes when the last one ends' }
  )
)

export const HeldInvoiceSchema = named(
  'HeldInvoice',
  closed({
    invoice_id: Id,
    amount: nullable(Type.String({ description: 'What of it is not dunned, up to its balance; null if all of it is not' }))
  })
)

export const holdSchemas = [HoldSchema, HeldInvoiceSchema]

export const PlaceHold = closed(
  {
    client_id: Type.Optional(Id),
    client_ref: Type.Optional(ref(ExternalRef)),
    invoice_ids: Type.Optional(
      Type.Array(Id, { minItems: 1, maxItems: 200, uniqueItems: true, description: 'Absent holds the whole client' })
    ),
    invoice_refs: Type.Optional(InvoiceRefs),
    reason: oneOf(byHand, { description: `${lastingReasons.join(', ')} end only by hand` }),
    ...optional({
      resume: oneOf(resumptions, { description: '`by_age` unless said' }),
      until_on: DayText,
      note: LongText
    })
  },
  {
    examples: [
      {
        client_ref: { source: 'crm', id: 'C-1001' },
        reason: 'claims_paid',
        until_on: '2026-03-13',
        note: 'Sends the bank receipt'
      }
    ]
  }
)
export type PlaceHoldBody = Static<typeof PlaceHold>

export const ReleaseHold = closed({})

export const HeldInvoiceQuery = closed(pageQuery)

export const HoldQuery = closed({
  ...pageQuery,
  ...updatedSince,
  ...optional({
    client_id: Id,
    invoice_id: Id,
    reason: oneOf(holdReasons),
    active: Type.Boolean({ description: 'Whether it holds something still' })
  })
})

/** What of an invoice a hold over parts holds; null where it holds all of it. */
function heldOf({ part, partOf }: Hold, invoiceId: string): string | null {
  return part === null ? null : formatAmount(partOf.get(invoiceId) ?? 0n, part.currency)
}

export function heldInvoiceToApi(hold: Hold, invoiceId: string): Static<typeof HeldInvoiceSchema> {
  return { invoice_id: invoiceId, amount: heldOf(hold, invoiceId) }
}

/** A hold exactly as GET returns it and as events carry it. */
export function toApi(hold: Hold): Static<typeof HoldSchema> {
  const { part } = hold
  return {
    id: hold.id,
    client_id: hold.clientId,
    scope: hold.scope,
    ...coveredToApi(hold.invoiceIds, `/v1/holds/${hold.id}`),
    reason: hold.reason,
    resume: hold.resume,
    from_on: hold.fromOn,
    until_on: hold.untilOn,
    part: part && { amount: formatAmount(part.minor, part.currency), currency: part.currency },
    parts: [...hold.partOf.keys()].slice(0, INVOICES_SHOWN).map((id) => ({ invoice_id: id, amount: heldOf(hold, id) ?? '' })),
    restores_service: hold.restoresService,
    note: hold.note,
    origin: hold.origin && { ...hold.origin },
    is_active: hold.releasedAt === null,
    released_at: hold.releasedAt?.toISOString() ?? null,
    released_on: hold.releasedOn,
    release_reason: hold.releaseReason,
    review_due_at: hold.reviewDueAt?.toISOString() ?? null,
    version: hold.version,
    created_at: hold.createdAt.toISOString(),
    updated_at: hold.updatedAt.toISOString()
  }
}
