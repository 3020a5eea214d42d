import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { businessCalendar, nextOpen, openEveryDay, previousOpen, tooLongClosed } from '../../../src/kernel/calendar.ts'
import { addDays, type Day, day } from '../../../src/kernel/day.ts'

const newYear = day('2027-01-01')
const office = businessCalendar({
  version: 3,
  weekend: [6, 7],
  closedDays: [day('2026-12-24'), day('2026-12-31')],
  isHoliday: (d) => d === newYear || d === '2026-12-25'
})

describe('a business calendar', () => {
  it('is closed on weekend days, on its own closed days and on holidays', () => {
    const open = ['2026-12-23', '2026-12-24', '2026-12-25', '2026-12-26', '2026-12-27', '2026-12-28'].filter((d) =>
      office.isOpen(day(d))
    )
    expect(open).toEqual(['2026-12-23', '2026-12-28'])
    expect(office.version).toBe(3)
  })

  it('keeps the weekend of its country, a Friday alone too', () => {
    const shop = businessCalendar({ version: 1, weekend: [5], closedDays: [], isHoliday: () => false })
    expect(['2026-11-19', '2026-11-20', '2026-11-21'].map((d) => shop.isOpen(day(d)))).toEqual([true, false, true])
  })

  it('that never closes leaves every day where it is', () => {
    expect(nextOpen(openEveryDay, day('2026-11-21'))).toBe('2026-11-21')
    expect(previousOpen(openEveryDay, day('2026-11-21'))).toBe('2026-11-21')
  })
})

describe('a date on a closed day', () => {
  it('moves over weekend and holidays to the nearest open day, forward or back', () => {
    expect(nextOpen(office, day('2026-12-24'))).toBe('2026-12-28')
    expect(previousOpen(office, day('2026-12-27'))).toBe('2026-12-23')
    expect(nextOpen(office, day('2026-12-31'))).toBe('2027-01-04')
    expect(nextOpen(office, day('2026-12-30'))).toBe('2026-12-30')
  })

  it('never passes over an open one', () => {
    const anyDay = fc.integer({ min: 0, max: 3000 }).map((n) => addDays(day('2024-01-01'), n))
    const anyWeekend = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 6 })
    fc.assert(
      fc.property(
        anyDay,
        anyWeekend,
        fc.array(anyDay, { maxLength: 40 }),
        fc.func(fc.boolean()),
        (d, weekend, closedDays, chance) => {
          const calendar = businessCalendar({
            version: 1,
            weekend,
            closedDays,
            isHoliday: (each: Day) => each.endsWith('5') && chance(each)
          })
          for (const [find, step] of [
            [nextOpen, 1],
            [previousOpen, -1]
          ] as const) {
            const found = find(calendar, d)
            expect(calendar.isOpen(found)).toBe(true)
            for (let passed = d; passed !== found; passed = addDays(passed, step)) expect(calendar.isOpen(passed)).toBe(false)
            expect(find(calendar, found)).toBe(found)
          }
        }
      )
    )
  })

  it('moves however far the next open day is, and ends with the days that can be written', () => {
    const opensOn = (only: Day) => ({ version: 9, isOpen: (d: Day) => d === only })
    const from = day('2026-01-01')
    expect(nextOpen(opensOn(addDays(from, 1_000)), from)).toBe(addDays(from, 1_000))
    expect(() => nextOpen({ version: 9, isOpen: () => false }, day('9999-01-01'))).toThrow('outside the years')
  })
})

describe('a calendar', () => {
  const from = day('2026-01-05') // a Monday
  const run = (days: number) => Array.from({ length: days }, (_, n) => addDays(from, n))
  const closedOn = (weekend: readonly number[], closedDays: readonly Day[]) =>
    tooLongClosed(businessCalendar({ version: 1, weekend, closedDays, isHoliday: () => false }), closedDays)

  it('may be closed for 366 days in a row, and no more', () => {
    expect(closedOn([], run(366))).toBeUndefined()
    expect(closedOn([], run(367))).toEqual({ from, through: addDays(from, 366) })
    expect(closedOn([], [...run(300), ...run(600).slice(301)])).toBeUndefined()
  })

  it('counts weekends and its own closed days together', () => {
    const mondays = Array.from({ length: 186 }, (_, n) => addDays(from, 7 * n))
    expect(closedOn([2, 3, 4, 5, 6, 7], mondays)).toEqual({ from: addDays(from, -6), through: addDays(from, 186 * 7 - 1) })
    expect(closedOn([2, 3, 4, 5, 6, 7], mondays.slice(0, 51))).toBeUndefined()
    expect(closedOn([6, 7], mondays)).toBeUndefined()
  })
})
