import { isDeepStrictEqual } from 'node:util'
import type { Reader, Tx } from '../../db/client.ts'
import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { PolicyScope } from '../clients/client.ts'
import type { Changes } from '../events/changes.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import { refuseStale } from '../organizations/service.ts'
import type { Invoice, InvoiceView, Obligation } from './invoice.ts'
import { entryFor, type LedgerEntry, oldestDueFirst } from './ledger.ts'
import { allocationsOf, discountsOf, insertEntriesOf, post } from './ledger-repository.ts'
import * as repository from './repository.ts'
import { type InvoiceDocument, toApi } from './schemas.ts'
import type { InvoiceServiceDeps } from './service.ts'
import type { LedgerKind } from './table.ts'
import { createTerms } from './terms-service.ts'

export type InvoiceChange = Readonly<
  Partial<Pick<Invoice, 'number' | 'collectionMethod' | 'paymentLinks' | 'metadata' | 'dunningPolicyId' | 'dunningStart'>>
>

type Update = Readonly<{
  id: string
  change: InvoiceChange
  /** Whether another policy is for what is in flight, too. */
  appliesTo?: PolicyScope | undefined
  expectedVersion?: number | undefined
}>

type Deps = InvoiceServiceDeps &
  Readonly<{
    get: (reader: Reader, id: string) => Promise<InvoiceView>
    changes: Changes<InvoiceView, Books>
  }>

export type Opened = Readonly<{ books: Books; view: InvoiceView; before: InvoiceDocument; at: Date; recordedAt: Date }>

/** What can happen to an invoice besides being issued and being paid. Each locks the client, then reads, decides, writes. */
export function createInvoiceChanges({ newId, clock, organizations, clients, ports, get, changes }: Deps) {
  async function open(tx: Tx, id: string): Promise<Opened> {
    const { invoice } = await get(tx, id)
    await clients.lock(tx, invoice.clientId)
    const [books, view] = await Promise.all([organizations.books(tx), get(tx, id)])
    return { books, view, before: toApi(view, books), at: books.now, recordedAt: clock.now() }
  }

  type Finished = Readonly<{ effectiveOn: Day; reason: string; movesPolicy?: true }>

  /** Dunning and agreements follow the change, and the answer shows what they made of the invoice. */
  async function finish(tx: Tx, opened: Pick<Opened, 'books' | 'view'>, change: Finished): Promise<InvoiceDocument> {
    await follow(tx, opened, change)
    return decided(tx, opened)
  }

  /** The invoice once all is decided. Nothing may change it any more: what is decided twice is told twice. */
  async function decided(tx: Tx, { books, view }: Pick<Opened, 'books' | 'view'>): Promise<InvoiceDocument> {
    await tx.decided()
    const after = await get(tx, view.invoice.id)
    changes.stand(tx, [after])
    return toApi(after, books)
  }

  function follow(tx: Tx, { books, view }: Pick<Opened, 'books' | 'view'>, change: Finished): Promise<void> {
    return ports.obligationsChanged(tx, { books, obligationIds: view.obligations.map(({ id }) => id), ...change })
  }

  /** Ends what is still open of an invoice without money. */
  async function close(
    tx: Tx,
    opened: Omit<Opened, 'before'>,
    how: { kind: LedgerKind & ('voided' | 'written_off'); status: 'void' | 'written_off'; replacedById: string | null }
  ) {
    const { books, view, at, recordedAt } = opened
    changes.changing(tx, books, [view])
    const today = todayFor(books, view.timeZone)
    const entries = view.obligations
      .filter(({ balanceMinor }) => balanceMinor > 0n)
      .map((obligation) =>
        entryFor(obligation, { id: newId(), kind: how.kind, byMinor: -obligation.balanceMinor, effectiveOn: today })
      )
    insertEntriesOf(tx, { entries, recordedAt })
    await repository.emptyObligations(tx, view.invoice.id)
    await repository.save(tx, {
      ...view.invoice,
      balanceMinor: 0n,
      status: how.status,
      replacedById: how.replacedById,
      version: view.invoice.version + 1,
      updatedAt: at
    })
    return today
  }

  return {
    tellWith: changes.tellWith,
    openForChange: open,

    /** The last step of a replacement: nothing is paid on it any more. */
    async replaceWith(tx: Tx, of: Pick<Opened, 'books' | 'view'>, replacedById: string | null): Promise<void> {
      const effectiveOn = await close(
        tx,
        { ...of, at: of.books.now, recordedAt: clock.now() },
        { kind: 'voided', status: 'void', replacedById }
      )
      await follow(tx, of, { effectiveOn, reason: 'voided' })
    },

    ...createTerms({ newId, ports, changes, open, follow, decided }),

    /** Changes settings. What is absent stays; a change that changes nothing raises no version and tells nobody. */
    async update(tx: Tx, { id, change, expectedVersion, appliesTo = 'all' }: Update): Promise<InvoiceDocument> {
      const opened = await open(tx, id)
      const { invoice } = opened.view
      refuseStale(invoice.version, expectedVersion)
      if (isDeepStrictEqual({ ...invoice, ...change }, invoice)) return opened.before
      changes.changing(tx, opened.books, [opened.view])
      await repository.save(tx, { ...invoice, ...change, version: invoice.version + 1, updatedAt: opened.at })
      const effectiveOn = todayFor(opened.books, opened.view.timeZone)
      const isOther = change.dunningPolicyId !== undefined && change.dunningPolicyId !== invoice.dunningPolicyId
      const moved = isOther && appliesTo === 'all' ? ({ movesPolicy: true } as const) : {}
      return finish(tx, opened, { effectiveOn, reason: 'settings_changed', ...moved })
    },

    /** Takes back an invoice that nothing was paid on. What hung on it moves to the one that replaces it. */
    async voidInvoice(tx: Tx, { id, replacedById }: { id: string; replacedById: string | null }): Promise<InvoiceDocument> {
      const opened = await open(tx, id)
      const { invoice } = opened.view
      requireOpen(invoice)
      if ((await settledOf(tx, opened.view.obligations)) > 0n) {
        throw new DomainError('invoice_has_payments', 'Something was paid on this invoice: reverse the payment first.')
      }
      if (replacedById !== null) await requireReplacement(tx, { invoice, replacedById })
      const effectiveOn = await close(tx, opened, { kind: 'voided', status: 'void', replacedById })
      return finish(tx, opened, { effectiveOn, reason: 'voided' })
    },

    /** Gives up what is still open. It stays in the history. */
    async writeOff(tx: Tx, id: string): Promise<InvoiceDocument> {
      const opened = await open(tx, id)
      requireOpen(opened.view.invoice)
      const effectiveOn = await close(tx, opened, { kind: 'written_off', status: 'written_off', replacedById: null })
      return finish(tx, opened, { effectiveOn, reason: 'written_off' })
    },

    /**
     * Gives up what is still open of these invoices, oldest due first, as far as a plan that was kept agreed: what is owed again for
     * other reasons is owed.
     * @returns what was given up.
     */
    async discountRest(tx: Tx, how: { books: Books; ids: readonly string[]; upToMinor: bigint }): Promise<bigint> {
      let leftMinor = how.upToMinor
      const open = (await repository.findMany(tx, how.ids)).filter(({ invoice }) => invoice.status === 'open')
      for (const view of open.toSorted(olderDueFirst)) {
        const effectiveOn = todayFor(how.books, view.timeZone)
        const entries = view.obligations.flatMap((one) => {
          const minor = one.balanceMinor < leftMinor ? one.balanceMinor : leftMinor
          leftMinor -= minor
          const kind = 'plan_discount'
          return minor === 0n ? [] : [entryFor(one, { id: newId(), kind, byMinor: -minor, effectiveOn })]
        })
        if (entries.length > 0) await moveBy(tx, view, { ...how, entries, effectiveOn })
      }
      return how.upToMinor - leftMinor
    },

    /** Takes as much of such discounts back, in the same order: what was given up is owed again. */
    async restoreRest(tx: Tx, how: { books: Books; ids: readonly string[]; upToMinor: bigint }): Promise<void> {
      let leftMinor = how.upToMinor
      const discounts = await discountsOf(tx, how.ids)
      for (const view of (await repository.findMany(tx, how.ids)).toSorted(olderDueFirst)) {
        const effectiveOn = todayFor(how.books, view.timeZone)
        const kind = 'plan_discount_reversed'
        const entries = view.obligations.flatMap((one) => {
          const given = discounts.find(({ obligationId }) => obligationId === one.id)?.amountMinor ?? 0n
          const minor = given < leftMinor ? given : leftMinor
          leftMinor -= minor
          return minor === 0n ? [] : [entryFor(one, { id: newId(), kind, byMinor: minor, effectiveOn })]
        })
        if (entries.length > 0) await moveBy(tx, view, { ...how, entries, effectiveOn })
      }
    }
  }

  /** Posts entries of one invoice; dunning follows. */
  async function moveBy(
    tx: Tx,
    view: InvoiceView,
    { books, entries, effectiveOn }: { books: Books; entries: readonly LedgerEntry[]; effectiveOn: Day }
  ): Promise<void> {
    changes.changing(tx, books, [view])
    await post(tx, { entries, at: books.now, recordedAt: clock.now() })
    await follow(tx, { books, view }, { effectiveOn, reason: 'payment_plan' })
    changes.touched(tx, [view.invoice.id])
  }

  /** What payments settled, credit notes left out. */
  async function settledOf(tx: Tx, obligations: readonly Obligation[]): Promise<bigint> {
    const ids = obligations.map(({ id }) => id)
    return (await allocationsOf.obligations(tx, ids)).reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
  }

  async function requireReplacement(
    tx: Tx,
    { invoice, replacedById }: { invoice: Invoice; replacedById: string }
  ): Promise<void> {
    const pointer = '/replaced_by_id'
    const other = replacedById === invoice.id ? undefined : await repository.find(tx, replacedById)
    if (other?.invoice.clientId !== invoice.clientId) {
      throw new DomainError('reference_not_found', 'The client has no such other invoice.', { pointer })
    }
    if (other.invoice.currency !== invoice.currency) {
      throw new DomainError('currency_mismatch', `The invoice is in ${other.invoice.currency}.`, { pointer })
    }
  }
}

export type InvoiceChanges = ReturnType<typeof createInvoiceChanges>

function olderDueFirst(a: InvoiceView, b: InvoiceView): number {
  const dated = ({ invoice, externalRefs }: InvoiceView) => ({
    ...invoice,
    obligationId: invoice.id,
    firstRef: externalRefs[0] ?? null
  })
  return oldestDueFirst(dated(a), dated(b))
}

function requireOpen(invoice: Invoice): void {
  if (invoice.status !== 'open') throw new DomainError('invoice_not_open', `The invoice is ${invoice.status.replace('_', ' ')}.`)
}
