import { Temporal } from 'temporal-polyfill/full'
import { assert } from './assert.ts'
import { addDays, type Day, dayOf, daysInMonth, isDay, outOfRange, partsOf } from './day.ts'

/** Whose months count. Days are the same everywhere; only where a month ends, and what the next one is, differs. */
export type CalendarSystem = 'iso8601' | 'persian' | 'hebrew'

export type PaymentTerms =
  /** Due `days` after the day of issue. */
  | Readonly<{ kind: 'net'; days: number }>
  /** Due `days` after the end of the month of issue. */
  | Readonly<{ kind: 'end_of_month'; days: number; calendar: CalendarSystem }>
  /** Due on a day of the month `months` (1 or more) after the month of issue, at most on that month's last day. */
  | Readonly<{ kind: 'day_of_month'; day: number; months: number; calendar: CalendarSystem }>

/**
 * The same day of the month `n` months later (earlier when negative), or that month's last day where it is shorter:
 * 31 Jan + 1 is 28 Feb, 31 Farvardin + 1 is 31 Ordibehesht. Steps of a schedule are each counted from its first day, so
 * that month ends stay month ends. Throws `invalid_date` outside the years 0001 to 9999.
 */
export function addMonths(d: Day, n: number, calendarSystem: CalendarSystem): Day {
  assert(Number.isSafeInteger(n), 'Months are added in whole numbers.')
  const { dayOfMonth } = calendarSystem === 'iso8601' ? partsOf(d) : { dayOfMonth: inCalendar(d, calendarSystem).day }
  return dayOfMonthAfter(d, { dayOfMonth, months: n, calendarSystem })
}

/** The last day of the month that the day is in. */
export function endOfMonth(d: Day, calendarSystem: CalendarSystem): Day {
  return dayOfMonthAfter(d, { dayOfMonth: 31, months: 0, calendarSystem })
}

/** The day an invoice issued on a day falls due. Throws `invalid_date` outside the years 0001 to 9999. */
export function dueOnFor(issuedOn: Day, terms: PaymentTerms): Day {
  switch (terms.kind) {
    case 'net':
      assert(terms.days >= 0, 'Payment terms give zero or more days.')
      return addDays(issuedOn, terms.days)
    case 'end_of_month':
      assert(terms.days >= 0, 'Payment terms give zero or more days.')
      return addDays(endOfMonth(issuedOn, terms.calendar), terms.days)
    case 'day_of_month':
      assert(terms.day >= 1 && terms.day <= 31 && terms.months >= 1, 'Payment terms name a day from 1 to 31 of a later month.')
      return dayOfMonthAfter(issuedOn, { dayOfMonth: terms.day, months: terms.months, calendarSystem: terms.calendar })
  }
}

/** More months than lie between the first day that can be written and the last, in any of the calendars. */
const monthsLimit = 125_000

type MonthStep = Readonly<{ dayOfMonth: number; months: number; calendarSystem: CalendarSystem }>

/** A day of the month `months` after the month that `d` is in, kept within that month. */
function dayOfMonthAfter(d: Day, { dayOfMonth, months, calendarSystem }: MonthStep): Day {
  if (calendarSystem === 'iso8601') {
    const { year, month } = partsOf(d)
    const sinceYearZero = year * 12 + month - 1 + months
    const targetYear = Math.floor(sinceYearZero / 12)
    const targetMonth = sinceYearZero - targetYear * 12 + 1
    if (targetYear < 1 || targetYear > 9999) throw outOfRange()
    return dayOf(targetYear, targetMonth, Math.min(dayOfMonth, daysInMonth(targetYear, targetMonth)))
  }
  // Temporal walks such calendars year by year: a step out of all written years would take it seconds to refuse.
  if (Math.abs(months) > monthsLimit) throw outOfRange()
  const first = inCalendar(d, calendarSystem).with({ day: 1 }).add({ months })
  const text = first.with({ day: dayOfMonth }).withCalendar('iso8601').toString()
  if (!isDay(text)) throw outOfRange()
  return text
}

function inCalendar(d: Day, calendarSystem: CalendarSystem): Temporal.PlainDate {
  return Temporal.PlainDate.from(d).withCalendar(calendarSystem)
}
