import { assert } from './assert.ts'
import { addDays, type Day, weekdayOf } from './day.ts'

/** Which days are open for business. The version is recorded with every decision, so that the decision can be replayed. */
export type BusinessCalendar = Readonly<{ version: number; isOpen: (d: Day) => boolean }>

export type BusinessCalendarRules = Readonly<{
  version: number
  /** ISO weekdays, Monday 1 to Sunday 7, on which the business is closed: often Saturday and Sunday, or Friday alone. */
  weekend: readonly number[]
  closedDays: readonly Day[]
  isHoliday: (d: Day) => boolean
}>

const closedDaysLimit = 366

export const openEveryDay: BusinessCalendar = { version: 0, isOpen: () => true }

/** A day is open unless it is a weekend day, one of the business's own closed days, or a holiday. */
export function businessCalendar({ version, weekend, closedDays, isHoliday }: BusinessCalendarRules): BusinessCalendar {
  const weekendDays = new Set(weekend)
  const ownDays = new Set(closedDays)
  return { version, isOpen: (d) => !weekendDays.has(weekdayOf(d)) && !ownDays.has(d) && !isHoliday(d) }
}

/** The day itself when it is open, else the first open day after it. More than a year of closed days is a wrong calendar. */
export function nextOpen(calendar: BusinessCalendar, d: Day): Day {
  return firstOpen(calendar, { from: d, step: 1 })
}

/** The day itself when it is open, else the last open day before it. More than a year of closed days is a wrong calendar. */
export function previousOpen(calendar: BusinessCalendar, d: Day): Day {
  return firstOpen(calendar, { from: d, step: -1 })
}

function firstOpen(calendar: BusinessCalendar, { from, step }: { from: Day; step: 1 | -1 }): Day {
  let d = from
  for (let closed = 0; closed <= closedDaysLimit; closed += 1) {
    if (calendar.isOpen(d)) return d
    d = addDays(d, step)
  }
  assert(false, `The business calendar ${calendar.version} is closed for more than ${closedDaysLimit} days from ${from}.`)
}
