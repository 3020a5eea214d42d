import type { Day } from '../../kernel/day.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import type { Client } from '../clients/client.ts'
import { effectiveDueOn, type OpenObligation } from '../invoices/invoice.ts'
import type { Books } from '../organizations/organization.ts'
import { pinnedOf } from './blocked.ts'
import { awaitsCollection, type CollectedOf } from './collection.ts'
import type { Manner } from './contact.ts'
import type { NewEntry } from './entry.ts'
import type { LiveEntry, PolicyRef } from './facts.ts'
import type { CreditOf } from './netting.ts'
import { type News, type Plan, planNotices } from './notice-plan.ts'
import type * as repository from './notice-repository.ts'
import type { Policy } from './policy.ts'

/** What a client's notices rest on. */
export type Facts = Readonly<{
  books: Books
  open: readonly OpenObligation[]
  log: readonly repository.NoticeRow[]
  entered: ReadonlyMap<string, NewEntry>
  /** Obligations of clients with something that waits, of which nothing is to be told now. */
  blocked: ReadonlySet<string>
  liveOf: (obligationId: string) => readonly LiveEntry[]
  policyAt: (ref: PolicyRef) => Policy
  creditOf: CreditOf
  holdsOf: HoldsOf
  collectedOf: CollectedOf
  /** Where the client is. */
  today: Day
}>

/** What is told of a client and what waits; `isLeft` says of a currency whether something of it still waits afterwards. */
export function planOf(client: Client, facts: Facts): { plan: Plan; isLeft: (currency: string) => boolean } {
  const { books, open, log, policyAt } = facts
  const news = newsOf(facts)
  const plan = planNotices(news, {
    now: books.now,
    timeZone: client.timeZone ?? books.organization.timeZone,
    calendar: books.calendar,
    contacts: log.flatMap(({ currency, told }) => (told === null ? [] : [{ ...told, currency }])),
    mannerOf: (item) => mannerOf(item, policyAt)
  })
  // Of what is held, kept shut or paid nothing is told now; when it is let go, or the payment bounces, it still was not told.
  const isLeft = (currency: string) =>
    !plan.tell.some((one) => one.currency === currency) ||
    open.some((one) => one.currency === currency && !isSpokenOf(one, facts) && untoldOf(one, facts) !== undefined)
  return { plan, isLeft }
}

/** By currency, what was entered and not told yet of what is spoken of. */
function newsOf(facts: Facts): News[] {
  const { books, open, log } = facts
  const groups = Map.groupBy(
    open.filter((one) => isSpokenOf(one, facts)),
    ({ currency }) => currency
  )
  return [...groups].flatMap(([currency, items]) => {
    const sinceAt = waitOf(currency, log)?.sinceAt
    const untold = items.flatMap((one) => {
      const entry = untoldOf(one, facts)
      return entry === undefined ? [] : [[one.id, entry] as const]
    })
    return untold.length === 0 ? [] : [{ currency, items, entered: new Map(untold), sinceAt: sinceAt ?? books.now }]
  })
}

/** Not what is held, or switched off, or is still to be collected, or was kept shut since it was entered. */
export function isSpokenOf(
  one: OpenObligation,
  { blocked, collectedOf, today }: Pick<Facts, 'blocked' | 'collectedOf' | 'today'>
): boolean {
  const isAwaited = awaitsCollection({ isCollected: collectedOf(one) }, { dueOn: effectiveDueOn(one), today })
  return !one.isHeld && one.dunningStart !== 'off' && !isAwaited && !blocked.has(one.id)
}

/** The last entry, where no notice told of it: made just now, or since something waits. */
function untoldOf(
  { id, currency }: OpenObligation,
  { entered, liveOf, log }: Pick<Facts, 'entered' | 'liveOf' | 'log'>
): Readonly<{ id: string }> | undefined {
  const wait = waitOf(currency, log)
  const last = wait === undefined ? undefined : liveOf(id).findLast(({ kind }) => kind === 'entered')
  const before =
    last !== undefined && wait !== undefined && last.toldAt === null && last.enteredAt >= wait.sinceAt ? last : undefined
  return entered.get(id) ?? before
}

function waitOf(currency: string, log: Facts['log']): repository.NoticeRow | undefined {
  return log.find((row) => row.currency === currency && row.told === null)
}

function mannerOf(item: OpenObligation, policyAt: Facts['policyAt']): Manner {
  const [ref] = pinnedOf(item)
  if (ref === undefined) return { limits: null, sendAt: '00:00', businessDays: false }
  const { contactLimits: limits, sendAt, businessDays } = policyAt(ref)
  return { limits, sendAt, businessDays }
}
