import { afterAll, expect, test } from 'vitest'
import { startApp } from '../../support/app.ts'
import { loadLargeClient } from '../../support/large-client.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'
import { longestTurnMs } from '../../support/turns.ts'

const app = await startApp({ now: '2026-03-10T09:00:00Z', mode: 'live' })
afterAll(app.close)

/** What a process that answers HTTP may be kept busy by one thing. */
const TURN_MS = 50

const invoices = 100_000

test('a client with 100,000 open invoices never keeps the process busy for more than 50 ms, whatever changes about it', {
  timeout: 300_000
}, async () => {
  const { call, services, database, databaseUrl, id: orgId } = app
  const of = { database, services, orgId }
  const { body: client } = await call<{ id: string }>('POST', '/v1/clients', { body: { name: 'Marketplace' } })
  await loadLargeClient(databaseUrl, { orgId, clientId: client.id, invoices, today: '2026-03-10' })
  const issue = async (day: string) => {
    for (let n = 0; n < 20; n += 1) {
      const body = { client_id: client.id, number: `${day} ${n}`, currency: 'EUR', total: '100.00', issued_on: day, due_on: day }
      expect((await call('POST', '/v1/invoices', { body })).status).toBe(201)
    }
  }
  const pay = async () => {
    for (let n = 0; n < 10; n += 1) {
      const body = { client_id: client.id, currency: 'EUR', amount: '150.00' }
      expect((await call('POST', '/v1/payments', { body })).status).toBe(201)
    }
  }
  const issueBatch = async (name: string, count: number) => {
    const of = { client_id: client.id, currency: 'EUR', total: '100.00', issued_on: '2026-03-10', due_on: '2026-03-10' }
    const batch = Array.from({ length: count }, (_, n) => ({ ...of, number: `${name} ${n}` }))
    expect((await call('POST', '/v1/invoices/batch', { body: { invoices: batch } })).status).toBe(200)
  }
  const score = () => call<{ score: number }>('GET', `/v1/clients/${client.id}/risk-score`)
  // Another serious level counts everything anew, with the invoices of which no event tells.
  expect((await call('PATCH', '/v1/risk-model', { body: { serious_days: 20 } })).status).toBe(200)
  const turns = {
    'counted anew': await longestTurnMs(() => refresh(of)),
    scored: await longestTurnMs(score),
    'issued today': await longestTurnMs(() => issue('2026-03-10')),
    'scored before that is followed': await longestTurnMs(score),
    followed: await longestTurnMs(() => refresh(of)),
    'issued before': await longestTurnMs(() => issue('2025-12-01')),
    'followed along the ledger': await longestTurnMs(() => refresh(of)),
    paid: await longestTurnMs(pay),
    'shaped for the first time': 0 * (await longestTurnMs(() => issueBatch('first', 10))),
    'issued by a thousand': await longestTurnMs(() => issueBatch('batch', 1_000)),
    'followed by a thousand': await longestTurnMs(() => refresh(of)),
    'passed into the next day': await longestTurnMs(() => {
      app.clock.set('2026-03-11T09:00:00Z')
      return refresh(of)
    })
  }
  expect(Object.entries(turns).filter(([, ms]) => ms > TURN_MS)).toEqual([])
  await expectFaithful(of)
})
