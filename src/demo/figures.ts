import { type Day, daysBetween } from '../kernel/day.ts'
import type { Currency } from '../kernel/money.ts'

/** An invoice with what is still open of it, in minor units. */
export type OpenItem = Readonly<{ dueOn: Day; currency: Currency; balanceMinor: bigint }>

/** What is open in one currency, by days past the due date. The five ages sum to the total. */
export type AgingRow = Readonly<{
  currency: Currency
  invoices: number
  notDueMinor: bigint
  to30Minor: bigint
  to60Minor: bigint
  to90Minor: bigint
  over90Minor: bigint
  totalMinor: bigint
}>

/** Receivables by age on the day `asOf`, one row per currency, in the order of their codes. Due on that very day is not overdue. */
export function agingOf(items: readonly OpenItem[], asOf: Day): AgingRow[] {
  const open = items.filter((item) => item.balanceMinor > 0n)
  return [...Map.groupBy(open, (item) => item.currency)]
    .map(([currency, own]) => {
      const between = (low: number, high: number) =>
        own
          .filter((item) => daysBetween(item.dueOn, asOf) >= low && daysBetween(item.dueOn, asOf) <= high)
          .reduce((sum, item) => sum + item.balanceMinor, 0n)
      return {
        currency,
        invoices: own.length,
        notDueMinor: between(Number.NEGATIVE_INFINITY, 0),
        to30Minor: between(1, 30),
        to60Minor: between(31, 60),
        to90Minor: between(61, 90),
        over90Minor: between(91, Number.POSITIVE_INFINITY),
        totalMinor: own.reduce((sum, item) => sum + item.balanceMinor, 0n)
      }
    })
    .sort((a, b) => (a.currency < b.currency ? -1 : 1))
}

/** An invoice as it was settled: `paidOn` is the day of the payment that completed it, undefined while something is open. */
export type SettledItem = Readonly<{ client: string; clientName: string; dueOn: Day; paidOn: Day | undefined }>

export type SlowPayer = Readonly<{
  client: string
  clientName: string
  invoicesDue: number
  paidLate: number
  openOverdue: number
  /** Mean of the days after the due date, an early payment counting as 0, an open invoice with its days so far. */
  meanDaysLate: number
}>

/**
 * The clients who pay slowest, slowest first, judged on the invoices due before `asOf`. Who has fewer than `minInvoices` of them is
 * left out: a single forgotten invoice is no habit. Nobody with a mean of 0 is listed.
 */
export function slowestPayers(
  items: readonly SettledItem[],
  { asOf, limit = 10, minInvoices = 3 }: { asOf: Day; limit?: number; minInvoices?: number }
): SlowPayer[] {
  const due = items.filter((item) => item.dueOn < asOf)
  return [...Map.groupBy(due, (item) => item.client)]
    .filter(([, own]) => own.length >= minInvoices)
    .map(([client, own]) => {
      const late = own.map((item) => Math.max(0, daysBetween(item.dueOn, paidBy(item, asOf) ?? asOf)))
      return {
        client,
        clientName: own[0]?.clientName ?? client,
        invoicesDue: own.length,
        paidLate: own.filter((item) => (paidBy(item, asOf) ?? item.dueOn) > item.dueOn).length,
        openOverdue: own.filter((item) => paidBy(item, asOf) === undefined).length,
        meanDaysLate: late.reduce((sum, days) => sum + days, 0) / own.length
      }
    })
    .filter((payer) => payer.meanDaysLate > 0)
    .sort((a, b) => b.meanDaysLate - a.meanDaysLate || (a.client < b.client ? -1 : 1))
    .slice(0, limit)
}

/** The day on which the invoice was settled, if that had happened by `asOf`. */
function paidBy(item: SettledItem, asOf: Day): Day | undefined {
  return item.paidOn !== undefined && item.paidOn <= asOf ? item.paidOn : undefined
}
