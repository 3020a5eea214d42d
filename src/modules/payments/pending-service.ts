import type { Tx } from '../../db/client.ts'
import { addDays, type Day, startOfDay } from '../../kernel/day.ts'
import type { ClientTerms } from '../clients/client.ts'
import type { SetDeadline } from '../deadlines/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import { leftOpen } from './announced.ts'
import { fill, fillNamed, type Payment, type Wanted } from './payment.ts'
import * as repository from './repository.ts'

export type PendingEnd = 'settled' | 'failed' | 'unconfirmed'

/** What announced money must tell the modules above. Filled by the composition. */
export type PendingPorts = Readonly<{
  /** These invoices are not dunned through `untilOn`. */
  hold: (
    tx: Tx,
    books: Books,
    held: Readonly<{ paymentId: string; clientId: string; invoiceIds: readonly string[]; untilOn: Day }>
  ) => Promise<void>
  /** They are again. Nothing where it holds nothing. */
  release: (tx: Tx, books: Books, held: Readonly<{ paymentId: string; reason: PendingEnd }>) => Promise<void>
  setDeadline: SetDeadline
}>

/** What announced money does while it is not there: it counts nowhere, and keeps what it covers from being dunned. */
export function createPendings({ invoices, ports }: Readonly<{ invoices: InvoiceService; ports: PendingPorts }>) {
  /** @throws DomainError naming the allocation, as for money that is there. */
  async function checkNamed(tx: Tx, payment: Payment, wanted: readonly Wanted[]): Promise<void> {
    const { amountMinor: availableMinor, currency, clientId } = payment
    const ids = wanted.map(({ invoiceId }) => invoiceId)
    fillNamed(wanted, { availableMinor, open: await invoices.payablesOfInvoices(tx, ids), currency, clientId })
  }

  async function coveredBy(tx: Tx, payment: Payment): Promise<string[]> {
    const { id, clientId, currency, amountMinor } = payment
    if (payment.reservedFor !== null) return []
    const [open, others] = await Promise.all([
      invoices.payablesOf(tx, { clientIds: [clientId], currency }),
      repository.otherAnnouncements(tx, { id, clientId, currency })
    ])
    return [...new Set(fill(amountMinor, leftOpen(open, others)).map(({ invoiceId }) => invoiceId))]
  }

  return {
    /** With the client locked: writes the payment and holds what it covers until it must have shown on the account. */
    async announce(
      tx: Tx,
      {
        books,
        client,
        payment,
        wanted
      }: { books: Books; client: ClientTerms; payment: Payment; wanted: readonly Wanted[] | null }
    ): Promise<void> {
      const { id: paymentId, clientId } = payment
      if (wanted !== null) await checkNamed(tx, payment, wanted)
      repository.insert(tx, payment)
      if (wanted !== null) repository.insertAnnounced(tx, { paymentId, wanted })
      const invoiceIds = wanted?.map(({ invoiceId }) => invoiceId) ?? (await coveredBy(tx, payment))
      const today = todayFor(books, client.timeZone)
      const untilOn = addDays(payment.maturesOn ?? today, books.organization.clearingDays)
      const at = startOfDay(addDays(untilOn, 1), client.timeZone ?? books.organization.timeZone)
      await ports.setDeadline(tx, { kind: 'payment', objectId: paymentId, clientId, at })
      // What was to be there before it was even announced keeps nothing from being dunned. Without invoices there is nothing to hold.
      if (untilOn >= today && invoiceIds.length > 0) await ports.hold(tx, books, { paymentId, clientId, invoiceIds, untilOn })
    },

    /** Something was said of it, or its time is over. */
    async conclude(tx: Tx, books: Books, { payment, reason }: { payment: Payment; reason: PendingEnd }): Promise<void> {
      const { id: paymentId, clientId } = payment
      await ports.setDeadline(tx, { kind: 'payment', objectId: paymentId, clientId, at: null })
      await ports.release(tx, books, { paymentId, reason })
    }
  }
}
