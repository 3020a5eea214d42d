import type { BusinessCalendar } from '../../kernel/calendar.ts'
import { type Day, dayIn } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { OpenObligation } from '../invoices/invoice.ts'
import { type Contact, type Manner, nextNoticeAt, strictest } from './contact.ts'

/** What a client owes in one currency with what of it was not told yet: the entries, by obligation. */
export type News = Readonly<{
  currency: Currency
  items: readonly OpenObligation[]
  entered: ReadonlyMap<string, Readonly<{ id: string }>>
  /** Entries made from then on are told with it. */
  sinceAt: Date
}>

export type Plan = Readonly<{
  tell: readonly News[]
  wait: readonly News[]
  /** When what waits may be told, if nothing happens before; null where nothing waits. */
  nextAt: Date | null
}>

type Client = Readonly<{
  now: Date
  timeZone: string
  calendar: BusinessCalendar
  contacts: readonly Contact[]
  /** How the policy that an obligation is dunned by lets clients be told. */
  mannerOf: (item: OpenObligation) => Manner
}>

/**
 * What a client is told now, and what waits. The limits are the strictest of all that it is dunned by; the time of day and the open
 * days are those of what is to be told.
 */
export function planNotices(news: readonly News[], { mannerOf, contacts, ...client }: Client): Plan {
  const { limits } = strictest(news.flatMap(({ items }) => items.map(mannerOf)))
  const on: Day = dayIn(client.now, client.timeZone)
  const known = [...contacts]
  const nextOf = ({ currency, items, entered }: News) => {
    const manner = strictest(items.filter(({ id }) => entered.has(id)).map(mannerOf))
    return nextNoticeAt({ ...client, currency, contacts: known, manner: { ...manner, limits } })
  }
  const tell: News[] = []
  const wait: News[] = []
  for (const one of news) {
    if (nextOf(one) > client.now) wait.push(one)
    else {
      tell.push(one)
      known.push({ at: client.now, on, currency: one.currency })
    }
  }
  const waits = wait.map((one) => nextOf(one).getTime())
  return { tell, wait, nextAt: waits.length === 0 ? null : new Date(Math.min(...waits)) }
}
