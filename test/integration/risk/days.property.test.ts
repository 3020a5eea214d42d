import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { addDays, dayIn } from '../../../src/kernel/day.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, close } = await startDunning()
afterAll(close)

const of = (ledger: Ledger) => ({ database, services, orgId: ledger.id })

type World = Readonly<{ ledger: Ledger; clients: readonly string[]; timeZone: string; isDaily: boolean }>
type Step = Readonly<{ kind: string; n: number; m: number }>
type DayBody = Readonly<{ as_of: string; score: number; band: string; late: number; seriously_late: number }>
type ScoreBody = DayBody & Readonly<{ base: number; percentile: number | null; factors: { points: number }[] }>

const kinds = ['issue', 'issue', 'pay', 'pay', 'promise', 'call', 'advance', 'advance'] as const
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  n: fc.nat({ max: 40 }),
  m: fc.nat({ max: 40 })
})

/** Everything is told on its own day. */
async function take({ ledger, clients, timeZone, isDaily }: World, { kind, n, m }: Step): Promise<void> {
  const { now_at: now } = await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))
  const today = dayIn(new Date(now), timeZone)
  const clientId = clients[n % clients.length] ?? ''
  const currency = n % 5 === 0 ? 'USD' : 'EUR'
  if (kind === 'issue') {
    await ledger.issue(clientId, { issued_on: today, due_on: addDays(today, n % 30), total: `${1 + m}.50`, currency })
  } else if (kind === 'pay') await ledger.pay(clientId, `${1 + m * 2}.00`, { received_on: today, currency })
  else if (kind === 'promise') {
    const promise = { amount: '5.00', currency, promised_on: addDays(today, m % 9), grace_days: n % 3 }
    await ledger.call('POST', '/v1/promises', { body: { client_id: clientId, ...promise } })
  } else if (kind === 'call') {
    const outcome = m % 2 === 0 ? 'reached' : 'no_answer'
    await ledger.call('POST', '/v1/interactions', { body: { client_id: clientId, kind: 'call', direction: 'outbound', outcome } })
  } else {
    for (let days = n % 40; days >= 0; days -= 1) {
      await ledger.advance(1)
      if (isDaily) await refresh(of(ledger))
    }
  }
  if (isDaily) await refresh(of(ledger))
}

async function lived(steps: readonly Step[], { isDaily, timeZone, hour }: { isDaily: boolean; timeZone: string; hour: number }) {
  const ledger = await newLedger({ timeZone, clockAt: `2026-02-20T${String(hour).padStart(2, '0')}:00:00Z` })
  const clients = [await ledger.addClient(), await ledger.addClient()]
  for (const one of steps) await take({ ledger, clients, timeZone, isDaily }, one)
  await ledger.advance(1)
  await refresh(of(ledger))
  await expectFaithful(of(ledger))
  const moved = await ledger.events('client.risk_band_changed')
  return Promise.all(
    clients.map(async (clientId) => {
      const url = `/v1/clients/${clientId}/risk-scores?limit=200`
      const { data } = await done(ledger.call<{ data: DayBody[] }>('GET', url))
      const moves = moved.filter(({ object }) => object.id === clientId).map(({ context }) => moveOf(context))
      return { ledger, clientId, history: data, moves }
    })
  )
}

const moveOf = (context: Record<string, unknown>) =>
  `${String(context['as_of'])} ${String(context['former_band'])} ${String(context['band'])}`

const lineOf = ({ as_of, score, band, late, seriously_late: serious }: DayBody) =>
  `${as_of} ${score} ${band} ${late.toFixed(9)} ${serious.toFixed(9)}`

type Lived = Awaited<ReturnType<typeof lived>>[number]

/** What is recomputed for a day is what was said on it, and adds up. */
async function expectRecomputed({ ledger, clientId, history }: Lived): Promise<void> {
  for (const day of history.slice(0, 8)) {
    const url = `/v1/clients/${clientId}/risk-score?as_of=${day.as_of}`
    const found = await done(ledger.call<ScoreBody>('GET', url))
    expect(lineOf(found)).toBe(lineOf(day))
    const points = [found.base, ...found.factors.map((factor) => factor.points)]
    expect(points.reduce((sum, one) => sum + Math.round(one * 100), 0)).toBe(found.score * 100)
    if (found.percentile !== null) expect(found.percentile >= 0 && found.percentile <= 100).toBe(true)
  }
}

const RUNS = Number(process.env['RISK_RUNS'] ?? 3)

test(`passing into each day, and catching up with all of them at the end, give the same scores, moves and past days (${RUNS} histories)`, async () => {
  const zones = fc.constantFrom('UTC', 'Pacific/Kiritimati', 'Etc/GMT+12', 'America/New_York')
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 8, maxLength: 24 }),
      zones,
      fc.nat({ max: 23 }),
      async (steps, timeZone, hour) => {
        const daily = await lived(steps, { isDaily: true, timeZone, hour })
        const atOnce = await lived(steps, { isDaily: false, timeZone, hour })
        for (const [index, one] of daily.entries()) {
          const other = atOnce[index] as Lived
          expect(other.history.map(lineOf)).toEqual(one.history.map(lineOf))
          expect(other.moves).toEqual(one.moves)
          const passed = one.history.toReversed()
          const expected = passed.flatMap(({ as_of: asOf, band }, at) => {
            const from = passed[at - 1]?.band ?? band
            return from === band ? [] : [`${asOf} ${from} ${band}`]
          })
          if (passed.length < 200) expect(one.moves).toEqual(expected)
          await expectRecomputed(one)
          await expectRecomputed(other)
        }
      }
    ),
    { numRuns: RUNS, endOnFailure: true, ...(process.env['RISK_RUNS'] === undefined && { seed: 1 }) }
  )
}, 240_000)
