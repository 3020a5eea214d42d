import { addDays, type Day, minDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { covers, type HoldFact, type HoldsOf } from '../../kernel/holding.ts'
import type { Money } from '../../kernel/money.ts'

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
  /** What is held of all its invoices together; null holds all of them. */
  part: Money | null
  /** What is held of each invoice, in minor units; empty where all of them is. */
  partOf: ReadonlyMap<string, bigint>
  /** Service that its invoices had suspended goes on while it holds. */
  restoresService: boolean
  note: string | null
  origin: HoldOrigin | null
  releasedAt: Date | null
  /** From this day on it holds nothing. */
  releasedOn: Day | null
  releaseReason: string | null
  /** Since when nothing is open that it was placed for, while it waits to be released by hand. */
  reviewDueAt: Date | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

const noHolds: HoldsOf = () => []

/** What held or holds each invoice. */
export function factsAmong(holds: readonly Hold[]): HoldsOf {
  if (holds.length === 0) return noHolds
  const byClient = Map.groupBy(holds, ({ clientId }) => clientId)
  return ({ clientId, invoiceId }) =>
    (byClient.get(clientId) ?? [])
      .filter(({ scope, invoiceIds }) => scope === 'client' || invoiceIds.includes(invoiceId))
      .map((hold) => factOf(hold, invoiceId))
}

/** A hold that was released on the day it was placed on held no day: it ends before it begins. */
function factOf(hold: Hold, invoiceId: string): HoldFact {
  const { id, reason, scope, resume, fromOn, untilOn, releasedOn, part, partOf } = hold
  const { restoresService, createdAt, reviewDueAt } = hold
  const amountMinor = part === null ? null : (partOf.get(invoiceId) ?? 0n)
  const lastOn = releasedOn === null ? null : addDays(releasedOn, -1)
  const throughOn = untilOn !== null && lastOn !== null ? minDay(untilOn, lastOn) : (lastOn ?? untilOn)
  return { id, reason, scope, resume, fromOn, throughOn, amountMinor, restoresService, createdAt, reviewDueAt }
}

/** @throws DomainError naming the field: an end for a reason that ends by hand only, an end in the past. */
export function checkHold({ reason, untilOn }: Pick<Hold, 'reason' | 'untilOn'>, today: Day): void {
  if (untilOn === null) return
  if ((lastingReasons as readonly string[]).includes(reason)) {
    throw new DomainError('invalid_request', `A hold for ${reason.replaceAll('_', ' ')} ends only by hand.`, {
      pointer: '/until_on'
    })
  }
  if (untilOn < today) {
    throw new DomainError('invalid_date', `A hold that begins today, ${today}, does not end before.`, { pointer: '/until_on' })
  }
}

/** Whether it says that the client is not to be addressed. */
export function isSilencing({ reason }: Readonly<{ reason: string }>): boolean {
  return (lastingReasons as readonly string[]).includes(reason)
}

/** Of what holds something, what says on the day that the client is not to be addressed, each once. */
export function silencing(holds: readonly HoldFact[], day: Day): HoldFact[] {
  const found = holds.filter((hold) => isSilencing(hold) && covers(hold, day))
  return [...new Map(found.map((hold) => [hold.id, hold])).values()]
}

export type SilencingContext = Readonly<{ holds: readonly Readonly<{ id: string; reason: string }>[] }>

/** The same in an event's context: empty where the client may be addressed. */
export function silencingContext(holds: readonly HoldFact[], day: Day): SilencingContext {
  return { holds: silencing(holds, day).map(({ id, reason }) => ({ id, reason })) }
}

/** Placed by hand without an end: it lasts until somebody releases it, whatever becomes of what it was placed for. */
export function lastsUnlessReleased({ origin, untilOn, releasedAt }: Pick<Hold, 'origin' | 'untilOn' | 'releasedAt'>): boolean {
  return origin === null && untilOn === null && releasedAt === null
}

type Recorded = Readonly<{ id: string; createdAt: Date }>

/** Whether an invoice was recorded after a hold was placed. The ids of one instant are in the order in which they were made. */
export function isNewerThan(invoice: Recorded, hold: Recorded): boolean {
  const apart = invoice.createdAt.getTime() - hold.createdAt.getTime()
  return apart === 0 ? invoice.id > hold.id : apart > 0
}

/** Whether a hold was placed for an invoice: it names it, or it is over the client and the invoice was there. */
export function isPlacedFor(hold: Hold, invoice: Recorded): boolean {
  return hold.scope === 'client' ? !isNewerThan(invoice, hold) : hold.invoiceIds.includes(invoice.id)
}

/**
 * What keeps a claim from being dunned for good, though it was placed before there was this claim: holds over the client that cover the
 * day and have no end.
 */
export function blocking(
  holds: readonly HoldFact[],
  { invoice, today }: Readonly<{ invoice: Recorded; today: Day }>
): HoldFact[] {
  return holds.filter(
    (hold) => hold.scope === 'client' && hold.throughOn === null && covers(hold, today) && isNewerThan(invoice, hold)
  )
}
