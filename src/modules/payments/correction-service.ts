import type { Reader, Tx } from '../../db/client.ts'
import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { LedgerEntry } from '../invoices/ledger.ts'
import type { Books } from '../organizations/organization.ts'
import type { createAllocator } from './allocation-service.ts'
import * as namedRepository from './named-repository.ts'
import { knownOf, type Named, type Payment, type PaymentView, sumByInvoice, undoesHistory, type WholePayment } from './payment.ts'
import type { createPendings } from './pending-service.ts'
import { clientsOf, endedOf, entryOf, type NewPayment, type Reversal, requirePending, reversalDay } from './receipt.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'
import type { PaymentServiceDeps } from './service.ts'
import type { Shares } from './shares-service.ts'
import type { ReversalReason } from './table.ts'

export type Opened = Readonly<{ books: Books; view: PaymentView; today: Day; at: Date }>

/** A payment that is taken back: the entries to post, and its event once they are posted. */
export type TakenBack = Readonly<{ entries: readonly LedgerEntry[]; told: () => Promise<EventDraft[]> }>

/** What does not touch the ledger. */
export type PaymentChange = Readonly<Partial<Pick<Payment, 'method' | 'reference' | 'metadata' | 'maturesOn' | 'instrument'>>>

type Deps = Pick<PaymentServiceDeps, 'newId' | 'events' | 'clients' | 'references'> &
  Shares &
  Readonly<{
    allocator: ReturnType<typeof createAllocator>
    pendings: ReturnType<typeof createPendings>
    get: (reader: Reader, id: string) => Promise<PaymentView>
    open: (tx: Tx, id: string) => Promise<Opened>
    openWhole: (tx: Tx, id: string) => Promise<Opened & { view: WholePayment }>
    eventOf: (type: EventType, view: PaymentView, previous?: object | null) => EventDraft
    eventOfLoss: (
      tx: Tx,
      books: Books,
      of: Readonly<{ type: EventType; before: PaymentView; after: PaymentView; previous: object | null }>
    ) => Promise<EventDraft>
    record: (tx: Tx, input: NewPayment, instead?: TakenBack) => Promise<PaymentView>
  }>

/** What may turn out of money that was recorded or announced: it did not come, it went again, it was something else. */
export function createCorrections(deps: Deps) {
  const { newId, events, clients, references, allocator, pendings, sharesOf, stillNamed } = deps
  const { get, open, openWhole, eventOf, eventOfLoss, record } = deps

  function requireSettled({ status, receivedOn }: Payment, what: string): Day {
    if (status === 'settled' && receivedOn !== null) return receivedOn
    throw new DomainError('payment_not_settled', `Only a settled payment can be ${what}; this one is ${status}.`)
  }

  /** The row is written here, the entries are the caller's. */
  function takeRow(
    tx: Tx,
    { view, at }: Opened,
    { reason, reversedOn, note = null }: { reason: ReversalReason; reversedOn: Day; note?: string | null }
  ): void {
    const { payment } = view
    repository.save(tx, {
      ...payment,
      ...{ status: 'reversed', unappliedMinor: 0n, reversalReason: reason, reversedOn, reversalNote: note },
      version: payment.version + 1,
      updatedAt: at
    })
  }

  const takenEntry = (payment: Payment, effectiveOn: Day) =>
    entryOf(payment, { id: newId(), kind: 'payment_reversed', unappliedMinor: -payment.amountMinor, effectiveOn })

  const toldReversed =
    (tx: Tx, { books, view: before }: Opened) =>
    async () => {
      const after = await get(tx, before.payment.id)
      return [await eventOfLoss(tx, books, { type: 'payment.reversed', before, after, previous: { status: 'settled' } })]
    }

  /** Ends what did not settle; its row is there. */
  async function end(
    tx: Tx,
    { books, view, today, at }: Opened,
    how: Partial<Reversal> & { receivedOn: Day | null; isNew: boolean }
  ): Promise<PaymentView> {
    const version = how.isNew ? view.payment.version : view.payment.version + 1
    const payment = { ...endedOf(view.payment, { ...how, today, at }), version }
    repository.save(tx, payment)
    await pendings.conclude(tx, books, { view, reason: 'failed' })
    const after = { ...view, payment }
    const type = payment.status === 'failed' ? 'payment.failed' : 'payment.reversed'
    const previous = how.isNew ? null : { status: 'pending' }
    const draft = await eventOfLoss(tx, books, { type, before: view, after, previous })
    await events.append(tx, { occurredAt: books.now, drafts: [draft] })
    return after
  }

  /** Takes a payment back: as of its own day where it was a mistake, on the day it bounced otherwise. */
  async function reverse(
    tx: Tx,
    { id, reason, reversedOn, note }: { id: string; reason: ReversalReason; reversedOn: Day | null; note?: string | null }
  ): Promise<PaymentView> {
    const opened = await open(tx, id)
    const { books, view, today, at } = opened
    const receivedOn = requireSettled(view.payment, 'reversed')
    const day = reversalDay(reversedOn, { receivedOn, today })
    const asOf = undoesHistory(reason) ? null : day
    takeRow(tx, opened, { reason, reversedOn: day, note: note ?? null })
    const taken = takenEntry(view.payment, asOf ?? receivedOn)
    const how = { books, at, paymentId: id, asOf, taken, told: toldReversed(tx, opened), reason }
    const clientIds = await allocator.takeBack(tx, how)
    await allocator.applyNamed(tx, { books, clientIds })
    return get(tx, id)
  }

  /** Money that never came and whose source says something else by now, or nothing, is no collection that failed. */
  async function forget(tx: Tx, { id, reason }: { id: string; reason: ReversalReason }): Promise<void> {
    const { books, view, at } = await open(tx, id)
    const { status, reversalReason, version } = view.payment
    if (status !== 'failed' || reversalReason !== null) return
    repository.save(tx, { ...view.payment, reversalReason: reason, version: version + 1, updatedAt: at })
    await pendings.conclude(tx, books, { view, reason: 'failed' })
  }

  return {
    end,
    reverse,
    forget,

    /**
     * The announced money will not come. It never counted; what it held is dunned again, by its age.
     * @param how.receivedOn the day on which it came, where it did and went again.
     */
    async fail(tx: Tx, id: string, how: Partial<Reversal> & { receivedOn?: Day | null } = {}): Promise<PaymentView> {
      const opened = await open(tx, id)
      requirePending(opened.view.payment)
      return end(tx, opened, { ...how, receivedOn: how.receivedOn ?? null, isNew: false })
    },

    /**
     * Records another payment in the place of one that was entered wrongly; its names go to the new one. Where both settle what the
     * same client owes, that is one movement: an invoice that is paid by both is not open in between.
     * @param input without allocations it settles what the former one names.
     */
    async replace(tx: Tx, { id, input }: { id: string; input: NewPayment }): Promise<PaymentView> {
      const { payment: former } = await get(tx, id)
      // Both at once, in one order, as everything does that locks more than one.
      if (former.clientId !== input.clientId) await clients.lockMany(tx, [former.clientId, input.clientId])
      const opened = await openWhole(tx, id)
      const { view, today } = opened
      const { payment, externalRefs } = view
      const anew = { ...input, id: newId(), externalRefs }
      await references.move(tx, { kind: 'payment', from: id, to: anew.id })
      const isSameDebt = input.clientId === payment.clientId && input.currency === payment.currency
      const entries =
        payment.status === 'settled' && isSameDebt
          ? [
              ...(await allocator.releaseOf(tx, { paymentId: id, clientId: payment.clientId, asOf: null, freedMinor: null })),
              takenEntry(payment, requireSettled(payment, 'reversed'))
            ]
          : []
      const named = isSameDebt ? await stillNamed(tx, view, { amountMinor: input.amountMinor, freed: entries }) : null
      const whole = { ...anew, allocations: input.allocations ?? named }
      if (entries.length > 0 && input.status === 'settled') {
        takeRow(tx, opened, { reason: 'entered_wrongly', reversedOn: today })
        return record(tx, whole, { entries, told: toldReversed(tx, opened) })
      }
      if (payment.status === 'settled') await reverse(tx, { id, reason: 'entered_wrongly', reversedOn: null })
      if (payment.status === 'failed') await forget(tx, { id, reason: 'entered_wrongly' })
      if (payment.status === 'pending') {
        await end(tx, await open(tx, id), { receivedOn: null, isNew: false, reason: 'entered_wrongly' })
      }
      return record(tx, whole)
    },

    /** Sets a payment against what it is to settle: invoices whose sum stays keep it, the others give back or get the difference. */
    async reallocate(tx: Tx, { id, wanted }: { id: string; wanted: readonly Named[] }): Promise<PaymentView> {
      const { books, view, at } = await openWhole(tx, id)
      const { payment, allocations } = view
      const fromOn = requireSettled(payment, 'allocated')
      const release = { paymentId: id, clientId: payment.clientId, asOf: null }
      const all = await allocator.releaseOf(tx, { ...release, freedMinor: null })
      const target = await sharesOf(tx, payment, { wanted, availableMinor: payment.amountMinor, freed: all })
      const sums = new Map(knownOf(wanted).map(({ invoiceId, amountMinor }) => [invoiceId, amountMinor]))
      const kept = new Set(
        sumByInvoice(allocations).flatMap((one) => (sums.get(one.invoiceId) === one.amountMinor ? [one.invoiceId] : []))
      )
      const nowMinor = new Map(allocations.map(({ obligationId, amountMinor }) => [obligationId, amountMinor]))
      const thenMinor = new Map(target.map(({ obligationId, amountMinor }) => [obligationId, amountMinor]))
      const freedMinor = new Map(
        allocations
          .filter(({ invoiceId }) => !kept.has(invoiceId))
          .map(({ obligationId, amountMinor }) => [obligationId, beyond(amountMinor, thenMinor.get(obligationId))])
      )
      const shares = target
        .filter(({ invoiceId }) => !kept.has(invoiceId))
        .map((share) => ({ ...share, amountMinor: beyond(share.amountMinor, nowMinor.get(share.obligationId)) }))
        .filter(({ amountMinor }) => amountMinor > 0n)
      namedRepository.replaceNamed(tx, { paymentId: id, named: wanted })
      await allocator.allocate(tx, {
        ...{ books, at, movesCredit: true },
        receipts: await allocator.releaseOf(tx, { ...release, freedMinor }),
        shares: shares.map((share) => ({ ...share, paymentId: id, fromOn })),
        payers: [payment.clientId],
        currency: payment.currency,
        told: async () => []
      })
      await allocator.applyNamed(tx, { books, clientIds: [...new Set([payment.clientId, ...clientsOf(all)])] })
      return get(tx, id)
    },

    /** Remembers what its source names, where that is how it stands already. */
    async restate(tx: Tx, { id, named }: { id: string; named: readonly Named[] }): Promise<PaymentView> {
      const { view, at } = await open(tx, id)
      namedRepository.replaceNamed(tx, { paymentId: id, named })
      repository.save(tx, { ...view.payment, version: view.payment.version + 1, updatedAt: at })
      return get(tx, id)
    },

    /** Says what its source corrected of a payment that stays what it is. */
    async tellUpdated(tx: Tx, { before, after }: { before: PaymentView; after: PaymentView }): Promise<void> {
      const drafts = [eventOf('payment.updated', after, previousOf(toApi(before), toApi(after)))]
      await events.append(tx, { occurredAt: after.payment.updatedAt, drafts })
    },

    /** Changes what does not touch the ledger. */
    async describe(tx: Tx, { id, change }: { id: string; change: PaymentChange }): Promise<PaymentView> {
      const { view, at } = await open(tx, id)
      repository.save(tx, { ...view.payment, ...change, version: view.payment.version + 1, updatedAt: at })
      return get(tx, id)
    }
  }
}

/** What of an amount is more than another one; nothing where it is not. */
function beyond(amountMinor: bigint, other = 0n): bigint {
  return amountMinor > other ? amountMinor - other : 0n
}
