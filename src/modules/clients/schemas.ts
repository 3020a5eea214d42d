import { type Static, Type } from 'typebox'
import { at } from '../../http/fields.ts'
import {
  CurrencyCode,
  closed,
  DayText,
  ExternalRef,
  ExternalRefs,
  Id,
  InstantText,
  Locale,
  Metadata,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  ShortText,
  SourceVersion,
  TimeZone,
  updatedSince
} from '../../http/schemas.ts'
import { day } from '../../kernel/day.ts'
import { DomainError, requireTogether } from '../../kernel/errors.ts'
import { knownCurrency } from '../../kernel/money.ts'
import { PaymentTermsSchema, termsFrom } from '../organizations/schemas.ts'
import { PendingWriteByRefSchema, PendingWriteSchema } from '../pending-writes/schemas.ts'
import {
  type ClientChange,
  type ContactDraft,
  contactRoles,
  type NewClient,
  policyScopes,
  serviceStatuses,
  unsetClient
} from './client.ts'

const Tag = Type.String({ minLength: 1, maxLength: 64 })

const contactFields = {
  ref: nullable(
    Type.String({ minLength: 1, maxLength: 200, description: 'Your system’s id of the contact; unique within the client' })
  ),
  name: ShortText,
  salutation: nullable(Type.String({ minLength: 1, maxLength: 60 })),
  role: oneOf(contactRoles, { description: 'billing unless said' }),
  email: nullable(Type.String({ format: 'email', maxLength: 254 })),
  phone: nullable(Type.String({ minLength: 1, maxLength: 40 })),
  locale: nullable(Locale),
  do_not_contact: Type.Boolean({
    description: 'Is never written to nor called. Only a request that states `false` for this contact ends it'
  })
}

export const ContactSchema = named('Contact', closed({ id: Id, ...contactFields }))

const writtenContact = { ...optional(contactFields), name: ShortText }
const NewContact = closed(writtenContact)
const ChangedContact = closed({
  id: Type.Optional(Id),
  ...writtenContact
})

const CONTACTS_MAX = 50

const settings = {
  name: ShortText,
  locale: nullable(Locale),
  time_zone: nullable(TimeZone),
  currency: nullable(CurrencyCode),
  payment_terms: nullable(ref(PaymentTermsSchema)),
  parent_id: nullable(Id),
  dunning_policy_id: nullable(Id),
  dunning_exempt_until_on: nullable(DayText),
  tags: Type.Array(Tag, { maxItems: 50, uniqueItems: true }),
  metadata: Metadata,
  external_refs: ExternalRefs
}

const clientFields = {
  id: Id,
  ...settings,
  contacts: Type.Array(ref(ContactSchema), { maxItems: CONTACTS_MAX }),
  archived_at: nullable(InstantText),
  service_status: oneOf(serviceStatuses, {
    description: '`suspended` or `ending` where a stage of dunning asked for it; paying what caused it restores it'
  }),
  offboarding_started_at: nullable(InstantText),
  offboarded_at: nullable(Type.String({ format: 'date-time', description: 'Nothing was owed any more' })),
  next_notice_at: nullable(
    Type.String({
      format: 'date-time',
      description:
        'When a `client.dunning_notice_due` goes that waits for `contact_limits`, if nothing happens before; null where none waits'
    })
  ),
  hold_review_due_at: nullable(
    Type.String({
      format: 'date-time',
      description:
        'Since when a hold of the client waits to be released by hand, because nothing is open that it was placed for (`review_due_at` of the hold); null where none does'
    })
  ),
  version: Type.Integer(),
  created_at: InstantText,
  updated_at: InstantText
}

export const ClientSchema = named(
  'Client',
  closed(clientFields, { description: 'Who owes. What is null is as the organization has it, or none' })
)

const answered = {
  ...clientFields,
  policy_change: Type.Optional(
    closed({
      applies_to: oneOf(policyScopes),
      invoices: Type.Integer({
        description:
          'The number of open invoices without a policy of their own: with `all`, those that went on under the other policy; with `new_invoices`, those that got the former one as their own'
      })
    })
  )
}

export const ChangedClientSchema = named(
  'ChangedClient',
  closed(answered, {
    description: 'The client after the change; `policy_change` is there if another `dunning_policy_id` applies'
  })
)

export const ClientByRefSchema = named(
  'ClientByRef',
  closed({
    ...answered,
    applied: Type.Boolean({ description: 'False when the source had sent a newer version before' }),
    pending_write: Type.Optional(
      Type.Unsafe<Static<typeof PendingWriteSchema>>({
        ...ref(PendingWriteSchema),
        description:
          'What of the client waits: `parent_ref` names a client that does not exist yet. It becomes the parent when it is created'
      })
    )
  })
)

export { PendingWriteByRefSchema }

export const clientSchemas = [ContactSchema, ClientSchema, ChangedClientSchema, ClientByRefSchema]

const ParentRef = Type.Optional(
  Type.Unsafe<Static<typeof ExternalRef>>({
    ...ref(ExternalRef),
    description:
      'The parent by what another system calls it, in place of `parent_id`. PUT by reference takes one that does not exist yet; POST and PATCH refuse it'
  })
)

export const CreateClient = closed(
  {
    ...optional(settings),
    name: ShortText,
    parent_ref: ParentRef,
    contacts: Type.Optional(Type.Array(NewContact, { maxItems: CONTACTS_MAX }))
  },
  {
    examples: [
      {
        name: 'Acme Ltd',
        locale: 'en',
        time_zone: 'Europe/London',
        payment_terms: { kind: 'net', days: 30 },
        contacts: [{ name: 'Ada Smith', email: 'ada@example.com' }],
        external_refs: [{ source: 'crm', id: 'C-1001' }]
      }
    ]
  }
)

const change = {
  ...optional(settings),
  parent_ref: ParentRef,
  contacts: Type.Optional(
    Type.Array(ChangedContact, {
      maxItems: CONTACTS_MAX,
      description:
        'States the list. A contact is known by its id, else its ref, else its e-mail address (in any case), else its name, and of several that fit equally by its place in the list; fields that are omitted of a known one are unchanged. Contacts that are not listed are removed, except those with `do_not_contact`: they stay, behind the list'
    })
  ),
  applies_to: Type.Optional(
    oneOf(policyScopes, {
      description:
        'Required with another `dunning_policy_id`. `all`: open invoices without a policy of their own go on under it; stages that were entered count by code, others by age; their next stage is known within seconds. `new_invoices`: they keep the policy that they have, as their own `dunning_policy_id`'
    })
  ),
  archived: Type.Optional(
    Type.Boolean({ description: 'True archives: no new invoices, what is open stays open. False takes that back' })
  )
}

export const UpdateClient = closed(change, { minProperties: 1 })

export const PutClient = closed({
  ...change,
  source_version: Type.Optional(SourceVersion)
})

export const OffboardClient = closed({})

export const ClientQuery = closed({ ...pageQuery, ...updatedSince, tag: Type.Optional(Tag) })

export function newClientFrom(body: Static<typeof CreateClient>): NewClient {
  return { ...unsetClient, ...clientChangeFrom(body), name: body.name }
}

/** What the body does not hold is not in the change. */
export function clientChangeFrom(body: Static<typeof UpdateClient>): ClientChange {
  if (body.parent_id !== undefined && body.parent_ref !== undefined) {
    const pointer = '/parent_ref'
    throw new DomainError('invalid_request', 'Name the parent by its id or by its reference, not by both.', { pointer })
  }
  requireTogether(body, 'applies_to', 'dunning_policy_id')
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.locale !== undefined && { locale: body.locale }),
    ...(body.time_zone !== undefined && { timeZone: body.time_zone }),
    ...(body.currency !== undefined && { currency: body.currency === null ? null : knownCurrency(body.currency) }),
    ...(body.payment_terms !== undefined && { paymentTerms: body.payment_terms && termsFrom(body.payment_terms) }),
    ...(body.parent_id !== undefined && { parentId: body.parent_id }),
    ...(body.parent_ref !== undefined && { parentRef: body.parent_ref }),
    ...(body.dunning_policy_id !== undefined && { dunningPolicyId: body.dunning_policy_id }),
    ...(body.dunning_exempt_until_on !== undefined && { dunningExemptUntilOn: dayOrNull(body.dunning_exempt_until_on) }),
    ...(body.tags !== undefined && { tags: body.tags }),
    ...(body.metadata !== undefined && { metadata: body.metadata }),
    ...(body.contacts !== undefined && { contacts: body.contacts.map(contactFrom) }),
    ...(body.external_refs !== undefined && { externalRefs: body.external_refs }),
    ...(body.applies_to !== undefined && { policyAppliesTo: body.applies_to }),
    ...(body.archived !== undefined && { archived: body.archived })
  }
}

function dayOrNull(text: string | null) {
  return text === null ? null : at('/dunning_exempt_until_on', () => day(text))
}

function contactFrom({ do_not_contact: doNotContact, ...stated }: Static<typeof ChangedContact>): ContactDraft {
  return { ...stated, ...(doNotContact !== undefined && { doNotContact }) }
}
