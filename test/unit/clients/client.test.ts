import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { day } from '../../../src/kernel/day.ts'
import { DomainError } from '../../../src/kernel/errors.ts'
import { currency } from '../../../src/kernel/money.ts'
import {
  applyChange,
  type Client,
  type Contact,
  type ContactDraft,
  changesGrounds,
  contactsAfter,
  unsetClient
} from '../../../src/modules/clients/client.ts'
import { toDocument } from '../../../src/modules/clients/client-document.ts'

const unnamed = { salutation: null, role: 'billing', email: null, phone: null, locale: null, doNotContact: false } as const
const draft = (fields: Partial<ContactDraft> & { name: string }): ContactDraft => ({ ...unnamed, ...fields })
const contact = (id: string, fields: Partial<Contact> = {}): Contact => ({ ...unnamed, id, name: id, ...fields })

function counter(): () => string {
  let n = 0
  return () => `new ${++n}`
}

const at = new Date('2026-01-05T09:00:00Z')
const client: Client = {
  ...unsetClient,
  id: 'c',
  name: 'Acme',
  contacts: [contact('a')],
  archivedAt: null,
  serviceStatus: 'active',
  offboardingStartedAt: null,
  offboardedAt: null,
  nextNoticeAt: null,
  version: 1,
  createdAt: at,
  updatedAt: at
}

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof DomainError) return `${error.code} ${error.pointer}`
    throw error
  }
  return 'nothing refused'
}

describe('contacts', () => {
  test('a contact without an id is known by its e-mail address before its name', () => {
    const former = [
      contact('1', { name: 'Ann', email: 'old@example.com' }),
      contact('2', { name: 'Bob', email: 'ann@example.com' })
    ]
    const after = contactsAfter(former, [draft({ name: 'Ann', email: 'ann@example.com' }), draft({ name: 'Ann' })], counter())
    expect(after.map(({ id }) => id)).toEqual(['2', '1'])
  })

  test('an id that is given is never handed to another contact of the same name', () => {
    const former = [contact('1', { name: 'Ann' })]
    const after = contactsAfter(former, [draft({ name: 'Ann' }), draft({ id: '1', name: 'Ann' })], counter())
    expect(after.map(({ id }) => id)).toEqual(['new 1', '1'])
  })

  test('ids that are unknown or come twice are refused by their place', () => {
    const former = [contact('1')]
    const refused = (...drafts: ContactDraft[]) => refusal(() => contactsAfter(former, drafts, counter()))
    expect(refused(draft({ name: 'A' }), draft({ id: '2', name: 'B' }))).toBe('reference_not_found /contacts/1/id')
    expect(refused(draft({ id: '1', name: 'A' }), draft({ id: '1', name: 'B' }))).toBe('invalid_request /contacts/1/id')
  })

  const few = fc.constantFrom('ann', 'bob', 'cid')
  const drafts = fc.array(
    fc.record({ name: few, email: fc.option(few, { nil: null }) }).map((fields) => draft(fields)),
    { maxLength: 6 }
  )

  test('whatever two lists hold, ids are unique, fields are those sent, and the second list sent again changes nothing', () => {
    fc.assert(
      fc.property(drafts, drafts, (first, second) => {
        const newId = counter()
        const before = contactsAfter([], first, newId)
        const after = contactsAfter(before, second, newId)
        expect(new Set(after.map(({ id }) => id)).size).toBe(after.length)
        expect(after.map(({ id: _id, ...fields }) => fields)).toEqual(second)
        expect(contactsAfter(after, second, newId)).toEqual(after)
      })
    )
  })
})

describe('changes', () => {
  const change = (fields: Parameters<typeof applyChange>[1], from = client) =>
    applyChange(from, fields, { now: new Date('2026-02-01T00:00:00Z'), newId: counter() })

  test('what is absent stays and null clears', () => {
    const full = change({ locale: 'de', currency: currency('EUR'), tags: ['a'] })
    expect(change({ locale: null }, full)).toEqual({ ...full, locale: null })
    expect(change({}, full)).toEqual(full)
  })

  test('archiving again keeps the first date', () => {
    const archived = change({ archived: true })
    expect(archived.archivedAt).toEqual(new Date('2026-02-01T00:00:00Z'))
    const again = applyChange(archived, { archived: true }, { now: new Date('2027-01-01T00:00:00Z'), newId: counter() })
    expect(again.archivedAt).toEqual(archived.archivedAt)
    expect(change({ archived: false }, archived).archivedAt).toBeNull()
  })

  test('only policy, time zone and exemption are grounds of dunning', () => {
    const touched = { name: 'Other', locale: 'de', tags: ['a'], archived: true, metadata: { a: 'b' }, parentId: 'p' }
    expect(changesGrounds(client, change(touched))).toBe(false)
    expect(changesGrounds(client, change({ timeZone: 'Asia/Tokyo' }))).toBe(true)
    expect(changesGrounds(client, change({ dunningPolicyId: 'p' }))).toBe(true)
    expect(changesGrounds(client, change({ dunningExemptUntilOn: day('2026-03-01') }))).toBe(true)
  })
})

test('clients that are equal give equal text, however their keys and references were ordered', () => {
  const refs = [
    { source: 'b', id: '1' },
    { source: 'a', id: '2' },
    { source: 'a', id: '10' }
  ]
  const terms = { kind: 'day_of_month', day: 15, months: 1, calendar: 'hebrew' } as const
  const shuffled = { calendar: 'hebrew', months: 1, day: 15, kind: 'day_of_month' } as const
  const one = toDocument({ ...client, externalRefs: refs, metadata: { b: '1', a: '2' }, paymentTerms: terms })
  const other = toDocument({ ...client, externalRefs: refs.toReversed(), metadata: { a: '2', b: '1' }, paymentTerms: shuffled })
  expect(JSON.stringify(one)).toBe(JSON.stringify(other))
  expect(one.external_refs.map(({ id }) => id)).toEqual(['10', '2', '1'])
})
