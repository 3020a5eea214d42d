import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'

export const creditReasons = ['dispute'] as const
export type CreditReason = (typeof creditReasons)[number]

/** Takes from what an invoice claims, without money. */
export type CreditNote = Readonly<{
  id: string
  clientId: string
  invoiceId: string
  /** Whose outcome it is. */
  disputeId: string | null
  currency: Currency
  amountMinor: bigint
  /** What payments had settled of it already; unapplied credit of theirs since. */
  releasedMinor: bigint
  reason: CreditReason
  note: string | null
  issuedOn: Day
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** A part of an invoice as a credit finds it: what is open of it, and what payments settled. */
export type Creditable = Readonly<{ obligationId: string; balanceMinor: bigint; settledMinor: bigint }>

export type CreditShare = Readonly<{ obligationId: string; amountMinor: bigint; releasedMinor: bigint }>

/** The most that can be credited: what is claimed still, paid or not. */
export function creditableMinor(parts: readonly Creditable[]): bigint {
  return parts.reduce((sum, { balanceMinor, settledMinor }) => sum + balanceMinor + settledMinor, 0n)
}

/**
 * Sets a credit against the parts of an invoice, which come oldest due first: against what is open, in this order, and what is
 * left of it against what payments settled, the latest due first, which they get back.
 */
export function creditShares(amountMinor: bigint, parts: readonly Creditable[]): CreditShare[] {
  let left = amountMinor
  const take = (of: bigint): bigint => {
    const taken = left < of ? left : of
    left -= taken
    return taken
  }
  const open = parts.map((part) => ({ ...part, openMinor: take(part.balanceMinor) }))
  const shares = open
    .toReversed()
    .map(({ obligationId, openMinor, settledMinor }) => ({ obligationId, openMinor, releasedMinor: take(settledMinor) }))
  return shares
    .toReversed()
    .map(({ obligationId, openMinor, releasedMinor }) => ({
      obligationId,
      amountMinor: openMinor + releasedMinor,
      releasedMinor
    }))
    .filter((share) => share.amountMinor > 0n)
}
