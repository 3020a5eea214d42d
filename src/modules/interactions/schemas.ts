import { type Static, Type } from 'typebox'
import {
  closed,
  ExternalRef,
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
  updatedSince
} from '../../http/schemas.ts'
import { directions, type Interaction, interactionKinds, interactionOutcomes, nonPaymentReasons } from './interaction.ts'

const MINUTES_MAX = 1_440

const kind = oneOf(interactionKinds)
const details = {
  direction: nullable(oneOf(directions, { description: 'Null for a note; every other kind has one' })),
  contact_id: nullable(Type.String({ format: 'uuid', description: 'A contact of the client' })),
  by: nullable(Type.String({ minLength: 1, maxLength: 200, description: 'Who of you' })),
  minutes: nullable(Type.Integer({ minimum: 0, maximum: MINUTES_MAX, description: 'What it took of your time' })),
  outcome: nullable(oneOf(interactionOutcomes)),
  non_payment_reason: nullable(oneOf(nonPaymentReasons, { description: 'Why they do not pay, as far as it came out' })),
  summary: nullable(LongText)
}

export const InteractionSchema = named(
  'Interaction',
  closed(
    {
      id: Id,
      client_id: Id,
      invoice_ids: Type.Array(Id, { maxItems: 50, description: 'What it was about' }),
      kind,
      ...details,
      occurred_at: InstantText,
      dunning_entry_id: nullable(
        Type.String({
          format: 'uuid',
          description: 'The stage entry that it is an outcome of; null unless it was reported as one'
        })
      ),
      metadata: Metadata,
      version: Type.Integer({ description: 'Always 1: an interaction is not edited' }),
      created_at: InstantText
    },
    { description: 'What was said, by whom and how' }
  )
)
export type InteractionDocument = Static<typeof InteractionSchema>

export const LogInteraction = closed(
  {
    ...optional({
      client_id: Id,
      client_ref: ref(ExternalRef),
      invoice_ids: Type.Array(Id, { maxItems: 50, description: 'Invoices of the client' }),
      invoice_refs: Type.Array(ref(ExternalRef), {
        maxItems: 50,
        description: 'The same by what another system calls them; together with invoice_ids 50 at most'
      })
    }),
    kind,
    ...optional({
      ...details,
      occurred_at: Type.String({ format: 'date-time', description: 'Not in the future; now where it is not said' }),
      metadata: Metadata
    })
  },
  {
    examples: [
      {
        client_ref: { source: 'crm', id: 'C-1001' },
        kind: 'call',
        direction: 'outbound',
        by: 'Ann',
        minutes: 6,
        outcome: 'promised',
        non_payment_reason: 'awaiting_approval',
        summary: 'Will be paid with the next run, on Friday.'
      }
    ]
  }
)
export type LogInteractionBody = Static<typeof LogInteraction>

export const InteractionQuery = closed({
  ...pageQuery,
  ...updatedSince,
  ...optional({ client_id: Id, invoice_id: Id, kind, outcome: oneOf(interactionOutcomes) })
})

export const interactionSchemas = [InteractionSchema]

/** An interaction exactly as GET returns it and as its event carries it. */
export function toApi(interaction: Interaction): InteractionDocument {
  return {
    id: interaction.id,
    client_id: interaction.clientId,
    invoice_ids: [...interaction.invoiceIds],
    kind: interaction.kind,
    direction: interaction.direction,
    contact_id: interaction.contactId,
    by: interaction.by,
    minutes: interaction.minutes,
    outcome: interaction.outcome,
    non_payment_reason: interaction.nonPaymentReason,
    summary: interaction.summary,
    occurred_at: interaction.occurredAt.toISOString(),
    dunning_entry_id: interaction.dunningEntryId,
    metadata: { ...interaction.metadata },
    version: 1,
    created_at: interaction.createdAt.toISOString()
  }
}
