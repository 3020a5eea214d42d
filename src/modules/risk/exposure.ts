import type { EpochDay } from './invoice-facts.ts'

/** What is open of an invoice: amounts in minor units of its currency. */
export type OpenInvoice = Readonly<{
  invoiceId: string
  clientId: string
  dueOn: EpochDay
  currency: string
  openMinor: bigint
  overdueMinor: bigint
}>

/** What a client owes in a currency, in minor units, and what of it is expected to be paid seriously late, or never. */
export type Exposure = Readonly<{ currency: string; openMinor: bigint; overdueMinor: bigint; expectedBadMinor: bigint }>

/**
 * By currency, in the order of their names. Σ open·P(seriously late | unpaid so far) of each invoice, rounded once: the expectation is an
 * estimate, so that its float does no harm.
 */
export function exposuresOf(
  open: readonly OpenInvoice[],
  seriousChance: (invoice: Pick<OpenInvoice, 'dueOn'>) => number
): Exposure[] {
  const sums = new Map<string, { openMinor: bigint; overdueMinor: bigint; expectedBad: number }>()
  for (const invoice of open) {
    const before = sums.get(invoice.currency) ?? { openMinor: 0n, overdueMinor: 0n, expectedBad: 0 }
    sums.set(invoice.currency, {
      openMinor: before.openMinor + invoice.openMinor,
      overdueMinor: before.overdueMinor + invoice.overdueMinor,
      expectedBad: before.expectedBad + Number(invoice.openMinor) * seriousChance(invoice)
    })
  }
  return [...sums]
    .map(([currency, { expectedBad, ...sum }]) => ({ currency, ...sum, expectedBadMinor: BigInt(Math.round(expectedBad)) }))
    .toSorted((a, b) => (a.currency < b.currency ? -1 : 1))
}
