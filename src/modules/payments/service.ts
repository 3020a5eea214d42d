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
import type { ReferenceService } from '../references/service.ts'
import { createAllocator } from './allocation-service.ts'
import { fillAnnounced, stillAnnounced } from './announced.ts'
import { createClosing } from './closing-service.ts'
import {
  asRecoveries,
  type FreshShare,
  fill,
  fillNamed,
  type Payment,
  type PaymentView,
  undoesHistory,
  type Wanted,
  withGivenUp
} from './payment.ts'
import { createPendings, type PendingPorts } from './pending-service.ts'
import { entryOf, type NewPayment, pastDay, paymentOf, requirePending } from './receipt.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'
import type { ReversalReason } from './table.ts'

export type PaymentServiceDeps = Readonly<{
  newId: () => string
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

type Opened = Readonly<{ books: Books; view: PaymentView; today: Day; at: Date }>

export function createPaymentService(deps: PaymentServiceDeps) {
  const { newId, clock, events, organizations, clients, references, invoices } = deps
  const allocator = createAllocator(deps)
  const pendings = createPendings({ invoices, ports: deps.pending })

  async function get(reader: Reader, id: string): Promise<PaymentView> {
    const view = await repository.find(reader, id)
    if (view === undefined) throw new DomainError('not_found', 'There is no such payment.')
    return view
  }

  async function open(tx: Tx, id: string): Promise<Opened> {
    const { payment } = await get(tx, id)
    const client = await clients.lock(tx, payment.clientId)
    const [books, view] = await Promise.all([organizations.books(tx), get(tx, id)])
    return { books, view, today: todayFor(books, client.timeZone), at: clock.now() }
  }

  function eventOf(type: EventType, view: PaymentView, previous: object | null = null): EventDraft {
    const { id, version, clientId } = view.payment
    return { type, subject: { kind: 'payment', id, version }, clientId, object: toApi(view), previous }
  }

  /** What the money is set against: what the caller names, else what it was announced for, else what is oldest due; nothing where it is reserved. */
  async function sharesOf(
    tx: Tx,
    payment: Payment,
    how: { wanted: readonly Wanted[] | null; announced?: readonly Wanted[]; availableMinor: bigint }
  ): Promise<FreshShare[]> {
    const { clientId, currency } = payment
    const { wanted, announced = [], availableMinor } = how
    if (wanted !== null) {
      const ids = wanted.map(({ invoiceId }) => invoiceId)
      const [payables, givenUp] = await Promise.all([invoices.payablesOfInvoices(tx, ids), invoices.givenUpOf(tx, ids)])
      const open = withGivenUp(payables, givenUp)
      return asRecoveries(fillNamed(wanted, { availableMinor, open, currency, clientId }), givenUp)
    }
    if (announced.length > 0) {
      const ids = announced.map(({ invoiceId }) => invoiceId)
      return fillAnnounced(announced, await invoices.payablesOfInvoices(tx, ids))
    }
    if (payment.reservedFor !== null) return []
    return fill(availableMinor, await invoices.payablesOf(tx, { clientIds: [clientId], currency }))
  }

  /** The money counts from `receivedOn`: into the ledger, against what it settles, and told, the payment first. */
  async function settleInto(
    tx: Tx,
    payment: Payment,
    how: {
      books: Books
      wanted: readonly Wanted[] | null
      announced?: readonly Wanted[]
      isNew: boolean
      previous: object | null
      receivedOn: Day
    }
  ): Promise<PaymentView> {
    const { books, receivedOn } = how
    const at = clock.now()
    const shares = await sharesOf(tx, payment, { ...how, availableMinor: payment.amountMinor })
    const unappliedMinor = shares.reduce((left, share) => left - share.amountMinor, payment.amountMinor)
    const settled: Payment = { ...payment, status: 'settled', receivedOn, unappliedMinor, updatedAt: at }
    if (how.isNew) repository.insert(tx, settled)
    else repository.save(tx, settled)
    // What it was meant for is kept: its source may say the same again, or correct the amount.
    if (how.isNew && how.wanted !== null) repository.insertAnnounced(tx, { paymentId: payment.id, wanted: how.wanted })
    const receipt = entryOf(settled, {
      id: newId(),
      kind: 'payment',
      unappliedMinor: settled.amountMinor,
      effectiveOn: receivedOn
    })
    let view: PaymentView | undefined
    const told = async () => {
      view = await get(tx, payment.id)
      return [eventOf('payment.settled', view, how.previous)]
    }
    await allocator.allocate(tx, {
      books,
      at,
      receipts: [receipt],
      shares: shares.map((share) => ({ ...share, paymentId: payment.id, fromOn: receivedOn })),
      client: { id: payment.clientId, currency: payment.currency },
      told,
      movesCredit: false
    })
    return view ?? get(tx, payment.id)
  }

  return {
    get,
    versionForUpdate: versionWithClientLocked(clients, async (reader, id) => (await get(reader, id)).payment),
    creditOf: allocator.creditOf,
    unappliedOf: repository.unappliedOf,
    moveInvoice: repository.moveInvoice,
    applyCredit: allocator.applyCredit,
    releaseAllocations: allocator.releaseAllocations,

    page: (reader: Reader, filter: repository.PaymentFilter) => repository.page(reader, filter),

    async balances(reader: Reader, clientId: string) {
      const [books, client] = await Promise.all([organizations.books(reader), clients.get(reader, clientId)])
      return repository.balancesOf(reader, { clientId, today: todayFor(books, client.timeZone) })
    },

    ...createClosing({ clients }),

    /**
     * Records money that came in, or that is announced.
     * @throws DomainError naming the field: an amount of 0, a day in the future, an allocation above what is open.
     */
    async record(tx: Tx, input: NewPayment): Promise<PaymentView> {
      const [books, client] = await Promise.all([organizations.books(tx), clients.lock(tx, input.clientId)])
      const today = todayFor(books, client.timeZone)
      const payment = paymentOf(input, { id: input.id ?? newId(), at: clock.now() })
      const { externalRefs } = input
      if (externalRefs.length > 0) await references.add(tx, { kind: 'payment', objectId: payment.id, refs: externalRefs })
      if (input.status === 'settled') {
        const receivedOn = pastDay(input.receivedOn ?? today, { today, pointer: '/received_on' })
        return settleInto(tx, payment, { books, wanted: input.allocations, isNew: true, previous: null, receivedOn })
      }
      await pendings.announce(tx, { books, client, payment, wanted: input.allocations })
      const view = { payment, allocations: [], announced: input.allocations ?? [], externalRefs }
      await events.append(tx, { occurredAt: books.now, drafts: [eventOf('payment.pending', view)] })
      return view
    },

    /** The announced money is there. */
    async settle(
      tx: Tx,
      { id, receivedOn, allocations }: { id: string; receivedOn: Day | null; allocations: readonly Wanted[] | null }
    ): Promise<PaymentView> {
      const { books, view, today } = await open(tx, id)
      requirePending(view.payment)
      const day = pastDay(receivedOn ?? today, { today, pointer: '/received_on' })
      const payment = { ...view.payment, version: view.payment.version + 1 }
      await pendings.conclude(tx, books, { payment, reason: 'settled' })
      return settleInto(tx, payment, {
        books,
        wanted: allocations,
        announced: view.announced,
        isNew: false,
        previous: { status: 'pending' },
        receivedOn: day
      })
    },

    /** The announced money will not come. It never counted; what it held is dunned again, by its age. */
    async fail(tx: Tx, id: string): Promise<PaymentView> {
      const { books, view, at } = await open(tx, id)
      requirePending(view.payment)
      const payment: Payment = { ...view.payment, status: 'failed', version: view.payment.version + 1, updatedAt: at }
      repository.save(tx, payment)
      await pendings.conclude(tx, books, { payment, reason: 'failed' })
      const after = { ...view, payment }
      await events.append(tx, { occurredAt: books.now, drafts: [eventOf('payment.failed', after, { status: 'pending' })] })
      return after
    },

    /** The time is over in which the announced money should have shown. It stays pending, and holds nothing any more. */
    async meet(tx: Tx, { books, objectId: id }: { books: Books; objectId: string }): Promise<void> {
      const view = await get(tx, id)
      const { status, unconfirmedAt, version } = view.payment
      if (status !== 'pending' || unconfirmedAt !== null) return
      const payment: Payment = { ...view.payment, unconfirmedAt: books.now, version: version + 1, updatedAt: clock.now() }
      repository.save(tx, payment)
      await pendings.conclude(tx, books, { payment, reason: 'unconfirmed' })
      const draft = eventOf('payment.unconfirmed', { ...view, payment }, { unconfirmed_at: null })
      await events.append(tx, { occurredAt: books.now, drafts: [draft] })
    },

    /** Takes a payment back: as of its own day where it was a mistake, on the day it bounced otherwise. */
    async reverse(
      tx: Tx,
      { id, reason, reversedOn }: { id: string; reason: ReversalReason; reversedOn: Day | null }
    ): Promise<PaymentView> {
      const { books, view, today, at } = await open(tx, id)
      const { payment } = view
      if (payment.status !== 'settled' || payment.receivedOn === null) {
        throw new DomainError('payment_not_settled', `Only a settled payment can be reversed; this one is ${payment.status}.`)
      }
      const day = pastDay(reversedOn ?? today, { today, pointer: '/reversed_on' })
      if (day < payment.receivedOn)
        throw new DomainError('invalid_date', 'A payment is not reversed before it is received.', { pointer: '/reversed_on' })
      const asOf = undoesHistory(reason) ? null : day
      repository.save(tx, {
        ...payment,
        status: 'reversed',
        unappliedMinor: 0n,
        reversalReason: reason,
        reversedOn: day,
        version: payment.version + 1,
        updatedAt: at
      })
      const taken = entryOf(payment, {
        id: newId(),
        kind: 'payment_reversed',
        unappliedMinor: -payment.amountMinor,
        effectiveOn: asOf ?? payment.receivedOn
      })
      const told = async () => [eventOf('payment.reversed', await get(tx, id), { status: 'settled' })]
      await allocator.takeBack(tx, { books, at, paymentId: id, asOf, taken, told, reason })
      return get(tx, id)
    },

    /** Sets what is left of a payment against invoices: those that are named, else what is oldest due. */
    async allocate(tx: Tx, { id, wanted }: { id: string; wanted: readonly Wanted[] | null }): Promise<PaymentView> {
      const { books, view, today, at } = await open(tx, id)
      const { payment } = view
      if (payment.status !== 'settled')
        throw new DomainError('payment_not_settled', `Only a settled payment can be allocated; this one is ${payment.status}.`)
      const shares = await sharesOf(tx, wanted === null ? { ...payment, reservedFor: null } : payment, {
        wanted,
        availableMinor: payment.unappliedMinor
      })
      await allocator.allocate(tx, {
        books,
        at,
        receipts: [],
        shares: shares.map((share) => ({ ...share, paymentId: id, fromOn: today })),
        client: { id: payment.clientId, currency: payment.currency },
        told: async () => [],
        movesCredit: true
      })
      return get(tx, id)
    },

    /** What a payment was announced for, where another amount takes its place; see `stillAnnounced`. */
    async announcedFor(tx: Tx, { id, amountMinor }: Readonly<{ id: string; amountMinor: bigint }>): Promise<Wanted[] | null> {
      const { announced } = await get(tx, id)
      const ids = announced.map(({ invoiceId }) => invoiceId)
      return stillAnnounced(announced, { open: await invoices.payablesOfInvoices(tx, ids), amountMinor })
    },

    /** Changes what does not touch the ledger. */
    async describe(
      tx: Tx,
      { id, change }: { id: string; change: Partial<Pick<Payment, 'method' | 'reference' | 'metadata'>> }
    ): Promise<PaymentView> {
      const { view, at } = await open(tx, id)
      repository.save(tx, { ...view.payment, ...change, version: view.payment.version + 1, updatedAt: at })
      return get(tx, id)
    }
  }
}

export type PaymentService = ReturnType<typeof createPaymentService>
