import { addDays, type Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { allocate, type Currency, formatAmount } from '../../kernel/money.ts'
import { addMonths, type CalendarSystem } from '../../kernel/terms.ts'

export const intervals = ['weekly', 'biweekly', 'monthly'] as const
export type Interval = (typeof intervals)[number]

export const INSTALLMENTS_MAX = 60
const YEARS_AHEAD_DAYS = 3_660

/** One part of a plan: so much by a day. */
export type Installment = Readonly<{ dueOn: Day; amountMinor: bigint }>

export type EqualSchedule = Readonly<{
  kind: 'equal'
  count: number
  every: Interval
  firstOn: Day
  /** Whose months count, for a monthly interval. */
  calendar: CalendarSystem
  /** Paid before the equal parts, today unless said; null for none. */
  downPayment: Readonly<{ dueOn: Day | null; amountMinor: bigint }> | null
}>
export type CustomSchedule = Readonly<{ kind: 'custom'; installments: readonly Installment[] }>
export type Schedule = EqualSchedule | CustomSchedule

export type Agreed = Readonly<{ totalMinor: bigint; currency: Currency; today: Day }>

/**
 * The installments of a schedule, which sum to the total exactly. Equal parts differ by at most one minor unit, the larger ones
 * first; months are counted from the first day, so that month ends stay month ends (31 January, 28 February, 31 March).
 * @throws DomainError naming the field: days out of order or past, amounts that do not sum or leave nothing to divide.
 */
export function installmentsOf(schedule: Schedule, agreed: Agreed): Installment[] {
  const installments = schedule.kind === 'equal' ? equalParts(schedule, agreed) : customParts(schedule, agreed)
  const fieldOf = (index: number) => fieldFor(schedule, index)
  installments.forEach(({ dueOn }, index) => {
    const before = installments[index - 1]
    if (before !== undefined && before.dueOn >= dueOn) {
      throw new DomainError('invalid_date', 'Each installment is due after the one before it.', { pointer: fieldOf(index) })
    }
    if (index === 0 && dueOn < agreed.today) {
      throw new DomainError('invalid_date', `The first installment is due today, ${agreed.today}, or later.`, {
        pointer: fieldOf(0)
      })
    }
    if (dueOn > addDays(agreed.today, YEARS_AHEAD_DAYS)) {
      throw new DomainError('invalid_date', 'A plan ends within ten years.', { pointer: fieldOf(index) })
    }
  })
  return installments
}

function fieldFor(schedule: Schedule, index: number): string {
  if (schedule.kind === 'custom') return `/schedule/installments/${index}/due_on`
  return schedule.downPayment !== null && index === 0 ? '/schedule/down_payment/due_on' : '/schedule/first_on'
}

function equalParts(
  { count, every, firstOn, calendar, downPayment }: EqualSchedule,
  { totalMinor, currency, today }: Agreed
): Installment[] {
  if (downPayment !== null && downPayment.amountMinor <= 0n) {
    throw new DomainError('invalid_amount', 'A down payment is more than 0.', { pointer: '/schedule/down_payment/amount' })
  }
  const restMinor = totalMinor - (downPayment?.amountMinor ?? 0n)
  if (restMinor < BigInt(count)) {
    const sentence = `${formatAmount(restMinor > 0n ? restMinor : 0n, currency)} ${currency} cannot be divided into ${count} installments.`
    const pointer = downPayment === null ? '/schedule/count' : '/schedule/down_payment/amount'
    throw new DomainError('invalid_amount', sentence, { pointer })
  }
  const weights = Array.from({ length: count }, () => 1n)
  const parts = allocate({ minor: restMinor, currency }, weights).map(({ minor: amountMinor }, step) => ({
    dueOn: stepFrom(firstOn, { step, every, calendar }),
    amountMinor
  }))
  return downPayment === null ? parts : [{ ...downPayment, dueOn: downPayment.dueOn ?? today }, ...parts]
}

function stepFrom(firstOn: Day, { step, every, calendar }: { step: number; every: Interval; calendar: CalendarSystem }): Day {
  if (every === 'monthly') return addMonths(firstOn, step, calendar)
  return addDays(firstOn, step * (every === 'weekly' ? 7 : 14))
}

function customParts({ installments }: CustomSchedule, { totalMinor, currency }: Agreed): Installment[] {
  installments.forEach(({ amountMinor }, index) => {
    if (amountMinor <= 0n) {
      throw new DomainError('invalid_amount', 'An installment is more than 0.', {
        pointer: `/schedule/installments/${index}/amount`
      })
    }
  })
  const sum = installments.reduce((total, { amountMinor }) => total + amountMinor, 0n)
  if (sum !== totalMinor) {
    const sentence = `The installments sum to ${formatAmount(sum, currency)}, and ${formatAmount(totalMinor, currency)} ${currency} is to be agreed.`
    throw new DomainError('invalid_amount', sentence, { pointer: '/schedule/installments' })
  }
  return [...installments]
}
