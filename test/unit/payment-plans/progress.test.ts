import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDays, type Day, day } from '../../../src/kernel/day.ts'
import { nextDay, progressOf } from '../../../src/modules/payment-plans/plan.ts'

const start = day('2026-01-10')
const installments = [0, 10, 20, 30].map((offset) => ({ dueOn: addDays(start, offset), amountMinor: 100n }))
const terms = { installments, acceptedOn: start, discountMinor: 0n, graceDays: 3, breakAfterMissed: 2 }
const claims = [] as const

type Paid = readonly (readonly [on: string, minor: bigint])[]
const money = (paid: Paid) => ({
  receipts: paid
    .map(([on, amountMinor]) => ({ paymentId: 'p', effectiveOn: day(on), amountMinor }))
    .toSorted((a, b) => (a.effectiveOn < b.effectiveOn ? -1 : 1)),
  already: {}
})
const at = (today: string, paid: Paid = [], isSettled = false) =>
  progressOf(terms, { money: money(paid), claims, today: day(today), isSettled })

describe('a plan', () => {
  test('is behind only once the grace of an installment is over', () => {
    expect(at('2026-01-13').installments[0]).toEqual({ paidMinor: 0n, creditedMinor: 0n, status: 'due', missedOn: null })
    expect(at('2026-01-14').installments[0]).toEqual({
      paidMinor: 0n,
      creditedMinor: 0n,
      status: 'missed',
      missedOn: '2026-01-14'
    })
  })

  test('keeps in mind that a cured installment was missed', () => {
    const cured = at('2026-01-20', [['2026-01-15', 100n]])
    expect(cured.installments[0]).toEqual({ paidMinor: 100n, creditedMinor: 0n, status: 'paid', missedOn: '2026-01-14' })
    expect(cured.status).toBe('active')
    expect(at('2026-01-24', [['2026-01-15', 100n]])).toMatchObject({ status: 'broken', endedOn: '2026-01-24' })
  })

  test('takes early money for later installments, and late money for earlier ones', () => {
    expect(at('2026-01-20', [['2026-01-09', 250n]]).installments.map(({ paidMinor }) => paidMinor)).toEqual([100n, 100n, 50n, 0n])
    expect(at('2026-02-20', [['2026-01-09', 400n]])).toMatchObject({ status: 'completed', endedOn: '2026-01-09' })
  })

  test('misses what was filled by a payment that bounced after the grace', () => {
    const bounced: Paid = [
      ['2026-01-10', 100n],
      ['2026-01-16', -100n]
    ]
    expect(at('2026-01-16', bounced).installments[0]?.missedOn).toBeNull()
    expect(at('2026-01-17', bounced).installments[0]).toEqual({
      paidMinor: 0n,
      creditedMinor: 0n,
      status: 'missed',
      missedOn: '2026-01-17'
    })
  })

  test('that was completed before it broke stays completed, and the other way round', () => {
    expect(at('2026-06-01', [['2026-01-24', 400n]])).toMatchObject({ status: 'broken', endedOn: '2026-01-24' })
    expect(at('2026-06-01', [['2026-01-23', 400n]])).toMatchObject({ status: 'completed', endedOn: '2026-01-23' })
  })

  test('ends when nothing of what it covers is open any more, whatever settled it', () => {
    expect(at('2026-01-12', [], true)).toMatchObject({ status: 'completed', endReason: 'settled', endedOn: '2026-01-12' })
  })

  const payments = fc.array(fc.tuple(fc.integer({ min: -5, max: 45 }), fc.bigInt({ min: 1n, max: 150n })), { maxLength: 8 })
  const asMoney = (paid: readonly (readonly [number, bigint])[]) => {
    const byDay = Map.groupBy(paid, ([offset]) => addDays(start, offset))
    const receipts = [...byDay].map(([effectiveOn, all]) => ({
      paymentId: 'p',
      effectiveOn,
      amountMinor: all.reduce((sum, [, minor]) => sum + minor, 0n)
    }))
    return { receipts: receipts.toSorted((a, b) => (a.effectiveOn < b.effectiveOn ? -1 : 1)), already: {} }
  }

  test('stands the same however the payments of a day are ordered', () => {
    fc.assert(
      fc.property(payments, fc.integer({ min: 0, max: 50 }), fc.infiniteStream(fc.nat()), (paid, days, order) => {
        const today = addDays(start, days)
        const shuffled = paid
          .map((one) => [one, order.next().value] as const)
          .toSorted((a, b) => a[1] - b[1])
          .map(([one]) => one)
        const before = progressOf(terms, { money: asMoney(paid), claims, today, isSettled: false })
        expect(progressOf(terms, { money: asMoney(shuffled), claims, today, isSettled: false })).toEqual(before)
      })
    )
  })

  test('shows exactly the money that came, up to what was agreed, and never goes back on an end as days pass', () => {
    fc.assert(
      fc.property(payments, (paid) => {
        let ended: { status: string; endedOn: Day | null } | undefined
        for (let days = 0; days <= 60; days += 1) {
          const today = addDays(start, days)
          const now = progressOf(terms, { money: asMoney(paid), claims, today, isSettled: false })
          const shown = now.installments.reduce((sum, { paidMinor }) => sum + paidMinor, 0n)
          const asOf = now.endedOn ?? today
          const came = asMoney(paid).receipts.reduce((sum, one) => (one.effectiveOn <= asOf ? sum + one.amountMinor : sum), 0n)
          expect(shown).toBe(came < 400n ? came : 400n)
          if (ended !== undefined) expect({ status: now.status, endedOn: now.endedOn }).toEqual(ended)
          else if (now.status !== 'active') ended = { status: now.status, endedOn: now.endedOn }
        }
        expect(ended).toBeDefined()
      })
    )
  })
})

test('a plan looks again on a later day, whatever its money does, and no later than the day on which an installment is missed', () => {
  const move = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.constantFrom(100n, 50n, -50n, -100n))
  fc.assert(
    fc.property(fc.array(move, { maxLength: 6 }), fc.integer({ min: 0, max: 30 }), (moves, age) => {
      const paid = moves.map(([offset, minor]): [string, bigint] => [addDays(start, offset), minor])
      const today = addDays(start, age)
      const progress = at(today, paid)
      fc.pre(progress.status === 'active')
      const decided = installments.map((one, index) => {
        const { missedOn = null, status = 'upcoming' as const } = progress.installments[index] ?? {}
        const filled = { paidMinor: 0n, creditedMinor: 0n, missedOn, status }
        return { ...one, ...filled, toldDue: one.dueOn <= today, toldSoon: addDays(one.dueOn, -3) <= today }
      })
      const next = nextDay({ installments: decided, graceDays: terms.graceDays }, today)
      if (next !== null) expect(next > today).toBe(true)
      const known = paid.filter(([on]) => on <= today)
      for (let day = addDays(today, 1); day <= addDays(start, 60); day = addDays(day, 1)) {
        const missed = at(day, known).installments.filter(({ missedOn }) => missedOn === day).length
        if (missed === 0) continue
        expect(next !== null && next <= day).toBe(true)
        break
      }
    }),
    { numRuns: 1_000 }
  )
})
