import { day } from '../../kernel/day.ts'
import { earlierOpen, type HoldsOf, heldPartsOf } from '../../kernel/holding.ts'
import type { OpenObligation } from '../invoices/invoice.ts'
import { fill } from '../payments/payment.ts'

/** By obligation: what of it is covered by credit that is not applied, in minor units. */
export type CreditOf = (obligationId: string) => bigint

type Unapplied = Readonly<{ clientId: string; currency: string; unappliedMinor: bigint }>

export const noCredit: CreditOf = () => 0n

/**
 * Credit that is not applied covers what is oldest due first, as applying it would, but nothing that is contested, which is not asked
 * for anyway. The caller leaves out reserved money: it never pays an invoice by itself, so netting it would stop dunning for good.
 * @param open by due date.
 */
export function nettingOf(
  unapplied: readonly Unapplied[],
  { open, holdsOf }: Readonly<{ open: readonly OpenObligation[]; holdsOf: HoldsOf }>
): CreditOf {
  const covered = new Map<string, bigint>()
  for (const { clientId, currency, unappliedMinor } of unapplied) {
    const payable = open
      .filter((one) => one.clientId === clientId && one.currency === currency)
      .map((one) => ({
        obligationId: one.id,
        invoiceId: one.invoiceId,
        clientId,
        issuedOn: one.dueOn,
        balanceMinor: one.balanceMinor - contestedOf(one, { open, holdsOf })
      }))
    for (const { obligationId, amountMinor } of fill(unappliedMinor, payable)) covered.set(obligationId, amountMinor)
  }
  return (obligationId) => covered.get(obligationId) ?? 0n
}

/** A dispute has no end until it is answered. */
const someday = day('9999-12-31')

function contestedOf(
  one: OpenObligation,
  { open, holdsOf }: Readonly<{ open: readonly OpenObligation[]; holdsOf: HoldsOf }>
): bigint {
  const parts = open.filter(({ invoiceId }) => invoiceId === one.invoiceId)
  const part = { balanceMinor: one.balanceMinor, earlierMinor: earlierOpen(one, parts) }
  return heldPartsOf(part, { holds: holdsOf(one), day: someday }).disputedMinor
}
