import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ClientService } from '../clients/service.ts'
import { todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import * as allocationRepository from './allocation-repository.ts'
import type { Opened } from './correction-service.ts'
import type { PaymentView, WholePayment } from './payment.ts'
import * as repository from './repository.ts'

type Deps = Readonly<{ clients: ClientService; organizations: OrganizationService }>

/** Payments as they stand, to show and, with their client locked, to change. */
export function createPaymentReads({ clients, organizations }: Deps) {
  async function get(reader: Reader, id: string): Promise<PaymentView> {
    const view = await repository.find(reader, id)
    if (view === undefined) throw new DomainError('not_found', 'There is no such payment.')
    return view
  }

  async function whole(reader: Reader, id: string): Promise<WholePayment> {
    const view = await repository.findWhole(reader, id)
    if (view === undefined) throw new DomainError('not_found', 'There is no such payment.')
    return view
  }

  async function openBy<View extends PaymentView>(tx: Tx, id: string, read: (tx: Tx, id: string) => Promise<View>) {
    const clientId = (await repository.clientsOf(tx, [id])).get(id)
    if (clientId === undefined) throw new DomainError('not_found', 'There is no such payment.')
    const client = await clients.lock(tx, clientId)
    const [books, view] = await Promise.all([organizations.books(tx), read(tx, id)])
    return { books, view, today: todayFor(books, client.timeZone), at: books.now }
  }

  return {
    reads: {
      get,
      whole,

      /** @throws DomainError `not_found`. */
      async allocations(reader: Reader, of: Parameters<typeof allocationRepository.allocations>[1]) {
        const [found, clientOf] = await Promise.all([
          allocationRepository.allocations(reader, of),
          repository.clientsOf(reader, [of.id])
        ])
        if (!clientOf.has(of.id)) throw new DomainError('not_found', 'There is no such payment.')
        return found
      }
    },
    opening: {
      open: (tx: Tx, id: string): Promise<Opened> => openBy(tx, id, get),
      openWhole: (tx: Tx, id: string): Promise<Opened & { view: WholePayment }> => openBy(tx, id, whole)
    }
  }
}
