import { type BusinessCalendar, businessCalendar } from '../../kernel/calendar.ts'
import { addDays, type Day, daysInMonth, partsOf } from '../../kernel/day.ts'

/** Days at the end of a month in which many pay, and many wait for the next. */
const MONTH_END_DAYS = 3

/** What a calendar says of a due day. */
export type DueDayFacts = Readonly<{ isDueOnClosedDay: boolean; isDueAtMonthEnd: boolean }>

/** Monday to Friday, for whoever has no calendar of the organization. */
export const standardCalendar: BusinessCalendar = businessCalendar({
  version: 0,
  weekend: [6, 7],
  closedDays: [],
  isHoliday: () => false
})

/** The facts of a due day in the Gregorian calendar; in another, hand in `isLastOfMonth`. */
export function dueDayFacts(dueOn: Day, calendar: BusinessCalendar, isLastOfMonth = isLastOfGregorianMonth): DueDayFacts {
  let isDueAtMonthEnd = false
  for (let ahead = 0; ahead < MONTH_END_DAYS; ahead += 1) isDueAtMonthEnd ||= isLastOfMonth(addDays(dueOn, ahead))
  return { isDueOnClosedDay: !calendar.isOpen(dueOn), isDueAtMonthEnd }
}

function isLastOfGregorianMonth(d: Day): boolean {
  const { year, month, dayOfMonth } = partsOf(d)
  return dayOfMonth === daysInMonth(year, month)
}
