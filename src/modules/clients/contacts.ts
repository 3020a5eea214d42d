import { DomainError } from '../../kernel/errors.ts'
import type { Contact, ContactDraft } from './client.ts'

type Match = (contact: Contact, draft: ContactDraft) => boolean

const sameEmail = ({ email }: Pick<Contact, 'email'>, draft: Pick<ContactDraft, 'email'>): boolean =>
  email !== null && email.toLowerCase() === draft.email?.toLowerCase()
const sameName = (contact: Contact, draft: ContactDraft): boolean => contact.name === draft.name
/** Another reference is another contact, whatever else agrees. */
const mayBe = (contact: Contact, { ref }: ContactDraft): boolean =>
  ref === undefined || contact.ref === null || contact.ref === ref

/** A new address under the name of a contact that opted out does not replace the address that opted out. */
const keepsAddress = (contact: Contact, draft: ContactDraft): boolean =>
  !contact.doNotContact || contact.email === null || draft.email === undefined || sameEmail(contact, draft)

/** The surest first: a contact that several drafts could mean goes to the one with the surest reason. */
const matches: readonly Match[] = [
  (contact, { id }) => contact.id === id,
  (contact, { id, ref }) => id === undefined && contact.ref !== null && contact.ref === ref,
  (contact, draft) => draft.id === undefined && mayBe(contact, draft) && sameEmail(contact, draft) && sameName(contact, draft),
  (contact, draft) => draft.id === undefined && mayBe(contact, draft) && sameEmail(contact, draft),
  (contact, draft) => draft.id === undefined && mayBe(contact, draft) && sameName(contact, draft) && keepsAddress(contact, draft)
]

/** Of contacts that fit a draft equally, the one at the draft's place: a list that is sent again finds each contact where it left it. */
const inPlace = (contact: Contact, atPlace: Contact | undefined): boolean => contact === atPlace
const anywhere = (): boolean => true

/**
 * The contacts after a caller stated the list. A contact is known by its id, else its reference, else its e-mail address in any case,
 * else its name, and of several that fit equally by its place. What the list omits of a known one is unchanged. Contacts that are not
 * in the list are removed, except those that opted out: they stay behind the list, so that the address cannot come back as one that
 * may be written to. An opt-out ends only where the list states `do_not_contact: false` for the contact.
 * @throws DomainError naming `/contacts/N/id` or `/contacts/N/ref` for one that is unknown or comes twice.
 */
export function contactsAfter(former: readonly Contact[], drafts: readonly ContactDraft[], newId: () => string): Contact[] {
  refuseUnknown(former, drafts)
  const free = new Set(former)
  const known = new Map<ContactDraft, Contact>()
  for (const match of matches) {
    for (const isFor of [inPlace, anywhere]) {
      for (const [index, draft] of drafts.entries()) {
        if (known.has(draft)) continue
        const contact = [...free].find((one) => match(one, draft) && isFor(one, former[index]))
        if (contact === undefined) continue
        known.set(draft, contact)
        free.delete(contact)
      }
    }
  }
  const listed = drafts.map((draft) => stated(draft, { contact: known.get(draft), former, newId }))
  const kept = [...free].filter(({ doNotContact }) => doNotContact)
  refuseSharedRefs([...listed, ...kept], drafts)
  return [...listed, ...kept]
}

const unset = {
  ref: null,
  salutation: null,
  role: 'billing',
  email: null,
  phone: null,
  locale: null,
  doNotContact: false
} as const

function stated(
  draft: ContactDraft,
  { contact, former, newId }: { contact: Contact | undefined; former: readonly Contact[]; newId: () => string }
): Contact {
  const after = { ...unset, ...contact, ...draft, id: contact?.id ?? newId() }
  const optedOut = former.filter(({ doNotContact }) => doNotContact)
  const isNewAddress = contact === undefined || !sameEmail(contact, after)
  const isAvoided =
    (isNewAddress && optedOut.some((other) => sameEmail(other, after))) ||
    (contact === undefined && optedOut.some((other) => sameName(other, after) && mayBe(other, draft)))
  return { ...after, doNotContact: draft.doNotContact ?? (after.doNotContact || isAvoided) }
}

function refuseUnknown(former: readonly Contact[], drafts: readonly ContactDraft[]): void {
  for (const [index, { id, ref }] of drafts.entries()) {
    const isBefore = (field: 'id' | 'ref', value: string) => drafts.findIndex((other) => other[field] === value) < index
    if (id !== undefined && !former.some((contact) => contact.id === id)) {
      throw new DomainError('reference_not_found', 'This client has no such contact.', { pointer: `/contacts/${index}/id` })
    }
    for (const [field, value] of [['id', id] as const, ['ref', ref] as const]) {
      if (value === undefined || value === null || !isBefore(field, value)) continue
      throw new DomainError('invalid_request', 'This contact is in the list already.', { pointer: `/contacts/${index}/${field}` })
    }
  }
}

function refuseSharedRefs(contacts: readonly Contact[], drafts: readonly ContactDraft[]): void {
  for (const [index, { ref }] of drafts.entries()) {
    if (ref === undefined || ref === null || contacts.filter((contact) => contact.ref === ref).length === 1) continue
    throw new DomainError('invalid_request', 'Another contact of this client has this reference.', {
      pointer: `/contacts/${index}/ref`
    })
  }
}
