import type { Reader, Tx } from '../../db/client.ts'
import type { ClientService, ServiceChange } from '../clients/service.ts'
import { factsAmong, type Hold, isPlacedFor, silencingContext } from '../holds/hold.ts'
import type { HoldService } from '../holds/service.ts'
import type { Invoice } from '../invoices/invoice.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import { causesOf, clientsServedByStages, mistakenAmong } from './action-repository.ts'
import { type Asked, type Cause, handoverOf, isHandover, serviceOf } from './actions.ts'

export type ActionDeps = Readonly<{ clients: ClientService; holds: HoldService }>

/** Clients whose stages with an action may have changed in one transaction. */
type Concerned = {
  books: Books
  readonly clientIds: Set<string>
  readonly entered: Set<string>
  /** Invoices of theirs that the transaction settled, by id. */
  readonly settled: Map<string, Invoice>
}

type Following = Readonly<{
  books: Books
  clientIds: readonly string[]
  entered?: readonly string[]
  settled?: readonly Invoice[]
}>

/**
 * What stages ask for besides a message: a service status, and that a client who was handed over is left to others. Both are functions
 * of the stages that stand when a transaction ends, so that a change on the way that is undone in the same transaction is not sent.
 */
export function createActionService({ clients, holds }: ActionDeps) {
  const byTransaction = new WeakMap<Tx, Concerned>()

  async function decide(tx: Tx): Promise<void> {
    const concerned = byTransaction.get(tx)
    if (concerned === undefined) return
    byTransaction.delete(tx)
    const { books, entered, settled } = concerned
    const clientIds = [...concerned.clientIds].sort()
    const [causes, known, held] = await Promise.all([
      causesOf(tx, clientIds),
      clients.getMany(tx, clientIds),
      holds.ofClients(tx, clientIds)
    ])
    const [causesBy, heldBy] = [Map.groupBy(causes, clientIdOf), Map.groupBy(held, clientIdOf)]
    const changed = new Map<string, ServiceChange>()
    const holdsOf = factsAmong(held)
    for (const { id, serviceStatus, timeZone } of known.values()) {
      const asked = serviceOf(causesBy.get(id) ?? [], { holdsOf, today: todayFor(books, timeZone) })
      if (asked.status !== serviceStatus)
        changed.set(
          id,
          changeOf(
            asked,
            silencingContext(holdsOf({ clientId: id, invoiceId: asked.cause?.invoiceId ?? '' }), todayFor(books, timeZone))
          )
        )
    }
    if (changed.size > 0) await clients.setServiceStatus(tx, books, changed)
    for (const id of clientIds)
      await followHandover(tx, books, { causes: causesBy.get(id) ?? [], holds: heldBy.get(id) ?? [], entered })
    const isSettled = (hold: Hold) =>
      [...settled.values()].some((one) => one.clientId === hold.clientId && isPlacedFor(hold, one))
    await holds.review(tx, books, { holds: held, isSettled })
  }

  /** Nothing of ours goes out to a client that others collect from. */
  async function followHandover(
    tx: Tx,
    books: Books,
    { causes, holds: held, entered }: { causes: readonly Cause[]; holds: readonly Hold[]; entered: ReadonlySet<string> }
  ): Promise<void> {
    const handover = handoverOf(causes, { holds: held, entered })
    if (handover.kind === 'end') await endHandover(tx, books, held)
    if (handover.kind !== 'place') return
    const { entryId: id, clientId, stage } = handover.cause
    await holds.place(tx, books, {
      ...{ clientId, invoiceIds: null, reason: 'third_party', resume: 'by_age', untilOn: null },
      note: `Handed over by the stage ${stage}.`,
      origin: { kind: 'stage_entry', id }
    })
  }

  async function endHandover(tx: Tx, books: Books, held: readonly Hold[]): Promise<void> {
    const over = held.flatMap((hold) =>
      hold.releasedAt === null && isHandover(hold) && hold.origin !== null ? [hold.origin] : []
    )
    if (over.length === 0) return
    const mistaken = await mistakenAmong(
      tx,
      over.map(({ id }) => id)
    )
    for (const origin of over)
      await holds.releaseOf(tx, books, { origin, reason: mistaken.has(origin.id) ? 'mistaken' : 'settled' })
  }

  return {
    /** Of how many clients the service was compared with what their stages ask for, and those of whom it is another. Reads only. */
    async checkService(reader: Reader, books: Books): Promise<{ checked: number; broken: string[] }> {
      const clientIds = await clientsServedByStages(reader)
      const [causes, known, held] = await Promise.all([
        causesOf(reader, clientIds),
        clients.getMany(reader, clientIds),
        holds.ofClients(reader, clientIds)
      ])
      const [causesBy, holdsOf] = [Map.groupBy(causes, clientIdOf), factsAmong(held)]
      const broken = [...known.values()].filter(({ id, serviceStatus, timeZone }) => {
        const asked = serviceOf(causesBy.get(id) ?? [], { holdsOf, today: todayFor(books, timeZone) })
        return asked.status !== serviceStatus
      })
      return { checked: clientIds.length, broken: broken.map(({ id }) => id) }
    },

    /**
     * The stages of these clients, which are locked, may have changed: what they ask for is decided before the transaction commits.
     * @param entered the entries that were just made.
     * @param settled invoices of which nothing is open any more.
     */
    follow(tx: Tx, { books, clientIds, entered = [], settled = [] }: Following): void {
      if (clientIds.length === 0) return
      let concerned = byTransaction.get(tx)
      if (concerned === undefined) {
        concerned = { books, clientIds: new Set(), entered: new Set(), settled: new Map() }
        byTransaction.set(tx, concerned)
        tx.beforeCommit(() => decide(tx))
      }
      concerned.books = books
      for (const id of clientIds) concerned.clientIds.add(id)
      for (const id of entered) concerned.entered.add(id)
      for (const invoice of settled) concerned.settled.set(invoice.id, invoice)
    }
  }
}

export type ActionService = ReturnType<typeof createActionService>

function clientIdOf({ clientId }: Readonly<{ clientId: string }>): string {
  return clientId
}

function changeOf({ status, cause }: Asked, silent: object): ServiceChange {
  if (cause === null) return { status, context: silent }
  const { entryId, invoiceId, stage, action } = cause
  return { status, context: { ...silent, cause: { entry_id: entryId, invoice_id: invoiceId, stage, action } } }
}
