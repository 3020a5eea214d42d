import type { Reader, Tx } from '../../db/client.ts'
import { addDays, type Day, startOfDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import type { Currency } from '../../kernel/money.ts'
import { versionWithClientLocked } from '../clients/owned.ts'
import type { ClientService } from '../clients/service.ts'
import type { SetDeadline } from '../deadlines/service.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import {
  checkHold,
  factsAmong,
  type Hold,
  type HoldOrigin,
  type HoldReason,
  isSilencing,
  lastsUnlessReleased,
  type Resumption,
  type SilencingContext,
  silencingContext
} from './hold.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

export type HoldPorts = Readonly<{
  /** Dunning finds out anew when it may go on with these invoices; null means all of the client's. */
  holdsChanged: (
    tx: Tx,
    change: { books: Books; clientId: string; invoiceIds: readonly string[] | null; reason: 'held' | 'hold_released' }
  ) => Promise<void>
  /** A hold was released under which the client was not to be addressed. Another one may still stand. */
  silenceEnded: (tx: Tx, of: { books: Books; clientId: string }) => Promise<void>
  setDeadline: SetDeadline
}>

/** What ends the origin of a hold, and the hold with it. */
const endings = {
  promise: 'cancel',
  payment_plan: 'cancel',
  dispute: 'resolve or withdraw',
  payment: 'settle or fail'
} as const satisfies Partial<Record<HoldOrigin['kind'], string>>

export type HoldServiceDeps = Readonly<{
  newId: () => string
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  ports: HoldPorts
}>

export type NewHold = Readonly<{
  clientId: string
  /** Null holds the whole client. */
  invoiceIds: readonly string[] | null
  reason: HoldReason
  resume: Resumption
  untilOn: Day | null
  /** What of each invoice is held; all of them where it is left out. */
  part?: Readonly<{ currency: Currency; of: ReadonlyMap<string, bigint> }>
  restoresService?: boolean
  note?: string | null
  origin?: HoldOrigin | null
}>

export function createHoldService({ newId, events, organizations, clients, invoices, ports }: HoldServiceDeps) {
  async function get(reader: Reader, id: string): Promise<Hold> {
    const hold = await repository.find(reader, id)
    if (hold === undefined) throw new DomainError('not_found', 'There is no such hold.')
    return hold
  }

  function eventOf(type: EventType, hold: Hold, previous: object | null = null): EventDraft {
    const subject = { kind: 'hold', id: hold.id, version: hold.version }
    return { type, subject, clientId: hold.clientId, object: toApi(hold), previous }
  }

  /** Tells dunning first: the event is of a hold that counts already. */
  async function tell(tx: Tx, { books, hold, draft }: { books: Books; hold: Hold; draft: EventDraft }): Promise<void> {
    const { clientId, scope, invoiceIds } = hold
    const reason = hold.releasedAt === null ? 'held' : 'hold_released'
    await ports.holdsChanged(tx, { books, clientId, invoiceIds: scope === 'client' ? null : invoiceIds, reason })
    await events.append(tx, { occurredAt: books.now, drafts: [draft] })
  }

  async function setEnd(tx: Tx, { books, hold }: { books: Books; hold: Hold }): Promise<void> {
    const { id: objectId, clientId, untilOn, releasedAt } = hold
    const isOpen = untilOn === null || releasedAt !== null
    const at = isOpen ? null : startOfDay(addDays(untilOn, 1), await clients.zoneOf(tx, clientId, books))
    await ports.setDeadline(tx, { kind: 'hold', objectId, clientId, at })
  }

  /** With the client locked. */
  async function place(tx: Tx, books: Books, draft: NewHold): Promise<Hold> {
    const timeZone = await clients.zoneOf(tx, draft.clientId, books)
    const at = books.now
    const hold: Hold = {
      id: newId(),
      clientId: draft.clientId,
      scope: draft.invoiceIds === null ? 'client' : 'invoices',
      invoiceIds: draft.invoiceIds?.toSorted() ?? [],
      reason: draft.reason,
      resume: draft.resume,
      fromOn: todayFor(books, timeZone),
      untilOn: draft.untilOn,
      part: draft.part === undefined ? null : { minor: sumOf(draft.part.of), currency: draft.part.currency },
      // In the order in which they are read again.
      partOf: new Map([...(draft.part?.of ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      restoresService: draft.restoresService ?? false,
      note: draft.note ?? null,
      origin: draft.origin ?? null,
      ...{ releasedAt: null, releasedOn: null, releaseReason: null, reviewDueAt: null },
      ...{ version: 1, createdAt: at, updatedAt: at }
    }
    await repository.insert(tx, hold)
    if (hold.untilOn !== null) await setEnd(tx, { books, hold })
    await tell(tx, { books, hold, draft: eventOf('hold.placed', hold) })
    return hold
  }

  async function end(tx: Tx, books: Books, { hold, reason, on }: { hold: Hold; reason: string; on: Day }): Promise<Hold> {
    const released: Hold = {
      ...hold,
      releasedAt: books.now,
      releasedOn: on,
      releaseReason: reason,
      version: hold.version + 1,
      updatedAt: books.now
    }
    await repository.save(tx, released)
    if (hold.untilOn !== null) await setEnd(tx, { books, hold: released })
    if (isSilencing(hold)) await ports.silenceEnded(tx, { books, clientId: hold.clientId })
    await tell(tx, { books, hold: released, draft: eventOf('hold.released', released, previousOf(toApi(hold), toApi(released))) })
    return released
  }

  return {
    versionForUpdate: versionWithClientLocked(clients, get),

    get,
    page: (reader: Reader, filter: repository.HoldFilter) => repository.page(reader, filter),

    /** Places what an agreement or a stage holds by, with the client locked. */
    place,
    moveInvoice: repository.moveInvoice,
    ofClients: repository.ofClients,

    /** What an agreement holds. */
    invoicesOf: async (reader: Reader, origin: HoldOrigin): Promise<ReadonlySet<string>> =>
      new Set((await repository.ofOrigin(reader, origin)).flatMap(({ invoiceIds }) => invoiceIds)),

    /**
     * Ends what an agreement placed, as of today.
     * @param how.clientId whose agreement it is, where it may hold invoices of others: these are locked here. @returns whether it held anything.
     */
    async releaseOf(tx: Tx, books: Books, how: { origin: HoldOrigin; reason: string; clientId?: string }): Promise<boolean> {
      const { origin, reason, clientId } = how
      const found = await repository.ofOrigin(tx, origin)
      const others = new Set(found.map((hold) => hold.clientId).filter((id) => clientId !== undefined && id !== clientId))
      if (others.size > 0) await clients.lockMany(tx, [...others].toSorted())
      const holds = others.size > 0 ? await repository.ofOrigin(tx, origin) : found
      for (const hold of holds) {
        await end(tx, books, { hold, reason, on: todayFor(books, await clients.zoneOf(tx, hold.clientId, books)) })
      }
      return holds.length > 0
    },

    /** What is promised or announced is less by now, or concerns other invoices of the hold: as much of each is held from now on. */
    async spread(tx: Tx, books: Books, { origin, of }: { origin: HoldOrigin; of: ReadonlyMap<string, bigint> }): Promise<void> {
      for (const hold of await repository.ofOrigin(tx, origin)) {
        const partOf = new Map(hold.invoiceIds.map((id) => [id, of.get(id) ?? 0n]))
        const minor = sumOf(partOf)
        const isSame = hold.invoiceIds.every((id) => partOf.get(id) === hold.partOf.get(id))
        if (hold.part === null || isSame || minor === 0n) continue
        const part = { ...hold.part, minor }
        await repository.saveParts(tx, { ...hold, part, partOf, version: hold.version + 1, updatedAt: books.now })
        const { clientId, invoiceIds } = hold
        await ports.holdsChanged(tx, { books, clientId, invoiceIds, reason: 'held' })
      }
    },

    /**
     * Asks for the release of holds that last until then, once nothing is open that they were placed for; not again before some of it was
     * open once more.
     * @param held of clients that are locked.
     * @param isSettled whether the transaction settled something that a hold was placed for.
     */
    async review(
      tx: Tx,
      books: Books,
      { holds: held, isSettled }: { holds: readonly Hold[]; isSettled: (hold: Hold) => boolean }
    ): Promise<void> {
      const lasting = held.filter((hold) => lastsUnlessReleased(hold) && (hold.reviewDueAt !== null || isSettled(hold)))
      if (lasting.length === 0) return
      const needed = await repository.neededAmong(
        tx,
        lasting.map(({ id }) => id)
      )
      for (const hold of lasting.filter(({ id, reviewDueAt }) => needed.has(id) === (reviewDueAt !== null))) {
        const reviewDueAt = needed.has(hold.id) ? null : books.now
        const after: Hold = { ...hold, reviewDueAt, version: hold.version + 1, updatedAt: books.now }
        await repository.saveReview(tx, after)
        const draft = eventOf('hold.review_due', after, previousOf(toApi(hold), toApi(after)))
        if (reviewDueAt !== null) await events.append(tx, { occurredAt: books.now, drafts: [draft] })
      }
    },

    /** Places a hold by hand. @throws DomainError naming the field: an invoice of another client, an end that may not be. */
    async placeByHand(tx: Tx, draft: NewHold): Promise<Hold> {
      const client = await clients.lock(tx, draft.clientId)
      const books = await organizations.books(tx)
      checkHold(draft, todayFor(books, client.timeZone))
      if (draft.invoiceIds !== null) await invoices.requireOfClient(tx, { clientId: draft.clientId, ids: draft.invoiceIds })
      return place(tx, books, draft)
    },

    /** @throws DomainError `hold_released` for one that has ended, `hold_has_origin` for one that ends with its agreement. */
    async releaseByHand(tx: Tx, id: string): Promise<Hold> {
      const { clientId } = await get(tx, id)
      const client = await clients.lock(tx, clientId)
      const [books, hold] = await Promise.all([organizations.books(tx), get(tx, id)])
      if (hold.releasedAt !== null) throw new DomainError('hold_released', `This hold ended on ${hold.releasedOn}.`)
      if (hold.origin !== null && hold.origin.kind !== 'stage_entry') {
        const { kind, id: originId } = hold.origin
        const sentence = `This hold ends with its ${kind.replaceAll('_', ' ')} ${originId}: ${endings[kind]} it instead.`
        throw new DomainError('hold_has_origin', sentence)
      }
      return end(tx, books, { hold, reason: 'released', on: todayFor(books, client.timeZone) })
    },

    /** Its last day is over. */
    async meet(tx: Tx, { books, objectId }: { books: Books; objectId: string }): Promise<void> {
      const hold = await get(tx, objectId)
      if (hold.releasedAt !== null || hold.untilOn === null) return
      const today = todayFor(books, await clients.zoneOf(tx, hold.clientId, books))
      // The client's day changed with its time zone: its last day is not over yet.
      if (hold.untilOn >= today) return setEnd(tx, { books, hold })
      await end(tx, books, { hold, reason: 'expired', on: addDays(hold.untilOn, 1) })
    },

    /** An invoice was voided or written off, or is replaced: holds over nothing else end with it. */
    async invoiceClosed(tx: Tx, books: Books, { clientId, invoiceId }: { clientId: string; invoiceId: string }): Promise<void> {
      const own = (await repository.ofClients(tx, [clientId])).filter(
        (hold) =>
          hold.releasedAt === null && hold.origin === null && hold.scope === 'invoices' && hold.invoiceIds.includes(invoiceId)
      )
      for (const hold of own) {
        const views = await invoices.viewsOf(tx, hold.invoiceIds)
        if (views.some(({ invoice }) => invoice.status === 'open')) continue
        await end(tx, books, { hold, reason: 'invoice_closed', on: todayFor(books, await clients.zoneOf(tx, clientId, books)) })
      }
    },

    factsOf,

    /** What an event that concerns a client, or these invoices of it, says of the holds under which it is not to be addressed. */
    async silencingOf(reader: Reader, books: Books, { clientId, invoiceIds }: Concerned): Promise<SilencingContext> {
      const [timeZone, holdsOf] = await Promise.all([clients.zoneOf(reader, clientId, books), factsOf(reader, [clientId])])
      const held = [
        ...holdsOf({ clientId, invoiceId: '' }),
        ...invoiceIds.flatMap((invoiceId) => holdsOf({ clientId, invoiceId }))
      ]
      return silencingContext(held, todayFor(books, timeZone))
    }
  }

  /** What held or holds the invoices of these clients. */
  async function factsOf(reader: Reader, clientIds: readonly string[]): Promise<HoldsOf> {
    const all = clientIds.length === 0 ? [] : await repository.ofClients(reader, clientIds)
    return factsAmong(all)
  }
}

export type Concerned = Readonly<{ clientId: string; invoiceIds: readonly string[] }>

function sumOf(partOf: ReadonlyMap<string, bigint>): bigint {
  return [...partOf.values()].reduce((sum, minor) => sum + minor, 0n)
}

export type HoldService = ReturnType<typeof createHoldService>
