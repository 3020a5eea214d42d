import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, close } = await startDunning()
afterAll(close)

type ScoreBody = Readonly<{
  score: number
  band: string
  late: number
  seriously_late: number
  as_of: string
  percentile: number | null
  exposure: { currency: string; open: string; overdue: string; expected_bad: string }[]
  factors: { name: string; points: number; is_assumed: boolean }[]
  is_thin_file: boolean
  confidence: number
  weights_of: string | null
}>
type DayBody = Readonly<{ client_id: string; as_of: string; score: number; band: string }>
type Page<T> = Readonly<{ data: T[]; next_cursor: string | null }>

const of = (ledger: Ledger) => ({ database, services, orgId: ledger.id })
const scoreOf = (ledger: Ledger, clientId: string, query = '') =>
  done(ledger.call<ScoreBody>('GET', `/v1/clients/${clientId}/risk-score${query}`))
const historyOf = async (ledger: Ledger, clientId: string) =>
  (await done(ledger.call<Page<DayBody>>('GET', `/v1/clients/${clientId}/risk-scores?limit=200`))).data

/** Five invoices a few days apart, each paid so many days after it was due; refreshed on every day, or only at the end. */
async function live(ledger: Ledger, { clientId, lateDays, daily }: { clientId: string; lateDays: number; daily: boolean }) {
  for (let round = 0; round < 5; round += 1) {
    const { now_at: now } = await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))
    const today = now.slice(0, 10)
    const due = new Date(Date.parse(now) + 5 * 86_400_000).toISOString().slice(0, 10)
    await ledger.issue(clientId, { issued_on: today, due_on: due })
    for (let day = 0; day < 5 + lateDays; day += 1) {
      await ledger.advance(1)
      if (daily) await refresh(of(ledger))
    }
    await ledger.pay(clientId, '100.00')
  }
  await ledger.advance(1)
  await refresh(of(ledger))
}

describe('days', () => {
  test('passing into every day and catching up with all of them at the end give the same scores, day by day', async () => {
    const [a, b] = [await newLedger(), await newLedger()]
    const [ofA, ofB] = [await a.addClient(), await b.addClient()]
    await live(a, { clientId: ofA, lateDays: 6, daily: true })
    await live(b, { clientId: ofB, lateDays: 6, daily: false })
    const scores = ({ as_of, score, band }: DayBody) => `${as_of} ${score} ${band}`
    const daily = (await historyOf(a, ofA)).map(scores)
    expect((await historyOf(b, ofB)).map(scores)).toEqual(daily)
    expect((await scoreOf(b, ofB)).score).toBe((await scoreOf(a, ofA)).score)
  })

  test('a past day is recomputed from the ledger, and is what was said on that day', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    await live(ledger, { clientId, lateDays: 9, daily: true })
    const history = await historyOf(ledger, clientId)
    expect(history.length).toBeGreaterThan(5)
    for (const { as_of: asOf, score } of history) {
      expect((await scoreOf(ledger, clientId, `?as_of=${asOf}`)).score, asOf).toBe(score)
    }
  })

  test('a day that has not begun has no score', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    const { status, body } = await ledger.call('GET', `/v1/clients/${clientId}/risk-score?as_of=2026-01-02`)
    expect([status, body['code']]).toEqual([400, 'invalid_request'])
    expect(JSON.stringify(body)).toContain('as_of')
  })

  test('what happens today counts from tomorrow', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-02' })
    await ledger.advance(5)
    await refresh(of(ledger))
    const before = await scoreOf(ledger, clientId)
    await ledger.pay(clientId, '100.00')
    await refresh(of(ledger))
    expect((await scoreOf(ledger, clientId)).score).toBe(before.score)
    await ledger.advance(1)
    await refresh(of(ledger))
    expect((await scoreOf(ledger, clientId)).score).not.toBe(before.score)
  })
})

describe('who is scored', () => {
  test('a client of whom nothing is known has the organization’s own rate and a thin file', async () => {
    const ledger = await newLedger()
    const found = await scoreOf(ledger, await ledger.addClient())
    expect(found).toMatchObject({ is_thin_file: true, confidence: 0, exposure: [], percentile: null, weights_of: null })
    expect(found.score).toBeGreaterThan(0)
  })

  test('who pays late ranks above who pays on time, and the list, the percentile and the bands agree', async () => {
    const ledger = await newLedger()
    const [slow = '', prompt = ''] = await ledger.addClients(2)
    await live(ledger, { clientId: prompt, lateDays: -2, daily: false })
    await live(ledger, { clientId: slow, lateDays: 25, daily: false })
    const [ofSlow, ofPrompt] = [await scoreOf(ledger, slow), await scoreOf(ledger, prompt)]
    expect(ofSlow.score).toBeGreaterThan(ofPrompt.score)
    expect([ofSlow.percentile, ofPrompt.percentile]).toEqual([100, 0])
    const list = await done(ledger.call<Page<DayBody>>('GET', '/v1/risk-scores'))
    expect(list.data.map(({ client_id: id }) => id)).toEqual([slow, prompt])
    const inBand = await done(ledger.call<Page<DayBody>>('GET', `/v1/risk-scores?band=${ofSlow.band}`))
    expect(inBand.data.map(({ client_id: id }) => id)).toContain(slow)
    const pages = await done(ledger.call<Page<DayBody>>('GET', '/v1/risk-scores?limit=1'))
    expect(pages.next_cursor).not.toBeNull()
  })

  test('expected losses are sorted by one currency, and amounts of another are not in it', async () => {
    const ledger = await newLedger()
    const [euro = '', dollar = ''] = await ledger.addClients(2)
    await ledger.issue(euro, { issued_on: '2026-01-01', due_on: '2026-01-05', total: '500.00' })
    await ledger.issue(dollar, { issued_on: '2026-01-01', due_on: '2026-01-05', total: '900.00', currency: 'USD' })
    await ledger.advance(20)
    await refresh(of(ledger))
    const list = (query: string) =>
      done(ledger.call<Page<DayBody & ScoreBody>>('GET', `/v1/risk-scores?sort=expected_bad${query}`))
    expect((await list('')).data.map(({ client_id: id }) => id)).toEqual([euro])
    expect((await list('&currency=USD')).data.map(({ client_id: id }) => id)).toEqual([dollar])
    const [row] = (await list('')).data
    expect(row?.exposure).toEqual((await scoreOf(ledger, euro)).exposure)
    expect(Number(row?.exposure[0]?.expected_bad)).toBeGreaterThan(0)
    expect(row?.exposure[0]).toMatchObject({ open: '500.00', overdue: '500.00' })
  })

  test('an open invoice has a day on which it is expected; a paid one has no risk any more', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-05' })
    await ledger.advance(10)
    await refresh(of(ledger))
    type Expected = {
      expected_on: string
      early_on: string
      late_on: string
      ends_seriously_late: number
      factors: { name: string }[]
    }
    const found = await done(ledger.call<Expected>('GET', `/v1/invoices/${id}/risk-score`))
    expect(found.early_on <= found.expected_on && found.expected_on <= found.late_on).toBe(true)
    expect(found.early_on >= '2026-01-11').toBe(true)
    await done(ledger.call('POST', '/v1/disputes', { body: { invoice_id: id, reason: 'quality' } }))
    const disputed = await done(ledger.call<Expected>('GET', `/v1/invoices/${id}/risk-score`))
    expect(disputed.factors.map(({ name }) => name)).toContain('open_dispute')
    await ledger.pay(clientId, '100.00')
    expect((await ledger.call('GET', `/v1/invoices/${id}/risk-score`)).status).toBe(409)
  })

  test('a broken promise and a returned payment raise the score, and say that this is assumed', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-02' })
    const body = { client_id: clientId, amount: '100.00', currency: 'EUR', promised_on: '2026-01-04', grace_days: 0 }
    await done(ledger.call('POST', '/v1/promises', { body }))
    await ledger.reverse(await ledger.pay(clientId, '5.00'), { reason: 'bounced' })
    await ledger.advance(8)
    await refresh(of(ledger))
    const { factors } = await scoreOf(ledger, clientId)
    const assumed = factors.filter((factor) => factor.is_assumed)
    expect(assumed.map(({ name }) => name).toSorted()).toEqual(['broken_promises', 'returned_payment'])
    expect(assumed.every(({ points }) => points > 0)).toBe(true)
  })

  test('amounts of 0 after a credit, a void and a write-off leave every score finite', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    const body = { issued_on: '2026-01-01', due_on: '2026-01-03' }
    const ids = await Promise.all([1, 2, 3].map(async () => (await ledger.issue(clientId, body)).id))
    await done(ledger.call('POST', `/v1/invoices/${ids[0]}/void`, { body: {} }))
    await done(ledger.call('POST', `/v1/invoices/${ids[1]}/write-off`, { body: {} }))
    const dispute = { invoice_id: ids[2], reason: 'quality' }
    const { id } = await done(ledger.call<{ id: string }>('POST', '/v1/disputes', { body: dispute }))
    await done(ledger.call('POST', `/v1/disputes/${id}/resolve`, { body: { outcome: 'upheld', at_fault: 'ours' } }))
    await ledger.advance(31)
    await refresh(of(ledger))
    const found = await scoreOf(ledger, clientId)
    expect([found.score, found.late, found.seriously_late].every(Number.isFinite)).toBe(true)
    await expectFaithful(of(ledger))
  })
})

test('moving into another band is told once, with the score and its reasons', async () => {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  await live(ledger, { clientId, lateDays: 40, daily: true })
  const told = await ledger.events('client.risk_band_changed')
  expect(told.length).toBeGreaterThan(0)
  const [first] = told
  expect(first?.object['id']).toBe(clientId)
  expect(first?.context).toMatchObject({ former_band: expect.any(String) as string, band: expect.any(String) as string })
  const bands = told.map(({ context }) => [context['former_band'], context['band']])
  for (const [index, [from]] of bands.entries()) if (index > 0) expect(from).toBe(bands[index - 1]?.[1])
  await refresh(of(ledger))
  expect(await ledger.events('client.risk_band_changed')).toHaveLength(told.length)
})

test('two processes that refresh at once count everything once', async () => {
  const ledger = await newLedger()
  const clientIds = await ledger.addClients(3)
  for (const clientId of clientIds) await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-05' })
  await ledger.advance(9)
  await Promise.all([refresh(of(ledger)), refresh(of(ledger)), refresh(of(ledger)), ledger.pay(clientIds[0] ?? '', '100.00')])
  await refresh(of(ledger))
  await expectFaithful(of(ledger))
})
