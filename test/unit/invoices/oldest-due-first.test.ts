import { expect, test } from 'vitest'
import type { Day } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'
import { alikeAmong, oldestDueFirst, type Payable } from '../../../src/modules/invoices/ledger.ts'

const payable = (obligationId: string, number: string, issuedOn: string, dueOn: string, ref?: string): Payable => ({
  ...(ref !== undefined && { firstRef: { source: 'erp', id: ref } }),
  ...{ obligationId, invoiceId: obligationId, clientId: 'c', currency: currency('EUR'), balanceMinor: 1n },
  ...{ number, issuedOn: issuedOn as Day, dueOn: dueOn as Day }
})

test('what is due on one day goes by its day of issue, then by number, whichever was here first', () => {
  const arrived = [
    payable('1', 'B', '2026-01-02', '2026-02-01'),
    payable('2', 'A', '2026-01-02', '2026-02-01'),
    payable('3', 'C', '2026-01-01', '2026-02-01'),
    payable('4', 'D', '2026-01-03', '2026-01-31')
  ]
  expect(arrived.toSorted(oldestDueFirst).map(({ number }) => number)).toEqual(['D', 'C', 'A', 'B'])
})

test('invoices that are alike in all that they say go by their first reference, and before those without one', () => {
  const arrived = [
    payable('1', 'A', '2026-01-02', '2026-02-01'),
    payable('2', 'A', '2026-01-02', '2026-02-01', 'r2'),
    payable('3', 'A', '2026-01-02', '2026-02-01', 'r1'),
    payable('4', 'A', '2026-01-02', '2026-01-31'),
    payable('5', 'B', '2026-01-02', '2026-02-01')
  ]
  expect(alikeAmong(arrived.slice(0, 3))).toEqual(['1', '2', '3'])
  const sorted = arrived.toSorted(oldestDueFirst)
  expect(sorted.map(({ obligationId }) => obligationId)).toEqual(['4', '3', '2', '1', '5'])
  expect(alikeAmong(sorted)).toEqual(['3', '2', '1'])
})
