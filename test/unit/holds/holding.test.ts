import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDays, day } from '../../../src/kernel/day.ts'
import { covers, firstFreeDay, type HoldFact, heldPartsOf, shiftedDays } from '../../../src/kernel/holding.ts'

const start = day('2026-01-01')
const holdFrom = ([from, length, shift]: readonly [number, number | null, boolean]): HoldFact => ({
  id: 'h',
  reason: 'manual',
  scope: 'client',
  resume: shift ? 'shift' : 'by_age',
  fromOn: addDays(start, from),
  throughOn: length === null ? null : addDays(start, from + length - 1),
  amountMinor: null,
  restoresService: false,
  createdAt: new Date('2026-01-01T00:00:00Z'),
  reviewDueAt: null
})
const some = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.option(fc.integer({ min: 0, max: 15 }), { freq: 8 }), fc.boolean()), {
    maxLength: 6
  })
  .map((all) => all.map(holdFrom))

describe('holds that overlap', () => {
  test('let go on the first day that none of them covers', () => {
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 60 }), (holds, offset) => {
        const from = addDays(start, offset)
        let naive = from
        while (holds.some((hold) => covers(hold, naive)) && naive < '2027-01-01') naive = addDays(naive, 1)
        expect(firstFreeDay(holds, from)).toBe(naive >= '2027-01-01' ? null : naive)
      })
    )
  })

  test('stop the clock for each day once, however many of them cover it', () => {
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 50 }), (holds, due) => {
        const dueOn = addDays(start, due)
        const shifting = holds.filter(({ resume, throughOn }) => resume === 'shift' && throughOn !== null)
        let naive = 0
        for (let on = addDays(dueOn, 1); on < '2026-06-01'; on = addDays(on, 1))
          if (shifting.some((hold) => covers(hold, on))) naive += 1
        expect(shiftedDays(holds, { dueOn })).toBe(naive)
      })
    )
  })
})

test('holds over parts add up over the parts of a claim, those that fall due first, and never to more than the claim', () => {
  const amounts = fc.array(fc.bigInt({ min: 0n, max: 50n }), { maxLength: 5 })
  const parts = fc.array(fc.tuple(fc.constantFrom('dispute', 'payment_pending', 'promise'), fc.bigInt({ min: 0n, max: 80n })), {
    maxLength: 5
  })
  fc.assert(
    fc.property(amounts, parts, (balances, held) => {
      const holds = held.map(([reason, amountMinor]): HoldFact => ({ ...holdFrom([0, null, false]), reason, amountMinor }))
      let earlierMinor = 0n
      const byPart = balances.map((balanceMinor) => {
        const of = heldPartsOf({ balanceMinor, earlierMinor }, { holds, day: start })
        earlierMinor += balanceMinor
        return Object.values(of).reduce((sum, minor) => sum + minor, 0n)
      })
      const sum = (minors: readonly bigint[]) => minors.reduce((total, minor) => total + minor, 0n)
      const total = sum(held.map(([, minor]) => minor))
      expect(sum(byPart)).toBe(total < sum(balances) ? total : sum(balances))
      const last = byPart.findLastIndex((minor) => minor > 0n)
      expect(byPart.slice(0, Math.max(0, last))).toEqual(balances.slice(0, Math.max(0, last)))
    })
  )
})
