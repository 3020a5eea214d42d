import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDays, type Day, day, daysBetween } from '../../../src/kernel/day.ts'
import { addMonths, type CalendarSystem, dueOnFor, endOfMonth } from '../../../src/kernel/terms.ts'

const anyDay = fc.integer({ min: 0, max: 90_000 }).map((n) => addDays(day('1900-01-01'), n))
const systems: CalendarSystem[] = ['iso8601', 'persian', 'hebrew']

describe('a month later', () => {
  it.each<[string, number, CalendarSystem, string]>([
    ['2026-01-31', 1, 'iso8601', '2026-02-28'],
    ['2024-01-31', 1, 'iso8601', '2024-02-29'],
    ['2026-01-31', 2, 'iso8601', '2026-03-31'],
    ['2026-03-31', -1, 'iso8601', '2026-02-28'],
    ['2026-11-21', 2, 'iso8601', '2027-01-21'],
    ['2026-01-15', -13, 'iso8601', '2024-12-15'],
    // 31 Farvardin 1405 → 31 Ordibehesht; 31 Shahrivar → 30 Mehr; 30 Bahman 1405 → 29 Esfand, no leap year.
    ['2026-04-20', 1, 'persian', '2026-05-21'],
    ['2026-09-22', 1, 'persian', '2026-10-22'],
    ['2027-02-19', 1, 'persian', '2027-03-20'],
    // 30 Bahman 1403 → 30 Esfand, a leap year; 1 Esfand 1403 → 1 Farvardin 1404.
    ['2025-02-18', 1, 'persian', '2025-03-20'],
    ['2025-02-19', 1, 'persian', '2025-03-21'],
    // 30 Shevat 5784 → 30 Adar I, which only a leap year has → 29 Adar II; in 5786 there is one Adar, of 29 days.
    ['2024-02-09', 1, 'hebrew', '2024-03-10'],
    ['2024-02-09', 2, 'hebrew', '2024-04-08'],
    ['2026-02-17', 1, 'hebrew', '2026-03-18'],
    // 1 Tishri 5786 → 1 Heshvan.
    ['2025-09-23', 1, 'hebrew', '2025-10-23']
  ])('than %s, times %i, in %s is %s', (from, n, system, to) => {
    expect(addMonths(day(from), n, system)).toBe(to)
  })

  it('never leaves the target month, and none is skipped', () => {
    fc.assert(
      fc.property(anyDay, fc.integer({ min: -30, max: 30 }), fc.constantFrom(...systems), (d, n, system) => {
        const there = addMonths(d, n, system)
        const endThere = endOfMonth(there, system)
        // The month's end reached in single steps from month end to month end.
        let end = endOfMonth(d, system)
        for (let step = 0; step < Math.abs(n); step += 1) {
          end = n > 0 ? endOfMonth(addDays(end, 1), system) : addDays(end, -daysIntoMonth(end, system))
        }
        expect(endThere).toBe(end)
      }),
      { numRuns: 60 }
    )
  })

  it('outside the years 0001 to 9999 is refused in every calendar', () => {
    for (const system of systems) {
      expect(() => addMonths(day('9999-12-20'), 1, system)).toThrow(expect.objectContaining({ code: 'invalid_date' }))
      for (const n of [125_000, -125_000, 1e9, -1e9, Number.MAX_SAFE_INTEGER]) {
        expect(() => addMonths(day('2026-01-01'), n, system)).toThrow(expect.objectContaining({ code: 'invalid_date' }))
      }
      expect(() => addMonths(day('2026-01-01'), 0.5, system)).toThrow('whole numbers')
    }
    expect(() => addMonths(day('0001-01-20'), -1, 'iso8601')).toThrow(expect.objectContaining({ code: 'invalid_date' }))
  })
})

describe('the end of a month', () => {
  it.each<[string, CalendarSystem, string]>([
    ['2026-02-01', 'iso8601', '2026-02-28'],
    ['2024-02-29', 'iso8601', '2024-02-29'],
    ['2026-12-31', 'iso8601', '2026-12-31'],
    ['2026-03-21', 'persian', '2026-04-20'],
    ['2025-03-01', 'persian', '2025-03-20'],
    ['2026-03-01', 'persian', '2026-03-20'],
    ['2024-02-10', 'hebrew', '2024-03-10']
  ])('of %s in %s is %s', (d, system, end) => {
    expect(endOfMonth(day(d), system)).toBe(end)
  })

  it('is a day before the first of the next', () => {
    fc.assert(
      fc.property(anyDay, fc.constantFrom(...systems), (d, system) => {
        const end = endOfMonth(d, system)
        expect(end >= d && daysBetween(d, end) <= 30).toBe(true)
        expect(endOfMonth(end, system)).toBe(end)
        expect(endOfMonth(addDays(end, 1), system) > end).toBe(true)
      }),
      { numRuns: 60 }
    )
  })
})

describe('the Persian new year', () => {
  it.each(['2021-03-21', '2022-03-21', '2023-03-21', '2024-03-20', '2025-03-21', '2026-03-21', '2027-03-21', '2028-03-20'])(
    'falls on %s',
    (newYear) => {
      expect(endOfMonth(addDays(day(newYear), -1), 'persian')).toBe(addDays(day(newYear), -1))
      expect(endOfMonth(day(newYear), 'persian')).toBe(addDays(day(newYear), 30))
    }
  )
})

describe('payment terms', () => {
  const due = (issuedOn: string, terms: Parameters<typeof dueOnFor>[1]): Day => dueOnFor(day(issuedOn), terms)

  it('net: so many days after the day of issue', () => {
    expect(due('2026-11-21', { kind: 'net', days: 0 })).toBe('2026-11-21')
    expect(due('2026-11-21', { kind: 'net', days: 30 })).toBe('2026-12-21')
    expect(due('2024-02-28', { kind: 'net', days: 2 })).toBe('2024-03-01')
  })

  it('end of month: so many days after the end of the month of issue', () => {
    expect(due('2026-11-21', { kind: 'end_of_month', days: 0, calendar: 'iso8601' })).toBe('2026-11-30')
    expect(due('2026-11-30', { kind: 'end_of_month', days: 30, calendar: 'iso8601' })).toBe('2026-12-30')
    expect(due('2026-11-21', { kind: 'end_of_month', days: 10, calendar: 'persian' })).toBe('2026-12-01')
  })

  it('day of month: that day of a later month, at most its last', () => {
    expect(due('2026-11-21', { kind: 'day_of_month', day: 15, months: 1, calendar: 'iso8601' })).toBe('2026-12-15')
    expect(due('2026-11-01', { kind: 'day_of_month', day: 10, months: 2, calendar: 'iso8601' })).toBe('2027-01-10')
    expect(due('2026-01-31', { kind: 'day_of_month', day: 31, months: 1, calendar: 'iso8601' })).toBe('2026-02-28')
    expect(due('2026-04-20', { kind: 'day_of_month', day: 1, months: 1, calendar: 'persian' })).toBe('2026-04-21')
    expect(due('2026-09-22', { kind: 'day_of_month', day: 31, months: 1, calendar: 'persian' })).toBe('2026-10-22')
  })

  it('that cannot be meant are a bug: what a caller may send is checked before', () => {
    expect(() => due('2026-11-21', { kind: 'net', days: -1 })).toThrow('zero or more')
    expect(() => due('2026-11-21', { kind: 'end_of_month', days: -1, calendar: 'iso8601' })).toThrow('zero or more')
    for (const [dayOfMonth, months] of [
      [0, 1],
      [32, 1],
      [1, 0]
    ] as const) {
      expect(() => due('2026-11-21', { kind: 'day_of_month', day: dayOfMonth, months, calendar: 'iso8601' })).toThrow(
        'later month'
      )
    }
  })
})

/** Days since the last day of the month before. */
function daysIntoMonth(end: Day, system: CalendarSystem): number {
  let n = 1
  while (endOfMonth(addDays(end, -n), system) === end) n += 1
  return n
}
