import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDays, day } from '../../../src/kernel/day.ts'
import { amountsUnder, changesTo, leastMinor, type StandingPart } from '../../../src/modules/invoices/parts.ts'

const first = day('2026-01-31')
const minor = fc.bigInt({ min: 0n, max: 1_000n })

/** Parts on days of their own, of which something is open, settled or credited. */
const parts = fc
  .array(fc.tuple(minor, minor, minor, fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 5 })
  .map((list) =>
    list.map(([balanceMinor, settledMinor, creditedMinor, later], index): StandingPart => {
      const amountMinor = balanceMinor + settledMinor + creditedMinor + 1n
      const dueOn = addDays(first, index * 10 + later)
      return { obligationId: String(index), dueOn, amountMinor, balanceMinor: balanceMinor + 1n, settledMinor }
    })
  )
const sum = (list: readonly bigint[]) => list.reduce((total, each) => total + each, 0n)

test('the parts under another total sum to it, and none is less than what was credited of it', () => {
  fc.assert(
    fc.property(parts, fc.bigInt({ min: 1n, max: 20_000n }), (standing, totalMinor) => {
      const amounts = amountsUnder(totalMinor, standing)
      if (amounts === undefined) {
        expect(totalMinor).toBeLessThan(sum(standing.map(leastMinor)))
        return
      }
      expect(sum(amounts)).toBe(totalMinor)
      for (const [index, part] of standing.entries()) expect(amounts[index]).toBeGreaterThanOrEqual(leastMinor(part))
      const consumed = sum(standing.map(({ amountMinor, balanceMinor }) => amountMinor - balanceMinor))
      if (totalMinor < consumed) return
      // As long as the total covers what was paid, no part gives any of that back.
      for (const [index, { amountMinor, balanceMinor }] of standing.entries()) {
        expect(amounts[index]).toBeGreaterThanOrEqual(amountMinor - balanceMinor)
      }
    })
  )
})

test('the way to other parts ends at them', () => {
  fc.assert(
    fc.property(parts, parts, (standing, others) => {
      const wanted = others.map(({ dueOn, amountMinor }) => ({ dueOn, amountMinor }))
      const { changes, added } = changesTo(wanted, standing)
      const reached = changes.map(({ part, byMinor, dueOn }) => ({ dueOn, amountMinor: part.amountMinor + byMinor }))
      const key = ({ dueOn, amountMinor }: (typeof wanted)[number]) => `${dueOn} ${amountMinor}`
      expect([...reached.filter(({ amountMinor }) => amountMinor > 0n), ...added].map(key).toSorted()).toEqual(
        wanted.map(key).toSorted()
      )
      expect(new Set(changes.map(({ part }) => part.obligationId)).size).toBe(standing.length)
      for (const { part, byMinor, releasedMinor, dueOn, restarts } of changes) {
        const consumedMinor = part.amountMinor - part.balanceMinor - releasedMinor
        expect(part.amountMinor + byMinor - consumedMinor).toBeGreaterThanOrEqual(0n)
        expect(restarts).toBe(dueOn !== part.dueOn)
      }
    })
  )
})
