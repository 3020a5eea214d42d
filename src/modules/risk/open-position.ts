import { type ClientState, meanDelay, RECENT_LIMIT, termsClass, weightOn } from './client-state.ts'
import type { AlikeClaims, EpochDay } from './invoice-facts.ts'
import { DELAY_DAYS_MAX } from './levels.ts'

/** How many outcomes the trend looks at. */
export const TREND_OUTCOMES = 3

/** Overdue invoices of one day: for how many days, and the class of their terms. */
export type Overdue = Readonly<{ days: number; terms: string; count: number }>

/**
 * What a client owes at the start of a day. Amounts of different currencies are never added: each is counted in usual invoices, that
 * is, in the client's mean invoice of its currency.
 */
export type OpenPosition = Readonly<{
  /** Open invoices by the day on which they fall due, or fell. */
  openByDueOn: ReadonlyMap<EpochDay, number>
  /** Fractions of the usual invoice. */
  openRatio: number
  overdueRatio: number
  /** Days since the oldest open due date that has passed; 0 for none. */
  oldestOverdueDays: number
  disputedOverdue: number
  overdue: readonly Overdue[]
  overdueCount: number
  /** Overdue invoices are outcomes already, as late as they are so far. */
  overdueDelayDays: number
  /** Of those that are older than each threshold: late at it, whatever comes. */
  overdueBeyond: readonly number[]
  /** Delays of the last payments, oldest first, of each in the mean of its invoices; what is overdue is the last of them. */
  lastDelayDays: readonly number[]
}>

/**
 * The position at the start of the state's day. `open` are the client's open invoices as the ledger has them now; those that are settled
 * today or later are still open at that hour and come from the state itself, so they are not among them. O(days and terms), not O(invoices).
 */
export function openPosition(
  state: ClientState,
  { open, thresholds }: { open: Iterable<AlikeClaims>; thresholds: readonly number[] }
): OpenPosition {
  const { day, issued, waiting } = state
  const overdue: Overdue[] = []
  const overdueBeyond = thresholds.map(() => 0)
  const openByDueOn = new Map<EpochDay, number>()
  const sums = { openRatio: 0, overdueRatio: 0, oldestOverdueDays: 0, disputedOverdue: 0, overdueDelayDays: 0, overdueCount: 0 }
  const visit = (claims: AlikeClaims) => {
    if (claims.issuedOn >= day) return
    const { dueOn, count } = claims
    const usual = issued.byCurrency[claims.currency]
    const ratio = usual === undefined || usual.amount <= 0 ? 0 : (claims.amount * usual.count) / usual.amount
    openByDueOn.set(dueOn, (openByDueOn.get(dueOn) ?? 0) + count)
    sums.openRatio += ratio
    const days = day - dueOn
    if (days <= 0) return
    overdue.push({ days, terms: termsClass(claims), count })
    sums.overdueCount += count
    sums.overdueRatio += ratio
    sums.oldestOverdueDays = Math.max(sums.oldestOverdueDays, days)
    sums.disputedOverdue += claims.disputed
    sums.overdueDelayDays += count * Math.min(days, DELAY_DAYS_MAX)
    for (let index = 0; index < thresholds.length; index += 1) {
      if (days > (thresholds[index] ?? 0)) overdueBeyond[index] = (overdueBeyond[index] ?? 0) + count
    }
  }
  for (const claims of open) visit(claims)
  for (const claims of waiting.settled) visit(claims)
  return { ...sums, openByDueOn, overdue, overdueBeyond, lastDelayDays: lastDelays(state, sums) }
}

/** The weight of an overdue invoice as an outcome: it is dated yesterday. */
export const OVERDUE_WEIGHT = weightOn(1, 0)

/** What is overdue counts as one payment that was not made yesterday, late by as much as it is so far. */
function lastDelays({ recent }: ClientState, overdue: Pick<OpenPosition, 'overdueDelayDays' | 'overdueCount'>): number[] {
  const paid = recent.map(meanDelay)
  if (overdue.overdueCount === 0) return paid
  return [...paid, meanDelay({ count: overdue.overdueCount, delayDays: overdue.overdueDelayDays })].slice(-RECENT_LIMIT)
}
