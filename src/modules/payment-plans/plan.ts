import { addDays, type Day, maxDay, minDay } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import { type Already, type CountedMoney, receivedBy } from '../invoices/ledger.ts'
import type { Installment } from './schedule.ts'

export const planStatuses = ['proposed', 'active', 'completed', 'broken', 'cancelled', 'rejected', 'expired'] as const
export type PlanStatus = (typeof planStatuses)[number]
export const installmentStatuses = ['upcoming', 'due', 'missed', 'paid'] as const
export type InstallmentStatus = (typeof installmentStatuses)[number]

/** Who agreed, when and how: what will be shown if it is ever denied. */
export type Acceptance = Readonly<{
  by: string
  at: Date
  channel: string | null
  note: string | null
  documentUrl: string | null
}>

export type PlanInstallment = Installment &
  Readonly<{
    paidMinor: bigint
    /** What of it is owed no more, though no money came for it. */
    creditedMinor: bigint
    status: InstallmentStatus
    /** Was unfilled after its grace; stays so when it is paid later. */
    missedOn: Day | null
    /** That it is due soon, and that it is due, was said. */
    toldSoon: boolean
    toldDue: boolean
  }>

/** An agreement to pay invoices in parts by dates. */
export type PaymentPlan = Readonly<{
  id: string
  clientId: string
  invoiceIds: readonly string[]
  currency: Currency
  /** What was open of the invoices when it was proposed. */
  coveredMinor: bigint
  discountMinor: bigint
  /** What of it was given up, once the plan was kept. */
  givenMinor: bigint
  graceDays: number
  breakAfterMissed: number
  /** Service goes on while it is active. */
  restoresService: boolean
  /** The last day on which it can be accepted. */
  expiresOn: Day
  installments: readonly PlanInstallment[]
  status: PlanStatus
  acceptance: Acceptance | null
  /** The client's own day of the acceptance: money counts from it. */
  acceptedOn: Day | null
  /** Paid on those invoices on that day, before it. */
  already: Already
  replacesId: string | null
  replacedById: string | null
  endedOn: Day | null
  endReason: string | null
  note: string | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

export type Terms = Pick<PaymentPlan, 'acceptedOn' | 'discountMinor' | 'graceDays' | 'breakAfterMissed'> &
  Readonly<{ installments: readonly Installment[] }>

/** What the ledger says of what a plan covers: the money that came, and what moved the sum that is open, by day. */
export type Moved = Readonly<{
  money: CountedMoney
  claims: readonly Readonly<{ effectiveOn: Day; amountMinor: bigint }>[]
}>

export type Progress = Readonly<{
  status: 'active' | 'completed' | 'broken'
  endedOn: Day | null
  /** `settled`: nothing of what it covers is open, though less was paid. */
  endReason: 'paid' | 'settled' | 'installments_missed' | null
  installments: readonly Pick<PlanInstallment, 'paidMinor' | 'creditedMinor' | 'status' | 'missedOn'>[]
}>

/** The day on which an installment that is not filled counts as missed. */
export function missedFrom({ dueOn }: Installment, { graceDays }: Pick<Terms, 'graceDays'>): Day {
  return addDays(dueOn, graceDays + 1)
}

/**
 * Where an accepted plan stands, by what was really paid and when. Money fills the installments in the order of their days, so a
 * plan is behind when less was paid than the installments that fell due sum to. It is completed on the day that fills the last,
 * and broken on the day on which `breakAfterMissed` installments have ever been missed, the cured ones too, or the last one is;
 * whichever is first. It asks for no more than is owed under it: what is credited shortens it from its end.
 * Replaying it with money that was recorded later, or taken back, gives what the dates say.
 * @param isSettled nothing of what it covers is open, whatever settled it.
 */
export function progressOf(
  terms: Terms,
  { money, claims, today, isSettled }: Moved & { today: Day; isSettled: boolean }
): Progress {
  const targets = cumulative(terms.installments)
  const days = daysOf({ money, claims }).filter((day) => day <= today)
  const askedBy = askedOf(terms, { money, claims })
  const paidOn = days.find((day) => receivedBy(money, day) >= askedBy(day))
  const completedOn = paidOn ?? (isSettled ? today : undefined)
  const missed = terms.installments.map((installment, index) => {
    const isUnfilled = (day: Day) => receivedBy(money, day) < least(targets[index] ?? 0n, askedBy(day))
    return missedDay(missedFrom(installment, terms), { isUnfilled, days, today })
  })
  const misses = missed.filter((day) => day !== null).toSorted()
  // Nothing is left to come after the last one: a plan that misses it would hold its invoices for ever.
  const brokenOn = earliest(misses[terms.breakAfterMissed - 1], missed.at(-1) ?? undefined)
  const isCompleted = completedOn !== undefined && (brokenOn === undefined || completedOn < brokenOn)
  const endedOn = isCompleted ? completedOn : (brokenOn ?? null)
  const asOf = endedOn === null ? today : endedOn
  const received = receivedBy(money, asOf)
  const completion = received >= (targets.at(-1) ?? 0n) ? 'paid' : 'settled'
  return {
    status: isCompleted ? 'completed' : brokenOn === undefined ? 'active' : 'broken',
    endedOn,
    endReason: isCompleted ? completion : brokenOn === undefined ? null : 'installments_missed',
    installments: terms.installments.map((installment, index) => {
      const { amountMinor } = installment
      const before = targets[index - 1] ?? 0n
      const paidMinor = clamp(received - before, amountMinor)
      const creditedMinor = least(amountMinor - clamp(askedBy(asOf) - before, amountMinor), amountMinor - paidMinor)
      const missedOn = missed[index] ?? null
      const counts = missedOn !== null && missedOn <= asOf ? missedOn : null
      const status = statusOf(installment, { filledMinor: paidMinor + creditedMinor, missedOn: counts, asOf })
      return { paidMinor, creditedMinor, missedOn: counts, status }
    })
  }
}

/**
 * What a plan asks for in all, by a day: what was agreed, and no more than what has come and what is open still, less the discount.
 * What was credited once is not asked for again, should the claim be raised afterwards: that is owed beside the plan.
 */
function askedOf({ installments, acceptedOn, discountMinor }: Terms, { money, claims }: Moved): (day: Day) => bigint {
  const agreed = cumulative(installments).at(-1) ?? 0n
  const owed = new Map<Day, bigint>()
  let open = 0n
  for (const { effectiveOn, amountMinor } of claims) {
    open += amountMinor
    const left = open - discountMinor
    owed.set(maxDay(effectiveOn, acceptedOn ?? effectiveOn), receivedBy(money, effectiveOn) + (left > 0n ? left : 0n))
  }
  return (day) => [...owed].reduce((asked, [on, minor]) => (on <= day ? least(asked, minor) : asked), agreed)
}

function daysOf({ money, claims }: Moved): Day[] {
  return [...new Set([...money.receipts, ...claims].map(({ effectiveOn }) => effectiveOn))].toSorted()
}

/** The first day from which on it was missed: unfilled at its start, by what had come before. */
function missedDay(
  from: Day,
  { isUnfilled, days, today }: { isUnfilled: (day: Day) => boolean; days: readonly Day[]; today: Day }
): Day | null {
  // What was filled and emptied again by a payment that bounced is missed on the next day.
  const candidates = [from, ...days.map((day) => addDays(day, 1)).filter((day) => day > from)]
  return candidates.find((day) => day <= today && isUnfilled(addDays(day, -1))) ?? null
}

function statusOf(
  { dueOn, amountMinor }: Installment,
  { filledMinor, missedOn, asOf }: { filledMinor: bigint; missedOn: Day | null; asOf: Day }
): InstallmentStatus {
  if (filledMinor >= amountMinor) return 'paid'
  if (missedOn !== null) return 'missed'
  return dueOn <= asOf ? 'due' : 'upcoming'
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function earliest(a: Day | undefined, b: Day | undefined): Day | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return minDay(a, b)
}

function cumulative(installments: readonly Installment[]): bigint[] {
  let sum = 0n
  return installments.map(({ amountMinor }) => {
    sum += amountMinor
    return sum
  })
}

function clamp(minor: bigint, maxMinor: bigint): bigint {
  return minor <= 0n ? 0n : least(minor, maxMinor)
}

/** Days before an installment is due on which its client is reminded. */
export const REMINDED_DAYS_BEFORE = 3

/**
 * The next day after today on which an active plan, decided for today, has something to say; null when it has nothing. An installment
 * whose grace is over and that is not missed was emptied today, as by a payment that bounced: it is missed tomorrow.
 */
export function nextDay({ installments, graceDays }: Pick<PaymentPlan, 'installments' | 'graceDays'>, today: Day): Day | null {
  const tomorrow = addDays(today, 1)
  const days = installments
    .filter(({ status }) => status !== 'paid')
    .flatMap((one) => [
      ...(one.toldSoon || one.dueOn <= today ? [] : [addDays(one.dueOn, -REMINDED_DAYS_BEFORE)]),
      ...(one.toldDue ? [] : [one.dueOn]),
      ...(one.missedOn === null ? [missedFrom(one, { graceDays })] : [])
    ])
  const [first] = days.toSorted()
  return first === undefined ? null : maxDay(tomorrow, first)
}

/**
 * Whether a reminder was kept back, and may still be sent on this day: that an installment is due until the end of its day, that it is
 * due soon until it is due.
 */
export function isRemindedLate({ installments }: Pick<PaymentPlan, 'installments'>, today: Day): boolean {
  return installments.some(
    ({ status, dueOn, toldSoon, toldDue }) =>
      status !== 'paid' &&
      ((!toldDue && dueOn === today) || (!toldSoon && dueOn > today && addDays(dueOn, -REMINDED_DAYS_BEFORE) <= today))
  )
}

/** The plan after reminders that were not sent, of the installments at these positions: while their day lasts, they still may be. */
export function withheld(plan: PaymentPlan, { positions, today }: { positions: ReadonlySet<number>; today: Day }): PaymentPlan {
  const installments = plan.installments.map((one, index) => {
    if (!positions.has(index + 1)) return one
    return { ...one, toldSoon: one.toldSoon && one.dueOn <= today, toldDue: one.toldDue && one.dueOn !== today }
  })
  return { ...plan, installments }
}
