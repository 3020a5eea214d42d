import type { Day } from '../../kernel/day.ts'
import type { Part } from './invoice.ts'

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
