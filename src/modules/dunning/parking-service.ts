import type { Tx } from '../../db/client.ts'
import type { ClientService } from '../clients/service.ts'
import { lookAgainAt, type Parked, type ParkingReason, parkedDrafts } from '../deadlines/parking.ts'
import type { EventService } from '../events/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { Books } from '../organizations/organization.ts'

export type ParkingDeps = Readonly<{ events: EventService; clients: ClientService; invoices: InvoiceService }>

export type Parking = Readonly<{ books: Books; reason: ParkingReason; tells: boolean }> &
  (Readonly<{ clientId: string }> | Readonly<{ ids: readonly string[] }>)

/** What deadlines do for agreements: obligations whose decision leads nowhere are put off, so that the others are dunned. */
export function createParkingService({ events, clients, invoices }: ParkingDeps) {
  return async function park(tx: Tx, { books, reason, tells, ...of }: Parking): Promise<Parked[]> {
    const { now } = books
    const rows = (await invoices.dueForUpdate(tx, { now, ...of })).map((row) => ({
      ...row,
      lookAgainAt: lookAgainAt({ now, since: row.parkedAt })
    }))
    if (rows.length === 0) return []
    const parked = rows.map(({ id, clientId, nextAt, parkedAt, lookAgainAt: lookAt }): Parked => {
      return { kind: 'obligation', objectId: id, clientId, dueAt: nextAt, lookAgainAt: lookAt, isNew: parkedAt === null }
    })
    await invoices.park(
      tx,
      rows.map((row) => ({ ...row, parkedAt: row.parkedAt ?? now }))
    )
    if (!tells) return parked
    const known = await clients.getMany(tx, [...new Set(parked.map(({ clientId }) => clientId))])
    await events.append(tx, { occurredAt: now, drafts: parkedDrafts(parked, { books, reason, clients: known }) })
    return parked
  }
}

export type ParkingService = ReturnType<typeof createParkingService>
