import { addDays, type Day, daysBetween, maxDay, minDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'

/** What is placed by an agreement ends with it; the others are placed by hand. */
export const agreementReasons = ['dispute', 'promise', 'payment_plan', 'payment_pending'] as const
/** Placed by hand, with an end or without. */
export const manualReasons = ['manual', 'claims_paid', 'stale_payments'] as const
/** Placed by hand and ended by hand: nothing that time does may let a reminder out again. */
export const lastingReasons = ['insolvency', 'legal_representation', 'cease_contact', 'third_party'] as const
export const holdReasons = [...agreementReasons, ...manualReasons, ...lastingReasons] as const

/** `by_age`: the age went on counting, so dunning resumes where the age says. `shift`: the clock stood still. */
export const resumptions = ['by_age', 'shift'] as const

export type HoldReason = (typeof holdReasons)[number]
export type Resumption = (typeof resumptions)[number]
export type HoldScope = 'client' | 'invoices'
export type HoldOrigin = Readonly<{ kind: 'promise' | 'dispute' | 'payment_plan' | 'payment' | 'stage_entry'; id: string }>

/** A reason not to dun, over a client's invoices or some of them. Days are the client's own. */
export type Hold = Readonly<{
  id: string
  clientId: string
  scope: HoldScope
  /** Empty for a hold over the whole client. */
  invoiceIds: readonly string[]
  reason: HoldReason
  resume: Resumption
  fromOn: Day
  /** The last day that is held; null until it is released. */
  untilOn: Day | null
  /** The part of the invoice that is held, in minor units; null holds all of it. */
  amountMinor: bigint | null
  stopsFees: boolean
  note: string | null
  origin: HoldOrigin | null
  releasedAt: Date | null
  /** From this day on it holds nothing. */
  releasedOn: Day | null
  releaseReason: string | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** What a decision needs to know of a hold. */
export type HoldFact = Readonly<{
  id: string
  reason: HoldReason
  resume: Resumption
  fromOn: Day
  /** The last day that is or was held; null while no end is known. */
  throughOn: Day | null
  amountMinor: bigint | null
}>

/** A hold that was released on the day it was placed on held no day: it ends before it begins. */
export function factOf({ id, reason, resume, fromOn, untilOn, releasedOn, amountMinor }: Hold): HoldFact {
  const lastOn = releasedOn === null ? null : addDays(releasedOn, -1)
  const throughOn = untilOn !== null && lastOn !== null ? minDay(untilOn, lastOn) : (lastOn ?? untilOn)
  return { id, reason, resume, fromOn, throughOn, amountMinor }
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

/** What is disputed of the claim and not dunned, at most what is open. `whole` where a day's hold covers all of it. */
export function heldPart(holds: readonly HoldFact[], day: Day): bigint {
  return holds.reduce((sum, hold) => (hold.amountMinor !== null && covers(hold, day) ? sum + hold.amountMinor : sum), 0n)
}

/** @throws DomainError naming the field: an end for a reason that ends by hand only, an end in the past. */
export function checkHold({ reason, untilOn }: Pick<Hold, 'reason' | 'untilOn'>, today: Day): void {
  if (untilOn === null) return
  if ((lastingReasons as readonly string[]).includes(reason)) {
    throw new DomainError('invalid_request', `A hold for ${reason.replaceAll('_', ' ')} ends only by hand.`, { pointer: '/until_on' })
  }
  if (untilOn < today) {
    throw new DomainError('invalid_date', `A hold that begins today, ${today}, does not end before.`, { pointer: '/until_on' })
  }
}
