import { type Case, type Change, given, TAKEN } from './domain-cases.ts'
import { interactionBody } from './objects.ts'

const interaction =
  (change: Change): Case[1] =>
  (known) => ['POST', '/v1/interactions', { ...interactionBody, client_id: known.client, ...given(change, known) }]
const outcome =
  (change: Change): Case[1] =>
  (known) => [
    'POST',
    `/v1/dunning/entries/${known.entry}/outcome`,
    { outcome: 'sent', channel: 'e_mail', ...given(change, known) }
  ]

export const spoken: readonly Case[] = [
  ['a call of the future', interaction({ occurred_at: '2026-01-05T09:00:00.001Z' }), '400 invalid_date /occurred_at'],
  ['a message sent in the future', outcome({ occurred_at: '2026-01-06T00:00:00Z' }), '400 invalid_date /occurred_at'],
  [
    "another organization's client",
    interaction((known) => ({ client_id: known.foreignClient })),
    '422 reference_not_found /client_id'
  ],
  ['no client', interaction({ client_id: undefined }), '400 invalid_request /client_id'],
  ['a client by id and by reference', interaction({ client_ref: TAKEN }), '400 invalid_request /client_ref'],
  [
    'a client by an unknown reference',
    interaction({ client_id: undefined, client_ref: { source: 'books', id: 'nobody' } }),
    '422 reference_not_found /client_ref'
  ],
  [
    "another client's invoice",
    interaction((known) => ({ invoice_ids: [known.invoice, known.othersInvoice] })),
    '422 reference_not_found /invoice_ids/1'
  ],
  [
    "another organization's invoice",
    interaction((known) => ({ invoice_ids: [known.foreignInvoice] })),
    '422 reference_not_found /invoice_ids/0'
  ],
  [
    'an invoice by an unknown reference',
    interaction({ invoice_refs: [TAKEN, { source: 'books', id: 'nobody' }] }),
    '422 reference_not_found /invoice_refs/1'
  ],
  [
    'an invoice named twice, once by its reference',
    interaction((known) => ({ invoice_ids: [known.invoice], invoice_refs: [TAKEN] })),
    '400 invalid_request /invoice_refs/0'
  ],
  [
    'more invoices than one talk is about',
    interaction((known) => ({ invoice_ids: Array.from({ length: 51 }, () => known.invoice) })),
    '400 invalid_request /invoice_ids'
  ],
  [
    "another client's contact",
    interaction((known) => ({ contact_id: known.othersContact })),
    '422 reference_not_found /contact_id'
  ],
  ['a note to somebody', interaction({ kind: 'note' }), '400 invalid_request /direction'],
  ['a call from nobody to nobody', interaction({ direction: null }), '400 invalid_request /direction'],
  ['a call of more than a day', interaction({ minutes: 1_441 }), '400 invalid_request /minutes'],
  [
    "another client's contact for an outcome",
    outcome((known) => ({ contact_id: known.othersContact })),
    '422 reference_not_found /contact_id'
  ],
  ['an outcome that no message has', outcome({ outcome: 'promised' }), '400 invalid_request /outcome']
]
