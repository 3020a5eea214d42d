import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, clock, close } = await startDunning()
afterAll(close)

type ScoreBody = Readonly<{
  score: number
  band: string
  late: number
  seriously_late: number
  computed_through_at: string
  confidence: number
  is_thin_file: boolean
  expected_days_late: object
  exposure: object[]
  payment_index: object | null
  factors: { name: string; value: number; points: number }[]
}>

const of = (ledger: Ledger) => ({ database, services, orgId: ledger.id })
const scoreOf = (ledger: Ledger, clientId: string, query = '') =>
  done(ledger.call<ScoreBody>('GET', `/v1/clients/${clientId}/risk-score${query}`))

/** What a score says, without the instant and the rank among others. Sums that were added in another order differ in the last digits. */
function saidBy({ computed_through_at: _, late, seriously_late: serious, confidence, factors, ...score }: ScoreBody) {
  const near = (value: number) => Number(value.toPrecision(9))
  const index = 'payment_index' in score ? score.payment_index : null
  return {
    ...{ score: score.score, band: score.band, exposure: score.exposure, expected: score.expected_days_late, index },
    ...{ late: near(late), serious: near(serious), confidence: near(confidence) },
    factors: factors.map(({ name, value, points }) => [name, near(value + 1), points])
  }
}

const BEFORE = { issued_on: '2026-01-01', due_on: '2026-01-02' }

/** A client with a record of late payments and one open invoice, everything refreshed. */
async function withRecord() {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  const other = await ledger.addClient()
  for (const client of [clientId, other]) for (let n = 0; n < 3; n += 1) await ledger.issue(client, BEFORE)
  await ledger.advance(12)
  const payment = await ledger.pay(clientId, '200.00', { received_on: '2026-01-09' })
  await ledger.advance(1)
  await refresh(of(ledger))
  return { ledger, clientId, payment }
}

type World = Awaited<ReturnType<typeof withRecord>>

const writes: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  'a payment of a past day': ({ ledger, clientId }) => ledger.pay(clientId, '100.00', { received_on: '2026-01-05' }),
  'an invoice of a past day': ({ ledger, clientId }) => ledger.issue(clientId, { ...BEFORE, total: '900.00' }),
  'a payment that is returned': ({ ledger, payment }) => ledger.reverse(payment, { reason: 'bounced' }),
  'a void': async ({ ledger, clientId }) => {
    const { id } = await openInvoice({ ledger, clientId })
    await done(ledger.call('POST', `/v1/invoices/${id}/void`, { body: {} }))
  },
  'a new due day': async ({ ledger, clientId }) => {
    const { id } = await openInvoice({ ledger, clientId })
    await done(ledger.call('POST', `/v1/invoices/${id}/reschedule`, { body: { due_on: '2026-01-12' } }))
  },
  'a dispute': async ({ ledger, clientId }) => {
    const { id } = await openInvoice({ ledger, clientId })
    await done(ledger.call('POST', '/v1/disputes', { body: { invoice_id: id, reason: 'quality' } }))
  }
}

async function openInvoice({ ledger, clientId }: Pick<World, 'ledger' | 'clientId'>): Promise<{ id: string }> {
  const { data } = await done(ledger.call<{ data: { id: string }[] }>('GET', `/v1/invoices?client_id=${clientId}&status=open`))
  const [invoice] = data
  if (invoice === undefined) throw new Error('Nothing is open.')
  return invoice
}

describe('the score of one client', () => {
  test.each(Object.keys(writes))('has %s in it at once, as it has after the next refresh', async (name) => {
    const world = await withRecord()
    const { ledger, clientId } = world
    const before = saidBy(await scoreOf(ledger, clientId))
    await writes[name]?.(world)
    const acknowledgedAt = clock.now()
    const found = await scoreOf(ledger, clientId)
    const past = await scoreOf(ledger, clientId, '?as_of=2026-01-11')
    expect(saidBy(found)).not.toEqual(before)
    expect(Date.parse(found.computed_through_at)).toBeGreaterThanOrEqual(acknowledgedAt.getTime())
    await refresh(of(ledger))
    expect(saidBy(await scoreOf(ledger, clientId))).toEqual(saidBy(found))
    expect(saidBy(await scoreOf(ledger, clientId, '?as_of=2026-01-11'))).toEqual(saidBy(past))
    await expectFaithful(of(ledger))
  })

  test('has its first invoices in it before anything was ever refreshed', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    await ledger.advance(20)
    const unknown = await scoreOf(ledger, clientId)
    await ledger.issue(clientId, BEFORE)
    const found = await scoreOf(ledger, clientId)
    expect(found.score).toBeGreaterThan(unknown.score)
    expect(found.factors.find(({ name }) => name === 'over_share')?.value).toBe(1)
  })

  test('is that of its invoice as well: an invoice is rated with what was just paid of the others', async () => {
    const { ledger, clientId } = await withRecord()
    const { id } = await ledger.issue(clientId, { issued_on: '2026-01-12', due_on: '2026-01-20' })
    const ofInvoice = () => done(ledger.call<ScoreBody>('GET', `/v1/invoices/${id}/risk-score`))
    await refresh(of(ledger))
    const before = await ofInvoice()
    await ledger.pay(clientId, '100.00', { received_on: '2026-01-05' })
    const found = await ofInvoice()
    expect(saidBy(found)).not.toEqual(saidBy(before))
    await refresh(of(ledger))
    expect(saidBy(await ofInvoice())).toEqual(saidBy(found))
  })

  test('holds every acknowledged payment while others write and refreshes run', async () => {
    const { ledger, clientId } = await withRecord()
    const end = new AbortController()
    const refreshing = (async () => {
      while (!end.signal.aborted) await refresh(of(ledger))
    })()
    const others = Promise.all(
      [1, 2].map(async () => {
        const other = await ledger.addClient()
        for (let n = 0; n < 8; n += 1) await ledger.issue(other, BEFORE)
      })
    )
    let { confidence } = await scoreOf(ledger, clientId)
    for (let n = 0; n < 12; n += 1) {
      const { id } = await ledger.issue(clientId, BEFORE)
      await ledger.pay(clientId, '100.00', { received_on: '2026-01-05', allocations: [{ invoice_id: id, amount: '100.00' }] })
      const found = await scoreOf(ledger, clientId)
      // Each settled invoice is an outcome more.
      expect(found.confidence, `payment ${n + 1}`).toBeGreaterThan(confidence)
      confidence = found.confidence
    }
    await others
    end.abort()
    await refreshing
    await refresh(of(ledger))
    const last = await scoreOf(ledger, clientId)
    expect(last.confidence).toBeCloseTo(confidence, 9)
    await expectFaithful(of(ledger))
  }, 60_000)
})

test('a list of scores says through which instant it is computed, and is behind no longer once it is refreshed', async () => {
  const { ledger, clientId } = await withRecord()
  const list = async () => {
    const { data } = await done(ledger.call<{ data: (ScoreBody & { client_id: string })[] }>('GET', '/v1/risk-scores'))
    return data.find((row) => row.client_id === clientId)
  }
  const before = await list()
  const writtenAt = clock.now()
  await ledger.pay(clientId, '100.00', { received_on: '2026-01-05' })
  clock.advance(5_000)
  const lagging = await list()
  expect([lagging?.score, Date.parse(lagging?.computed_through_at ?? '')]).toEqual([before?.score, writtenAt.getTime()])
  await refresh(of(ledger))
  const fresh = await list()
  expect(fresh?.score).toBe((await scoreOf(ledger, clientId)).score)
  expect(Date.parse(fresh?.computed_through_at ?? '')).toBe(clock.now().getTime())
})

type Step = Readonly<{ kind: 'issue' | 'pay' | 'reverse' | 'void' | 'writeOff' | 'dispute' | 'reschedule'; n: number; m: number }>
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('issue', 'issue', 'pay', 'pay', 'reverse', 'void', 'writeOff', 'dispute', 'reschedule'),
  n: fc.nat({ max: 40 }),
  m: fc.nat({ max: 40 })
})

test('whatever is written, the score read at once is the one that a refresh gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 14 }), async (steps) => {
      const { ledger, clientId, payment } = await withRecord()
      const [invoices, payments] = [[(await openInvoice({ ledger, clientId })).id], [payment]]
      for (const { kind, n, m } of steps) {
        const invoice = `/v1/invoices/${invoices[n % invoices.length]}`
        const day = `2026-01-${String(1 + (m % 12)).padStart(2, '0')}`
        if (kind === 'issue') {
          const body = { issued_on: day, due_on: `2026-01-${String(13 + (n % 15)).padStart(2, '0')}`, total: `${1 + m}.50` }
          invoices.push((await ledger.issue(clientId, body)).id)
        } else if (kind === 'pay') payments.push(await ledger.pay(clientId, `${1 + m * 4}.00`, { received_on: day }))
        else if (kind === 'reverse')
          await ledger.call('POST', `/v1/payments/${payments[n % payments.length]}/reverse`, { body: { reason: 'bounced' } })
        else if (kind === 'void') await ledger.call('POST', `${invoice}/void`, { body: {} })
        else if (kind === 'writeOff') await ledger.call('POST', `${invoice}/write-off`, { body: {} })
        else if (kind === 'reschedule')
          await ledger.call('POST', `${invoice}/reschedule`, { body: { due_on: `2026-02-${day.slice(8)}` } })
        else {
          const body = { invoice_id: invoices[n % invoices.length], reason: 'quality' }
          await ledger.call('POST', '/v1/disputes', { body })
        }
        if (m % 3 === 0) {
          const found = saidBy(await scoreOf(ledger, clientId))
          await refresh(of(ledger))
          expect(saidBy(await scoreOf(ledger, clientId))).toEqual(found)
        }
      }
    }),
    { numRuns: 6, endOnFailure: true, seed: 1 }
  )
}, 120_000)
