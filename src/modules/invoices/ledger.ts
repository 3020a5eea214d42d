import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { LedgerKind } from './table.ts'

/**
 * One movement of the append-only ledger. `balanceMinor` is what the obligation's balance changes by, `unappliedMinor`
 * what the payment's unapplied rest changes by; both signed, and zero exactly where that side is absent.
 */
export type LedgerEntry = Readonly<{
  id: string
  kind: LedgerKind
  clientId: string
  currency: Currency
  invoiceId: string | null
  obligationId: string | null
  paymentId: string | null
  balanceMinor: bigint
  unappliedMinor: bigint
  effectiveOn: Day
}>

export type BalanceChange = Readonly<{ obligationId: string; invoiceId: string; byMinor: bigint }>

/** What entries change each obligation by, for the balances that are kept on the rows. */
export function balanceChanges(entries: readonly LedgerEntry[]): BalanceChange[] {
  const changes = new Map<string, { obligationId: string; invoiceId: string; byMinor: bigint }>()
  for (const { obligationId, invoiceId, balanceMinor } of entries) {
    if (obligationId === null || invoiceId === null) continue
    const change = changes.get(obligationId) ?? { obligationId, invoiceId, byMinor: 0n }
    changes.set(obligationId, { ...change, byMinor: change.byMinor + balanceMinor })
  }
  return [...changes.values()]
}

/** An obligation that a payment may settle. */
export type Payable = Readonly<{
  obligationId: string
  invoiceId: string
  clientId: string
  currency: Currency
  issuedOn: Day
  dueOn: Day
  balanceMinor: bigint
}>

/** What a payment settles of an obligation, counting from a day; reversed parts are out. */
export type Allocation = Readonly<{
  paymentId: string
  obligationId: string
  invoiceId: string
  clientId: string
  currency: Currency
  effectiveOn: Day
  amountMinor: bigint
}>

/** What a day brought: paid less taken back. */
export type Receipt = Readonly<{ effectiveOn: Day; amountMinor: bigint }>

/** The money that counts for an agreement: what came since, without what was there already when it was made. */
export type CountedMoney = Readonly<{ receipts: readonly Receipt[]; alreadyMinor: bigint }>

/** What had come by the end of the day; never below 0. */
export function receivedBy({ receipts, alreadyMinor }: CountedMoney, day: Day): bigint {
  const sum = receipts.reduce(
    (total, { effectiveOn, amountMinor }) => (effectiveOn <= day ? total + amountMinor : total),
    -alreadyMinor
  )
  return sum > 0n ? sum : 0n
}
