import { afterAll, expect, test } from 'vitest'
import { createRiskJob } from '../../src/jobs/risk-refresh.ts'
import { done, type Ledger, policyBody, startDunning } from '../support/dunning.ts'

const app = await startDunning({ now: '2026-11-30T12:00:00Z' })
const { newLedger, services, database, clock, sweepJob, close } = app
afterAll(close)

const lists = [
  ...['clients', 'invoices', 'payments', 'promises', 'payment-plans', 'credit-notes', 'disputes', 'holds', 'interactions'],
  ...['dunning-policies', 'dunning/runs']
]

type Listed = { id: string; created_at: string; updated_at?: string }

async function listed(ledger: Ledger, list: string, filter = ''): Promise<Listed[]> {
  return (await done(ledger.call<{ data: Listed[] }>('GET', `/v1/${list}?limit=200${filter}`))).data
}

/** At least one object of every list, made when the clock stands where it stands. */
async function fill(ledger: Ledger) {
  const post = (path: string, body: object) => done(ledger.call<{ id: string }>('POST', `/v1/${path}`, { body }))
  const today = (await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))).now_at.slice(0, 10)
  const clientId = await ledger.addClient()
  const money = { client_id: clientId, currency: 'EUR' }
  const [paid, disputed, planned, promised] = await Promise.all(
    [1, 2, 3, 4].map(() => ledger.issue(clientId, { issued_on: today, due_on: today }))
  )
  const ids = (invoice: typeof paid) => [invoice?.id]
  const { id: paymentId } = await post('payments', {
    ...money,
    amount: '40.00',
    allocations: [{ invoice_id: paid?.id, amount: '40.00' }]
  })
  await post(`payments/${paymentId}/reverse`, { reason: 'bounced' })
  await post('payments', { ...money, amount: '10.00', status: 'pending' })
  const { id: disputeId } = await post('disputes', { invoice_id: disputed?.id, reason: 'other', amount: '50.00' })
  await post(`disputes/${disputeId}/resolve`, { outcome: 'partly_upheld', at_fault: 'ours', credit: '5.00' })
  const schedule = { kind: 'equal', count: 2, every: 'weekly', first_on: today }
  const { id: planId } = await post('payment-plans', { client_id: clientId, invoice_ids: ids(planned), schedule })
  await post(`payment-plans/${planId}/accept`, { accepted_by: 'Ada' })
  await post('promises', { ...money, amount: '100.00', invoice_ids: ids(promised), promised_on: today })
  await post('holds', { client_id: clientId, reason: 'manual', until_on: today })
  await post('interactions', { client_id: clientId, kind: 'note', summary: 'Called.' })
  await post('dunning-policies', policyBody([{ code: 'a', offset_days: 1 }]))
  await post('dunning/runs', {})
  await sweepJob.executeRuns()
}

test('everything that has a time of its making and its changing has it by the clock of its organization', async () => {
  const ledger = await newLedger({ clockAt: '2031-03-01T08:00:00Z' })
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
  await fill(ledger)
  await ledger.advance('2031-03-20T08:00:00Z')
  await fill(ledger)
  await createRiskJob({ services, database, clock, log: { info: () => {}, warn: () => {}, error: () => {} } }).refreshAll()
  for (const list of lists) {
    const found = await listed(ledger, list)
    expect(found.length, list).toBeGreaterThanOrEqual(2)
    for (const { created_at: created, updated_at: updated = created } of found) {
      const made = ['2031-03-01T08:00:00.000Z', '2031-03-20T08:00:00.000Z']
      if (list !== 'holds') expect(made, list).toContain(created)
      expect(updated >= created && updated <= '2031-03-20T08:00:00.000Z', `${list} ${created} ${updated}`).toBe(true)
    }
    const late = await listed(ledger, list, '&updated_since=2031-03-20T08:00:00Z')
    const expected = found.filter((one) => (one.updated_at ?? one.created_at) >= '2031-03-20T08:00:00.000Z')
    if (list !== 'dunning/runs')
      expect(late.map(({ id }) => id).toSorted(), list).toEqual(expected.map(({ id }) => id).toSorted())
    expect(late.length, list).toBeGreaterThan(0)
  }
  const organization = await done(ledger.call<Listed>('GET', '/v1/organization'))
  expect([organization.created_at, organization.updated_at]).toEqual(['2031-03-01T08:00:00.000Z', '2031-03-20T08:00:00.000Z'])
  expect((await done(ledger.call<{ updated_at: string }>('GET', '/v1/risk-model'))).updated_at).toBe('2031-03-20T08:00:00.000Z')
  for (const { type, object } of await ledger.events()) {
    const { created_at: created, updated_at: updated } = object as { created_at?: string; updated_at?: string }
    for (const at of [created, updated]) if (at !== undefined) expect(at.slice(0, 7), type).toBe('2031-03')
  }
})

test('when something was recorded, and what keys and webhooks show, is real time', async () => {
  const ledger = await newLedger({ clockAt: '2031-03-01T08:00:00Z' })
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
  await ledger.issue(await ledger.addClient(), { issued_on: '2031-03-01', due_on: '2031-03-01' })
  await ledger.advance('2031-03-05T00:00:00Z')
  const first = async (path: string) =>
    (await done(ledger.call<{ data: Record<string, string>[] }>('GET', `/v1/${path}`))).data[0]
  expect((await first('dunning/entries'))?.['recorded_at']).toBe('2026-11-30T12:00:00.000Z')
  await ledger.events() // seals
  expect((await first('events'))?.['recorded_at']).toBe('2026-11-30T12:00:00.000Z')
  expect((await first('api-keys'))?.['created_at']).toBe('2026-11-30T12:00:00.000Z')
})
