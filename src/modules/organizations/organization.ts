import { type BusinessCalendar, businessCalendar, closedDaysLimit, tooLongClosed } from '../../kernel/calendar.ts'
import { addDays, type Day, dayIn } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import type { PaymentTerms } from '../../kernel/terms.ts'
import type { Mode } from './api-key.ts'
import { holidayCheck, storedHolidayCheck } from './holidays.ts'

export type CalendarSettings = Readonly<{
  version: number
  /** ISO weekdays, Monday 1. */
  weekend: readonly number[]
  country: string | null
  region: string | null
  closedDays: readonly Day[]
}>

/** The open invoices that another default policy is for, of those that follow it. */
export const defaultPolicyScopes = ['not_entered', 'all'] as const
export type DefaultPolicyScope = (typeof defaultPolicyScopes)[number]

export type Organization = Readonly<{
  id: string
  name: string
  mode: Mode
  timeZone: string
  locale: string
  defaultCurrency: Currency
  defaultPaymentTerms: PaymentTerms
  defaultDunningPolicyId: string | null
  autoApplyCredit: boolean
  /** Calendar days after a promised day on which money still keeps the promise. */
  promiseGraceDays: number
  /** How many days after it matures announced money may take to show on the account. */
  clearingDays: number
  /** What arrives overdue and fell due before this day starts without events and actions, unless its invoice states how it starts. */
  dunningFromOn: Day
  /** How many days ahead money may be announced or promised: as long as that, what it covers is not dunned. */
  announcedDaysMax: number
  calendar: CalendarSettings
  /** The current version of each of its dunning policies, by policy id. */
  policyVersions: ReadonlyMap<string, number>
  clockAt: Date | null
  clockTargetAt: Date | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** What a command needs to know of the organization it runs in: its time, its calendar, its defaults and policies. */
export type Books = Readonly<{ organization: Organization; now: Date; calendar: BusinessCalendar }>

/** What of the books says which day it is. */
export type Present = Readonly<{ now: Date; organization: Readonly<Pick<Organization, 'timeZone'>> }>

/** The day it is for a client: in its own zone where it has one, else in the organization's. */
export function todayFor({ now, organization }: Present, clientTimeZone: string | null): Day {
  return dayIn(now, clientTimeZone ?? organization.timeZone)
}

/** The day it is for clients, for a statement that asks of many at once. */
export type Days = Readonly<{ today: Day; zones: readonly string[]; todays: readonly Day[] }>

export function daysIn(zones: readonly string[], present: Present): Days {
  return { today: todayFor(present, null), zones, todays: zones.map((zone) => todayFor(present, zone)) }
}

/** @throws DomainError naming the field for money that is announced or promised for a day further ahead than the organization allows. */
export function checkAhead(
  on: Day,
  { today, organization, pointer }: { today: Day; organization: Pick<Organization, 'announcedDaysMax'>; pointer: string }
): void {
  const { announcedDaysMax: days } = organization
  const lastOn = addDays(today, days)
  if (on <= lastOn) return
  const field = pointer.slice(1)
  throw new DomainError(
    'invalid_date',
    `\`${field}\` is at most ${days} days ahead, ${lastOn}. Give an earlier day, or raise \`announced_days_max\` of the organization.`,
    { pointer }
  )
}

/** A calendar as it was stored. */
export function calendarOf({ version, weekend, country, region, closedDays }: CalendarSettings): BusinessCalendar {
  const isHoliday = country === null ? () => false : storedHolidayCheck({ country, region })
  return businessCalendar({ version, weekend, closedDays, isHoliday })
}

/**
 * Refuses what stages and notices, which wait for an open day, could not live with.
 * @param place whether the country and the region are new: those that were taken once may be retired since.
 * @throws DomainError naming the field.
 */
export function checkCalendar(settings: CalendarSettings, { place }: { place: boolean }): void {
  if (new Set(settings.weekend).size === 7) {
    throw new DomainError('invalid_request', 'A week needs at least one open day.', { pointer: '/calendar/weekend' })
  }
  const { country, region } = settings
  if (place && country !== null) holidayCheck({ country, region })
  const closed = tooLongClosed(calendarOf(settings), settings.closedDays)
  if (closed === undefined) return
  throw new DomainError(
    'invalid_request',
    `Every day from ${closed.from} through ${closed.through} is closed, by the weekend, holidays and closed days together. At most ${closedDaysLimit} days in a row may be closed.`,
    { pointer: '/calendar/closed_days' }
  )
}
