import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openLedger } from '../../../src/demo/ledger.ts'
import { replayedInvoices } from '../../../src/evaluate/invoices.ts'
import { createScorer } from '../../../src/evaluate/protocol.ts'
import { issueTimeViews } from '../../../src/evaluate/replay.ts'
import { sigmoid } from '../../../src/modules/risk/log-odds.ts'
import { models } from '../../../src/modules/risk/model.ts'
import { hasRealLedgers, realLedgers } from '../../support/real-ledgers.ts'

test.runIf(hasRealLedgers)('every feature and both probabilities of v1 are the reference’s, invoice by invoice', async () => {
  const [header = [], ...golden] = readFileSync(`${realLedgers}ibm-ar-golden.csv`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  const { rows, problems } = await openLedger(`${realLedgers}ibm-ar.csv`)
  expect(problems).toEqual([])
  const wanted = new Map(golden.map(([number = '', ...values]) => [number, values.map(Number)]))
  const scorers = [0, 15].map((level) => createScorer(models.v1, level))
  let worst = { column: '', number: '', difference: 0 }
  let compared = 0
  for (const view of issueTimeViews(replayedInvoices(rows), 15)) {
    const { number } = view.invoice
    const got = scorers.flatMap((score) => {
      const { x, offset, clientRate, pPrior, pFollowing } = score(view)
      return [...x, sigmoid(offset), clientRate, pPrior, pFollowing]
    })
    expect(got.length).toBe(header.length - 1)
    for (const [index, value] of got.entries()) {
      const difference = Math.abs(value - (wanted.get(number)?.[index] ?? Number.NaN))
      expect(difference).not.toBeNaN()
      if (difference > worst.difference) worst = { column: header[index + 1] ?? '', number, difference }
      compared += 1
    }
  }
  expect(compared).toBe(2466 * 42)
  expect(worst.difference, JSON.stringify(worst)).toBeLessThan(1e-6)
})
