import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openLedger } from '../../../src/demo/ledger.ts'
import { sampleLedger } from '../../../src/demo/sample-ledger.ts'
import { replayedInvoices } from '../../../src/evaluate/invoices.ts'
import { createScorer } from '../../../src/evaluate/protocol.ts'
import { issueTimeViews, type ReplayedInvoice } from '../../../src/evaluate/replay.ts'
import { currency } from '../../../src/kernel/money.ts'
import { sigmoid } from '../../../src/modules/risk/log-odds.ts'
import { models } from '../../../src/modules/risk/model.ts'
import { hasRealLedgers, realLedgers } from '../../support/real-ledgers.ts'
import { type PaymentRule, type ReferenceInvoice, referenceRows } from '../../support/risk-reference.ts'

const LEVELS = [0, 15]

/** By number, the values of both levels: features, the organization's rate, the client's, and both probabilities. */
type Values = ReadonlyMap<string, readonly number[]>

function referenceOf(invoices: readonly ReplayedInvoice[], rule: PaymentRule): Values {
  const ledger = invoices.map((invoice): ReferenceInvoice => {
    const { client, number, issuedOn, dueOn, amount, disputed, ended } = invoice
    const paidOn = ended?.settledOn ?? Number.POSITIVE_INFINITY
    return { client, number, issuedOn, dueOn, amount, isDisputed: disputed, paidOn }
  })
  const rows = LEVELS.map((level) => referenceRows(ledger, { level, rule }))
  const numbers = ledger.toSorted((a, b) => a.issuedOn - b.issuedOn || (a.number < b.number ? -1 : 1)).map(({ number }) => number)
  return new Map(
    numbers.map((number, index) => [
      number,
      rows.flatMap((of) => {
        const { x = [], rate = 0, clientRate = 0, prior = 0, following = 0 } = of[index] ?? {}
        return [...x, rate, clientRate, prior, following]
      })
    ])
  )
}

function scoredBy(invoices: readonly ReplayedInvoice[]): Values {
  const scorers = LEVELS.map((level) => createScorer(models.v1, level))
  const values = new Map<string, number[]>()
  for (const view of issueTimeViews(invoices, 15)) {
    const got = scorers.flatMap((score) => {
      const { x, offset, clientRate, pPrior, pFollowing } = score(view)
      return [...x, sigmoid(offset), clientRate, pPrior, pFollowing]
    })
    values.set(view.invoice.number, got)
  }
  return values
}

function worstDifference(found: Values, expected: Values): number {
  let worst = 0
  expect(found.size).toBe(expected.size)
  for (const [number, values] of expected) {
    expect(found.get(number)?.length).toBe(values.length)
    for (const [index, value] of values.entries()) {
      const difference = Math.abs(value - (found.get(number)?.[index] ?? Number.NaN))
      expect(difference, `${number}, value ${index}`).not.toBeNaN()
      worst = Math.max(worst, difference)
    }
  }
  return worst
}

test('every feature and both probabilities of v1 are those of counting, invoice by invoice', () => {
  const rows = sampleLedger({ seed: 1, spanDays: 240 })
  // The reference knows of one currency.
  const invoices = replayedInvoices(rows.map((row) => ({ ...row, currency: currency('EUR') })))
  expect(worstDifference(scoredBy(invoices), referenceOf(invoices, 'day'))).toBeLessThan(1e-6)
})

test.runIf(hasRealLedgers)(
  'counting gives the golden values, and on what is one payment the service gives what counting gives',
  async () => {
    const [, ...lines] = readFileSync(`${realLedgers}ibm-ar-golden.csv`, 'utf8').trim().split('\n')
    const golden = new Map(lines.map((line) => line.split(',')).map(([number = '', ...values]) => [number, values.map(Number)]))
    const { rows, problems } = await openLedger(`${realLedgers}ibm-ar.csv`)
    expect([problems, golden.size]).toEqual([[], 2466])
    const invoices = replayedInvoices(rows)
    expect(worstDifference(referenceOf(invoices, 'invoice'), golden)).toBeLessThan(1e-6)
    expect(worstDifference(scoredBy(invoices), referenceOf(invoices, 'day'))).toBeLessThan(1e-6)
  },
  60_000
)
