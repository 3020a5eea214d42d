import { addDays, type Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { InvoiceView } from '../invoices/invoice.ts'
import { type Already, type CountedMoney, receivedBy } from '../invoices/ledger.ts'
import { fill } from '../payments/payment.ts'

export const promiseStatuses = ['pending', 'kept', 'broken', 'cancelled'] as const
export type PromiseStatus = (typeof promiseStatuses)[number]

/** The client's word: so much by a day, on some of its invoices. */
export type PaymentPromise = Readonly<{
  id: string
  clientId: string
  invoiceIds: readonly string[]
  currency: Currency
  amountMinor: bigint
  /** The day on which it was given, the client's own. */
  madeOn: Day
  promisedOn: Day
  graceDays: number
  /** Service goes on while it is pending. */
  restoresService: boolean
  /** Paid on those invoices on the day it was made, before it was. */
  already: Already
  channel: string | null
  note: string | null
  status: PromiseStatus
  /** The day on which it was kept, broken or cancelled. */
  endedOn: Day | null
  endReason: string | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** The last day on which money still keeps it. */
export function lastDayOf({ promisedOn, graceDays }: Pick<PaymentPromise, 'promisedOn' | 'graceDays'>): Day {
  return addDays(promisedOn, graceDays)
}

export type Standing = Readonly<{ status: Exclude<PromiseStatus, 'cancelled'>; endedOn: Day | null }>

/**
 * What became of it, by what was really paid and when. The same money recorded later, or taken back as of its own day, gives
 * another answer: a promise that was called broken may turn out kept.
 * @param isSettled nothing of what it covers is open: there is nothing left that the client could pay.
 */
export function standingOf(
  promise: Pick<PaymentPromise, 'amountMinor' | 'madeOn' | 'promisedOn' | 'graceDays'>,
  { money, today, isSettled }: { money: CountedMoney; today: Day; isSettled: boolean }
): Standing {
  const lastOn = lastDayOf(promise)
  const days = money.receipts.map(({ effectiveOn }) => effectiveOn).filter((day) => day <= lastOn)
  const keptOn = days.find((day) => receivedBy(money, day) >= promise.amountMinor)
  // Taken back before its day: only what is still there by then keeps it.
  if (keptOn !== undefined && receivedBy(money, lastOn) >= promise.amountMinor) return { status: 'kept', endedOn: keptOn }
  if (today > lastOn) return { status: 'broken', endedOn: addDays(lastOn, 1) }
  return isSettled ? { status: 'kept', endedOn: today } : { status: 'pending', endedOn: null }
}

/** What of each invoice is still promised, in minor units: as much as has not come in yet, of what is open and falls due first. */
export function promisedOf(
  promise: Pick<PaymentPromise, 'amountMinor' | 'promisedOn' | 'graceDays' | 'invoiceIds'>,
  { money, views }: { money: CountedMoney; views: readonly InvoiceView[] }
): ReadonlyMap<string, bigint> {
  const open = views
    .flatMap(({ obligations }) => obligations)
    .toSorted((a, b) => (a.dueOn === b.dueOn ? (a.id < b.id ? -1 : 1) : a.dueOn < b.dueOn ? -1 : 1))
    .map(({ id: obligationId, invoiceId, clientId, dueOn: issuedOn, balanceMinor }) => ({
      obligationId,
      invoiceId,
      clientId,
      issuedOn,
      balanceMinor
    }))
  const left = new Map(promise.invoiceIds.map((id) => [id, 0n]))
  for (const { invoiceId, amountMinor } of fill(promise.amountMinor - receivedBy(money, lastDayOf(promise)), open)) {
    left.set(invoiceId, (left.get(invoiceId) ?? 0n) + amountMinor)
  }
  return left
}
