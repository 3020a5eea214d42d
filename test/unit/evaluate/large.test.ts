import { expect, test } from 'vitest'
import { evaluate } from '../../../src/evaluate/evaluation.ts'
import type { ReplayedInvoice } from '../../../src/evaluate/replay.ts'
import { currency } from '../../../src/kernel/money.ts'
import { settlementOf } from '../../../src/modules/risk/invoice-facts.ts'

const FIRST = 20_000

/** One client's invoices, 70 a day; every tenth is never paid. */
function ledgerOf(count: number): ReplayedInvoice[] {
  return Array.from({ length: count }, (_, n) => {
    const issuedOn = FIRST + Math.floor(n / 70)
    const claim = { number: String(n), issuedOn, dueOn: issuedOn + ([14, 30, 60][n % 3] ?? 30), amount: 100 + (n % 900) }
    const facts = { ...claim, currency: currency('EUR'), disputed: false }
    const settledOn = n % 10 === 0 ? null : claim.dueOn - 5 + (n % 40)
    const ended = settlementOf({ ...facts, settledOn, isWrittenOff: false })
    return { ...facts, isDueOnClosedDay: false, isDueAtMonthEnd: false, client: 'one', ended }
  })
}

test('a ledger of one client costs per invoice, not per pair of them, also where a tenth is never paid', {
  timeout: 120_000
}, () => {
  const secondsOf = (count: number) => {
    const invoices = ledgerOf(count)
    const startedMs = performance.now()
    expect(evaluate(invoices, { model: 'v2', seriousDays: 30 }).invoices).toBe(count)
    return (performance.now() - startedMs) / 1_000
  }
  secondsOf(2_000)
  const [few, many] = [secondsOf(10_000), secondsOf(50_000)]
  // Five times as many: 5, and 25 where each is held against all others.
  expect(many / few).toBeLessThan(12)
})
