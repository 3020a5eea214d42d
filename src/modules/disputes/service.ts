import type { Reader, Tx } from '../../db/client.ts'
import { addDays, type Day, startOfDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { formatAmount } from '../../kernel/money.ts'
import { versionWithClientLocked } from '../clients/owned.ts'
import type { ClientService } from '../clients/service.ts'
import type { CreditNoteService } from '../credit-notes/service.ts'
import type { SetDeadline } from '../deadlines/service.ts'
import type { EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import type { HoldService } from '../holds/service.ts'
import type { InvoiceView } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import {
  checkAmount,
  checkRespondBy,
  creditOf,
  type Dispute,
  type DisputeReason,
  type DisputeStatus,
  type Fault,
  type Finding,
  type Resolution,
  requireOpen
} from './dispute.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

export type DisputeServiceDeps = Readonly<{
  newId: () => string
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  creditNotes: CreditNoteService
  holds: HoldService
  setDeadline: SetDeadline
}>

export type NewDispute = Readonly<{
  invoiceId: string
  /** Null contests all that is open of the invoice. */
  amountMinor: bigint | null
  reason: DisputeReason
  note: string | null
  respondByOn: Day | null
}>

type Opened = Readonly<{ books: Books; dispute: Dispute; timeZone: string | null }>

export function createDisputeService(deps: DisputeServiceDeps) {
  const { newId, events, organizations, clients, invoices, creditNotes, holds, setDeadline } = deps

  async function get(reader: Reader, id: string): Promise<Dispute> {
    const dispute = await repository.find(reader, id)
    if (dispute === undefined) throw new DomainError('not_found', 'There is no such dispute.')
    return dispute
  }

  /** @throws DomainError `reference_not_found` naming the field. */
  async function invoiceOf(reader: Reader, invoiceId: string): Promise<InvoiceView> {
    const [view] = await invoices.viewsOf(reader, [invoiceId])
    if (view !== undefined) return view
    throw new DomainError('reference_not_found', 'There is no such invoice.', { pointer: '/invoice_id' })
  }

  /** Locks the client first, as everything does that moves its invoices. */
  async function open(tx: Tx, id: string): Promise<Opened> {
    const { clientId } = await get(tx, id)
    const { timeZone } = await clients.lock(tx, clientId)
    const [books, dispute] = await Promise.all([organizations.books(tx), get(tx, id)])
    return { books, dispute, timeZone }
  }

  async function tell(
    tx: Tx,
    type: EventType,
    { books, dispute, before }: { books: Books; dispute: Dispute; before?: Dispute }
  ): Promise<void> {
    const { id, version, clientId, invoiceId } = dispute
    const context = await holds.silencingOf(tx, books, { clientId, invoiceIds: [invoiceId] })
    const object = toApi(dispute)
    const previous = before === undefined ? null : previousOf(toApi(before), object)
    const draft = { type, subject: { kind: 'dispute', id, version }, clientId, object, previous, context }
    await events.append(tx, { occurredAt: books.now, drafts: [draft] })
  }

  /** Whoever ends it releases its hold first, so that whatever is told afterwards tells it as it is from now on. */
  async function end(
    tx: Tx,
    { books, dispute, timeZone }: Opened,
    { status, ...how }: Omit<Resolution, 'resolvedOn' | 'resolvedAt'> & { status: DisputeStatus }
  ): Promise<Dispute> {
    const resolution = { ...how, resolvedOn: todayFor(books, timeZone), resolvedAt: books.now }
    const ended: Dispute = { ...dispute, status, resolution, version: dispute.version + 1, updatedAt: books.now }
    await repository.save(tx, ended)
    const { id: objectId, clientId } = dispute
    if (dispute.respondByOn !== null) await setDeadline(tx, { kind: 'dispute', objectId, clientId, at: null })
    await tell(tx, 'dispute.resolved', { books, dispute: ended, before: dispute })
    return ended
  }

  const originOf = ({ id }: Dispute) => ({ kind: 'dispute' as const, id })

  /** With the client locked and everything checked. */
  async function write(tx: Tx, { books, dispute, timeZone }: Opened): Promise<void> {
    const { clientId, invoiceId, amountMinor, currency, respondByOn } = dispute
    await repository.insert(tx, dispute)
    if (respondByOn !== null) {
      const at = startOfDay(addDays(respondByOn, 1), timeZone ?? books.organization.timeZone)
      await setDeadline(tx, { kind: 'dispute', objectId: dispute.id, clientId, at })
    }
    await holds.place(tx, books, {
      clientId,
      invoiceIds: [invoiceId],
      reason: 'dispute',
      resume: 'by_age',
      untilOn: null,
      // A part also where it is all that is open now: what is owed again later is not what is contested.
      part: { currency, of: new Map([[invoiceId, amountMinor]]) },
      origin: originOf(dispute)
    })
    await tell(tx, 'dispute.opened', { books, dispute })
  }

  return {
    versionForUpdate: versionWithClientLocked(clients, get),

    moveInvoice: repository.moveInvoice,
    get,
    invoiceOf,

    page: (reader: Reader, filter: repository.DisputeFilter) => repository.page(reader, filter),

    /**
     * Stops dunning what the client contests.
     * @throws DomainError naming the field: an invoice that is not open, more than is open and not disputed yet, a day that has passed.
     */
    async open(tx: Tx, draft: NewDispute): Promise<Dispute> {
      const { clientId } = (await invoiceOf(tx, draft.invoiceId)).invoice
      const { timeZone } = await clients.lock(tx, clientId)
      const [books, { invoice }, others] = await Promise.all([
        organizations.books(tx),
        invoiceOf(tx, draft.invoiceId),
        repository.openOf(tx, draft.invoiceId)
      ])
      const { currency, balanceMinor } = invoice
      if (invoice.status !== 'open') {
        throw new DomainError('invoice_not_open', `The invoice is ${invoice.status.replace('_', ' ')}.`, {
          pointer: '/invoice_id'
        })
      }
      const amountMinor = draft.amountMinor ?? balanceMinor
      const disputedMinor = others.reduce((sum, other) => sum + other.amountMinor, 0n)
      checkAmount(amountMinor, { balanceMinor, disputedMinor, currency })
      const today = todayFor(books, timeZone)
      checkRespondBy(draft.respondByOn, today)
      const at = books.now
      const dispute: Dispute = {
        ...draft,
        ...{ id: newId(), clientId, currency, amountMinor, openedOn: today, overdueAt: null },
        ...{ status: 'open', resolution: null, version: 1, createdAt: at, updatedAt: at }
      }
      await write(tx, { books, dispute, timeZone })
      return dispute
    },

    /**
     * Answers it. What is found right is credited; of a total that was lowered meanwhile, no more than what is left.
     * @throws DomainError `dispute_not_open`; see `creditOf` for the credit.
     */
    async resolve(
      tx: Tx,
      { id, ...input }: { id: string; finding: Finding; atFault: Fault; creditMinor: bigint | null; note: string | null }
    ): Promise<Dispute> {
      const opened = await open(tx, id)
      const { books, dispute } = opened
      const { finding, atFault, note } = input
      requireOpen(dispute)
      const wantedMinor = creditOf(finding, dispute, input.creditMinor)
      const creditableMinor = wantedMinor === 0n ? 0n : await creditNotes.creditable(tx, dispute.invoiceId)
      if (finding === 'partly_upheld' && wantedMinor > creditableMinor) {
        const left = formatAmount(creditableMinor, dispute.currency)
        throw new DomainError('exceeds_balance', `The invoice claims only ${left} still.`, { pointer: '/credit' })
      }
      const creditMinor = wantedMinor < creditableMinor ? wantedMinor : creditableMinor
      await holds.releaseOf(tx, books, { origin: originOf(dispute), reason: finding })
      const { invoiceId } = dispute
      const credit = { invoiceId, disputeId: id, amountMinor: creditMinor, reason: 'dispute', note } as const
      const creditNoteId = creditMinor === 0n ? null : (await creditNotes.issue(tx, books, credit)).id
      return end(tx, opened, { status: finding, atFault, creditMinor, creditNoteId, reason: null, note })
    },

    /** The client contests it no more. @throws DomainError `dispute_not_open`. */
    async withdraw(tx: Tx, { id, note }: { id: string; note: string | null }): Promise<Dispute> {
      const opened = await open(tx, id)
      requireOpen(opened.dispute)
      await holds.releaseOf(tx, opened.books, { origin: originOf(opened.dispute), reason: 'withdrawn' })
      return end(tx, opened, { status: 'withdrawn', atFault: null, creditMinor: 0n, creditNoteId: null, reason: null, note })
    },

    /** The invoice was voided or written off: nothing is left to contest. The client is locked. */
    async invoiceClosed(tx: Tx, books: Books, { invoiceId }: { invoiceId: string }): Promise<void> {
      const { timeZone } = await invoiceOf(tx, invoiceId)
      const none = { atFault: null, creditMinor: 0n, creditNoteId: null, note: null }
      for (const dispute of await repository.openOf(tx, invoiceId)) {
        await holds.releaseOf(tx, books, { origin: originOf(dispute), reason: 'invoice_closed' })
        await end(tx, { books, dispute, timeZone }, { ...none, status: 'withdrawn', reason: 'invoice_closed' })
      }
    },

    /** The day for our answer is over. */
    async meet(tx: Tx, { books, objectId }: { books: Books; objectId: string }): Promise<void> {
      const before = await get(tx, objectId)
      if (before.status !== 'open' || before.overdueAt !== null) return
      const dispute = { ...before, overdueAt: books.now, version: before.version + 1, updatedAt: books.now }
      await repository.save(tx, dispute)
      await tell(tx, 'dispute.overdue', { books, dispute, before })
    }
  }
}

export type DisputeService = ReturnType<typeof createDisputeService>
