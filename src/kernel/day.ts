import { assert } from './assert.ts'
import { BoundedMap } from './bounded-map.ts'
import { DomainError } from './errors.ts'
import { firstInstantInZone, instantInZone, zoneOffsetAt } from './zone.ts'

export { isTimeZone } from './zone.ts'

/** A calendar day `YYYY-MM-DD` of the proleptic Gregorian calendar, years 0001 to 9999. Such text sorts as it dates. */
export type Day = string & { readonly __brand: 'Day' }

export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7

/** A wall-clock time `HH:MM`, 00:00 to 23:59, in an IANA zone. */
export type ZonedTime = Readonly<{ time: string; timeZone: string }>

export const dayMs = 86_400_000
const firstEpochDay = -719_162 // 0001-01-01
const lastEpochDay = 2_932_896 // 9999-12-31
const dayPattern = /^\d{4}-\d{2}-\d{2}$/
const timePattern = /^(?:[01]\d|2[0-3]):[0-5]\d$/

/** What every calculation answers that leaves the years a day can be written in. */
export function outOfRange(): DomainError {
  return new DomainError('invalid_date', 'The calculated day lies outside the years 0001 to 9999.')
}

/** Days of a Gregorian month, 1 to 12. */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** True for a day that exists: not for 2026-02-29, and not for the year 0000. */
export function isDay(text: string): text is Day {
  if (!dayPattern.test(text)) return false
  const { year, month, dayOfMonth } = partsOf(text)
  return year >= 1 && month >= 1 && month <= 12 && dayOfMonth >= 1 && dayOfMonth <= daysInMonth(year, month)
}

/** The days that callers may name. What is calculated from one of them, in any zone, stays in the years 0001 to 9999. */
export const firstInputDay = '1900-01-01'
export const lastInputDay = '2999-12-31'

export function isInputDay(text: string): text is Day {
  return isDay(text) && text >= firstInputDay && text <= lastInputDay
}

/** Throws `invalid_date` unless the text is a day that exists, written `YYYY-MM-DD`. */
export function day(text: string): Day {
  if (!isDay(text)) throw new DomainError('invalid_date', 'A date is a day that exists, written YYYY-MM-DD.')
  return text
}

/** Year, month and day of month of text that has the form of a day. */
export function partsOf(text: string): { year: number; month: number; dayOfMonth: number } {
  return { year: digits(text, 0) * 100 + digits(text, 2), month: digits(text, 5), dayOfMonth: digits(text, 8) }
}

function digits(text: string, at: number): number {
  return text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528
}

/** Writes a day whose parts exist. */
export function dayOf(year: number, month: number, dayOfMonth: number): Day {
  const yearText = year >= 1000 ? String(year) : String(year).padStart(4, '0')
  return `${yearText}-${month < 10 ? '0' : ''}${month}-${dayOfMonth < 10 ? '0' : ''}${dayOfMonth}` as Day
}

/**
 * Days since 1970-01-01. Howard Hinnant's days_from_civil (https://howardhinnant.github.io/date_algorithms.html): integer
 * steps over years that begin in March, exact for every Gregorian day. `Date.UTC` would read the years 0 to 99 as 19xx.
 */
export function epochDayOf(d: Day): number {
  const { year, month, dayOfMonth } = partsOf(d)
  const marchYear = month > 2 ? year : year - 1
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + dayOfMonth - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** Writing a day's text costs several times what finding it does, and books rarely span more than these, about 90 years. */
const writtenDays = new BoundedMap<number, Day>(32_768)

/** The inverse. A day outside the years 0001 to 9999 is refused with `invalid_date`. */
export function dayFromEpochDay(epochDay: number): Day {
  return writtenDays.getOrMake(epochDay, writeEpochDay)
}

/** Hinnant's civil_from_days. */
function writeEpochDay(epochDay: number): Day {
  if (epochDay < firstEpochDay || epochDay > lastEpochDay) throw outOfRange()
  const shifted = epochDay + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  return dayOf(year, month, dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1)
}

/** The day `n` whole days later, or earlier when negative. Throws `invalid_date` outside the years 0001 to 9999. */
export function addDays(d: Day, n: number): Day {
  assert(Number.isInteger(n), 'Days are added in whole numbers.')
  return dayFromEpochDay(epochDayOf(d) + n)
}

/** Whole days from the first day to the second; negative when the second is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return epochDayOf(to) - epochDayOf(from)
}

/** ISO weekday: Monday 1 to Sunday 7. */
export function weekdayOf(d: Day): Weekday {
  const sinceMonday = (epochDayOf(d) + 3) % 7
  return ((sinceMonday < 0 ? sinceMonday + 7 : sinceMonday) + 1) as Weekday
}

/** The latest of the days. */
export function maxDay(first: Day, ...rest: readonly Day[]): Day {
  let latest = first
  for (const d of rest) if (d > latest) latest = d
  return latest
}

/** The earliest of the days. */
export function minDay(first: Day, ...rest: readonly Day[]): Day {
  let earliest = first
  for (const d of rest) if (d < earliest) earliest = d
  return earliest
}

/** The day it is in the zone at the instant. */
export function dayIn(instant: Date, timeZone: string): Day {
  const epochMs = instant.getTime()
  assert(!Number.isNaN(epochMs), 'An instant is a valid Date.')
  // A day to spare on both ends: the zone decides, below, whether the day itself still has four digits.
  if (epochMs < (firstEpochDay - 1) * dayMs || epochMs >= (lastEpochDay + 2) * dayMs) throw outOfRange()
  return dayFromEpochDay(Math.floor((epochMs + zoneOffsetAt(epochMs, timeZone)) / dayMs))
}

/**
 * The instant of a wall-clock time on a day: a time that the zone's clocks skip moves forward by what they skip, one that
 * they show twice is the first.
 */
export function instantOn(d: Day, { time, timeZone }: ZonedTime): Date {
  assert(timePattern.test(time), `The time ${time} is not HH:MM.`)
  const localMs = epochDayOf(d) * dayMs + (digits(time, 0) * 60 + digits(time, 3)) * 60_000
  return new Date(instantInZone(localMs, timeZone))
}

/** The first instant of a day in the zone, later than midnight where the clocks skip it. */
export function startOfDay(d: Day, timeZone: string): Date {
  return new Date(firstInstantInZone(epochDayOf(d) * dayMs, timeZone))
}
