import { afterAll, describe, expect, test } from 'vitest'
import { done, type EventRow, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'first', offset_days: 1 },
  { code: 'second', offset_days: 2 },
  { code: 'third', offset_days: 5 }
]
const limited = (limits: object, more: object = {}) => ({ contact_limits: limits, ...more })
const due = (on: string) => ({ issued_on: '2026-01-01', due_on: on })
const noticesOf = (ledger: Ledger) => ledger.events('client.dunning_notice_due')

/** `2026-01-05 EUR second: R-1 second*, R-2`: with a mark where an entry is told. */
function lineOf({ occurredAt, context }: EventRow): string {
  const {
    currency,
    highest_stage: highest,
    obligations
  } = context as {
    currency: string
    highest_stage: { code: string } | null
    obligations: { number: string; stage: string | null; entry_id: string | null }[]
  }
  const items = obligations.map(({ number, stage, entry_id }) => `${number} ${stage ?? '-'}${entry_id === null ? '' : '*'}`)
  return `${occurredAt.slice(0, 10)} ${currency} ${highest?.code ?? '-'}: ${items.join(', ')}`
}

const toldTo = async (ledger: Ledger) => (await noticesOf(ledger)).map(lineOf)
const nextOf = async (ledger: Ledger, clientId: string) =>
  (await ledger.call<{ next_notice_at: string | null }>('GET', `/v1/clients/${clientId}`)).body.next_notice_at

describe('contact limits', () => {
  test('stages follow the age, a notice that may not go yet waits and merges with what comes meanwhile', async () => {
    const ledger = await newLedger()
    await ledger.usePolicy(stages, limited({ min_days: 3, per_week: 7 }))
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, due('2026-01-09'))
    await ledger.issue(clientId, due('2026-01-10'))
    await ledger.advance('2026-01-11T12:00:00Z')
    expect(await ledger.told('invoice.dunning_stage_entered')).toHaveLength(3)
    expect(await toldTo(ledger)).toEqual(['2026-01-10 EUR first: R-1 first*, R-2 -'])
    expect(await nextOf(ledger, clientId)).toBe('2026-01-13T00:00:00.000Z')
    await ledger.advance('2026-01-13T00:00:00Z')
    expect((await toldTo(ledger)).slice(1)).toEqual(['2026-01-13 EUR second: R-1 second*, R-2 second*'])
    expect(await nextOf(ledger, clientId)).toBeNull()
  })

  test('what waits is told of one day in one notice with the stage of that day', async () => {
    const ledger = await newLedger()
    await ledger.usePolicy(stages, limited({ min_days: 4, per_week: 7 }))
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, due('2026-01-09'))
    await ledger.advance(25)
    expect(await toldTo(ledger)).toEqual(['2026-01-10 EUR first: R-1 first*', '2026-01-14 EUR third: R-1 third*'])
  })

  test('at most so many in any seven days', async () => {
    const ledger = await newLedger()
    await ledger.usePolicy(
      [1, 2, 3, 4].map((offset) => ({ code: `s${offset}`, offset_days: offset })),
      limited({ min_days: 0, per_week: 2 })
    )
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, due('2026-01-09'))
    await ledger.advance(25)
    expect((await toldTo(ledger)).map((line) => line.slice(0, 17))).toEqual([
      '2026-01-10 EUR s1',
      '2026-01-11 EUR s2',
      '2026-01-17 EUR s4'
    ])
  })

  test('all currencies of one sweep are one contact, and the strictest policy counts for both', async () => {
    const ledger = await newLedger()
    const strict = await ledger.usePolicy(stages, limited({ min_days: 6, per_week: 7 }))
    await ledger.usePolicy(stages)
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, due('2026-01-09'))
    await ledger.issue(clientId, { ...due('2026-01-09'), currency: 'USD', dunning_policy_id: strict })
    await ledger.advance(25)
    expect((await toldTo(ledger)).map((line) => line.slice(0, 14)).toSorted()).toEqual([
      '2026-01-10 EUR',
      '2026-01-10 USD',
      '2026-01-16 EUR',
      '2026-01-16 USD'
    ])
  })

  test('without limits there is one notice for a client, a currency and a day', async () => {
    const ledger = await newLedger()
    await ledger.usePolicy([{ code: 'early', offset_days: 1 }], { send_at: '08:00' })
    const clientId = await ledger.addClient()
    const later = await ledger.call<{ id: string }>('POST', '/v1/dunning-policies', {
      body: { name: 'Later', send_at: '16:00', business_days: false, stages: [{ code: 'late', offset_days: 1, tone: 'firm' }] }
    })
    await ledger.issue(clientId, due('2026-01-09'))
    await ledger.issue(clientId, { ...due('2026-01-09'), dunning_policy_id: later.body.id })
    await ledger.advance('2026-01-10T23:00:00Z')
    expect(await ledger.told('invoice.dunning_stage_entered')).toHaveLength(2)
    expect(await toldTo(ledger)).toEqual(['2026-01-10 EUR early: R-1 early*, R-2 -'])
    await ledger.advance(2)
    expect((await toldTo(ledger)).slice(1)).toEqual(['2026-01-11 EUR early: R-1 early, R-2 late*'])
  })
})

describe('a notice that waits', () => {
  const waiting = async () => {
    const ledger = await newLedger()
    await ledger.usePolicy(stages, limited({ min_days: 10, per_week: 7 }))
    const clientId = await ledger.addClient()
    const [first, second] = [await ledger.issue(clientId, due('2026-01-09')), await ledger.issue(clientId, due('2026-01-11'))]
    await ledger.advance('2026-01-13T06:00:00Z')
    expect(await toldTo(ledger)).toHaveLength(1)
    expect(await nextOf(ledger, clientId)).toBe('2026-01-20T00:00:00.000Z')
    return { ledger, clientId, first, second }
  }

  /** Credit that is not applied: a third invoice was paid, and its total is lowered. */
  const giveCredit = async ({ ledger, clientId }: Awaited<ReturnType<typeof waiting>>) => {
    await done(ledger.call('PATCH', '/v1/organization', { body: { auto_apply_credit: false } }))
    const external_refs = [{ source: 'books', id: 'third' }]
    const { id } = await ledger.issue(clientId, { ...due('2026-03-01'), total: '201.00', external_refs })
    await ledger.pay(clientId, '201.00', { allocations: [{ invoice_id: id, amount: '201.00' }] })
    await done(ledger.call('PUT', '/v1/invoices/by-ref?source=books&id=third', { body: { total: '1.00' } }))
  }

  test('speaks only of what is still open when it goes', async () => {
    const { ledger, clientId, first } = await waiting()
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: first.id, amount: '100.00' }] })
    await ledger.advance('2026-01-20T00:00:00Z')
    expect((await toldTo(ledger)).slice(1)).toEqual(['2026-01-20 EUR third: R-2 third*'])
  })

  test('does not go where everything was paid meanwhile', async () => {
    const { ledger, clientId } = await waiting()
    await ledger.pay(clientId, '200.00')
    await ledger.advance(20)
    expect(await toldTo(ledger)).toHaveLength(1)
    expect(await nextOf(ledger, clientId)).toBeNull()
  })

  test('waits on while everything is held, and goes when it is let go', async () => {
    const { ledger, clientId } = await waiting()
    const hold = await ledger.call<{ id: string }>('POST', '/v1/holds', { body: { client_id: clientId, reason: 'manual' } })
    expect(hold.status).toBe(201)
    await ledger.advance('2026-02-01T00:00:00Z')
    expect(await toldTo(ledger)).toHaveLength(1)
    expect(await nextOf(ledger, clientId)).toBeNull()
    await ledger.call('POST', `/v1/holds/${hold.body.id}/release`, { body: {} })
    await ledger.advance(1)
    const [, told, ...more] = await toldTo(ledger)
    expect(told).toMatch(/^2026-02-01 EUR third: R-1 third\*, R-2 third\*$/)
    expect(more).toEqual([])
  })

  test('is not told of what was retracted meanwhile', async () => {
    const { ledger, clientId, first, second } = await waiting()
    for (const { id } of [first, second]) {
      await ledger.pay(clientId, '100.00', { received_on: '2026-01-08', allocations: [{ invoice_id: id, amount: '100.00' }] })
    }
    await ledger.advance(20)
    expect(await toldTo(ledger)).toHaveLength(1)
  })

  test('of one invoice that is held waits on, though another of the currency is told', async () => {
    const { ledger, clientId, second } = await waiting()
    const about = { client_id: clientId, invoice_ids: [second.id], reason: 'manual' }
    const { body } = await ledger.call<{ id: string }>('POST', '/v1/holds', { body: about })
    await ledger.advance('2026-01-21T00:00:00Z')
    expect((await toldTo(ledger)).slice(1)).toEqual(['2026-01-20 EUR third: R-1 third*'])
    await ledger.call('POST', `/v1/holds/${body.id}/release`, { body: {} })
    await ledger.advance(31)
    expect((await toldTo(ledger)).slice(2)).toEqual(['2026-01-30 EUR third: R-1 third, R-2 third*'])
  })

  test('does not go to a client who is exempt by then, nor over what is too little or covered', async () => {
    const exempt = await waiting()
    await exempt.ledger.call('PATCH', `/v1/clients/${exempt.clientId}`, { body: { dunning_exempt_until_on: '2026-03-01' } })
    const covered = await waiting()
    await giveCredit(covered)
    for (const { ledger } of [exempt, covered]) {
      await ledger.advance('2026-01-25T00:00:00Z')
      expect(await toldTo(ledger)).toHaveLength(1)
    }
  })

  test('is waited for no longer once all is paid, and told when the payment bounces', async () => {
    const { ledger, clientId } = await waiting()
    const paymentId = await ledger.pay(clientId, '200.00')
    expect(await nextOf(ledger, clientId)).toBeNull()
    await ledger.advance('2026-01-18T00:00:00Z')
    await ledger.reverse(paymentId, { reason: 'bounced' })
    await ledger.advance(10)
    expect((await toldTo(ledger)).slice(1)).toEqual(['2026-01-20 EUR third: R-1 third*, R-2 third*'])
  })

  test('gives one notice when several sweeps and the end of its wait meet at one instant', async () => {
    const { ledger, clientId } = await waiting()
    await ledger.issue(clientId, { issued_on: '2026-01-13', due_on: '2026-01-19' })
    await ledger.advance('2026-01-20T00:00:00Z')
    expect((await toldTo(ledger)).slice(1)).toEqual(['2026-01-20 EUR third: R-1 third*, R-2 third*, R-3 first*'])
  })
})

test.each([
  [{ min_days: -1, per_week: 2 }, '/contact_limits/min_days'],
  [{ min_days: 91, per_week: 2 }, '/contact_limits/min_days'],
  [{ min_days: 2, per_week: 0 }, '/contact_limits/per_week'],
  [{ min_days: 2, per_week: 8 }, '/contact_limits/per_week'],
  [{ min_days: 2 }, '/contact_limits/per_week'],
  [{ min_days: 2, per_week: 2, per_month: 1 }, '/contact_limits/per_month']
])('limits %o are refused at %s', async (limits, pointer) => {
  const ledger = await newLedger()
  const body = { name: 'Limits', contact_limits: limits, stages: [{ code: 'a', offset_days: 1, tone: 'firm' }] }
  const answer = await ledger.call<{ errors: { pointer: string }[] }>('POST', '/v1/dunning-policies', { body })
  expect(answer.status).toBe(400)
  expect(answer.body.errors.map((error) => error.pointer)).toContain(pointer)
})
