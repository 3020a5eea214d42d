import { afterAll, describe, expect, test } from 'vitest'
import { dueOnTheTenth, expectSoundBooks, holdsOf, toldByDay } from '../../support/agreements.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

// Whatever comes first, each ends as it would have if the other had waited for it. Both start at the same moment on connections of
// their own, in either order; how they meet is up to the database.

const app = await startDunning({ connections: 8 })
const { newLedger, database, services } = app
afterAll(() => app.close())

const ROUNDS = 8

/** Both at once; each in its turn has a start of some requests on the other, for a sweep here is quicker than a request. */
function race<A, B>(round: number, one: () => Promise<A>, other: () => Promise<B>): Promise<[A, B]> {
  const later = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let turn = 0; turn < round; turn += 2) await app.call('GET', '/v1/organization')
    return work()
  }
  return round % 2 === 0 ? Promise.all([one(), later(other)]) : Promise.all([later(one), other()])
}

async function sweepAt(ledger: Ledger, at: string): Promise<void> {
  await database.scoped(ledger.id, async (tx) => {
    await services.deadlines.meetBatch(tx, { at: new Date(at), clients: 100, wait: true })
    await services.dunning.sweepBatch(tx, { at: new Date(at), clients: 100, wait: true })
  })
}

type Plan = Readonly<{ id: string; status: string; paid: string }>
const planOf = (ledger: Ledger, id: string) => done(ledger.call<Plan>('GET', `/v1/payment-plans/${id}`))
const propose = (ledger: Ledger, body: object) => done(ledger.call<Plan>('POST', '/v1/payment-plans', { body }))
const schedule = { kind: 'equal', count: 3, every: 'monthly', first_on: '2026-02-01' }

describe.each(Array.from({ length: ROUNDS }, (_, round) => round))('round %i', (round) => {
  test('an acceptance against a payment: the plan counts the payment, or was stale before it', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const plan = await propose(ledger, { client_id: clientId, invoice_ids: [id], schedule })
    const [accepted, paid] = await race(
      round,
      () => ledger.call('POST', `/v1/payment-plans/${plan.id}/accept`, { body: { accepted_by: 'Ada' } }),
      () => ledger.call('POST', '/v1/payments', { body: { client_id: clientId, currency: 'EUR', amount: '40.00' } })
    )
    expect(paid.status).toBe(201)
    expect([200, 409]).toContain(accepted.status)
    const after = await planOf(ledger, plan.id)
    expect([after.status, after.paid]).toEqual(accepted.status === 200 ? ['active', '40.00'] : ['proposed', '0.00'])
    const { balance, dunning } = await ledger.invoice(id)
    expect([balance, dunning.held]).toEqual(['60.00', accepted.status === 200])
    await expectSoundBooks(database, ledger)
  })

  test('a hold against a sweep: what is entered was entered before, and nothing after it', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    await ledger.advance('2026-01-12T12:00:00Z')
    const [hold] = await race(
      round,
      () => ledger.call<{ id: string }>('POST', '/v1/holds', { body: { client_id: clientId, reason: 'manual' } }),
      () => sweepAt(ledger, '2026-01-13T00:00:00Z')
    )
    expect(hold.status).toBe(201)
    const told = async () => (await ledger.events('hold.placed', 'invoice.dunning_stage_entered')).map(({ type }) => type)
    const order = await told()
    // The courtesy stage came days before.
    expect(order.at(-1)).toBe('hold.placed')
    await sweepAt(ledger, '2026-01-31T00:00:00Z')
    expect(await told()).toEqual(order)
    expect((await ledger.invoice(id)).dunning.held).toBe(true)
    await ledger.call('POST', `/v1/holds/${hold.body.id}/release`, { body: {} })
    await ledger.advance('2026-01-31T01:00:00Z')
    // Back by age: one entry, whichever came first.
    expect((await ledger.ladder(id)).filter((line) => line.startsWith('second'))).toHaveLength(1)
    await expectSoundBooks(database, ledger)
  })

  test('the end of a promise against the payment that keeps it: it was kept', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const body = { client_id: clientId, invoice_ids: [id], amount: '100.00', currency: 'EUR', promised_on: '2026-01-20' }
    const promise = await done(ledger.call<{ id: string }>('POST', '/v1/promises', { body }))
    await ledger.advance('2026-01-20T23:59:59Z')
    const [, paid] = await race(
      round,
      () => sweepAt(ledger, '2026-01-24T00:00:00Z'),
      () =>
        ledger.call('POST', '/v1/payments', {
          body: { client_id: clientId, currency: 'EUR', amount: '100.00', received_on: '2026-01-20' }
        })
    )
    expect(paid.status).toBe(201)
    expect(await done(ledger.call('GET', `/v1/promises/${promise.id}`))).toMatchObject({ status: 'kept' })
    expect((await holdsOf(ledger)).map(({ is_active: isActive }) => isActive)).toEqual([false])
    await expectSoundBooks(database, ledger)
  })

  test('a break against a renegotiation: the new plan is the only one, whether the old one broke or was replaced', async () => {
    const { ledger, clientId, id } = await dueOnTheTenth(newLedger)
    const installments = [
      { due_on: '2026-01-05', amount: '50.00' },
      { due_on: '2026-01-10', amount: '50.00' }
    ]
    const covered = { client_id: clientId, invoice_ids: [id], break_after_missed: 1 }
    const plan = await propose(ledger, { ...covered, schedule: { kind: 'custom', installments } })
    await done(ledger.call('POST', `/v1/payment-plans/${plan.id}/accept`, { body: { accepted_by: 'Ada' } }))
    await ledger.advance('2026-01-05T12:00:00Z')
    const terms = { schedule, expires_on: '2026-01-31' }
    const proposed = await done(ledger.call<Plan>('POST', `/v1/payment-plans/${plan.id}/renegotiate`, { body: terms }))
    const [, accepted] = await race(
      round,
      () => sweepAt(ledger, '2026-01-20T12:00:00Z'),
      () => ledger.call('POST', `/v1/payment-plans/${proposed.id}/accept`, { body: { accepted_by: 'Ada' } })
    )
    expect(accepted.status).toBe(200)
    const [before, after] = [await planOf(ledger, plan.id), await planOf(ledger, proposed.id)]
    expect(after.status).toBe('active')
    expect(['broken', 'cancelled']).toContain(before.status)
    expect((await holdsOf(ledger)).filter(({ is_active: isActive }) => isActive)).toHaveLength(1)
    expect((await ledger.invoice(id)).dunning.held).toBe(true)
    expect(await toldByDay(ledger, 'payment_plan.broken')).toHaveLength(before.status === 'broken' ? 1 : 0)
    await expectSoundBooks(database, ledger)
  })
})
