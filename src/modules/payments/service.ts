import type { Reader, Tx } from '../../db/client.ts'
import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { versionWithClientLocked } from '../clients/owned.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import type { InvoicePorts } from '../invoices/ports.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { inOrder } from '../references/reference.ts'
import type { ReferenceService } from '../references/service.ts'
import { createAllocator } from './allocation-service.ts'
import { createBalances } from './balance-service.ts'
import { createClosing } from './closing-service.ts'
import { createCorrections, type PaymentChange, type TakenBack } from './correction-service.ts'
import * as namedRepository from './named-repository.ts'
import { createPayables } from './payable-service.ts'
import { knownOf, type Named, type Payment, type PaymentView, waitingOf } from './payment.ts'
import { createPendings, type PendingPorts } from './pending-service.ts'
import { createPaymentReads } from './read-service.ts'
import { createReallocation } from './reallocation-service.ts'
import { clientsOf, entryOf, type NewPayment, pastDay, paymentOf, requirePending } from './receipt.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'
import { createShares } from './shares-service.ts'

export type PaymentServiceDeps = Readonly<{
  newId: () => string
  /** Real time, when a movement of the ledger is recorded. */
  clock: { now: () => Date }
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  references: ReferenceService
  invoices: InvoiceService
  obligationsChanged: InvoicePorts['obligationsChanged']
  /** What a client has and no obligation uses has changed: as much of what it owes is dunned or not. */
  creditChanged: (tx: Tx, change: { books: Books; clientId: string }) => Promise<void>
  pending: PendingPorts
}>

export function createPaymentService(deps: PaymentServiceDeps) {
  const { newId, events, organizations, clients, references, invoices } = deps
  const allocator = createAllocator(deps)
  const { reads, opening } = createPaymentReads({ clients, organizations })
  const [{ get }, { open }] = [reads, opening]
  const payablesOf = createPayables({ clients, invoices })
  const pendings = createPendings({ clients, invoices, payablesOf, ports: deps.pending })
  const { sharesOf, stillNamed } = createShares({ invoices, payablesOf })

  function eventOf(type: EventType, view: PaymentView, previous: object | null = null): EventDraft {
    const { id, version, clientId } = view.payment
    return { type, subject: { kind: 'payment', id, version }, clientId, object: toApi(view), previous }
  }

  /** Of money that did not come, or went again, or whose day is over: what the client may be written about. */
  async function eventOfLoss(
    tx: Tx,
    books: Books,
    {
      type,
      before,
      after,
      previous
    }: Readonly<{ type: EventType; before: PaymentView; after: PaymentView; previous: object | null }>
  ): Promise<EventDraft> {
    const invoiceIds = [...before.allocations, ...knownOf(before.named)].map(({ invoiceId }) => invoiceId)
    const of = { clientId: before.payment.clientId, invoiceIds: [...new Set(invoiceIds)] }
    return { ...eventOf(type, after, previous), context: await deps.pending.silencingOf(tx, books, of) }
  }

  /** The money counts from `receivedOn`: into the ledger, against what it settles, and told, the payment first. */
  async function settleInto(
    tx: Tx,
    payment: Payment,
    how: {
      books: Books
      wanted: readonly Named[] | null
      announced?: readonly Named[]
      isNew: boolean
      previous: object | null
      receivedOn: Day
      /** The payment whose place it takes, which is taken back in the same movement. */
      instead?: TakenBack
    }
  ): Promise<PaymentView> {
    const { books, receivedOn, instead } = how
    const at = books.now
    const taken = instead?.entries ?? []
    const shares = await sharesOf(tx, payment, { ...how, availableMinor: payment.amountMinor, freed: taken })
    const unappliedMinor = shares.reduce((left, share) => left - share.amountMinor, payment.amountMinor)
    const settled: Payment = { ...payment, status: 'settled', receivedOn, unappliedMinor, updatedAt: at }
    if (how.isNew) repository.insert(tx, settled)
    else repository.save(tx, settled)
    // What it is named for is kept: its source may say the same again, correct the amount, or name what is yet to come.
    if (how.wanted !== null) {
      const name = how.isNew ? namedRepository.insertNamed : namedRepository.replaceNamed
      name(tx, { paymentId: payment.id, named: how.wanted })
    }
    const receipt = entryOf(settled, {
      id: newId(),
      kind: 'payment',
      unappliedMinor: settled.amountMinor,
      effectiveOn: receivedOn
    })
    let view: PaymentView | undefined
    const told = async () => {
      view = await get(tx, payment.id)
      return [...(instead === undefined ? [] : await instead.told()), eventOf('payment.settled', view, how.previous)]
    }
    await allocator.allocate(tx, {
      books,
      at,
      receipts: [...taken, receipt],
      shares: shares.map((share) => ({ ...share, paymentId: payment.id, fromOn: receivedOn })),
      payers: [payment.clientId],
      currency: payment.currency,
      told,
      movesCredit: false
    })
    if (view === undefined || (waitingOf(view).length === 0 && instead === undefined)) return view ?? get(tx, payment.id)
    const applied = await allocator.applyNamed(tx, { books, clientIds: clientsOf([...taken, receipt]) })
    return applied ? get(tx, payment.id) : view
  }

  /** See `record` of the service; `instead` is taken back in the same movement. */
  async function record(tx: Tx, input: NewPayment, instead?: TakenBack): Promise<PaymentView> {
    const id = input.id ?? newId()
    const externalRefs = inOrder(input.externalRefs)
    // Before the client is locked, as names are everywhere.
    if (externalRefs.length > 0) await references.add(tx, { kind: 'payment', objectId: id, refs: input.externalRefs })
    const [books, client] = await Promise.all([organizations.books(tx), clients.lock(tx, input.clientId)])
    const today = todayFor(books, client.timeZone)
    const payment = paymentOf(input, { id, at: books.now })
    if (input.status === 'settled') {
      const receivedOn = pastDay(input.receivedOn ?? today, { today, pointer: '/received_on' })
      const how = { books, wanted: input.allocations, isNew: true, previous: null, receivedOn }
      return settleInto(tx, payment, instead === undefined ? how : { ...how, instead })
    }
    const view = { payment, allocations: [], allocationsCount: 0, named: input.allocations ?? [], externalRefs }
    if (input.status === 'failed') {
      repository.insert(tx, payment)
      if (input.allocations !== null) namedRepository.insertNamed(tx, { paymentId: payment.id, named: input.allocations })
      return corrections.end(tx, { books, view, today, at: books.now }, { ...input, isNew: true })
    }
    await pendings.announce(tx, { books, client, payment, named: input.allocations })
    await events.append(tx, { occurredAt: books.now, drafts: [eventOf('payment.pending', view)] })
    return view
  }

  const given = { ...deps, ...opening, allocator, pendings }
  const corrections = createCorrections({ ...given, sharesOf, stillNamed, get, eventOf, eventOfLoss, record })

  return {
    ...reads,
    versionForUpdate: versionWithClientLocked(clients, async (reader, id) => (await get(reader, id)).payment),
    creditOf: allocator.creditOf,
    unappliedOf: namedRepository.unappliedOf,

    /** See `moveInvoice` of the repository. The invoice's client is locked; a parent whose money is announced for it is locked here. */
    async moveInvoice(tx: Tx, moving: { from: string; to: string; at: Date }): Promise<string[]> {
      const payers = await namedRepository.payersOf(tx, moving.from)
      if (payers.length > 0) await clients.lockMany(tx, payers)
      return namedRepository.moveInvoice(tx, moving)
    },

    holdNamed: pendings.holdNamed,

    /** What payments are named for concerns other invoices: what came in is applied, what is announced holds. See `applyNamed`. */
    async followNamed(tx: Tx, { books, clientIds }: { books: Books; clientIds: readonly string[] }): Promise<void> {
      await allocator.applyNamed(tx, { books, clientIds })
      await pendings.holdNamed(tx, books, { clientIds })
    },

    applyCredit: allocator.applyCredit,
    releaseAllocations: allocator.releaseAllocations,
    applyReleased: allocator.applyReleased,

    page: (reader: Reader, filter: repository.PaymentFilter) => repository.page(reader, filter),

    ...createBalances({ organizations, clients }),
    ...createClosing({ clients }),
    ...createReallocation({ organizations, clients, invoices, allocator }),

    /**
     * Records money that came in, or that is announced, or that did not come after all.
     * @throws DomainError naming the field: an amount of 0, a day in the future, an allocation above what is open.
     */
    record: (tx: Tx, input: NewPayment): Promise<PaymentView> => record(tx, input),

    reverse: corrections.reverse,
    fail: corrections.fail,
    forget: corrections.forget,
    replace: corrections.replace,
    reallocate: corrections.reallocate,
    restate: corrections.restate,
    describe: corrections.describe,
    tellUpdated: corrections.tellUpdated,

    /** The announced money is there. */
    async settle(
      tx: Tx,
      how: { id: string; receivedOn: Day | null; allocations: readonly Named[] | null; change?: PaymentChange }
    ): Promise<PaymentView> {
      const { id, receivedOn, allocations, change } = how
      const { books, view, today } = await open(tx, id)
      requirePending(view.payment)
      const day = pastDay(receivedOn ?? today, { today, pointer: '/received_on' })
      const payment = { ...view.payment, ...change, version: view.payment.version + 1 }
      await pendings.conclude(tx, books, { view, reason: 'settled' })
      return settleInto(tx, payment, {
        books,
        wanted: allocations,
        announced: view.named,
        isNew: false,
        previous: { status: 'pending' },
        receivedOn: day
      })
    },

    /** The time is over in which the announced money should have shown. It stays pending, and holds nothing any more. */
    async meet(tx: Tx, { books, objectId: id }: { books: Books; objectId: string }): Promise<void> {
      const view = await get(tx, id)
      const { status, unconfirmedAt, version } = view.payment
      if (status !== 'pending' || unconfirmedAt !== null) return
      const timeZone = await clients.zoneOf(tx, view.payment.clientId, books)
      if (!(await pendings.isOver(tx, books, { payment: view.payment, timeZone }))) return
      const payment: Payment = { ...view.payment, unconfirmedAt: books.now, version: version + 1, updatedAt: books.now }
      repository.save(tx, payment)
      await pendings.conclude(tx, books, { view, reason: 'unconfirmed' })
      const after = { ...view, payment }
      const what = { type: 'payment.unconfirmed', before: view, after, previous: { unconfirmed_at: null } } as const
      const draft = await eventOfLoss(tx, books, what)
      await events.append(tx, { occurredAt: books.now, drafts: [draft] })
    },

    /** Sets what is left of a payment against invoices: those that are named, else what is oldest due. */
    async allocate(tx: Tx, { id, wanted }: { id: string; wanted: readonly Named[] | null }): Promise<PaymentView> {
      const { books, view, today, at } = await open(tx, id)
      const { payment } = view
      if (payment.status !== 'settled')
        throw new DomainError('payment_not_settled', `Only a settled payment can be allocated; this one is ${payment.status}.`)
      const shares = await sharesOf(tx, wanted === null ? { ...payment, reservedFor: null } : payment, {
        wanted,
        // What is named may be taken from what waits for something else; what is oldest due may not.
        availableMinor: waitingOf(wanted === null ? view : { ...view, named: [] }).reduce(
          (left, { amountMinor }) => left - amountMinor,
          payment.unappliedMinor
        )
      })
      if (wanted !== null) namedRepository.insertNamed(tx, { paymentId: id, named: wanted })
      await allocator.allocate(tx, {
        books,
        at,
        receipts: [],
        shares: shares.map((share) => ({ ...share, paymentId: id, fromOn: today })),
        payers: [payment.clientId],
        currency: payment.currency,
        told: async () => [],
        movesCredit: true
      })
      return get(tx, id)
    }
  }
}

export type PaymentService = ReturnType<typeof createPaymentService>
