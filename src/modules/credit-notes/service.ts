import type { Reader, Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import { maxDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { EventDraft } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import type { InvoiceView } from '../invoices/invoice.ts'
import type { LedgerEntry } from '../invoices/ledger.ts'
import type { InvoicePorts } from '../invoices/ports.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { PaymentService } from '../payments/service.ts'
import { type Creditable, type CreditNote, type CreditShare, creditableMinor, creditShares } from './credit-note.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

export type CreditNoteServiceDeps = Readonly<{
  newId: () => string
  clock: { now: () => Date }
  events: EventService
  invoices: InvoiceService
  payments: PaymentService
  obligationsChanged: InvoicePorts['obligationsChanged']
}>

export type NewCreditNote = Readonly<Pick<CreditNote, 'invoiceId' | 'disputeId' | 'amountMinor' | 'reason' | 'note'>>

export function createCreditNoteService(deps: CreditNoteServiceDeps) {
  const { newId, clock, events, invoices, payments, obligationsChanged } = deps

  async function viewOf(reader: Reader, invoiceId: string): Promise<InvoiceView> {
    const [view] = await invoices.viewsOf(reader, [invoiceId])
    assert(view !== undefined, 'a credit note is about an invoice')
    return view
  }

  async function partsOf(reader: Reader, { obligations }: InvoiceView): Promise<Creditable[]> {
    const ids = obligations.map(({ id }) => id)
    const allocations = await invoices.allocationsOf.obligations(reader, ids)
    return obligations.map(({ id, balanceMinor }) => ({
      obligationId: id,
      balanceMinor,
      settledMinor: allocations.reduce((sum, one) => (one.obligationId === id ? sum + one.amountMinor : sum), 0n)
    }))
  }

  function entryOf(share: CreditShare, { clientId, currency, invoiceId, issuedOn }: CreditNote): LedgerEntry {
    return {
      id: newId(),
      kind: 'credit_note',
      clientId,
      currency,
      invoiceId,
      obligationId: share.obligationId,
      paymentId: null,
      balanceMinor: -share.amountMinor,
      unappliedMinor: 0n,
      effectiveOn: issuedOn
    }
  }

  async function tell(tx: Tx, books: Books, note: CreditNote): Promise<void> {
    const issued: EventDraft = {
      type: 'credit_note.issued',
      subject: { kind: 'credit_note', id: note.id, version: note.version },
      clientId: note.clientId,
      object: toApi(note)
    }
    await events.append(tx, { occurredAt: books.now, drafts: [issued] })
  }

  return {
    async get(reader: Reader, id: string): Promise<CreditNote> {
      const note = await repository.find(reader, id)
      if (note === undefined) throw new DomainError('not_found', 'There is no such credit note.')
      return note
    },

    page: (reader: Reader, filter: repository.CreditNoteFilter) => repository.page(reader, filter),

    /** The most that can be credited on an invoice: what it claims still, paid or not. */
    creditable: async (reader: Reader, invoiceId: string): Promise<bigint> =>
      creditableMinor(await partsOf(reader, await viewOf(reader, invoiceId))),

    /**
     * Takes an amount from an invoice, with the client locked. What is paid of it already, its payments get back as unapplied
     * credit. At most what is creditable.
     */
    async issue(tx: Tx, books: Books, draft: NewCreditNote): Promise<CreditNote> {
      const before = await viewOf(tx, draft.invoiceId)
      const { clientId, currency, issuedOn, status } = before.invoice
      if (status === 'void' || status === 'written_off') {
        throw new DomainError('invoice_not_open', `The invoice is ${status.replace('_', ' ')}.`)
      }
      const shares = creditShares(draft.amountMinor, await partsOf(tx, before))
      const sum = shares.reduce((total, { amountMinor }) => total + amountMinor, 0n)
      assert(sum === draft.amountMinor, 'a credit is at most what the invoice claims')
      const at = books.now
      const note: CreditNote = {
        ...draft,
        id: newId(),
        clientId,
        currency,
        releasedMinor: shares.reduce((total, { releasedMinor }) => total + releasedMinor, 0n),
        issuedOn: maxDay(issuedOn, todayFor(books, before.timeZone)),
        ...{ version: 1, createdAt: at, updatedAt: at }
      }
      const effectiveOn = note.issuedOn
      invoices.changing(tx, books, [before])
      for (const { obligationId, releasedMinor: amountMinor } of shares) {
        // Before the credit itself, which would otherwise leave less than nothing to pay.
        if (amountMinor > 0n) await payments.releaseAllocations(tx, { books, obligationId, amountMinor, effectiveOn })
      }
      await repository.insert(tx, note)
      await invoices.post(tx, { entries: shares.map((share) => entryOf(share, note)), at, recordedAt: clock.now() })
      const obligationIds = shares.map(({ obligationId }) => obligationId)
      await obligationsChanged(tx, { books, obligationIds, effectiveOn, reason: 'credit_note' })
      await tell(tx, books, note)
      return note
    }
  }
}

export type CreditNoteService = ReturnType<typeof createCreditNoteService>
