import { expect, test } from 'vitest'
import type { Day } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'
import type { Payable } from '../../../src/modules/invoices/ledger.ts'
import type { Payment, WholePayment } from '../../../src/modules/payments/payment.ts'
import { reallocated } from '../../../src/modules/payments/reallocation.ts'

const EUR = currency('EUR')
const on = (text: string) => text as Day
const payable = (id: string, dueOn: string, balanceMinor: bigint): Payable => ({
  ...{ obligationId: id, invoiceId: id, clientId: 'c', currency: EUR, balanceMinor },
  ...{ number: id, issuedOn: on('2026-01-01'), dueOn: on(dueOn) }
})

function view(
  id: string,
  unappliedMinor: bigint,
  { set = {}, named = {}, waits = false }: { set?: Record<string, bigint>; named?: Record<string, bigint>; waits?: boolean }
): WholePayment {
  const payment = { id, clientId: 'c', currency: EUR, status: 'settled', receivedOn: on('2026-01-02'), unappliedMinor } as Payment
  return {
    payment,
    allocations: Object.entries(set).map(([one, amountMinor]) => ({ obligationId: one, invoiceId: one, amountMinor })),
    named: Object.entries(named).map(([invoiceId, amountMinor]) => ({ invoiceId, ref: null, amountMinor, waits })),
    externalRefs: [],
    allocationsCount: Object.keys(set).length,
    isWhole: true
  }
}

const linesOf = (views: WholePayment[], payables: Payable[], appliesCredit = true, kept: string[] = []) =>
  reallocated(views, { payables, appliesCredit, kept: new Set(kept) }).flatMap(({ view: { payment }, freedMinor, shares }) => [
    ...[...freedMinor].map(([id, minor]) => `${payment.id} -${minor} ${id}`),
    ...shares.map(({ obligationId, amountMinor }) => `${payment.id} +${amountMinor} ${obligationId}`)
  ])

const older = payable('older', '2026-01-10', 50n)
const younger = payable('younger', '2026-02-10', 0n)

test('what was applied automatically goes to what is oldest due', () => {
  expect(linesOf([view('p', 0n, { set: { younger: 60n } })], [older, younger])).toEqual(['p -50 younger', 'p +50 older'])
})

test('what is named stays, and as much beyond it moves', () => {
  const named = view('p', 0n, { set: { younger: 60n }, named: { younger: 40n } })
  expect(linesOf([named], [older, younger])).toEqual(['p -20 younger', 'p +20 older'])
})

test('what waits for an invoice takes it from what was applied to it automatically', () => {
  const views = [view('a', 0n, { set: { younger: 60n } }), view('b', 60n, { named: { younger: 60n }, waits: true })]
  expect(linesOf(views, [older, younger])).toEqual(['a -60 younger', 'a +50 older', 'b +60 younger'])
})

test('an invoice that was given up keeps what came in after all', () => {
  expect(linesOf([view('p', 0n, { set: { younger: 60n } })], [older, younger], true, ['younger'])).toEqual([])
})

test('a rest that was not applied is applied only where the organization applies credit', () => {
  expect(linesOf([view('p', 30n, {})], [older])).toEqual(['p +30 older'])
  expect(linesOf([view('p', 30n, {})], [older], false)).toEqual([])
})
