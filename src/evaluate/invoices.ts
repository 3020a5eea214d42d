import type { LedgerRow } from '../demo/ledger.ts'
import { epochDayOf } from '../kernel/day.ts'
import { dueDayFacts, standardCalendar } from '../modules/risk/due-day.ts'
import { amountOf, settlementOf } from '../modules/risk/invoice-facts.ts'
import type { ReplayedInvoice } from './replay.ts'

/** The invoices of a ledger as the score sees them. An invoice is settled on the day on which its payments reach its amount. */
export function replayedInvoices(rows: readonly LedgerRow[]): ReplayedInvoice[] {
  return rows.map((row) => {
    const claim = {
      number: row.invoice,
      issuedOn: epochDayOf(row.issuedOn),
      dueOn: epochDayOf(row.dueOn),
      amount: amountOf(row.amountMinor, row.currency),
      currency: row.currency,
      disputed: row.disputed
    }
    const ended = settlementOf({ ...claim, settledOn: settledOn(row), isWrittenOff: false })
    return { ...claim, ...dueDayFacts(row.dueOn, standardCalendar), client: row.client, ended }
  })
}

function settledOn({ payments, amountMinor }: LedgerRow): number | null {
  let paidMinor = 0n
  for (const payment of payments) {
    paidMinor += payment.amountMinor
    if (paidMinor >= amountMinor) return epochDayOf(payment.on)
  }
  return null
}
