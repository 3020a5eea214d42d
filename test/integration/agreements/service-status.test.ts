import { afterAll, describe, expect, test } from 'vitest'
import { verifyAll } from '../../../src/commands/verify.ts'
import { statement } from '../../../src/db/statement.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, database, services, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'final', offset_days: 10, action: 'suspend_service' },
  { code: 'last', offset_days: 20, action: 'end_service' },
  { code: 'handover', offset_days: 30, action: 'refer_to_collections', repeat_every_days: 5 }
]

const statusOf = async (ledger: Ledger, clientId: string) =>
  (await done(ledger.call<{ service_status: string }>('GET', `/v1/clients/${clientId}`))).service_status
const told = (ledger: Ledger) =>
  ledger.told(
    ...['service_suspended', 'service_ending', 'service_restored', 'offboarding_started', 'offboarding_completed'].map(
      (end) => `client.${end}`
    )
  )

/** 100.00 EUR due on 10 January 2026; the clock stands on the 1st. */
async function indebted() {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  return { ledger, clientId, id }
}

describe('a stage that asks for it', () => {
  test('suspends the service, then ends it, and paying restores it', async () => {
    const { ledger, clientId, id } = await indebted()
    await ledger.advance('2026-01-20T12:00:00Z')
    expect(await statusOf(ledger, clientId)).toBe('suspended')
    const [suspended] = await ledger.events('client.service_suspended')
    expect(suspended).toMatchObject({
      object: { id: clientId, service_status: 'suspended' },
      previous: { service_status: 'active' },
      context: { cause: { invoice_id: id, stage: 'final', action: 'suspend_service' } }
    })
    await ledger.advance('2026-01-30T12:00:00Z')
    await ledger.pay(clientId, '100.00')
    expect(await statusOf(ledger, clientId)).toBe('active')
    expect(await told(ledger)).toEqual([
      '2026-01-20 client.service_suspended',
      '2026-01-30 client.service_ending',
      '2026-01-30 client.service_restored'
    ])
  })

  test('keeps it suspended until everything that caused it is paid', async () => {
    const { ledger, clientId, id } = await indebted()
    const other = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
    await ledger.advance('2026-01-20T12:00:00Z')
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: id, amount: '100.00' }] })
    expect(await statusOf(ledger, clientId)).toBe('suspended')
    const payment = await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: other.id, amount: '100.00' }] })
    expect(await statusOf(ledger, clientId)).toBe('active')
    await ledger.reverse(payment, { reason: 'bounced' })
    expect(await statusOf(ledger, clientId)).toBe('suspended')
    expect((await ledger.events('client.service_suspended')).at(-1)?.context).toMatchObject({ cause: { invoice_id: other.id } })
    expect(await told(ledger)).toEqual([
      '2026-01-20 client.service_suspended',
      '2026-01-20 client.service_restored',
      '2026-01-20 client.service_suspended'
    ])
  })

  const restored = { suspended: '2026-01-20 client.service_suspended', restored: '2026-01-20 client.service_restored' }
  test.each([
    ['a total that is raised again', 'PUT', '/v1/invoices/by-ref?source=books&id=1', { total: '150.00' }],
    ['an allocation that is taken back as never made', 'POST', '/v1/payments/{payment}/reverse', { reason: 'entered_wrongly' }]
  ] as const)('suspends it again after %s', async (_, method, path, body) => {
    const ledger = await newLedger()
    await ledger.usePolicy(stages)
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10', external_refs: [{ source: 'books', id: '1' }] })
    await ledger.advance('2026-01-20T12:00:00Z')
    const payment = await ledger.pay(clientId, '100.00')
    await done(ledger.call(method, path.replace('{payment}', payment), { body }))
    expect(await statusOf(ledger, clientId)).toBe('suspended')
    expect(await told(ledger)).toEqual([restored.suspended, restored.restored, restored.suspended])
  })

  test('is told once of a payment that is replaced by another in one request, not that service came and went', async () => {
    const ledger = await newLedger()
    await ledger.usePolicy(stages)
    const clientId = await ledger.addClient()
    const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
    const path = '/v1/payments/by-ref?source=bank&id=1'
    const body = { client_id: clientId, currency: 'EUR', status: 'settled', amount: '100.00' }
    await ledger.advance('2026-01-20T12:00:00Z')
    await done(ledger.call('PUT', path, { body }))
    const allocations = [{ invoice_id: id, amount: '100.00' }]
    await done(ledger.call('PUT', path, { body: { ...body, amount: '120.00', allocations } }))
    expect(await statusOf(ledger, clientId)).toBe('active')
    expect(await told(ledger)).toEqual([restored.suspended, restored.restored])
  })

  test('suspends nobody who had paid in time', async () => {
    const { ledger, clientId } = await indebted()
    await ledger.advance('2026-01-21T12:00:00Z')
    await ledger.pay(clientId, '100.00', { received_on: '2026-01-09' })
    expect(await statusOf(ledger, clientId)).toBe('active')
  })

  test('hands over once: nothing of ours goes out afterwards', async () => {
    const { ledger, clientId, id } = await indebted()
    await ledger.advance(31)
    await ledger.advance(31)
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'final 2026-01-20', 'last 2026-01-30', 'handover 2026-02-09'])
    const { data } = await done(
      ledger.call<{ data: { id: string; reason: string; scope: string }[] }>('GET', '/v1/holds?active=true')
    )
    expect(data).toMatchObject([{ reason: 'third_party', scope: 'client' }])
    await done(ledger.call('POST', `/v1/holds/${data[0]?.id}/release`, { body: {} }))
    await ledger.advance(1)
    expect((await ledger.entries(id)).at(-1)).toMatchObject({ stage: 'handover', repetition: 2 })
    expect(await statusOf(ledger, clientId)).toBe('ending')
  })
})

const agreements = {
  promise: {
    path: '/v1/promises',
    terms: (id: string) => ({ invoice_ids: [id], amount: '100.00', currency: 'EUR', promised_on: '2026-01-25', grace_days: 0 }),
    brokenOn: '2026-01-26'
  },
  plan: {
    path: '/v1/payment-plans',
    terms: (id: string) => ({
      ...{ invoice_ids: [id], grace_days: 0, break_after_missed: 1 },
      schedule: { kind: 'custom', installments: [{ due_on: '2026-01-25', amount: '100.00' }] }
    }),
    brokenOn: '2026-01-26'
  }
} as const

describe.each(['promise', 'plan'] as const)('a %s over what suspended the service', (kind) => {
  const { path, terms, brokenOn } = agreements[kind]

  /** Made on 20 January, the day on which the service was suspended. */
  async function agreed(body: object = {}) {
    const ledger = await newLedger()
    await ledger.usePolicy(stages)
    const clientId = await ledger.addClient()
    const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
    await ledger.advance('2026-01-20T12:00:00Z')
    const agreement = { client_id: clientId, ...terms(id), ...body }
    const made = await done(ledger.call<{ id: string; restores_service: boolean }>('POST', path, { body: agreement }))
    if (kind === 'plan') await done(ledger.call('POST', `${path}/${made.id}/accept`, { body: { accepted_by: 'Ada' } }))
    return { ledger, clientId, invoiceId: id, made }
  }

  test('leaves it suspended unless it says otherwise', async () => {
    const { ledger, clientId, made } = await agreed()
    expect(made.restores_service).toBe(false)
    expect(await statusOf(ledger, clientId)).toBe('suspended')
    expect(await told(ledger)).toEqual(['2026-01-20 client.service_suspended'])
  })

  test('restores it where it says so, and service is suspended again on the day it breaks', async () => {
    const { ledger, clientId, made } = await agreed({ restores_service: true })
    expect(made.restores_service).toBe(true)
    expect(await statusOf(ledger, clientId)).toBe('active')
    await ledger.advance('2026-01-27T12:00:00Z')
    expect(await told(ledger)).toEqual([
      '2026-01-20 client.service_suspended',
      '2026-01-20 client.service_restored',
      `${brokenOn} client.service_suspended`
    ])
    expect(await statusOf(ledger, clientId)).toBe('suspended')
  })

  test('restores it until it is cancelled, and says so once', async () => {
    const { ledger, clientId, made } = await agreed({ restores_service: true })
    await done(ledger.call('POST', `${path}/${made.id}/cancel`, { body: {} }))
    expect(await statusOf(ledger, clientId)).toBe('suspended')
    expect(await told(ledger)).toHaveLength(3)
  })

  test('keeps it restored when it is kept, without another event', async () => {
    const { ledger, clientId } = await agreed({ restores_service: true })
    await ledger.pay(clientId, '100.00')
    await ledger.advance('2026-01-28T12:00:00Z')
    expect(await statusOf(ledger, clientId)).toBe('active')
    expect(await told(ledger)).toHaveLength(2)
  })

  test('does not restore what another invoice suspended', async () => {
    const { ledger, clientId } = await agreed({ restores_service: true })
    await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
    await ledger.advance(1)
    expect(await statusOf(ledger, clientId)).toBe('suspended')
  })
})

test('a plan that takes the place of another lets service go on without an interruption', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await ledger.advance('2026-01-20T12:00:00Z')
  const schedule = { kind: 'equal', count: 2, every: 'monthly', first_on: '2026-02-01' }
  const propose = async (path: string, body: object) => {
    const made = await done(ledger.call<{ id: string }>('POST', path, { body: { schedule, restores_service: true, ...body } }))
    await done(ledger.call('POST', `/v1/payment-plans/${made.id}/accept`, { body: { accepted_by: 'Ada' } }))
    return made.id
  }
  const first = await propose('/v1/payment-plans', { client_id: clientId, invoice_ids: [id] })
  await propose(`/v1/payment-plans/${first}/renegotiate`, {})
  expect(await told(ledger)).toEqual(['2026-01-20 client.service_suspended', '2026-01-20 client.service_restored'])
})

describe('offboarding', () => {
  test('refuses new work, lets what was agreed through, goes on collecting, and ends with a closing statement', async () => {
    const { ledger, clientId, id } = await indebted()
    await done(ledger.call('POST', `/v1/clients/${clientId}/offboard`, { body: {} }))
    const body = {
      client_id: clientId,
      number: 'N-1',
      currency: 'EUR',
      total: '50.00',
      issued_on: '2026-01-01',
      due_on: '2026-01-05'
    }
    expect(refusalOf(await ledger.call('POST', '/v1/invoices', { body }))).toBe('409 client_offboarding /for_commitment')
    await done(ledger.call('POST', '/v1/invoices', { body: { ...body, for_commitment: true } }))
    await ledger.advance('2026-01-14T12:00:00Z')
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13'])
    await ledger.pay(clientId, '160.00')
    expect(await told(ledger)).toEqual(['2026-01-01 client.offboarding_started', '2026-01-14 client.offboarding_completed'])
    const currencies = [
      { currency: 'EUR', invoiced: '150.00', paid: '150.00', given_up: '0.00', open: '0.00', unapplied_credit: '10.00' }
    ]
    const statement = { client_id: clientId, is_settled: true, currencies }
    expect((await ledger.events('client.offboarding_completed'))[0]?.context).toEqual({ statement })
    expect(await done(ledger.call('GET', `/v1/clients/${clientId}/closing-statement`))).toEqual(statement)
    expect(refusalOf(await ledger.call('POST', `/v1/clients/${clientId}/offboard`, { body: {} }))).toBe('409 client_offboarding')
  })

  test('is not complete any more when a new commitment is invoiced, and is again once that is paid', async () => {
    const { ledger, clientId } = await indebted()
    await done(ledger.call('POST', `/v1/clients/${clientId}/offboard`, { body: {} }))
    await ledger.pay(clientId, '100.00')
    const left = async () =>
      (await done(ledger.call<{ offboarded_at: string | null }>('GET', `/v1/clients/${clientId}`))).offboarded_at
    expect(await left()).not.toBeNull()
    await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-20', for_commitment: true })
    expect(await left()).toBeNull()
    await ledger.advance(1)
    await ledger.pay(clientId, '100.00')
    expect(await left()).not.toBeNull()
    expect((await told(ledger)).slice(1)).toEqual([
      '2026-01-01 client.offboarding_completed',
      '2026-01-02 client.offboarding_completed'
    ])
  })
})

test('a service status that is not the one that the stages ask for is found by `dunwell verify`', async () => {
  const { ledger, clientId } = await indebted()
  await ledger.advance('2026-01-20T12:00:00Z')
  const other = await ledger.addClient()
  const broken = async () => {
    const results = await verifyAll({ database, services })
    const { checks } = results.find(({ organization }) => organization === ledger.id) ?? { checks: [] }
    return checks.flatMap((check) => (check.broken.length > 0 ? [[check.name, ...check.broken.toSorted()]] : []))
  }
  expect(await broken()).toEqual([])
  const swap = statement(
    'test.swap_service',
    `update clients set service_status = case when id = $1 then 'active' else 'suspended' end`
  )
  await database.scoped(ledger.id, (tx) => tx.run(swap, [clientId]))
  expect(await broken()).toEqual([
    ['a client’s service status is the one that its stages that stand ask for', ...[clientId, other].toSorted()]
  ])
})
