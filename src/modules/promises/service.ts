import type { Reader, Tx } from '../../db/client.ts'
import { createGathering } from '../../db/gathering.ts'
import { addDays, type Day, startOfDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { type Currency, formatAmount } from '../../kernel/money.ts'
import { versionWithClientLocked } from '../clients/owned.ts'
import type { ClientService } from '../clients/service.ts'
import type { SetDeadline } from '../deadlines/service.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import type { HoldService } from '../holds/service.ts'
import type { InvoiceView } from '../invoices/invoice.ts'
import { alreadyOf } from '../invoices/ledger.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, checkAhead, todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { lastDayOf, type PaymentPromise, promisedOf, standingOf } from './promise.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

export type PromiseServiceDeps = Readonly<{
  newId: () => string
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  holds: HoldService
  setDeadline: SetDeadline
}>

export type NewPromise = Readonly<{
  clientId: string
  /** Null covers all that the client has open in the currency. */
  invoiceIds: readonly string[] | null
  currency: Currency
  amountMinor: bigint
  promisedOn: Day
  graceDays: number | null
  restoresService: boolean
  channel: string | null
  note: string | null
}>

export function createPromiseService(deps: PromiseServiceDeps) {
  const { newId, events, organizations, clients, invoices, holds, setDeadline } = deps

  async function get(reader: Reader, id: string): Promise<PaymentPromise> {
    const promise = await repository.find(reader, id)
    if (promise === undefined) throw new DomainError('not_found', 'There is no such promise.')
    return promise
  }

  async function tell(
    tx: Tx,
    books: Books,
    { type, promise, previous = null }: { type: EventType; promise: PaymentPromise; previous?: object | null }
  ): Promise<void> {
    const { id, version, clientId, invoiceIds } = promise
    const context = await holds.silencingOf(tx, books, { clientId, invoiceIds })
    const draft: EventDraft = {
      type,
      subject: { kind: 'promise', id, version },
      clientId,
      object: toApi(promise),
      previous,
      context
    }
    // After the invoices that the money was seen on.
    tx.atEnd(async () => void (await events.append(tx, { occurredAt: books.now, drafts: [draft] })))
  }

  async function setEnd(tx: Tx, books: Books, promise: PaymentPromise): Promise<void> {
    const { id: objectId, clientId } = promise
    const at = startOfDay(addDays(lastDayOf(promise), 1), await clients.zoneOf(tx, clientId, books))
    await setDeadline(tx, { kind: 'promise', objectId, clientId, at })
  }

  /** The hold that keeps dunning away through the last day that counts, and the instant after it. */
  async function wait(tx: Tx, books: Books, promise: PaymentPromise): Promise<void> {
    const { id, clientId, invoiceIds, restoresService, currency } = promise
    const part = { currency, of: await stillPromised(tx, promise) }
    const untilOn = lastDayOf(promise)
    const origin = { kind: 'promise', id } as const
    await setEnd(tx, books, promise)
    await holds.place(tx, books, {
      ...{ clientId, invoiceIds, reason: 'promise', resume: 'by_age', untilOn, part, restoresService, origin }
    })
  }

  /** What of each invoice is still promised: as much as has not come in yet, of what falls due first. */
  async function stillPromised(tx: Tx, promise: PaymentPromise): Promise<ReadonlyMap<string, bigint>> {
    const { invoiceIds, madeOn: sinceOn, already } = promise
    const [receipts, views] = await Promise.all([
      invoices.receiptsOf(tx, { invoiceIds, sinceOn }),
      invoices.viewsOf(tx, invoiceIds)
    ])
    return promisedOf(promise, { money: { receipts, already }, views })
  }

  /** Writes what became of a promise, ends or places its hold, and tells. */
  async function change(
    tx: Tx,
    books: Books,
    { before, to }: { before: PaymentPromise; to: Pick<PaymentPromise, 'status' | 'endedOn' | 'endReason'> }
  ): Promise<PaymentPromise> {
    const after: PaymentPromise = { ...before, ...to, version: before.version + 1, updatedAt: books.now }
    const { id, clientId } = before
    await repository.save(tx, after)
    if (after.status === 'pending') await wait(tx, books, after)
    if (before.status === 'pending') {
      await setDeadline(tx, { kind: 'promise', objectId: id, clientId, at: null })
      await holds.releaseOf(tx, books, { origin: { kind: 'promise', id }, reason: after.status })
    }
    const type = (
      { pending: 'promise.made', kept: 'promise.kept', broken: 'promise.broken', cancelled: 'promise.cancelled' } as const
    )[after.status]
    await tell(tx, books, { type, promise: after, previous: previousOf(toApi(before), toApi(after)) })
    return after
  }

  const spread = (tx: Tx, books: Books, { promise: { id }, of }: { promise: PaymentPromise; of: ReadonlyMap<string, bigint> }) =>
    holds.spread(tx, books, { origin: { kind: 'promise', id }, of })

  /** Decides a promise anew by what was paid. */
  async function decide(tx: Tx, books: Books, promise: PaymentPromise): Promise<void> {
    const { invoiceIds, madeOn: sinceOn, already, clientId } = promise
    const [receipts, views, zone] = await Promise.all([
      invoices.receiptsOf(tx, { invoiceIds, sinceOn }),
      invoices.viewsOf(tx, invoiceIds),
      clients.zoneOf(tx, clientId, books)
    ])
    const isSettled = views.every(({ invoice }) => invoice.status !== 'open')
    const isGivenUp = isSettled && views.every(({ invoice }) => invoice.status !== 'paid')
    const today = todayFor(books, zone)
    if (isGivenUp) {
      if (promise.status === 'pending') {
        await change(tx, books, { before: promise, to: { status: 'cancelled', endedOn: today, endReason: 'invoice_closed' } })
      }
      return
    }
    const standing = standingOf(promise, { money: { receipts, already }, today, isSettled })
    if (standing.status === promise.status) {
      if (standing.status === 'pending')
        await spread(tx, books, { promise, of: promisedOf(promise, { money: { receipts, already }, views }) })
      return
    }
    // It was kept by what was there in its time, and nothing is open again: what is credited later breaks no word.
    if (promise.status === 'kept' && standing.status === 'broken' && isSettled) return
    // Another promise took its place on one of the invoices.
    if (standing.status === 'pending' && (await repository.pendingOn(tx, invoiceIds)) !== undefined) return
    await change(tx, books, { before: promise, to: { ...standing, endReason: null } })
  }

  const follow = createGathering(async (tx, books: Books, invoiceIds) => {
    for (const promise of await repository.ofInvoices(tx, invoiceIds)) await decide(tx, books, promise)
  })

  async function coveredBy(tx: Tx, { clientId, invoiceIds, currency }: NewPromise): Promise<InvoiceView[]> {
    if (invoiceIds === null) {
      const open = (await invoices.openOfClients(tx, [clientId])).filter((one) => one.currency === currency)
      return invoices.viewsOf(tx, [...new Set(open.map(({ invoiceId }) => invoiceId))])
    }
    return invoices.requireOpen(tx, { clientId, ids: invoiceIds, currency })
  }

  return {
    versionForUpdate: versionWithClientLocked(clients, get),

    get,
    page: (reader: Reader, filter: repository.PromiseFilter) => repository.page(reader, filter),

    /**
     * Takes the client's word. @throws DomainError naming the field: a day in the past, more than is open, an invoice that is not
     * open, of another client or currency, or promised already.
     */
    async make(tx: Tx, input: NewPromise): Promise<PaymentPromise> {
      const client = await clients.lock(tx, input.clientId)
      const books = await organizations.books(tx)
      const today = todayFor(books, client.timeZone)
      checkDay(input.promisedOn, today)
      checkAhead(input.promisedOn, { today, organization: books.organization, pointer: '/promised_on' })
      const covered = await coveredBy(tx, input)
      const invoiceIds = covered.map(({ invoice }) => invoice.id).toSorted()
      checkAmount(input, covered)
      const taken = await repository.pendingOn(tx, invoiceIds)
      if (taken !== undefined) {
        throw new DomainError('invoice_promised', 'A promise is pending on one of these invoices: cancel it first.', {
          existingId: taken.promiseId
        })
      }
      const receipts = await invoices.receiptsOf(tx, { invoiceIds, sinceOn: today })
      const at = books.now
      const promise: PaymentPromise = {
        id: newId(),
        ...{ clientId: input.clientId, invoiceIds, currency: input.currency, amountMinor: input.amountMinor },
        ...{ madeOn: today, promisedOn: input.promisedOn, graceDays: input.graceDays ?? books.organization.promiseGraceDays },
        ...{ already: alreadyOf(receipts), restoresService: input.restoresService },
        ...{ channel: input.channel, note: input.note, status: 'pending', endedOn: null, endReason: null },
        ...{ version: 1, createdAt: at, updatedAt: at }
      }
      await repository.insert(tx, promise)
      await wait(tx, books, promise)
      await tell(tx, books, { type: 'promise.made', promise })
      return promise
    },

    /** Takes it back. @throws DomainError `promise_not_pending`. */
    async cancel(tx: Tx, id: string): Promise<PaymentPromise> {
      const { clientId } = await get(tx, id)
      const client = await clients.lock(tx, clientId)
      const [books, promise] = await Promise.all([organizations.books(tx), get(tx, id)])
      if (promise.status !== 'pending') throw new DomainError('promise_not_pending', `This promise is ${promise.status}.`)
      const endedOn = todayFor(books, client.timeZone)
      return change(tx, books, { before: promise, to: { status: 'cancelled', endedOn, endReason: 'by_hand' } })
    },

    isOver: repository.isOver,
    moveInvoice: repository.moveInvoice,

    /** The money on these invoices changed: their promises are decided before the commit, by what the transaction leaves. */
    follow,

    /** Its last day is over. */
    async meet(tx: Tx, { books, objectId }: { books: Books; objectId: string }): Promise<void> {
      const promise = await get(tx, objectId)
      if (promise.status !== 'pending') return
      await decide(tx, books, promise)
      // The client's day changed with its time zone: its last day is not over yet.
      if ((await get(tx, objectId)).status === 'pending') await setEnd(tx, books, promise)
    }
  }
}

export type PromiseService = ReturnType<typeof createPromiseService>

function checkDay(promisedOn: Day, today: Day): void {
  const pointer = '/promised_on'
  if (promisedOn < today) {
    throw new DomainError('invalid_date', `What is promised is paid today, ${today}, or later.`, { pointer })
  }
}

function checkAmount({ amountMinor, currency }: NewPromise, covered: readonly InvoiceView[]): void {
  if (amountMinor <= 0n) throw new DomainError('invalid_amount', 'What is promised is more than 0.', { pointer: '/amount' })
  const open = covered.reduce((sum, { invoice }) => sum + invoice.balanceMinor, 0n)
  if (amountMinor > open) {
    throw new DomainError('exceeds_balance', `Only ${formatAmount(open, currency)} ${currency} of it is open.`, {
      pointer: '/amount'
    })
  }
}
