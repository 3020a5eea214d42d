import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import { byFirstRef, compare, type ExternalRef } from '../references/reference.ts'
import type { Obligation } from './invoice.ts'
import type { LedgerKind } from './table.ts'

/**
 * One movement of the append-only ledger. `balanceMinor` is what the obligation's balance changes by, `unappliedMinor`
 * what the payment's unapplied rest changes by; both signed, and zero exactly where that side is absent. Only a recovery names a payment
 * whose rest it does not move: the allocation beside it does. It is of the obligation's client where it has one, else of the payment's: a
 * parent may pay for its branches, and what that takes from the payment's rest is of whose payment it is.
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

/** What moves the balance of an obligation without money. */
export function entryFor(
  { clientId, currency, invoiceId, id: obligationId }: Pick<Obligation, 'clientId' | 'currency' | 'invoiceId' | 'id'>,
  how: { id: string; kind: LedgerKind; byMinor: bigint; effectiveOn: Day }
): LedgerEntry {
  const { id, kind, byMinor: balanceMinor, effectiveOn } = how
  return { id, kind, clientId, currency, invoiceId, obligationId, paymentId: null, balanceMinor, unappliedMinor: 0n, effectiveOn }
}

export type BalanceChange = Readonly<{ obligationId: string; invoiceId: string; byMinor: bigint }>

/**
 * What entries change each obligation by, for the balances that are kept on the rows. An allocation that is taken back and made
 * anew changes nothing; a recovery does, though its allocation takes the balance away that it gives.
 */
export function balanceChanges(entries: readonly LedgerEntry[]): BalanceChange[] {
  const changes = new Map<string, { obligationId: string; invoiceId: string; byMinor: bigint; isRecovered: boolean }>()
  for (const { kind, obligationId, invoiceId, balanceMinor } of entries) {
    if (obligationId === null || invoiceId === null) continue
    const { byMinor, isRecovered } = changes.get(obligationId) ?? { byMinor: 0n, isRecovered: false }
    const after = { byMinor: byMinor + balanceMinor, isRecovered: isRecovered || kind === 'write_off_recovered' }
    changes.set(obligationId, { obligationId, invoiceId, ...after })
  }
  return [...changes.values()].filter(({ byMinor, isRecovered }) => byMinor !== 0n || isRecovered)
}

/** An obligation that a payment may settle. */
export type Payable = Readonly<{
  obligationId: string
  invoiceId: string
  clientId: string
  currency: Currency
  /** Of the invoice. */
  number: string
  issuedOn: Day
  dueOn: Day
  balanceMinor: bigint
  /** Of the invoice; read only where nothing else tells it from another one. */
  firstRef?: ExternalRef | null
}>

type Dated = Pick<Payable, 'obligationId' | 'number' | 'issuedOn' | 'dueOn' | 'firstRef'>

/**
 * The order in which money without a name settles what is open: oldest due first, of these oldest issued first, of these by number, of
 * these by the first of their references. Which was here first says something only where they have none.
 */
export function oldestDueFirst(a: Dated, b: Dated): number {
  return byTerms(a, b) || byFirstRef(a.firstRef ?? null, b.firstRef ?? null) || compare(a.obligationId, b.obligationId)
}

function byTerms(a: Dated, b: Dated): number {
  return compare(a.dueOn, b.dueOn) || compare(a.issuedOn, b.issuedOn) || compare(a.number, b.number)
}

/** The invoices that only their references tell apart. @param sorted oldest due first. */
export function alikeAmong(sorted: readonly Payable[]): string[] {
  const isAlike = (one: Payable, other: Payable | undefined) => other !== undefined && byTerms(one, other) === 0
  return sorted
    .filter((one, index) => isAlike(one, sorted[index - 1]) || isAlike(one, sorted[index + 1]))
    .map(({ invoiceId }) => invoiceId)
}

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

/** What was given up of an obligation, or was brought in of that, and the day on which it was written off. */
export type GivenUp = Readonly<{ obligationId: string; amountMinor: bigint; writtenOffOn: Day }>

/** What a day brought of one payment: set against invoices less taken back. */
export type Receipt = Readonly<{ paymentId: string; effectiveOn: Day; amountMinor: bigint }>

/** What was there already when an agreement was made: minor units in digits, by payment. */
export type Already = Readonly<Record<string, string>>

/** The money that counts for an agreement: what came since, without what was there already. */
export type CountedMoney = Readonly<{ receipts: readonly Receipt[]; already: Already }>

export function alreadyOf(receipts: readonly Receipt[]): Already {
  return Object.fromEntries([...sumsOf(receipts)].map(([paymentId, minor]) => [paymentId, String(minor)]))
}

/** What had come by the end of the day. What was there before counts neither for it, nor against it when it is taken back. */
export function receivedBy({ receipts, already }: CountedMoney, day: Day): bigint {
  const sums = sumsOf(receipts.filter(({ effectiveOn }) => effectiveOn <= day))
  return [...sums].reduce((total, [paymentId, minor]) => {
    const since = minor - BigInt(already[paymentId] ?? 0)
    return since > 0n ? total + since : total
  }, 0n)
}

function sumsOf(receipts: readonly Receipt[]): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { paymentId, amountMinor } of receipts) sums.set(paymentId, (sums.get(paymentId) ?? 0n) + amountMinor)
  return sums
}
