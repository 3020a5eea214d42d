import { type ClientState, meanDelay, RECENT_LIMIT, termsClass, weightOn } from './client-state.ts'
import type { Claim, EpochDay } from './invoice-facts.ts'
import { DELAY_DAYS_MAX } from './levels.ts'

/** How many outcomes the trend looks at. */
export const TREND_OUTCOMES = 3

/** An overdue invoice: how many days, and the class of its terms. */
export type Overdue = Readonly<{ days: number; terms: string }>

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
  /** Overdue invoices are outcomes already, as late as they are so far. */
  overdueDelayDays: number
  /** Of those that are older than each threshold: late at it, whatever comes. */
  overdueBeyond: readonly number[]
  /** Delays of the last payments, oldest first, of each in the mean of its invoices; what is overdue is the last of them. */
  lastDelayDays: readonly number[]
}>

/**
 * The position at the start of the state's day. `open` are the client's open invoices as the ledger has them now; those that are settled
 * today or later are still open at that hour and come from the state itself, so they are not among them.
 */
export function openPosition(
  state: ClientState,
  { open, thresholds }: { open: readonly Claim[]; thresholds: readonly number[] }
): OpenPosition {
  const { day, issued, waiting } = state
  const overdue: Claim[] = []
  const overdueBeyond = thresholds.map(() => 0)
  const openByDueOn = new Map<EpochDay, number>()
  const sums = { openRatio: 0, overdueRatio: 0, oldestOverdueDays: 0, disputedOverdue: 0, overdueDelayDays: 0 }
  const visit = (claim: Claim) => {
    if (claim.issuedOn >= day) return
    const usual = issued.byCurrency[claim.currency]
    const ratio = usual === undefined || usual.amount <= 0 ? 0 : (claim.amount * usual.count) / usual.amount
    openByDueOn.set(claim.dueOn, (openByDueOn.get(claim.dueOn) ?? 0) + 1)
    sums.openRatio += ratio
    const days = day - claim.dueOn
    if (days <= 0) return
    overdue.push(claim)
    sums.overdueRatio += ratio
    sums.oldestOverdueDays = Math.max(sums.oldestOverdueDays, days)
    sums.disputedOverdue += claim.disputed ? 1 : 0
    sums.overdueDelayDays += Math.min(days, DELAY_DAYS_MAX)
    for (let index = 0; index < thresholds.length; index += 1) {
      if (days > (thresholds[index] ?? 0)) overdueBeyond[index] = (overdueBeyond[index] ?? 0) + 1
    }
  }
  for (const claim of open) visit(claim)
  for (const claim of waiting.settled) visit(claim)
  return {
    ...sums,
    openByDueOn,
    overdue: overdue.map((claim) => ({ days: day - claim.dueOn, terms: termsClass(claim) })),
    overdueBeyond,
    lastDelayDays: lastDelays(state, { ...sums, count: overdue.length })
  }
}

/** The weight of an overdue invoice as an outcome: it is dated yesterday. */
export const OVERDUE_WEIGHT = weightOn(1, 0)

/** What is overdue counts as one payment that was not made yesterday, late by as much as it is so far. */
function lastDelays({ recent }: ClientState, overdue: Pick<OpenPosition, 'overdueDelayDays'> & { count: number }): number[] {
  const paid = recent.map(meanDelay)
  if (overdue.count === 0) return paid
  return [...paid, meanDelay({ count: overdue.count, delayDays: overdue.overdueDelayDays })].slice(-RECENT_LIMIT)
}
