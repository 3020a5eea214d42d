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
  unsetClient
} from '../../../src/modules/clients/client.ts'
import { toDocument } from '../../../src/modules/clients/client-document.ts'
import { contactsAfter } from '../../../src/modules/clients/contacts.ts'

const unnamed = {
  ref: null,
  salutation: null,
  role: 'billing',
  email: null,
  phone: null,
  locale: null,
  doNotContact: false
} as const
const draft = (fields: ContactDraft): ContactDraft => ({ ...unnamed, ...fields })
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
  holdReviewDueAt: null,
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

  test('what the list omits of a known contact is unchanged: found by reference, by e-mail in any case, or by name', () => {
    const former = [
      contact('1', { name: 'Ann', ref: 'a', email: 'ann@example.com', phone: '1', role: 'legal', doNotContact: true }),
      contact('2', { name: 'Bob', email: 'Bob@Example.com', salutation: 'Mr' }),
      contact('3', { name: 'Cid', locale: 'de' })
    ]
    const after = contactsAfter(
      former,
      [{ name: 'Ann Lee', ref: 'a', email: 'lee@example.com' }, { name: 'Robert', email: 'bob@example.com' }, { name: 'Cid' }],
      counter()
    )
    expect(after).toEqual([
      { ...former[0], name: 'Ann Lee', email: 'lee@example.com' },
      { ...former[1], name: 'Robert', email: 'bob@example.com' },
      former[2]
    ])
  })

  test('two contacts with one e-mail address are told apart by their names, and another reference is another contact', () => {
    const email = 'office@example.com'
    const former = [contact('1', { name: 'Ann', email }), contact('2', { name: 'Bob', email, ref: 'b' })]
    const after = contactsAfter(
      former,
      [
        { name: 'Bob', email },
        { name: 'Ann', email },
        { name: 'Bob', email, ref: 'c' }
      ],
      counter()
    )
    expect(after.map(({ id, ref }) => [id, ref])).toEqual([
      ['2', 'b'],
      ['1', null],
      ['new 1', 'c']
    ])
  })

  test('an opt-out outlives lists that omit the contact, its address under another name, and another address of its name', () => {
    const out = contact('1', { name: 'Ann', email: 'ann@example.com', doNotContact: true })
    expect(contactsAfter([out], [], counter())).toEqual([out])
    const [again, kept] = contactsAfter([out], [{ name: 'Ann', email: 'other@example.com' }], counter())
    expect([again?.doNotContact, kept]).toEqual([true, out])
    const taken = contactsAfter(
      [out, contact('2', { name: 'Bob', email: 'b@example.com' })],
      [{ id: '2', name: 'Bob', email: 'ANN@example.com' }],
      counter()
    )
    expect(taken.map(({ id, doNotContact }) => [id, doNotContact])).toEqual([
      ['2', true],
      ['1', true]
    ])
    const ended = contactsAfter([out], [{ name: 'Ann', email: 'ann@example.com', doNotContact: false }], counter())
    expect(ended).toEqual([{ ...out, doNotContact: false }])
    expect(contactsAfter(ended, [], counter())).toEqual([])
  })

  test('contacts with one name and one address keep their places when the list is sent again', () => {
    const twins = [contact('1', { name: 'Ann', email: 'c@example.com' }), contact('2', { name: 'Ann', email: 'c@example.com' })]
    const list = [
      { name: 'Ann', phone: '1' },
      { name: 'Ann', email: 'c@example.com' }
    ]
    const after = contactsAfter(twins, list, counter())
    expect(after.map(({ id }) => id)).toEqual(['1', '2'])
    expect(contactsAfter(after, list, counter())).toEqual(after)
  })

  const few = fc.constantFrom('ann', 'bob', 'cid')
  const drafts = fc.uniqueArray(
    fc.record(
      {
        name: few,
        ref: fc.option(few, { nil: null }),
        email: fc.option(fc.constantFrom('a', 'A', 'b', 'c'), { nil: null }),
        phone: few,
        doNotContact: fc.boolean()
      },
      { requiredKeys: ['name'] }
    ),
    { maxLength: 6, selector: ({ ref }) => ref ?? Symbol() }
  )

  test('whatever lists come: ids and refs are unique, what is stated counts, a list sent again changes nothing, no opt-out is lost', () => {
    fc.assert(
      fc.property(fc.array(drafts, { minLength: 2, maxLength: 5 }), (lists) => {
        const newId = counter()
        let former: Contact[] = []
        for (const list of lists) {
          const after = refusalOr(() => contactsAfter(former, list, newId))
          if (after === null) continue
          expect(new Set(after.map(({ id }) => id)).size).toBe(after.length)
          const refs = after.flatMap(({ ref }) => (ref === null ? [] : [ref]))
          expect(new Set(refs).size).toBe(refs.length)
          for (const [index, stated] of list.entries()) expect(after[index]).toMatchObject(stated)
          expect(contactsAfter(after, list, newId)).toEqual(after)
          for (const out of former.filter(({ doNotContact }) => doNotContact)) {
            const now = after.findIndex(({ id }) => id === out.id)
            expect(after[now]?.doNotContact ?? 'lost').toBe(list[now]?.doNotContact ?? true)
          }
          former = after
        }
      }),
      { numRuns: 2000 }
    )
  })
})

function refusalOr<T>(work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}

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

  test('only time zone and exemption are grounds on which all is decided anew; what another policy is for is stated', () => {
    const touched = { name: 'Other', locale: 'de', tags: ['a'], archived: true, metadata: { a: 'b' }, parentId: 'p' }
    expect(changesGrounds(client, change(touched))).toBe(false)
    expect(changesGrounds(client, change({ timeZone: 'Asia/Tokyo' }))).toBe(true)
    expect(changesGrounds(client, change({ dunningPolicyId: 'p' }))).toBe(false)
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
