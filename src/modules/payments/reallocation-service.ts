import type { Tx } from '../../db/client.ts'
import type { Currency } from '../../kernel/money.ts'
import type { ClientService } from '../clients/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { OrganizationService } from '../organizations/service.ts'
import type { createAllocator } from './allocation-service.ts'
import { type Movement, reallocated } from './reallocation.ts'
import * as repository from './repository.ts'

type Deps = Readonly<{
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  allocator: ReturnType<typeof createAllocator>
}>

/** What was moved between a payment and an invoice; negative where the invoice gave it back. */
export type MovedAmount = Readonly<{ paymentId: string; invoiceId: string; currency: Currency; byMinor: bigint }>

export function createReallocation({ organizations, clients, invoices, allocator }: Deps) {
  async function movementsOf(
    tx: Tx,
    { clientId, currency, appliesCredit }: { clientId: string; currency: Currency | null; appliesCredit: boolean }
  ): Promise<Movement[]> {
    const views = await repository.settledOf(tx, { clientId, currency })
    const setIds = [...new Set(views.flatMap(({ allocations }) => allocations.map(({ invoiceId }) => invoiceId)))]
    const [open, set, invoiceViews] = await Promise.all([
      invoices.payablesOf(tx, { clientIds: [clientId], currency }),
      invoices.payablesOfInvoices(tx, setIds),
      invoices.viewsOf(tx, setIds)
    ])
    const openIds = new Set(open.map(({ obligationId }) => obligationId))
    const closed = set.filter(({ obligationId }) => !openIds.has(obligationId))
    const payables = await invoices.inDueOrder(tx, [...open, ...closed])
    // What was given up and came in after all is a recovery, and stays one; what is a branch's is only ever named.
    const kept = invoiceViews.filter(
      ({ invoice }) => invoice.clientId !== clientId || (invoice.status !== 'open' && invoice.status !== 'paid')
    )
    return reallocated(views, { payables, kept: new Set(kept.map(({ invoice }) => invoice.id)), appliesCredit })
  }

  return {
    /**
     * Applies anew what was applied automatically, oldest due first, in one movement. What is named stays, and what waits to be applied
     * as it is named goes first. @returns what moved; nothing where everything stands so already.
     */
    async reallocateClient(
      tx: Tx,
      { clientId, currency }: { clientId: string; currency: Currency | null }
    ): Promise<readonly MovedAmount[]> {
      const [books, client] = await Promise.all([organizations.books(tx), clients.getForUpdate(tx, clientId)])
      const appliesCredit = books.organization.autoApplyCredit
      const movements = await movementsOf(tx, { clientId: client.id, currency, appliesCredit })
      for (const [code, moved] of Map.groupBy(movements, ({ view }) => view.payment.currency)) {
        const releases = await Promise.all(
          moved.map(({ view, freedMinor }) =>
            allocator.releaseOf(tx, { paymentId: view.payment.id, clientId: client.id, asOf: null, freedMinor })
          )
        )
        const shares = moved.flatMap(({ view: { payment }, shares: own }) =>
          own.map((share) => ({ ...share, paymentId: payment.id, fromOn: payment.receivedOn ?? share.issuedOn }))
        )
        await allocator.allocate(tx, {
          ...{ books, at: books.now, shares, movesCredit: true },
          receipts: releases.flat(),
          payers: [client.id],
          currency: code,
          told: async () => []
        })
      }
      return movements.flatMap(amountsOf)
    }
  }
}

function amountsOf({ view, freedMinor, shares }: Movement): MovedAmount[] {
  const { id: paymentId, currency } = view.payment
  const sums = new Map<string, bigint>()
  const add = (invoiceId: string, minor: bigint) => sums.set(invoiceId, (sums.get(invoiceId) ?? 0n) + minor)
  for (const { obligationId, invoiceId } of view.allocations) add(invoiceId, -(freedMinor.get(obligationId) ?? 0n))
  for (const { invoiceId, amountMinor } of shares) add(invoiceId, amountMinor)
  return [...sums].flatMap(([invoiceId, byMinor]) => (byMinor === 0n ? [] : [{ paymentId, invoiceId, currency, byMinor }]))
}
