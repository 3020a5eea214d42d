import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDays, day, daysBetween } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'
import { INSTALLMENTS_MAX, installmentsOf, type Schedule } from '../../../src/modules/payment-plans/schedule.ts'

const today = day('2026-01-15')
const currencies = ['JPY', 'EUR', 'KWD', 'CLF'].map(currency)

const equal = (rest: Partial<Extract<Schedule, { kind: 'equal' }>> = {}): Schedule => ({
  kind: 'equal',
  count: 3,
  every: 'monthly',
  firstOn: day('2026-01-31'),
  calendar: 'iso8601',
  downPayment: null,
  ...rest
})
const dates = (schedule: Schedule) =>
  installmentsOf(schedule, { totalMinor: 10_000n, currency: currency('EUR'), today }).map(({ dueOn }) => dueOn)

describe('the installments of a plan', () => {
  test('sum to the total, whatever the amount, the count, the currency and the down payment', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 17n }),
        fc.integer({ min: 1, max: INSTALLMENTS_MAX }),
        fc.constantFrom(...currencies),
        fc.option(fc.bigInt({ min: 1n, max: 10n ** 16n })),
        (totalMinor, count, of, down) => {
          const downPayment = down === null ? null : { dueOn: today, amountMinor: down }
          fc.pre(totalMinor - (down ?? 0n) >= BigInt(count))
          const made = installmentsOf(equal({ count, downPayment }), { totalMinor, currency: of, today })
          expect(made.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(totalMinor)
          const parts = made.slice(down === null ? 0 : 1).map(({ amountMinor }) => amountMinor)
          expect(parts).toHaveLength(count)
          expect((parts[0] ?? 0n) - (parts.at(-1) ?? 0n)).toBeLessThanOrEqual(1n)
          expect(parts.toSorted((a, b) => (a > b ? -1 : 1))).toEqual(parts)
        }
      )
    )
  })

  test('stay at the ends of months', () => {
    expect(dates(equal())).toEqual(['2026-01-31', '2026-02-28', '2026-03-31'])
    expect(dates(equal({ count: 3, firstOn: day('2027-12-31') }))).toEqual(['2027-12-31', '2028-01-31', '2028-02-29'])
  })

  test('step by weeks, by two, and by the months of the calendar that counts', () => {
    expect(dates(equal({ every: 'weekly' }))).toEqual(['2026-01-31', '2026-02-07', '2026-02-14'])
    expect(dates(equal({ every: 'biweekly' }))).toEqual(['2026-01-31', '2026-02-14', '2026-02-28'])
    // 31 Farvardin, 31 Ordibehesht and 31 Khordad 1405.
    expect(dates(equal({ calendar: 'persian', firstOn: day('2026-04-20') }))).toEqual(['2026-04-20', '2026-05-21', '2026-06-21'])
  })

  test('rise day by day for any first day and interval', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 700 }),
        fc.constantFrom('weekly' as const, 'biweekly' as const, 'monthly' as const),
        fc.constantFrom('iso8601' as const, 'persian' as const, 'hebrew' as const),
        (ahead, every, calendar) => {
          const made = dates(equal({ count: 12, every, calendar, firstOn: addDays(today, ahead) }))
          made.slice(1).forEach((on, index) => {
            expect(daysBetween(made[index] ?? on, on)).toBeGreaterThanOrEqual(7)
          })
        }
      )
    )
  })
})
