import { expect, test } from 'vitest'
import { stepFor } from '../../../src/modules/payments/said.ts'

test('each status that a source can state has a step from each that a payment can have', () => {
  const table = {
    pending: { nothing: 'correct', pending: 'correct', settled: 'settle', failed: 'end' },
    settled: { nothing: 'correct', pending: 'anew', settled: 'correct', failed: 'end' },
    failed: { nothing: 'stay', pending: 'anew', settled: 'anew', failed: 'stay' },
    reversed: { nothing: 'stay', pending: 'anew', settled: 'anew', failed: 'stay' }
  } as const
  for (const status of ['pending', 'settled', 'failed', 'reversed'] as const) {
    const row = table[status]
    expect([status, stepFor(status, undefined)]).toEqual([status, row.nothing])
    for (const said of ['pending', 'settled', 'failed'] as const)
      expect([status, said, stepFor(status, said)]).toEqual([status, said, row[said]])
  }
})
