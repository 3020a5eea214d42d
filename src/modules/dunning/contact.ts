import type { BusinessCalendar } from '../../kernel/calendar.ts'
import { addDays, type Day, dayIn, daysBetween, instantOn } from '../../kernel/day.ts'

/** How often a client is told: calendar days from one contact to the next, and contacts in any seven days. */
export type ContactLimits = Readonly<{ minDays: number; perWeek: number }>

/** That a client was told. What was told of several currencies at one instant is one contact. */
export type Contact = Readonly<{ at: Date; on: Day; currency: string }>

/** How policies let a client be told. Of several, each rule is as strict as the strictest of them. */
export type Manner = Readonly<{ limits: ContactLimits | null; sendAt: string; businessDays: boolean }>

type Wish = Readonly<{
  now: Date
  timeZone: string
  calendar: BusinessCalendar
  manner: Manner
  currency: string
  /** Those of the last `CONTACTS_COUNT_DAYS` days. */
  contacts: readonly Contact[]
}>

const WEEK_DAYS = 7
/** As long as the longest limit: what was told before does not count any more. */
export const CONTACTS_COUNT_DAYS = 90

/** @param manners of one policy at least. */
export function strictest(manners: readonly Manner[]): Manner {
  const limits = manners.flatMap((manner) => manner.limits ?? [])
  return {
    limits:
      limits.length === 0
        ? null
        : {
            minDays: Math.max(...limits.map(({ minDays }) => minDays)),
            perWeek: Math.min(...limits.map(({ perWeek }) => perWeek))
          },
    sendAt: manners.reduce((latest, { sendAt }) => (sendAt > latest ? sendAt : latest), '00:00'),
    businessDays: manners.some(({ businessDays }) => businessDays)
  }
}

/** The first instant, `now` or later, at which the client may be told of this currency: `now` itself where nothing speaks against it. */
export function nextNoticeAt({ now, timeZone, calendar, manner, currency, contacts }: Wish): Date {
  const today = dayIn(now, timeZone)
  // Contacts count for a while, and every calendar opens again.
  for (let on = today; ; on = addDays(on, 1)) {
    if (manner.businessDays && !calendar.isOpen(on)) continue
    const from = instantOn(on, { time: manner.sendAt, timeZone })
    const at = from > now ? from : now
    if (mayTell({ at, on, currency }, { limits: manner.limits, contacts })) return at
  }
}

function mayTell(
  { at, on, currency }: Contact,
  { limits, contacts }: Readonly<{ limits: ContactLimits | null } & Pick<Wish, 'contacts'>>
) {
  if (contacts.some((contact) => contact.on === on && contact.currency === currency)) return false
  if (limits === null) return true
  // What is told of another currency at that very instant is the same contact.
  const others = contacts.filter((contact) => contact.at.getTime() !== at.getTime())
  if (others.some((contact) => daysBetween(contact.on, on) < limits.minDays)) return false
  const lately = others.filter((contact) => daysBetween(contact.on, on) < WEEK_DAYS)
  return new Set(lately.map((contact) => contact.at.getTime())).size < limits.perWeek
}
