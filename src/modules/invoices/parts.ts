import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { checkSchedule, type DueTerms, type Part } from './invoice.ts'

/** A part of an invoice: what is open of it, and what payments settled. What is neither was credited or given up. */
export type StandingPart = Readonly<{
  obligationId: string
  dueOn: Day
  amountMinor: bigint
  balanceMinor: bigint
  settledMinor: bigint
}>

/** The least that a part can be lowered to: what was credited of it stays. */
export function leastMinor({ amountMinor, balanceMinor, settledMinor }: StandingPart): bigint {
  return amountMinor - balanceMinor - settledMinor
}

/**
 * The amounts of the parts, by due date, under another total. More is added to the last part. Less is taken from what is open, the last
 * part first, so that what is paid of a part stays; beyond that from what is paid, the last part first.
 * @returns undefined for a total that is less than what was credited.
 */
export function amountsUnder(totalMinor: bigint, parts: readonly StandingPart[]): bigint[] | undefined {
  const byMinor = parts.reduce((left, { amountMinor }) => left - amountMinor, totalMinor)
  if (byMinor >= 0n)
    return parts.map(({ amountMinor }, index) => (index === parts.length - 1 ? amountMinor + byMinor : amountMinor))
  let left = -byMinor
  const amounts = parts.map(({ amountMinor }) => amountMinor)
  for (const source of ['balanceMinor', 'settledMinor'] as const) {
    for (const [index, part] of [...parts.entries()].toReversed()) {
      const taken = part[source] < left ? part[source] : left
      amounts[index] = (amounts[index] ?? 0n) - taken
      left -= taken
    }
  }
  return left === 0n ? amounts : undefined
}

/**
 * The parts of an invoice under what is stated of its total and of when it falls due. What is not stated stays; of parts that stand, only a
 * schedule moves the due days.
 * @param standing the parts as they are, by due date, at least one.
 * @throws DomainError naming the field.
 */
export function partsUnder({ totalMinor, dueOn, schedule }: DueTerms, standing: readonly StandingPart[]): Part[] {
  const total = totalMinor ?? standing.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
  const isMoved = dueOn !== null && dueOn !== standing.at(-1)?.dueOn
  if (total <= 0n)
    throw new DomainError('invalid_amount', 'The total must be more than 0; void the invoice instead.', { pointer: '/total' })
  if (schedule !== null && isMoved) {
    throw new DomainError('invalid_request', 'Give either due_on or due_schedule.', { pointer: '/due_on' })
  }
  if (schedule !== null) {
    checkSchedule(schedule, total)
    return [...schedule]
  }
  if (isMoved && standing.length > 1) {
    const sentence = 'The invoice is due in parts: send `due_schedule` with the due days and amounts of its parts instead.'
    throw new DomainError('invalid_request', sentence, { pointer: '/due_on' })
  }
  const amounts = amountsUnder(total, standing)
  if (amounts === undefined) throw creditedMore('/total')
  return standing
    .map((part, index) => ({ dueOn: isMoved ? dueOn : part.dueOn, amountMinor: amounts[index] ?? 0n }))
    .filter(({ amountMinor }) => amountMinor > 0n)
}

export function creditedMore(pointer: string): DomainError {
  return new DomainError('invalid_amount', 'More than that was credited: the total cannot be less.', { pointer })
}

/** What becomes of a part that is there: a part of 0 is no part any more. */
export type PartChange = Readonly<{
  part: StandingPart
  byMinor: bigint
  dueOn: Day
  /** A due date that moved starts the next cycle. */
  restarts: boolean
  /** What payments get back of it. */
  releasedMinor: bigint
}>

/** The way from the parts that are there to others: those of the same day stay, then each takes the place of one that is left. */
export function changesTo(wanted: readonly Part[], parts: readonly StandingPart[]): { changes: PartChange[]; added: Part[] } {
  const days = new Set(wanted.map(({ dueOn }) => dueOn))
  const left = parts.filter(({ dueOn }) => !days.has(dueOn))
  const added: Part[] = []
  const changes: PartChange[] = []
  for (const target of wanted) {
    const part = parts.find(({ dueOn }) => dueOn === target.dueOn) ?? left.shift()
    if (part === undefined) added.push(target)
    else changes.push(changeOf(part, target))
  }
  return { changes: [...changes, ...left.map((part) => changeOf(part, { dueOn: part.dueOn, amountMinor: 0n }))], added }
}

function changeOf(part: StandingPart, { dueOn, amountMinor }: Part): PartChange {
  const consumedMinor = part.amountMinor - part.balanceMinor
  return {
    part,
    byMinor: amountMinor - part.amountMinor,
    dueOn,
    restarts: dueOn !== part.dueOn,
    releasedMinor: consumedMinor > amountMinor ? consumedMinor - amountMinor : 0n
  }
}
