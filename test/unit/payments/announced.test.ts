import { expect, test } from 'vitest'
import { day } from '../../../src/kernel/day.ts'
import { fillAnnounced, leftOpen, stillAnnounced } from '../../../src/modules/payments/announced.ts'

const issuedOn = day('2026-01-01')
const open = (invoiceId: string, balanceMinor: bigint) => ({
  ...{ obligationId: `${invoiceId}/1`, invoiceId, clientId: 'client' },
  ...{ issuedOn, balanceMinor }
})
const all = [open('a', 100n), open('b', 50n), open('c', 80n)]
const balances = (left: readonly { balanceMinor: bigint }[]) => left.map(({ balanceMinor }) => balanceMinor)

test('what other announced money leaves open: what it names first, then what is oldest due', () => {
  const unnamed = { amountMinor: 120n, named: [] }
  const named = { amountMinor: 60n, named: [{ invoiceId: 'b', amountMinor: 40n }] }
  expect(balances(leftOpen(all, []))).toEqual([100n, 50n, 80n])
  expect(balances(leftOpen(all, [unnamed]))).toEqual([0n, 30n, 80n])
  expect(balances(leftOpen(all, [unnamed, named]))).toEqual([0n, 0n, 70n])
  expect(balances(leftOpen(all, [unnamed, unnamed]))).toEqual([0n, 0n, 0n])
})

test('announced money that is there settles what it was for, as far as that is open', () => {
  const announced = [
    { invoiceId: 'c', amountMinor: 90n },
    { invoiceId: 'gone', amountMinor: 10n },
    { invoiceId: 'a', amountMinor: 20n }
  ]
  expect(fillAnnounced(announced, all).map(({ invoiceId, amountMinor }) => [invoiceId, amountMinor])).toEqual([
    ['c', 80n],
    ['a', 20n]
  ])
  expect(stillAnnounced(announced, { open: all, amountMinor: 85n })).toEqual([
    { invoiceId: 'c', amountMinor: 80n },
    { invoiceId: 'a', amountMinor: 5n }
  ])
  expect(stillAnnounced(announced, { open: [], amountMinor: 85n })).toBeNull()
})
