import { afterAll, describe, expect, test } from 'vitest'
import { dueOnTheTenth } from '../../support/agreements.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const start = () => dueOnTheTenth(newLedger)
const announce = (
  ledger: Ledger,
  clientId: string,
  { amount, ...body }: { amount: string; matures_on: string; allocations?: object[] }
) => ledger.pay(clientId, amount, { status: 'pending', ...body })

describe('announced money holds what it covers', () => {
  test('and no more: the rest is dunned, and notices list the invoice with the rest', async () => {
    const { ledger, clientId, id } = await start()
    await announce(ledger, clientId, { amount: '1.00', matures_on: '2026-03-01' })
    expect(await ledger.invoice(id)).toMatchObject({ dunning: { held: false, next_stage: 'courtesy' } })
    await ledger.advance('2026-01-14T00:00:00Z')
    expect(await ledger.ladder(id)).toEqual(['courtesy 2026-01-07', 'reminder 2026-01-13'])
    const [stage] = await ledger.events('invoice.dunning_stage_entered')
    expect(stage?.context['amounts']).toMatchObject({
      balance: '100.00',
      announced: '1.00',
      promised: '0.00',
      net_total: '99.00'
    })
    const [notice] = await ledger.events('client.dunning_notice_due')
    expect(notice?.context).toMatchObject({
      ...{ total: '100.00', announced: '1.00', net_total: '99.00' },
      obligations: [{ invoice_id: id, balance: '100.00', net: '99.00' }]
    })
    const { obligations } = await done(
      ledger.call<{ obligations: { why: { rule: string; detail: string }[] }[] }>('GET', `/v1/invoices/${id}/dunning`)
    )
    expect(obligations[0]?.why.find(({ rule }) => rule === 'part_held')?.detail).toBe(
      'Of 100.00 EUR, 1.00 is announced through 2026-03-04: the 99.00 EUR left is dunned.'
    )
  })

  test('several announcements and a promise add up, and hold the invoice once they cover it', async () => {
    const { ledger, clientId, id } = await start()
    const named = (amount: string) => ({ amount, matures_on: '2026-01-20', allocations: [{ invoice_id: id, amount }] })
    await announce(ledger, clientId, named('40.00'))
    await announce(ledger, clientId, named('30.00'))
    expect((await ledger.invoice(id)).dunning.held).toBe(false)
    const body = { client_id: clientId, currency: 'EUR', amount: '80.00', promised_on: '2026-01-25', grace_days: 0 }
    await done(ledger.call('POST', '/v1/promises', { body }))
    expect((await ledger.invoice(id)).dunning).toMatchObject({ held: true, next_at: '2026-01-24T00:00:00.000Z' })
    await ledger.advance('2026-02-01T00:00:00Z')
    const told = await ledger.events('invoice.dunning_stage_entered')
    expect(told.map(({ occurredAt, context }) => [occurredAt.slice(0, 10), context['amounts']])).toMatchObject([
      ['2026-01-24', { announced: '0.00', promised: '80.00', net_total: '20.00' }]
    ])
  })

  test('is good within the limit of the organization, and the refusal says how to go on', async () => {
    const { ledger, clientId } = await start()
    const body = { client_id: clientId, currency: 'EUR', amount: '1.00', status: 'pending', matures_on: '2027-02-06' }
    const refused = await ledger.call<{ detail: string }>('POST', '/v1/payments', { body })
    expect(refusalOf(refused)).toBe('400 invalid_date /matures_on')
    expect(refused.body.detail).toBe(
      '`matures_on` is at most 400 days ahead, 2027-02-05. Give an earlier day, or raise `announced_days_max` of the organization.'
    )
    await done(ledger.call('PATCH', '/v1/organization', { body: { announced_days_max: 401 } }))
    expect((await ledger.call('POST', '/v1/payments', { body })).status).toBe(201)
  })
})
