import { DomainError } from '../../kernel/errors.ts'

export const interactionKinds = ['call', 'e_mail', 'sms', 'letter', 'meeting', 'visit', 'note'] as const
export type InteractionKind = (typeof interactionKinds)[number]

export const directions = ['inbound', 'outbound'] as const
export type Direction = (typeof directions)[number]

/** What becomes of a message that somebody is told by, in the order in which it happens. */
export const messageOutcomes = ['sent', 'delivered', 'bounced', 'suppressed', 'answered'] as const
export type MessageOutcome = (typeof messageOutcomes)[number]

export const interactionOutcomes = [
  'reached',
  'no_answer',
  'replied',
  'promised',
  'disputed',
  'refused',
  'evasive',
  'claims_paid',
  'fee_haggling',
  'after_hours_demand',
  'abusive',
  'scope_change',
  ...messageOutcomes,
  'other'
] as const
export type InteractionOutcome = (typeof interactionOutcomes)[number]

export const nonPaymentReasons = [
  'cash_flow',
  'seasonal',
  'unaware_of_terms',
  'invoice_not_received',
  'awaiting_approval',
  'claims_paid',
  'dissatisfied',
  'misunderstanding',
  'unwilling',
  'unknown'
] as const
export type NonPaymentReason = (typeof nonPaymentReasons)[number]

/** What a caller says of an interaction, once its client is known. */
type Told = Readonly<{
  clientId: string
  kind: InteractionKind
  /** Null for a note, which nobody says to anybody. */
  direction: Direction | null
  contactId: string | null
  /** Who of us. */
  by: string | null
  minutes: number | null
  outcome: InteractionOutcome | null
  nonPaymentReason: NonPaymentReason | null
  summary: string | null
  /** The stage entry that it tells the outcome of. */
  dunningEntryId: string | null
  metadata: Readonly<Record<string, string>>
}>

/** What was said, by whom and how. Kept as it was logged: what is remembered differently later is another one. */
export type Interaction = Told &
  Readonly<{
    id: string
    /** In the order in which they were named. */
    invoiceIds: readonly string[]
    /** The organization's time. */
    occurredAt: Date
    /** Real time. */
    createdAt: Date
  }>

/** An invoice that it was about, with the field of the body that names it. */
export type NamedInvoice = Readonly<{ id: string; pointer: string }>

export type NewInteraction = Told &
  Readonly<{
    invoices: readonly NamedInvoice[]
    /** The organization's now where it is not said. */
    occurredAt: Date | null
  }>

/** What the ledger knows of what an interaction names. */
export type Surroundings = Readonly<{
  now: Date
  /** By invoice id; an invoice that does not exist is not among them. */
  clientOfInvoice: ReadonlyMap<string, string>
  contactIds: ReadonlySet<string>
}>

/** @throws DomainError that names the field. */
export function interactionOf(input: NewInteraction, around: Surroundings, made: { id: string; at: Date }): Interaction {
  const { invoices, occurredAt, ...told } = input
  requireDirection(told)
  requireInvoices(input, around)
  requireContact(input, around)
  return {
    ...told,
    id: made.id,
    invoiceIds: invoices.map(({ id }) => id),
    occurredAt: pastInstant(occurredAt ?? around.now, around.now),
    createdAt: made.at
  }
}

function requireDirection({ kind, direction }: Told): void {
  if ((kind === 'note') === (direction === null)) return
  const sentence =
    kind === 'note'
      ? 'A note has no direction: nobody is spoken to.'
      : `This field is required for the kind ${kind}: inbound or outbound.`
  throw new DomainError('invalid_request', sentence, { pointer: '/direction' })
}

const INVOICES_MAX = 50

function requireInvoices({ invoices, clientId }: NewInteraction, { clientOfInvoice }: Surroundings): void {
  for (const [index, { id, pointer }] of invoices.entries()) {
    if (index >= INVOICES_MAX)
      throw new DomainError('invalid_request', `An interaction is about ${INVOICES_MAX} invoices at most.`, { pointer })
    if (invoices.findIndex((other) => other.id === id) !== index)
      throw new DomainError('invalid_request', 'This invoice is named twice.', { pointer })
    if (clientOfInvoice.get(id) !== clientId)
      throw new DomainError('reference_not_found', 'The client has no such invoice.', { pointer })
  }
}

function requireContact({ contactId }: NewInteraction, { contactIds }: Surroundings): void {
  if (contactId === null || contactIds.has(contactId)) return
  throw new DomainError('reference_not_found', 'The client has no such contact.', { pointer: '/contact_id' })
}

function pastInstant(at: Date, now: Date): Date {
  if (at <= now) return at
  const sentence = `It is ${now.toISOString()} for this organization: what is later has not been said yet.`
  throw new DomainError('invalid_date', sentence, { pointer: '/occurred_at' })
}
