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

export type Terms = Readonly<{ installments: readonly Installment[]; graceDays: number; breakAfterMissed: number }>

export type Progress = Readonly<{
  status: 'active' | 'completed' | 'broken'
  endedOn: Day | null
  /** `settled`: nothing of what it covers is open, though less was paid. */
  endReason: 'paid' | 'settled' | 'installments_missed' | null
  installments: readonly Readonly<{ paidMinor: bigint; status: InstallmentStatus; missedOn: Day | null }>[]
}>

/** The day on which an installment that is not filled counts as missed. */
export function missedFrom({ dueOn }: Installment, { graceDays }: Pick<Terms, 'graceDays'>): Day {
  return addDays(dueOn, graceDays + 1)
}

/**
 * Where an accepted plan stands, by what was really paid and when. Money fills the installments in the order of their days, so a
 * plan is behind when less was paid than the installments that fell due sum to. It is completed on the day that fills the last,
 * and broken on the day on which `breakAfterMissed` installments have ever been missed, the cured ones too, or the last one is;
 * whichever is first.
 * Replaying it with money that was recorded later, or taken back, gives what the dates say.
 * @param isSettled nothing of what it covers is open, whatever settled it.
 */
export function progressOf(
  terms: Terms,
  { money, today, isSettled }: { money: CountedMoney; today: Day; isSettled: boolean }
): Progress {
  const targets = cumulative(terms.installments)
  const total = targets.at(-1) ?? 0n
  const days = money.receipts.map(({ effectiveOn }) => effectiveOn).filter((day) => day <= today)
  const paidOn = days.find((day) => receivedBy(money, day) >= total)
  const completedOn = paidOn ?? (isSettled ? today : undefined)
  const missed = terms.installments.map((installment, index) =>
    missedDay(missedFrom(installment, terms), { target: targets[index] ?? 0n, money, days, today })
  )
  const misses = missed.filter((day) => day !== null).toSorted()
  // Nothing is left to come after the last one: a plan that misses it would hold its invoices for ever.
  const brokenOn = earliest(misses[terms.breakAfterMissed - 1], missed.at(-1) ?? undefined)
  const isCompleted = completedOn !== undefined && (brokenOn === undefined || completedOn < brokenOn)
  const endedOn = isCompleted ? completedOn : (brokenOn ?? null)
  const asOf = endedOn === null ? today : endedOn
  const received = receivedBy(money, asOf)
  const completion = paidOn === undefined ? 'settled' : 'paid'
  return {
    status: isCompleted ? 'completed' : brokenOn === undefined ? 'active' : 'broken',
    endedOn,
    endReason: isCompleted ? completion : brokenOn === undefined ? null : 'installments_missed',
    installments: terms.installments.map((installment, index) => {
      const before = targets[index - 1] ?? 0n
      const paidMinor = clamp(received - before, installment.amountMinor)
      const missedOn = missed[index] ?? null
      const counts = missedOn !== null && missedOn <= asOf ? missedOn : null
      return { paidMinor, missedOn: counts, status: statusOf(installment, { paidMinor, missedOn: counts, asOf }) }
    })
  }
}

/** The first day from which on it was missed: unfilled at its start, by what had come before. */
function missedDay(
  from: Day,
  { target, money, days, today }: { target: bigint; money: CountedMoney; days: readonly Day[]; today: Day }
): Day | null {
  // What was filled and emptied again by a payment that bounced is missed on the next day.
  const candidates = [from, ...days.map((day) => addDays(day, 1)).filter((day) => day > from)]
  return candidates.find((day) => day <= today && receivedBy(money, addDays(day, -1)) < target) ?? null
}

function statusOf(
  { dueOn, amountMinor }: Installment,
  { paidMinor, missedOn, asOf }: { paidMinor: bigint; missedOn: Day | null; asOf: Day }
): InstallmentStatus {
  if (paidMinor >= amountMinor) return 'paid'
  if (missedOn !== null) return 'missed'
  return dueOn <= asOf ? 'due' : 'upcoming'
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
  if (minor <= 0n) return 0n
  return minor < maxMinor ? minor : maxMinor
}

/** Days before an installment is due on which its client is reminded. */
export const REMINDED_DAYS_BEFORE = 3

/** The days on which an active plan next has something to say; null when it has nothing. */
export function nextDay({ installments, graceDays }: Pick<PaymentPlan, 'installments' | 'graceDays'>, today: Day): Day | null {
  const days = installments
    .filter(({ status }) => status !== 'paid')
    .flatMap((one) => [
      ...(one.toldSoon || one.dueOn <= today ? [] : [maxDay(today, addDays(one.dueOn, -REMINDED_DAYS_BEFORE))]),
      ...(one.toldDue ? [] : [maxDay(today, one.dueOn)]),
      ...(one.missedOn === null ? [missedFrom(one, { graceDays })] : [])
    ])
  return days.toSorted()[0] ?? null
}
