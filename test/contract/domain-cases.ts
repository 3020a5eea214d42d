import { invoiceBody, policyBody } from './objects.ts'

/** What the cases speak of: of the organization that asks, and of another one. */
export type Known = {
  client: string
  invoice: string
  payment: string
  pending: string
  policy: string
  entry: string
  othersInvoice: string
  othersContact: string
  foreignClient: string
  foreignInvoice: string
  foreignPolicy: string
}
export const nothingKnown: Known = {
  ...{ client: '', invoice: '', payment: '', pending: '', policy: '' },
  ...{ entry: '', othersInvoice: '', othersContact: '' },
  ...{ foreignClient: '', foreignInvoice: '', foreignPolicy: '' }
}

/** The reference that the client, the invoice and the payment have. */
export const TAKEN = { source: 'books', id: 'taken' }

export type Case = readonly [
  what: string,
  request: (known: Known) => readonly [method: 'POST' | 'PUT' | 'PATCH', url: string, body: object],
  refusal: string
]

export type Change = object | ((known: Known) => object)
export const given = (change: Change, known: Known): object => (typeof change === 'function' ? change(known) : change)

const invoice =
  (change: Change): Case[1] =>
  (known) => ['POST', '/v1/invoices', { ...invoiceBody, client_id: known.client, ...given(change, known) }]
const payment =
  (change: Change): Case[1] =>
  (known) => ['POST', '/v1/payments', { amount: '10.00', currency: 'EUR', client_id: known.client, ...given(change, known) }]
const policy =
  (change: object): Case[1] =>
  () => ['POST', '/v1/dunning-policies', { ...policyBody, ...change }]
const stages = (...changes: object[]) =>
  policy({ stages: policyBody.stages.map((stage, index) => ({ ...stage, ...changes[index] })) })
const allocated = (allocations: (known: Known) => object[]) =>
  payment((known) => ({ amount: '150.00', allocations: allocations(known) }))

export const amounts: readonly Case[] = [
  ['an invoice over 0', invoice({ total: '0' }), '400 invalid_amount /total'],
  ['an invoice over 0.00', invoice({ total: '0.00' }), '400 invalid_amount /total'],
  ['an invoice over a negative amount', invoice({ total: '-5.00' }), '400 invalid_request /total'],
  ['three decimals in EUR', invoice({ total: '1.005' }), '400 invalid_amount /total'],
  ['decimals in JPY', invoice({ total: '1.5', currency: 'JPY' }), '400 invalid_amount /total'],
  ['four decimals in KWD', invoice({ total: '1.2345', currency: 'KWD' }), '400 invalid_amount /total'],
  ['16 digits', invoice({ total: '1234567890123456' }), '400 invalid_request /total'],
  ['an exponent', invoice({ total: '1e2' }), '400 invalid_request /total'],
  ['a leading plus', invoice({ total: '+1.00' }), '400 invalid_request /total'],
  ['a leading zero', invoice({ total: '01.00' }), '400 invalid_request /total'],
  ['a number', invoice({ total: 12 }), '400 invalid_request /total'],
  ['more than the books keep', invoice({ total: '999999999999999.9999', currency: 'CLF' }), '400 invalid_amount /total'],
  ['a payment of 0', payment({ amount: '0.00' }), '400 invalid_amount /amount'],
  ['a payment with too many decimals', payment({ amount: '0.001' }), '400 invalid_amount /amount'],
  [
    'a payment of more than the books keep',
    payment({ amount: '999999999999999', currency: 'UYW' }),
    '400 invalid_amount /amount'
  ],
  ['an unknown currency', invoice({ currency: 'XQQ' }), '400 invalid_request /currency'],
  ['a lower-case currency', payment({ currency: 'eur' }), '400 invalid_request /currency'],
  ['a minimum balance in an unknown currency', policy({ min_balance: { XQQ: '1' } }), '400 unknown_currency /min_balance/XQQ'],
  ['a minimum balance with too many decimals', policy({ min_balance: { JPY: '1.5' } }), '400 invalid_amount /min_balance/JPY'],
  [
    'parts that do not sum',
    invoice({ due_on: undefined, due_schedule: part(['2026-01-01', '40.00'], ['2026-02-01', '50.00']) }),
    '400 invalid_amount /due_schedule'
  ],
  [
    'a part of 0',
    invoice({ due_on: undefined, due_schedule: part(['2026-01-01', '100.00'], ['2026-02-01', '0.00']) }),
    '400 invalid_amount /due_schedule/1/amount'
  ],
  [
    'a part with too many decimals',
    invoice({ due_on: undefined, due_schedule: part(['2026-01-01', '50.001'], ['2026-02-01', '49.999']) }),
    '400 invalid_amount /due_schedule/0/amount'
  ]
]

export const days: readonly Case[] = [
  ['a day that does not exist', invoice({ due_on: '2026-02-30' }), '400 invalid_request /due_on'],
  ['a leap day in another year', payment({ received_on: '2025-02-29' }), '400 invalid_request /received_on'],
  ['an invoice due before it is issued', invoice({ due_on: '2025-10-31' }), '400 invalid_date /due_on'],
  ['an invoice of the far future', invoice({ issued_on: '2300-01-01', due_on: '2300-02-01' }), '400 invalid_date /issued_on'],
  ['an invoice of the far past', invoice({ issued_on: '1966-10-14' }), '400 invalid_date /issued_on'],
  ['money of tomorrow', payment({ received_on: '2026-01-06' }), '400 invalid_date /received_on'],
  [
    'parts out of order',
    invoice({ due_on: undefined, due_schedule: part(['2026-02-01', '50.00'], ['2026-01-01', '50.00']) }),
    '400 invalid_request /due_schedule/1/due_on'
  ],
  [
    'both a due day and parts',
    invoice({ due_schedule: part(['2026-01-01', '50.00'], ['2026-02-01', '50.00']) }),
    '400 invalid_request /due_on'
  ],
  [
    'a reversal before the payment',
    (known) => ['POST', `/v1/payments/${known.payment}/reverse`, { reason: 'bounced', reversed_on: '2025-01-01' }],
    '400 invalid_date /reversed_on'
  ],
  [
    'a key that has expired already',
    () => ['POST', '/v1/api-keys', { name: 'Old', scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' }],
    '400 invalid_date /expires_at'
  ],
  [
    'a clock put back',
    () => ['PUT', '/v1/test-clock', { now_at: '2020-01-01T00:00:00Z' }],
    '422 clock_moves_forward_only /now_at'
  ],
  [
    'a clock put to the end of time',
    () => ['PUT', '/v1/test-clock', { now_at: '2999-12-31T23:59:59Z' }],
    '400 invalid_date /now_at'
  ],
  [
    'a clock that starts before time',
    () => [
      'POST',
      '/v1/organizations',
      { name: 'N', mode: 'test', time_zone: 'UTC', default_currency: 'EUR', clock_at: '1900-01-01T00:00:00Z' }
    ],
    '400 invalid_date /clock_at'
  ],
  [
    'a clock sent too far',
    () => ['POST', '/v1/test-clock/advance', { to_at: '2026-03-01T00:00:00Z' }],
    '422 clock_advance_too_long /to_at'
  ]
]

export const others: readonly Case[] = [
  [
    "another organization's client",
    invoice((known) => ({ client_id: known.foreignClient })),
    '422 reference_not_found /client_id'
  ],
  [
    "another organization's client for a payment",
    payment((known) => ({ client_id: known.foreignClient })),
    '422 reference_not_found /client_id'
  ],
  ['no client at all', invoice({ client_id: undefined }), '400 invalid_request /client_id'],
  [
    'a client by id and by reference',
    (known) => ['POST', '/v1/payments', { amount: '1', currency: 'EUR', client_id: known.client, client_ref: TAKEN }],
    '400 invalid_request /client_ref'
  ],
  [
    'a client by an unknown reference',
    invoice({ client_id: undefined, client_ref: { source: 'books', id: 'nobody' } }),
    '422 reference_not_found /client_ref'
  ],
  [
    "another organization's policy for an invoice",
    (known) => ['POST', '/v1/invoices', { ...invoiceBody, client_id: known.client, dunning_policy_id: known.foreignPolicy }],
    '422 reference_not_found /dunning_policy_id'
  ],
  [
    "another organization's policy for the organization",
    (known) => ['PATCH', '/v1/organization', { default_dunning_policy_id: known.foreignPolicy }],
    '422 reference_not_found /default_dunning_policy_id'
  ],
  [
    "another organization's invoice as a replacement",
    (known) => ['POST', `/v1/invoices/${known.invoice}/void`, { replaced_by_id: known.foreignInvoice }],
    '422 reference_not_found /replaced_by_id'
  ],
  [
    "another organization's invoice for a payment",
    allocated((known) => [{ invoice_id: known.foreignInvoice, amount: '1.00' }]),
    '422 reference_not_found /allocations/0/invoice_id'
  ],
  [
    'more than a named invoice owes',
    allocated((known) => [{ invoice_id: known.invoice, amount: '100.01' }]),
    '422 payment_exceeds_balance /allocations/0/amount'
  ],
  [
    'more than the payment has',
    allocated((known) => [{ invoice_id: known.invoice, amount: '150.01' }]),
    '422 payment_exceeds_balance /allocations'
  ],
  [
    'more than an announced payment has, once it is there',
    (known) => [
      'POST',
      `/v1/payments/${known.pending}/settle`,
      { allocations: [{ invoice_id: known.invoice, amount: '100.01' }] }
    ],
    '422 payment_exceeds_balance /allocations/0/amount'
  ],
  [
    'an invoice named twice',
    allocated((known) => ['10.00', '20.00'].map((amount) => ({ invoice_id: known.invoice, amount }))),
    '400 invalid_request /allocations/1/invoice_id'
  ],
  [
    'a taken reference for a client',
    () => ['POST', '/v1/clients', { name: 'B', external_refs: [TAKEN] }],
    '409 duplicate_reference /external_refs/0'
  ],
  ['a taken reference for an invoice', invoice({ external_refs: [TAKEN] }), '409 duplicate_reference /external_refs/0'],
  ['a taken reference for a payment', payment({ external_refs: [TAKEN] }), '409 duplicate_reference /external_refs/0'],
  ['a reference twice in a list', payment({ external_refs: twice() }), '400 invalid_request /external_refs/1']
]

export const ladders: readonly Case[] = [
  ['stages that fall', stages({ offset_days: 20 }, { offset_days: 3 }), '400 invalid_policy /stages/1/offset_days'],
  ['stages on one day', stages({ offset_days: 3 }, { offset_days: 3 }), '400 invalid_policy /stages/1/offset_days'],
  ['a code used twice', stages({ code: 'a' }, { code: 'a' }), '400 invalid_policy /stages/1/code'],
  ['a repetition before the end', stages({ repeat_every_days: 7 }), '400 invalid_policy /stages/0/repeat_every_days'],
  ['no stages', policy({ stages: [] }), '400 invalid_request /stages'],
  [
    'stages that fall, as a new version',
    (known) => ['PUT', `/v1/dunning-policies/${known.policy}`, { ...policyBody, stages: policyBody.stages.toReversed() }],
    '400 invalid_policy /stages/1/offset_days'
  ],
  [
    'a week without an open day',
    () => ['PATCH', '/v1/organization', { calendar: { weekend: [1, 2, 3, 4, 5, 6, 7] } }],
    '400 invalid_request /calendar/weekend'
  ],
  [
    'a country that is none',
    () => ['PATCH', '/v1/organization', { calendar: { country: 'ZZ' } }],
    '400 unknown_region /calendar/country'
  ],
  [
    'a region that is none',
    () => ['PATCH', '/v1/organization', { calendar: { country: 'DE', region: 'ZZ' } }],
    '400 unknown_region /calendar/region'
  ]
]

function part(...parts: (readonly [dueOn: string, amount: string])[]) {
  return parts.map(([due_on, amount]) => ({ due_on, amount }))
}

function twice() {
  return [1, 2].map(() => ({ source: 'books', id: 'once' }))
}
