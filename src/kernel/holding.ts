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
  createdAt: Date
  /** Since when nothing is open that it was placed for, and it waits to be released by hand; else null. */
  reviewDueAt: Date | null
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

/** The first day from the given one on which nothing is shut; null where a hold without an end shuts it. Holds begin today at the latest. */
export function firstFreeDay(
  holds: readonly HoldFact[],
  from: Day,
  isShut: (day: Day) => boolean = (day) => holds.some((hold) => covers(hold, day))
): Day | null {
  if (!isShut(from)) return from
  const ends = holds.flatMap(({ throughOn }) => (throughOn === null || throughOn < from ? [] : [addDays(throughOn, 1)]))
  return ends.toSorted().find((day) => !isShut(day)) ?? null
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

/** What of one part of a claim is held on a day, by why. In minor units; together never more than its balance. */
export type HeldParts = Readonly<{ disputedMinor: bigint; announcedMinor: bigint; promisedMinor: bigint }>

/**
 * Several holds over parts of a claim add up, up to its balance: what is disputed first, then what is announced, then what is promised.
 * They concern what falls due first, so that a part has of them what the earlier ones leave.
 */
export function heldPartsOf(
  { balanceMinor, earlierMinor }: Readonly<{ balanceMinor: bigint; earlierMinor: bigint }>,
  { holds, day }: Readonly<{ holds: readonly HoldFact[]; day: Day }>
): HeldParts {
  const parts = { disputedMinor: 0n, announcedMinor: 0n, promisedMinor: 0n }
  for (const hold of holds) if (hold.amountMinor !== null && covers(hold, day)) parts[kindOf(hold)] += hold.amountMinor
  const reachedBy = (minor: bigint) => {
    const left = minor - earlierMinor
    return left <= 0n ? 0n : left < balanceMinor ? left : balanceMinor
  }
  const disputedMinor = reachedBy(parts.disputedMinor)
  const withAnnounced = reachedBy(parts.disputedMinor + parts.announcedMinor)
  const withPromised = reachedBy(parts.disputedMinor + parts.announcedMinor + parts.promisedMinor)
  return { disputedMinor, announcedMinor: withAnnounced - disputedMinor, promisedMinor: withPromised - withAnnounced }
}

function kindOf({ reason }: HoldFact): keyof HeldParts {
  if (reason === 'payment_pending') return 'announcedMinor'
  return reason === 'promise' ? 'promisedMinor' : 'disputedMinor'
}
