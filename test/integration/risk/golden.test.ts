import { afterAll, expect, test } from 'vitest'
import { openLedger } from '../../../src/demo/ledger.ts'
import { type Day, daysBetween, epochDayOf } from '../../../src/kernel/day.ts'
import { sigmoid } from '../../../src/modules/risk/log-odds.ts'
import { models } from '../../../src/modules/risk/model.ts'
import { weightsOn } from '../../../src/modules/risk/organization-repository.ts'
import { doublesOf } from '../../../src/modules/risk/outcome-repository.ts'
import { logOddsOf, priorWeights } from '../../../src/modules/risk/weights.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { hasRealLedgers, realLedgers } from '../../support/real-ledgers.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'
import { type ReferenceInvoice, referenceRows } from '../../support/risk-reference.ts'

const { newLedger, database, services, close } = await startDunning()
afterAll(close)

/** Days between two refreshes: how often it is looked after must not matter. */
const REFRESH_DAYS = 17
const SERIOUS_DAYS = 15
/** The first of them, for what came later changes nothing of them; GOLDEN_ROWS=2466 takes all. */
const ROWS = Number(process.env['GOLDEN_ROWS'] ?? 250)

type Row = Awaited<ReturnType<typeof openLedger>>['rows'][number]

/** Everything of the ledger on its own day, over HTTP. */
async function liveThrough(ledger: Ledger, rows: readonly Row[]): Promise<void> {
  const invoices = new Map<string, { id: string; clientId: string }>()
  const clients = new Map<string, string>()
  const happenings = rows.flatMap((row) => [
    { day: row.issuedOn, row, isIssue: true },
    ...row.payments.map(({ on }) => ({ day: on, row, isIssue: false }))
  ])
  let today: Day | undefined
  let days = 0
  for (const [day, ofDay] of [...Map.groupBy(happenings, (one) => one.day)].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    for (let left = today === undefined ? 0 : daysBetween(today, day); left > 0; left -= 31)
      await ledger.advance(Math.min(31, left))
    days += 1
    if (days % REFRESH_DAYS === 0) await refresh({ database, services, orgId: ledger.id })
    today = day
    for (const { row, isIssue } of ofDay.toSorted((a, b) => Number(b.isIssue) - Number(a.isIssue))) {
      const amount = `${row.amountMinor / 100n}.${String(row.amountMinor % 100n).padStart(2, '0')}`
      if (isIssue) {
        const clientId = clients.get(row.client) ?? (await ledger.addClient({ name: row.client }))
        clients.set(row.client, clientId)
        const body = { number: row.invoice, currency: row.currency, total: amount, issued_on: day, due_on: row.dueOn }
        const { id } = await ledger.issue(clientId, body)
        invoices.set(row.invoice, { id, clientId })
        if (row.disputed) await done(ledger.call('POST', '/v1/disputes', { body: { invoice_id: id, reason: 'quality' } }))
      } else {
        const { id = '', clientId = '' } = invoices.get(row.invoice) ?? {}
        const body = { received_on: day, currency: row.currency, allocations: [{ invoice_id: id, amount }] }
        await ledger.pay(clientId, amount, body)
      }
    }
  }
  await ledger.advance(1)
}

/** By number, what counting gives at both levels: features, the organization's rate, the client's, and both probabilities. */
function countedOf(rows: readonly Row[]): Map<string, number[]> {
  const ledger = rows.map(
    ({ client, invoice: number, issuedOn, dueOn, amountMinor, disputed, payments: [payment] }): ReferenceInvoice => {
      const paidOn = payment === undefined ? Number.POSITIVE_INFINITY : epochDayOf(payment.on)
      const days = { issuedOn: epochDayOf(issuedOn), dueOn: epochDayOf(dueOn), paidOn }
      return { client, number, ...days, amount: Number(amountMinor) / 100, isDisputed: disputed }
    }
  )
  const counted = [0, SERIOUS_DAYS].map((level) => referenceRows(ledger, { level, rule: 'day' }))
  const numbers = ledger.toSorted((a, b) => a.issuedOn - b.issuedOn || (a.number < b.number ? -1 : 1)).map(({ number }) => number)
  return new Map(
    numbers.map((number, index) => [
      number,
      counted.flatMap((of) => {
        const { x = [], rate = 0, clientRate = 0, prior = 0, following = 0 } = of[index] ?? {}
        return [...x, rate, clientRate, prior, following]
      })
    ])
  )
}

test.runIf(hasRealLedgers)(
  'a real ledger lived through over HTTP leaves the features and probabilities of counting, invoice by invoice',
  async () => {
    const { rows: all } = await openLedger(`${realLedgers}ibm-ar.csv`)
    const rows = all.toSorted((a, b) => (a.issuedOn < b.issuedOn ? -1 : a.issuedOn > b.issuedOn ? 1 : 0)).slice(0, ROWS)
    const ledger = await newLedger({
      clockAt: `${rows.map(({ issuedOn }) => issuedOn).sort()[0]}T00:00:00Z`,
      timeZone: 'UTC',
      currency: 'USD'
    })
    await done(ledger.call('PATCH', '/v1/risk-model', { body: { model: 'v1', serious_days: SERIOUS_DAYS } }))
    await ledger.usePolicy([{ code: 'only', offset_days: 90 }])
    await liveThrough(ledger, rows)
    const of = { database, services, orgId: ledger.id }
    await refresh(of)
    await expectFaithful(of)
    const wanted = countedOf(rows)
    let worst = 0
    await database.reading(ledger.id, async (reader) => {
      const found = await reader.sql.execute<{ number: string; issued: Day; late: Buffer; serious: Buffer }>(
        'select number, issued_on::text as issued, late_features as late, serious_features as serious from risk_claims'
      )
      expect(found.rows).toHaveLength(rows.length)
      for (const { number, issued, late, serious } of found.rows) {
        const values = wanted.get(number.split(' ')[0] ?? '') ?? []
        const weights = await weightsOn(reader, issued)
        const got = (
          [
            ['late', 0, late],
            ['serious', SERIOUS_DAYS, serious]
          ] as const
        ).flatMap(([side, level, bytes]) => {
          const [offset = 0, ...x] = doublesOf(bytes)
          const prior = priorWeights(models.v1, level).values
          const p = (w: ArrayLike<number>) => sigmoid(logOddsOf({ offset, x }, w))
          return [...x, sigmoid(offset), null, p(prior), p(weights?.[side] ?? prior)]
        })
        for (const [index, value] of got.entries()) {
          if (value !== null) worst = Math.max(worst, Math.abs(value - (values[index] ?? Number.NaN)))
        }
      }
    })
    expect(worst).toBeLessThan(1e-6)
  },
  120_000
)
