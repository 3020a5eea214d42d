import type { OpenObligation } from '../invoices/invoice.ts'
import { fill } from '../payments/payment.ts'

/** By obligation: what of it is covered by credit that is not applied, in minor units. */
export type CreditOf = (obligationId: string) => bigint

type Unapplied = Readonly<{ clientId: string; currency: string; unappliedMinor: bigint }>

export const noCredit: CreditOf = () => 0n

/**
 * Credit that is not applied, because it is reserved or the organization applies none by itself, is money all the same: whoever
 * has it is not dunned for as much. It covers what is oldest due first, as applying it would.
 * @param open by due date.
 */
export function nettingOf(unapplied: readonly Unapplied[], open: readonly OpenObligation[]): CreditOf {
  const covered = new Map<string, bigint>()
  for (const { clientId, currency, unappliedMinor } of unapplied) {
    const payable = open
      .filter((one) => one.clientId === clientId && one.currency === currency)
      .map(({ id: obligationId, invoiceId, dueOn: issuedOn, balanceMinor }) => ({
        obligationId,
        invoiceId,
        issuedOn,
        balanceMinor
      }))
    for (const { obligationId, amountMinor } of fill(unappliedMinor, payable)) covered.set(obligationId, amountMinor)
  }
  return (obligationId) => covered.get(obligationId) ?? 0n
}
