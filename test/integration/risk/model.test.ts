import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, close } = await startDunning()
afterAll(close)

type Drift = { weight: number; prior: number; drift: number }
type ModelBody = Readonly<{
  model: string
  serious_days: number
  follows_outcomes: boolean
  band_limits: number[]
  late_band_limits: number[]
  assumed: Record<string, number>
  is_stale: boolean
  reset_on: string | null
  outcomes: { late: number; seriously_late: number }
  weights: { name: string; late: Drift; seriously_late: Drift }[]
  version: number
}>
type ScoreBody = Readonly<{ score: number; serious_days: number; model: string; band: string }>

const of = (ledger: Ledger) => ({ database, services, orgId: ledger.id })
const modelOf = (ledger: Ledger) => done(ledger.call<ModelBody>('GET', '/v1/risk-model'))
const update = (ledger: Ledger, body: object) => done(ledger.call<ModelBody>('PATCH', '/v1/risk-model', { body }))
const scoreOf = (ledger: Ledger, clientId: string) => done(ledger.call<ScoreBody>('GET', `/v1/clients/${clientId}/risk-score`))

/** Two clients with a few outcomes each, followed as they came. */
async function known(): Promise<{ ledger: Ledger; clientIds: string[] }> {
  const ledger = await newLedger()
  const clientIds = await ledger.addClients(2)
  for (let round = 0; round < 4; round += 1) {
    const { now_at: now } = await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))
    const due = new Date(Date.parse(now) + 4 * 86_400_000).toISOString().slice(0, 10)
    for (const clientId of clientIds) await ledger.issue(clientId, { issued_on: now.slice(0, 10), due_on: due })
    await ledger.advance(3)
    await ledger.pay(clientIds[0] ?? '', '100.00')
    await ledger.advance(11)
    await ledger.pay(clientIds[1] ?? '', '100.00')
    await refresh(of(ledger))
  }
  await ledger.advance(2)
  await refresh(of(ledger))
  return { ledger, clientIds }
}

test('weights begin at their priors, follow each outcome once, and say how far they drifted', async () => {
  expect((await modelOf(await newLedger())).outcomes).toEqual({ late: 0, seriously_late: 0 })
  const { ledger } = await known()
  const model = await modelOf(ledger)
  expect(model.outcomes.late).toBe(8)
  expect(model.weights.some(({ late }) => late.drift !== 0)).toBe(true)
  for (const { late } of model.weights) expect(late.weight).toBeCloseTo(late.prior + late.drift, 12)
  await expectFaithful(of(ledger))
})

test('a fact that is recorded late makes weights stale, and the next night they are what they would have been', async () => {
  const { ledger, clientIds } = await known()
  const { id } = await ledger.issue(clientIds[0] ?? '', { issued_on: '2026-01-10', due_on: '2026-01-20' })
  await ledger.pay(clientIds[0] ?? '', '100.00', {
    received_on: '2026-01-25',
    allocations: [{ invoice_id: id, amount: '100.00' }]
  })
  await refresh(of(ledger))
  expect((await modelOf(ledger)).is_stale).toBe(true)
  await ledger.advance(1)
  await refresh(of(ledger))
  const model = await modelOf(ledger)
  expect([model.is_stale, model.outcomes.late]).toEqual([false, 9])
  await expectFaithful(of(ledger))
})

test('a reset sets the weights back, keeps the history, and follows what becomes known from then on', async () => {
  const { ledger, clientIds } = await known()
  const before = await modelOf(ledger)
  const reset = await done(
    ledger.call<ModelBody>('POST', '/v1/risk-model/reset', { headers: { 'if-match': `"${before.version}"` } })
  )
  expect(reset.outcomes).toEqual({ late: 0, seriously_late: 0 })
  expect(reset.weights.every(({ late, seriously_late: serious }) => late.drift === 0 && serious.drift === 0)).toBe(true)
  await ledger.issue(clientIds[0] ?? '', { issued_on: '2026-03-01', due_on: '2026-03-02' })
  await ledger.advance(10)
  await refresh(of(ledger))
  expect((await modelOf(ledger)).outcomes.late).toBe(1)
  await expectFaithful(of(ledger))
  expect((await ledger.call('POST', '/v1/risk-model/reset', { headers: { 'if-match': '"1"' } })).status).toBe(412)
})

describe('what counts everything anew', () => {
  test('gives what events gave, when nothing but the model goes there and back', async () => {
    const { ledger, clientIds } = await known()
    const before = [await scoreOf(ledger, clientIds[0] ?? ''), await modelOf(ledger)] as const
    await update(ledger, { model: 'v1' })
    await refresh(of(ledger))
    expect((await scoreOf(ledger, clientIds[0] ?? '')).model).toBe('v1')
    await expectFaithful(of(ledger))
    await update(ledger, { model: 'v2' })
    await refresh(of(ledger))
    await expectFaithful(of(ledger))
    expect((await scoreOf(ledger, clientIds[0] ?? '')).score).toBe(before[0].score)
    expect((await modelOf(ledger)).outcomes).toEqual(before[1].outcomes)
  })

  test('another serious level is counted everywhere', async () => {
    const { ledger, clientIds } = await known()
    await update(ledger, { serious_days: 12 })
    await refresh(of(ledger))
    expect((await scoreOf(ledger, clientIds[0] ?? '')).serious_days).toBe(12)
    await expectFaithful(of(ledger))
    await ledger.advance(3)
    await refresh(of(ledger))
    await expectFaithful(of(ledger))
  })
})

test('weights that follow no outcomes stay where they start, and catch up when they follow again', async () => {
  const { ledger } = await known()
  await update(ledger, { follows_outcomes: false })
  const model = await modelOf(ledger)
  expect(model.weights.every(({ late }) => late.drift === 0)).toBe(true)
  const clientId = await ledger.addClient()
  await ledger.issue(clientId, { issued_on: '2026-03-01', due_on: '2026-03-02' })
  await ledger.advance(5)
  await refresh(of(ledger))
  await update(ledger, { follows_outcomes: true })
  await ledger.advance(1)
  await refresh(of(ledger))
  expect((await modelOf(ledger)).outcomes.late).toBe(9)
  await expectFaithful(of(ledger))
})

test('settings are changed one by one, and limits that do not rise are refused', async () => {
  const ledger = await newLedger()
  const changed = await update(ledger, { assumed: { open_dispute: 2 } })
  expect(changed.assumed).toMatchObject({ open_dispute: 2, broken_promise: 0.7 })
  const refused = await ledger.call('PATCH', '/v1/risk-model', { body: { band_limits: [0.1, 0.05, 0.2, 0.3] } })
  expect([refused.status, JSON.stringify(refused.body).includes('/band_limits')]).toEqual([400, true])
  expect((await modelOf(ledger)).band_limits).toEqual([0.02, 0.05, 0.12, 0.3])
  const falling = await ledger.call('PATCH', '/v1/risk-model', { body: { late_band_limits: [0.5, 0.4, 1, 1] } })
  expect([falling.status, JSON.stringify(falling.body).includes('/late_band_limits')]).toEqual([400, true])
  await done(ledger.call('PATCH', '/v1/risk-model', { body: { late_band_limits: [0.6, 0.7, 1, 1] } }))
  expect(await modelOf(ledger)).toMatchObject({ band_limits: [0.02, 0.05, 0.12, 0.3], late_band_limits: [0.6, 0.7, 1, 1] })
})
