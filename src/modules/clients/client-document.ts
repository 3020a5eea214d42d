import type { PaymentTerms } from '../../kernel/terms.ts'
import { inOrder } from '../references/reference.ts'
import type { Client, Contact, PolicyChange } from './client.ts'

export type ClientDocument = ReturnType<typeof toDocument>

/** What GET returns and events carry. Equal clients give equal text: lists and keys have one order. */
export function toDocument(client: Client) {
  const { paymentTerms } = client
  return {
    id: client.id,
    name: client.name,
    locale: client.locale,
    time_zone: client.timeZone,
    currency: client.currency as string | null,
    payment_terms: paymentTerms && termsDocument(paymentTerms),
    parent_id: client.parentId,
    dunning_policy_id: client.dunningPolicyId,
    dunning_exempt_until_on: client.dunningExemptUntilOn as string | null,
    tags: [...client.tags],
    metadata: inKeyOrder(client.metadata),
    external_refs: inOrder(client.externalRefs),
    contacts: client.contacts.map(contactDocument),
    archived_at: client.archivedAt?.toISOString() ?? null,
    service_status: client.serviceStatus,
    offboarding_started_at: client.offboardingStartedAt?.toISOString() ?? null,
    offboarded_at: client.offboardedAt?.toISOString() ?? null,
    next_notice_at: client.nextNoticeAt?.toISOString() ?? null,
    hold_review_due_at: client.holdReviewDueAt?.toISOString() ?? null,
    version: client.version,
    created_at: client.createdAt.toISOString(),
    updated_at: client.updatedAt.toISOString()
  }
}

/** What an answer to a change carries besides the client. */
export function changeDocument(client: Client, policyChange: PolicyChange | null) {
  return { ...toDocument(client), ...(policyChange !== null && { policy_change: changed(policyChange) }) }
}

function changed({ appliesTo, invoices }: PolicyChange) {
  return { applies_to: appliesTo, invoices }
}

function termsDocument(terms: PaymentTerms): PaymentTerms {
  switch (terms.kind) {
    case 'net':
      return { kind: terms.kind, days: terms.days }
    case 'end_of_month':
      return { kind: terms.kind, days: terms.days, calendar: terms.calendar }
    case 'day_of_month':
      return { kind: terms.kind, day: terms.day, months: terms.months, calendar: terms.calendar }
  }
}

function contactDocument(contact: Contact) {
  return {
    id: contact.id,
    ref: contact.ref,
    name: contact.name,
    salutation: contact.salutation,
    role: contact.role,
    email: contact.email,
    phone: contact.phone,
    locale: contact.locale,
    do_not_contact: contact.doNotContact
  }
}

/** The database keeps the keys of a JSON object in an order of its own. */
function inKeyOrder(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
