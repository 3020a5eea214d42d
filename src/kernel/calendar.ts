import { addDays, type Day, daysBetween, weekdayOf } from './day.ts'

/** Which days are open for business. The version is recorded with every decision, so that the decision can be replayed. */
export type BusinessCalendar = Readonly<{ version: number; isOpen: (d: Day) => boolean }>

export type BusinessCalendarRules = Readonly<{
  version: number
  /** ISO weekdays, Monday 1 to Sunday 7, on which the business is closed: often Saturday and Sunday, or Friday alone. */
  weekend: readonly number[]
  closedDays: readonly Day[]
  isHoliday: (d: Day) => boolean
}>

/** So many days in a row may be closed. */
export const closedDaysLimit = 366

export const openEveryDay: BusinessCalendar = { version: 0, isOpen: () => true }

/** A day is open unless it is a weekend day, one of the business's own closed days, or a holiday. */
export function businessCalendar({ version, weekend, closedDays, isHoliday }: BusinessCalendarRules): BusinessCalendar {
  const weekendDays = new Set(weekend)
  const ownDays = new Set(closedDays)
  return { version, isOpen: (d) => !weekendDays.has(weekdayOf(d)) && !ownDays.has(d) && !isHoliday(d) }
}

/** The day itself when it is open, else the first open day after it. */
export function nextOpen(calendar: BusinessCalendar, d: Day): Day {
  return firstOpen(calendar, { from: d, step: 1 })
}

/** The day itself when it is open, else the last open day before it. */
export function previousOpen(calendar: BusinessCalendar, d: Day): Day {
  return firstOpen(calendar, { from: d, step: -1 })
}

function firstOpen(calendar: BusinessCalendar, { from, step }: { from: Day; step: 1 | -1 }): Day {
  let d = from
  while (!calendar.isOpen(d)) d = addDays(d, step)
  return d
}

/** The first days in a row around one of these that are closed and more than may be; undefined where there are none. */
export function tooLongClosed(calendar: BusinessCalendar, around: readonly Day[]): { from: Day; through: Day } | undefined {
  let through: Day | undefined
  for (const one of around.toSorted()) {
    if ((through !== undefined && one <= through) || calendar.isOpen(one)) continue
    const from = addDays(previousOpen(calendar, one), 1)
    through = addDays(nextOpen(calendar, one), -1)
    if (daysBetween(from, through) >= closedDaysLimit) return { from, through }
  }
  return undefined
}
