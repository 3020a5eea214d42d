import { isDeepStrictEqual } from 'node:util'
import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import type { PaymentTerms } from '../../kernel/terms.ts'
import type { EventType } from '../events/event.ts'
import { type ExternalRef, inOrder } from '../references/reference.ts'
import { contactsAfter } from './contacts.ts'

export const contactRoles = ['billing', 'approver', 'owner', 'legal', 'guarantor'] as const
export type ContactRole = (typeof contactRoles)[number]

/** What the business should do for this client: a function of the stages of dunning that stand. */
export const serviceStatuses = ['active', 'suspended', 'ending'] as const
export type ServiceStatus = (typeof serviceStatuses)[number]

/** `ending` is further than `suspended`. */
export function isFurther(status: ServiceStatus, than: ServiceStatus): boolean {
  return serviceStatuses.indexOf(status) > serviceStatuses.indexOf(than)
}

export type Contact = Readonly<{
  id: string
  /** What a source calls it. */
  ref: string | null
  name: string
  salutation: string | null
  role: ContactRole
  email: string | null
  phone: string | null
  locale: string | null
  doNotContact: boolean
}>

/** What a caller sets on a client. Null means: as the organization has it, or none. */
export type ClientSettings = Readonly<{
  name: string
  locale: string | null
  timeZone: string | null
  currency: Currency | null
  paymentTerms: PaymentTerms | null
  parentId: string | null
  dunningPolicyId: string | null
  /** The last day on which nothing of this client is dunned. */
  dunningExemptUntilOn: Day | null
  tags: readonly string[]
  metadata: Readonly<Record<string, string>>
}>

export type Client = ClientSettings &
  Readonly<{
    id: string
    contacts: readonly Contact[]
    externalRefs: readonly ExternalRef[]
    /** An archived client gets no new invoices; what is open stays open. */
    archivedAt: Date | null
    serviceStatus: ServiceStatus
    /** From then on it gets no new invoices but those for what was agreed before. */
    offboardingStartedAt: Date | null
    /** When nothing was owed any more. */
    offboardedAt: Date | null
    /** When a notice goes that may not go yet; null where none waits. */
    nextNoticeAt: Date | null
    /** Since when the first of its holds waits to be reviewed. Read from the holds. */
    holdReviewDueAt: Date | null
    version: number
    createdAt: Date
    updatedAt: Date
  }>

/** What an invoice or a dunning decision needs to know of its client. */
export type ClientTerms = Readonly<
  Pick<
    Client,
    | 'id'
    | 'name'
    | 'locale'
    | 'timeZone'
    | 'paymentTerms'
    | 'currency'
    | 'dunningPolicyId'
    | 'dunningExemptUntilOn'
    | 'archivedAt'
    | 'offboardingStartedAt'
    | 'parentId'
  >
>

/** What a caller states of a contact. An omitted field is unchanged on a contact that is known. */
export type ContactDraft = Readonly<Pick<Contact, 'name'> & Partial<Contact>>

export type NewClient = ClientSettings &
  Readonly<{
    contacts: readonly ContactDraft[]
    externalRefs: readonly ExternalRef[]
    archived: boolean
    /** In place of `parentId`. */
    parentRef?: ExternalRef
  }>

/** The invoices that another dunning policy is for: those issued from now on, or the open ones too. */
export const policyScopes = ['new_invoices', 'all'] as const
export type PolicyScope = (typeof policyScopes)[number]

/** Another policy of a client, and how many open invoices without one of their own it moved or left. */
export type PolicyChange = Readonly<{ appliesTo: PolicyScope; invoices: number }>

/** Omitted fields are unchanged; null clears a field. */
export type ClientChange = Readonly<Partial<NewClient> & { policyAppliesTo?: PolicyScope }>

export const unsetClient: Omit<NewClient, 'name'> = {
  locale: null,
  timeZone: null,
  currency: null,
  paymentTerms: null,
  parentId: null,
  dunningPolicyId: null,
  dunningExemptUntilOn: null,
  tags: [],
  metadata: {},
  contacts: [],
  externalRefs: [],
  archived: false
}

/** The client after a change, with its version still to be raised by whoever finds that something changed. */
export function applyChange(
  before: Client,
  change: Omit<ClientChange, 'parentRef'>,
  { now, newId }: { now: Date; newId: () => string }
): Client {
  const { contacts, archived, policyAppliesTo: _, externalRefs, ...rest } = change
  const archivedAt = archived === undefined ? before.archivedAt : archived ? (before.archivedAt ?? now) : null
  return {
    ...before,
    ...rest,
    archivedAt,
    externalRefs: externalRefs === undefined ? before.externalRefs : inOrder(externalRefs),
    contacts: contacts === undefined ? before.contacts : contactsAfter(before.contacts, contacts, newId)
  }
}

/** The events of a client that was `before` and is `after`, in the order in which they are sent. */
export function eventTypesOf(before: Client, after: Client): EventType[] {
  const isBack = before.offboardedAt !== null && after.offboardedAt === null
  const service = {
    active: 'client.service_restored',
    suspended: 'client.service_suspended',
    ending: 'client.service_ending'
  } as const
  return [
    ...(isBack || !isDeepStrictEqual(settingsOf(before), settingsOf(after)) ? (['client.updated'] as const) : []),
    ...(before.serviceStatus === after.serviceStatus ? [] : [service[after.serviceStatus]]),
    ...(before.offboardingStartedAt === null && after.offboardingStartedAt !== null
      ? (['client.offboarding_started'] as const)
      : []),
    ...(before.offboardedAt === null && after.offboardedAt !== null ? (['client.offboarding_completed'] as const) : [])
  ]
}

/** What a caller sets; the rest has events of its own, or is of dunning. */
function settingsOf(client: Client) {
  const { serviceStatus, offboardingStartedAt, offboardedAt, nextNoticeAt, version, updatedAt, ...settings } = client
  return settings
}

/** Whether a change touches what dunning decides by besides the policy. */
export function changesGrounds(before: Client, after: Client): boolean {
  return before.timeZone !== after.timeZone || before.dunningExemptUntilOn !== after.dunningExemptUntilOn
}

/** @throws DomainError for a change of the policy that does not state which invoices it is for. */
export function policyScopeOf(before: Client, after: Client, { policyAppliesTo }: ClientChange): PolicyScope | null {
  if (before.dunningPolicyId === after.dunningPolicyId) return null
  if (policyAppliesTo !== undefined) return policyAppliesTo
  const sentence =
    'State which invoices another policy is for: `all` moves the open ones, `new_invoices` leaves them on the policy that they have.'
  throw new DomainError('invalid_request', sentence, { pointer: '/applies_to' })
}
