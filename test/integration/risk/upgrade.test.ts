import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { done, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, databaseUrl, close } = await startDunning()
afterAll(close)

type ScoreBody = { score: number; band: string; late: number; factors: { name: string; points: number }[] }

/** As an earlier release kept it: each of the last payments by itself, and limits of one chance. */
const FORMER = `
  update risk_organizations set settings = (settings - 'bandRule') || '{"bandLimits": [0.02, 0.05, 0.12, 0.3]}';
  update risk_clients c set state = jsonb_set(c.state::jsonb, '{recent}', (
    select coalesce(jsonb_agg(jsonb_build_object('number', i.number, 'issuedOn', i.issued_on - date '1970-01-01',
      'settledOn', i.settled_on - date '1970-01-01', 'delayDays', i.settled_on - i.due_on) order by i.settled_on), '[]')
    from risk_claims i where i.client_id = c.client_id and i.settled_on is not null))::json;`

test('what an earlier release kept is read at once after the upgrade, and counted anew with the next refresh', async () => {
  const ledger = await newLedger()
  const of = { database, services, orgId: ledger.id }
  const clientId = await ledger.addClient()
  for (let round = 0; round < 3; round += 1) {
    const { now_at: now } = await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))
    const issued = { issued_on: now.slice(0, 10), due_on: now.slice(0, 10) }
    for (let n = 0; n < 2; n += 1) await ledger.issue(clientId, issued)
    await ledger.advance(2 + 3 * round)
    await ledger.pay(clientId, '200.00')
    await ledger.advance(1)
    await refresh(of)
  }
  const score = () => done(ledger.call<ScoreBody>('GET', `/v1/clients/${clientId}/risk-score`))
  const before = await score()
  const migration = readFileSync(new URL('../../../drizzle/0026_rising_delays.sql', import.meta.url), 'utf8')
  const owner = new pg.Client(databaseUrl)
  await owner.connect()
  await owner.query(FORMER)
  await owner.query(migration.replaceAll('--> statement-breakpoint', ''))
  await owner.end()
  const upgraded = await score()
  expect([upgraded.score, upgraded.late, ...upgraded.factors.map(({ points }) => points)].every(Number.isFinite)).toBe(true)
  await refresh(of)
  await expectFaithful(of)
  expect(await score()).toEqual(before)
  expect(await done(ledger.call('GET', '/v1/risk-model'))).toMatchObject({ model: 'v2', late_band_limits: [0.5, 0.8, 1, 1] })
})

/** As an earlier release kept what waits for its day: each invoice by itself. */
const FORMER_WAITING = `
  update risk_clients c set state = jsonb_set(c.state::jsonb, '{waiting}', jsonb_build_object(
    'issued', (select jsonb_agg(jsonb_build_object('number', number, 'issuedOn', issued_on - date '1970-01-01', 'dueOn', due_on - date '1970-01-01',
      'amount', amount, 'currency', currency, 'disputed', is_disputed)) from risk_claims i where i.client_id = c.client_id and i.issued_on >= $1),
    'settled', (select jsonb_agg(jsonb_build_object('number', number, 'issuedOn', issued_on - date '1970-01-01', 'dueOn', due_on - date '1970-01-01',
      'amount', amount, 'currency', currency, 'disputed', is_disputed, 'settledOn', settled_on - date '1970-01-01',
      'delayDays', settled_on - due_on)) from risk_claims i where i.client_id = c.client_id and i.settled_on >= $1)))::json
  where c.client_id = $2`

test('what an earlier release kept waiting for its day counts after the upgrade, also where some of it is taken back', async () => {
  const ledger = await newLedger()
  const of = { database, services, orgId: ledger.id }
  const clientId = await ledger.addClient()
  const { now_at: now } = await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))
  const today = now.slice(0, 10)
  const issued = { issued_on: today, due_on: today }
  for (let n = 0; n < 2; n += 1) await ledger.issue(clientId, issued)
  const last = await ledger.issue(clientId, issued)
  await ledger.pay(clientId, '100.00')
  await refresh(of)
  const owner = new pg.Client(databaseUrl)
  await owner.connect()
  await owner.query(FORMER_WAITING, [today, clientId])
  const migration = readFileSync(new URL('../../../drizzle/0037_alike_claims.sql', import.meta.url), 'utf8')
  await owner.query(migration.replaceAll('--> statement-breakpoint', ''))
  await owner.end()
  await done(ledger.call('POST', `/v1/invoices/${last.id}/void`))
  await refresh(of)
  await expectFaithful(of)
  await ledger.advance(2)
  await refresh(of)
  await expectFaithful(of)
})
