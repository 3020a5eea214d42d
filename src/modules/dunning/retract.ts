import type { BusinessCalendar } from '../../kernel/calendar.ts'
import type { Day } from '../../kernel/day.ts'
import { type HoldFact, shiftedDays } from '../../kernel/holding.ts'
import type { Currency } from '../../kernel/money.ts'
import { isBelowMinimum } from './decide.ts'
import { effectiveDueOn, entryOn, type StageEntry, standingOf } from './ladder.ts'
import type { Policy } from './policy.ts'

/** A live entry with what it was decided under: the policy version and the calendar of that time, not today's. */
export type RecordedEntry = StageEntry & Readonly<{ kind: 'entered' | 'baseline'; policy: Policy; calendar: BusinessCalendar }>

/** One ledger entry of the obligation: a positive amount raises what is owed, a negative one settles it. Minor units. */
export type Movement = Readonly<{ effectiveOn: Day; amountMinor: bigint }>

/**
 * The entries of one cycle that would not have been made, had everything been known that the ledger says now. Each entry is
 * decided again on its own day with the entries kept so far and the corrected balance; whatever would not enter the same
 * stage and repetition is mistaken, and the rest is replayed without it. Only its day counts, not the hour or the zone, which
 * may have been changed since: what the sweep found open at that time stays so. A baseline entry is mistaken only if nothing
 * was open. Expects the live entries oldest first; returns the mistaken ones in the same order.
 */
export function mistakenEntries<E extends RecordedEntry>(
  entries: readonly E[],
  obligation: Readonly<{
    dueOn: Day
    currency: Currency
    /** What was open when that day's entries were made, as `openBefore` has it. */
    openOn: (day: Day) => bigint
    holds: readonly HoldFact[]
  }>
): E[] {
  const kept: E[] = []
  const mistaken: E[] = []
  for (const entry of entries) {
    const balanceMinor = obligation.openOn(entry.enteredOn)
    const isRight = entry.kind === 'baseline' ? balanceMinor > 0n : isMadeAgain(entry, { ...obligation, balanceMinor, kept })
    if (isRight) kept.push(entry)
    else mistaken.push(entry)
  }
  return mistaken
}

/**
 * The balance that a day's entries are judged by: what raises the claim counts through that day, what settles it counts
 * strictly before. A payment of the same day leaves the day's entries as they are.
 */
export function openBefore(movements: readonly Movement[]): (day: Day) => bigint {
  return (day) =>
    movements.reduce((open, { effectiveOn, amountMinor }) => {
      const counts = amountMinor > 0n ? effectiveOn <= day : effectiveOn < day
      return counts ? open + amountMinor : open
    }, 0n)
}

function isMadeAgain(
  entry: RecordedEntry,
  then: Readonly<{
    dueOn: Day
    currency: Currency
    balanceMinor: bigint
    kept: readonly StageEntry[]
    holds: readonly HoldFact[]
  }>
): boolean {
  // A closed balance is 0 or less and so never above the minimum.
  if (isBelowMinimum(then, entry)) return false
  const dueOn = effectiveDueOn(then.dueOn, entry)
  const shiftDays = shiftedDays(then.holds, { dueOn, before: entry.enteredOn })
  const standing = standingOf(then.kept, { effectiveDueOn: dueOn, policy: entry.policy, shiftDays })
  const again = entryOn(entry.enteredOn, standing, entry)
  return again !== null && again.stage.code === entry.stage && again.repetition === entry.repetition
}
