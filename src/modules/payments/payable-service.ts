import type { Tx } from '../../db/client.ts'
import type { ClientService } from '../clients/service.ts'
import type { Payable } from '../invoices/ledger.ts'
import type { InvoiceService } from '../invoices/service.ts'

export type PayablesOf = (
  tx: Tx,
  wanted: Readonly<{ clientId: string; invoiceIds: readonly string[]; also?: readonly string[] }>
) => Promise<Payable[]>

/** A parent may pay the invoices of its branches where it names them. */
export function createPayables({
  clients,
  invoices
}: Readonly<{ clients: ClientService; invoices: InvoiceService }>): PayablesOf {
  /**
   * What a client, who is locked, may pay of these invoices: what is its own, and what is of its branches, which are locked here.
   * @param wanted.also clients of invoices that the payment is set against already: it stays so, whoever their parent is by now.
   */
  return async (tx, { clientId, invoiceIds, also = [] }) => {
    const found = await invoices.payablesOfInvoices(tx, invoiceIds)
    const others = othersAmong(
      found.map((one) => one.clientId),
      clientId
    )
    if (others.length === 0) return found
    const locked = await clients.lockMany(tx, others)
    const payable = new Set([clientId, ...also, ...locked.flatMap(({ id, parentId }) => (parentId === clientId ? [id] : []))])
    // Only now does it stay so.
    return (await invoices.payablesOfInvoices(tx, invoiceIds)).filter((one) => payable.has(one.clientId))
  }
}

/** Each once, without one that is locked, in the order of locking. */
export function othersAmong(clientIds: readonly string[], ...lockedIds: readonly string[]): string[] {
  return [...new Set(clientIds)].filter((id) => !lockedIds.includes(id)).toSorted()
}
