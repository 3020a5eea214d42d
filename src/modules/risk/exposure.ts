import type { EpochDay } from './invoice-facts.ts'

/** What is open and fell due, or falls due, on one day, in minor units of its currency. */
export type OpenPart = Readonly<{
  clientId: string
  dueOn: EpochDay
  currency: string
  openMinor: bigint
  isOverdue: boolean
}>

/** What a client owes in a currency, in minor units, and what of it is expected to be paid seriously late, or never. */
export type Exposure = Readonly<{ currency: string; openMinor: bigint; overdueMinor: bigint; expectedBadMinor: bigint }>

/**
 * By currency, in the order of their names. Σ open·P(seriously late | unpaid so far) of each part, rounded once: the expectation is an
 * estimate, so that its float does no harm. Chances count in whole thousandths, as it would be another amount every day otherwise.
 */
export function exposuresOf(open: readonly OpenPart[], seriousChance: (part: Pick<OpenPart, 'dueOn'>) => number): Exposure[] {
  const sums = new Map<string, { openMinor: bigint; overdueMinor: bigint; expectedBad: number }>()
  for (const part of open) {
    const before = sums.get(part.currency) ?? { openMinor: 0n, overdueMinor: 0n, expectedBad: 0 }
    sums.set(part.currency, {
      openMinor: before.openMinor + part.openMinor,
      overdueMinor: before.overdueMinor + (part.isOverdue ? part.openMinor : 0n),
      expectedBad: before.expectedBad + Number(part.openMinor) * inThousandths(seriousChance(part))
    })
  }
  return [...sums]
    .map(([currency, { expectedBad, ...sum }]) => ({ currency, ...sum, expectedBadMinor: BigInt(Math.round(expectedBad)) }))
    .toSorted((a, b) => (a.currency < b.currency ? -1 : 1))
}

function inThousandths(chance: number): number {
  return Math.round(chance * 1_000) / 1_000
}
