import type { Tx } from './db/client.ts'
import type { Clock } from './kernel/clock.ts'
import type { DisputeService } from './modules/disputes/service.ts'
import type { DunningService } from './modules/dunning/service.ts'
import type { HoldService } from './modules/holds/service.ts'
import type { Invoice } from './modules/invoices/invoice.ts'
import type { InvoiceService } from './modules/invoices/service.ts'
import type { Books } from './modules/organizations/organization.ts'
import type { PaymentPlanService } from './modules/payment-plans/service.ts'
import type { PaymentService } from './modules/payments/service.ts'
import type { PromiseService } from './modules/promises/service.ts'

export type AgreementsEndDeps = Readonly<{
  clock: Clock
  invoices: InvoiceService
  payments: PaymentService
  disputes: DisputeService
  holds: HoldService
  promises: PromiseService
  plans: PaymentPlanService
  dunning: DunningService
}>

/** What becomes of everything that hung on an invoice which was voided or written off. */
export function createAgreementsEnd({ clock, invoices, payments, disputes, holds, promises, plans, dunning }: AgreementsEndDeps) {
  /** To what replaces it, if that is still open; the replacement is decided anew with what it took over. */
  async function move(tx: Tx, books: Books, { id: from, clientId, replacedById: to }: Invoice): Promise<void> {
    if (to === null || (await invoices.get(tx, to)).invoice.status !== 'open') return
    const moving = { from, to, at: clock.now() }
    const origins: string[] = []
    for (const { moveInvoice } of [payments, disputes, promises, plans]) origins.push(...(await moveInvoice(tx, moving)))
    await holds.moveInvoice(tx, { ...moving, origins })
    await dunning.reconsider(tx, { books, clientId, invoiceIds: [to], reason: 'replaced' })
    plans.follow(tx, books, [to])
    promises.follow(tx, books, [to])
  }

  /** What does not move ends; plans and promises follow what is open by themselves. */
  return async (tx: Tx, books: Books, invoiceIds: readonly string[]): Promise<void> => {
    for (const { invoice } of await invoices.viewsOf(tx, invoiceIds)) {
      await move(tx, books, invoice)
      await disputes.invoiceClosed(tx, books, { invoiceId: invoice.id })
      await holds.invoiceClosed(tx, books, { clientId: invoice.clientId, invoiceId: invoice.id })
    }
  }
}
