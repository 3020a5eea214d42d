import { addDays, type Day, daysBetween, maxDay, minDay } from './day.ts'

/** What a decision needs to know of a hold. */
export type HoldFact = Readonly<{
  id: string
  reason: string
  /** `client`: everything that the client owes, later invoices too. */
  scope: 'client' | 'invoices'
  /** `by_age`: the age went on counting; `shift`: the clock stood still. */
  resume: 'by_age' | 'shift'
  fromOn: Day
  /** The last day that is or was held; null while no end is known. */
  throughOn: Day | null
  /** The part that is held, in minor units; null holds all of it. */
  amountMinor: bigint | null
  /** A service that was suspended for what it holds goes on meanwhile. */
  restoresService: boolean
}>

/** What held or holds an invoice, released holds too. */
export type HoldsOf = (invoice: { clientId: string; invoiceId: string }) => readonly HoldFact[]

/** The same but for some of them. */
export function without(holdsOf: HoldsOf, ids: ReadonlySet<string>): HoldsOf {
  return (invoice) => holdsOf(invoice).filter(({ id }) => !ids.has(id))
}

export function covers({ fromOn, throughOn }: HoldFact, day: Day): boolean {
  return fromOn <= day && (throughOn === null || day <= throughOn)
}

/** The first day from the given one that none of the holds covers; null where one of them has no end. */
export function firstFreeDay(holds: readonly HoldFact[], from: Day): Day | null {
  for (let day = from; ; ) {
    const holding = holds.find((hold) => covers(hold, day))
    if (holding === undefined) return day
    if (holding.throughOn === null) return null
    day = addDays(holding.throughOn, 1)
  }
}

/**
 * How many days stood still: those after `dueOn`, and before `before` where that is given, on which at least one of the holds
 * with `shift` held everything. Each day counts once, however many hold it. One without an end counts up to where it starts,
 * because nothing is decided by the figure before its end is known.
 */
export function shiftedDays(holds: readonly HoldFact[], { dueOn, before }: { dueOn: Day; before?: Day }): number {
  const stood = holds
    .filter(({ resume, amountMinor, throughOn }) => resume === 'shift' && amountMinor === null && throughOn !== null)
    .map(({ fromOn, throughOn }) => ({
      fromOn: maxDay(fromOn, addDays(dueOn, 1)),
      endOn: capped(addDays(throughOn ?? fromOn, 1), before)
    }))
    .filter(({ fromOn, endOn }) => fromOn < endOn)
    .sort((a, b) => (a.fromOn < b.fromOn ? -1 : 1))
  let days = 0
  let countedTo: Day | null = null
  for (const { fromOn, endOn } of stood) {
    const start: Day = countedTo === null ? fromOn : maxDay(fromOn, countedTo)
    if (start >= endOn) continue
    days += daysBetween(start, endOn)
    countedTo = endOn
  }
  return days
}

function capped(day: Day, before: Day | undefined): Day {
  return before === undefined ? day : minDay(day, before)
}

/** What is open of the same claim in parts that fall due earlier. */
export function earlierOpen(
  { dueOn }: Readonly<{ dueOn: Day }>,
  parts: readonly Readonly<{ dueOn: Day; balanceMinor: bigint }>[]
): bigint {
  return parts.reduce((sum, part) => (part.dueOn < dueOn ? sum + part.balanceMinor : sum), 0n)
}

/**
 * What of one part of a claim is disputed on the day. What is disputed concerns what falls due first, so that a part has of it what
 * the earlier ones leave.
 */
export function disputedOf(
  { balanceMinor, earlierMinor }: Readonly<{ balanceMinor: bigint; earlierMinor: bigint }>,
  { holds, day }: Readonly<{ holds: readonly HoldFact[]; day: Day }>
): bigint {
  const left = heldInPart(holds, day) - earlierMinor
  if (left <= 0n) return 0n
  return left < balanceMinor ? left : balanceMinor
}

function heldInPart(holds: readonly HoldFact[], day: Day): bigint {
  return holds.reduce((sum, hold) => (hold.amountMinor !== null && covers(hold, day) ? sum + hold.amountMinor : sum), 0n)
}
