import { expect, test } from 'vitest'
import { interactionOf, type NewInteraction } from '../../../src/modules/interactions/interaction.ts'

const now = new Date('2026-01-05T09:00:00Z')
const made = { id: 'interaction', at: new Date('2026-02-01T00:00:00Z') }
const around = {
  now,
  clientOfInvoice: new Map([
    ['a', 'client'],
    ['b', 'client'],
    ['c', 'other']
  ]),
  contactIds: new Set(['ann'])
}
const said: NewInteraction = {
  ...{ clientId: 'client', invoices: [], kind: 'call', direction: 'outbound', contactId: null, by: null, minutes: null },
  ...{ outcome: null, nonPaymentReason: null, occurredAt: null, summary: null, dunningEntryId: null, metadata: {} }
}
const about = (...ids: string[]) => ids.map((id, index) => ({ id, pointer: `/invoice_ids/${index}` }))

test('what happened has the time of the organization, what was recorded the real one', () => {
  expect(interactionOf(said, around, made)).toMatchObject({ id: 'interaction', occurredAt: now, createdAt: made.at })
})

test('the invoices stay in the order in which they were named', () => {
  expect(interactionOf({ ...said, invoices: about('b', 'a') }, around, made).invoiceIds).toEqual(['b', 'a'])
})

test.for<readonly [string, Partial<NewInteraction>, code: string, pointer: string]>([
  ["another client's invoice", { invoices: about('a', 'c') }, 'reference_not_found', '/invoice_ids/1'],
  ['an unknown invoice', { invoices: about('d') }, 'reference_not_found', '/invoice_ids/0'],
  ['an invoice twice', { invoices: about('a', 'b', 'a') }, 'invalid_request', '/invoice_ids/2'],
  ['an unknown contact', { contactId: 'bea' }, 'reference_not_found', '/contact_id'],
  ['a millisecond to come', { occurredAt: new Date(now.getTime() + 1) }, 'invalid_date', '/occurred_at'],
  ['a call without direction', { direction: null }, 'invalid_request', '/direction'],
  ['a note with one', { kind: 'note' }, 'invalid_request', '/direction']
])('%s is refused', ([, change, code, pointer]) => {
  expect(() => interactionOf({ ...said, ...change }, around, made)).toThrow(expect.objectContaining({ code, pointer }))
})
