import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type HoldBody = { id: string; reason: string; scope: string; is_active: boolean; release_reason: string | null }
const thirdParty = async (ledger: Ledger) =>
  (await done(ledger.call<{ data: HoldBody[] }>('GET', '/v1/holds?reason=third_party'))).data.toReversed()

/** Handed over on the tenth day after it was due: 20 January. */
async function handedOver() {
  const ledger = await newLedger()
  await ledger.usePolicy([{ code: 'handover', offset_days: 10, action: 'refer_to_collections' }])
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await ledger.advance('2026-01-20T12:00:00Z')
  return { ledger, clientId, id }
}

describe('the hold of a handover', () => {
  test('ends when what was handed over is paid, and the next invoice is dunned', async () => {
    const { ledger, clientId } = await handedOver()
    await ledger.pay(clientId, '100.00')
    expect(await thirdParty(ledger)).toMatchObject([{ is_active: false, release_reason: 'settled' }])
    const next = await ledger.issue(clientId, { issued_on: '2026-01-20', due_on: '2026-01-25' })
    await ledger.advance('2026-02-05T12:00:00Z')
    expect(await ledger.ladder(next.id)).toEqual(['handover 2026-02-04'])
  })

  test.each([
    ['voided', (id: string) => [`/v1/invoices/${id}/void`, {}] as const],
    ['written off', (id: string) => [`/v1/invoices/${id}/write-off`, {}] as const],
    ['due on another day', (id: string) => [`/v1/invoices/${id}/reschedule`, { due_on: '2026-03-01' }] as const]
  ])('ends when it is %s', async (_, requestOf) => {
    const { ledger, id } = await handedOver()
    const [path, body] = requestOf(id)
    await done(ledger.call('POST', path, { body }))
    expect(await thirdParty(ledger)).toMatchObject([{ is_active: false, release_reason: 'settled' }])
  })

  test('ends when all of it is credited', async () => {
    const { ledger, id } = await handedOver()
    const dispute = await done(
      ledger.call<{ id: string }>('POST', '/v1/disputes', { body: { invoice_id: id, reason: 'quality' } })
    )
    await done(ledger.call('POST', `/v1/disputes/${dispute.id}/resolve`, { body: { outcome: 'upheld', at_fault: 'ours' } }))
    expect(await thirdParty(ledger)).toMatchObject([{ is_active: false, release_reason: 'settled' }])
  })

  test('lasts until all that was handed over is settled, whichever was first', async () => {
    const { ledger, clientId, id } = await handedOver()
    await done(ledger.call('POST', `/v1/holds/${(await thirdParty(ledger))[0]?.id}/release`, { body: {} }))
    const other = await ledger.issue(clientId, { issued_on: '2026-01-02', due_on: '2026-01-03' })
    await ledger.advance(1)
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: id, amount: '100.00' }] })
    expect((await thirdParty(ledger)).map(({ is_active: isActive }) => isActive)).toEqual([false, true])
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: other.id, amount: '100.00' }] })
    expect((await thirdParty(ledger)).map(({ is_active: isActive }) => isActive)).toEqual([false, false])
  })

  test('is back when the payment bounces, and stays away where it was released by hand', async () => {
    const { ledger, clientId } = await handedOver()
    const payment = await ledger.pay(clientId, '100.00')
    await ledger.reverse(payment, { reason: 'bounced' })
    expect((await thirdParty(ledger)).map(({ is_active: isActive }) => isActive)).toEqual([false, true])
    await done(ledger.call('POST', `/v1/holds/${(await thirdParty(ledger))[1]?.id}/release`, { body: {} }))
    const again = await ledger.pay(clientId, '100.00')
    await ledger.reverse(again, { reason: 'bounced' })
    expect((await thirdParty(ledger)).map(({ is_active: isActive }) => isActive)).toEqual([false, false])
  })
})
