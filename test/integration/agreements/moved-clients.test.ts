import { afterAll, describe, expect, test } from 'vitest'
import { holdsOf, stages } from '../../support/agreements.ts'
import { done, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

/** A client on whose days the world's begin, with an invoice of which the reminder is for 10 January. */
async function inTheFarEast() {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient({ time_zone: 'Pacific/Kiritimati' })
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-07' })
  return { ledger, clientId, id }
}

describe('a client that moves west has the rest of the day that was over in the east', () => {
  test('a promise holds through it, as the promise itself is pending through it', async () => {
    const { ledger, clientId, id } = await inTheFarEast()
    const body = { client_id: clientId, currency: 'EUR', amount: '100.00', promised_on: '2026-01-10', grace_days: 0 }
    await done(ledger.call('POST', '/v1/promises', { body }))
    await done(ledger.call('PATCH', `/v1/clients/${clientId}`, { body: { time_zone: 'Pacific/Pago_Pago' } }))
    await ledger.advance('2026-01-11T10:59:00Z')
    const { data } = await done(ledger.call<{ data: { status: string }[] }>('GET', '/v1/promises'))
    expect(data.map(({ status }) => status)).toEqual(['pending'])
    expect((await holdsOf(ledger)).map(({ is_active: isActive }) => isActive)).toEqual([true])
    expect((await ledger.invoice(id)).dunning.held).toBe(true)
    await ledger.advance('2026-01-11T11:00:00Z')
    expect(await holdsOf(ledger)).toMatchObject([{ is_active: false, released_on: '2026-01-11' }])
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-11'])
  })

  test('and so does a hold that was placed by hand', async () => {
    const { ledger, clientId, id } = await inTheFarEast()
    await done(
      ledger.call('POST', '/v1/holds', {
        body: { client_id: clientId, reason: 'manual', resume: 'by_age', until_on: '2026-01-10' }
      })
    )
    await done(ledger.call('PATCH', `/v1/clients/${clientId}`, { body: { time_zone: 'Pacific/Pago_Pago' } }))
    await ledger.advance('2026-01-11T10:59:00Z')
    expect(await ledger.ladder(id)).toEqual([])
    await ledger.advance('2026-01-11T11:00:00Z')
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-11'])
    expect(await ledger.told('hold.released')).toEqual(['2026-01-11 hold.released'])
  })

  test('and announced money is waited for through it', async () => {
    const { ledger, clientId, id } = await inTheFarEast()
    await done(ledger.call('PATCH', '/v1/organization', { body: { clearing_days: 2 } }))
    const payment = await ledger.pay(clientId, '100.00', { status: 'pending', matures_on: '2026-01-08' })
    await done(ledger.call('PATCH', `/v1/clients/${clientId}`, { body: { time_zone: 'Pacific/Pago_Pago' } }))
    const unconfirmed = async () =>
      (await done(ledger.call<{ unconfirmed_at: string | null }>('GET', `/v1/payments/${payment}`))).unconfirmed_at
    await ledger.advance('2026-01-11T10:59:00Z')
    expect([await unconfirmed(), (await ledger.invoice(id)).dunning.held]).toEqual([null, true])
    await ledger.advance('2026-01-11T11:00:00Z')
    expect(await unconfirmed()).toBe('2026-01-11T11:00:00.000Z')
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-11'])
  })
})
