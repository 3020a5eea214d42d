import { describe, expect, test } from 'vitest'
import { openLedger } from '../../../src/demo/ledger.ts'
import { type Evaluation, evaluate } from '../../../src/evaluate/evaluation.ts'
import { replayedInvoices } from '../../../src/evaluate/invoices.ts'
import { hasRealLedgers, realLedgers } from '../../support/real-ledgers.ts'

/** AUC at least, Brier at most; v1 stands in every evaluation of v2. */
type Target = readonly [level: number, method: string, auc: number, brier: number]

function expectReached(evaluation: Evaluation, targets: readonly Target[]): void {
  for (const [level, method, auc, brier] of targets) {
    const result = evaluation.levels.find((one) => one.level === level)?.methods.find((one) => one.method.startsWith(method))
    expect(result?.auc, `AUC of ${method} above ${level} days`).toBeGreaterThanOrEqual(auc)
    expect(result?.brier, `Brier of ${method} above ${level} days`).toBeLessThanOrEqual(brier)
  }
}

async function evaluated(file: string, seriousDays: number): Promise<Evaluation> {
  const { rows } = await openLedger(`${realLedgers}${file}`, { amounts: 'lenient' })
  return evaluate(replayedInvoices(rows), { model: 'v2', seriousDays })
}

describe.runIf(hasRealLedgers)('forward in time, on the last two fifths of a real ledger', () => {
  test('the demo ledger reaches its figures', async () => {
    const evaluation = await evaluated('ibm-ar.csv', 15)
    expect(evaluation.tested).toBe(990)
    expectReached(evaluation, [
      [0, 'v1, following', 0.87, 0.134],
      [0, 'v2, following', 0.87, 0.134],
      [15, 'v1, following', 0.878, 0.0462],
      [15, 'v2, following', 0.878, 0.0462]
    ])
    expect(evaluation.payDay?.maeDays).toBeLessThanOrEqual(6.2)
  })

  test('the Brazilian ledger reaches its figures', { timeout: 120_000 }, async () => {
    const evaluation = await evaluated('br-ar-2018-2019.csv', 30)
    expect([evaluation.invoices, evaluation.tested]).toEqual([36_662, 14_681])
    expectReached(evaluation, [
      [0, 'v1, following', 0.915, 0.0655],
      [0, 'v2, following', 0.932, 0.058],
      [30, 'v1, following', 0.93, 0.0089],
      [30, 'v2, following', 0.95, 0.0089]
    ])
    expectReached(await evaluated('br-ar-2018-2019.csv', 5), [[5, 'v2, following', 0.95, 0.037]])
  })
})
