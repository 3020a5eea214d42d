import { expect, test } from 'vitest'
import type { Day } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'
import { oldestDueFirst, type Payable } from '../../../src/modules/invoices/ledger.ts'

const payable = (obligationId: string, number: string, issuedOn: string, dueOn: string): Payable => ({
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
