import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Changes } from '../events/changes.ts'
import type { Books } from '../organizations/organization.ts'
import type { InvoiceChanges } from './change-service.ts'
import type { NewInvoice } from './draft.ts'
import type { InvoiceView } from './invoice.ts'
import { allocationsOf } from './ledger-repository.ts'
import type { InvoiceDraft, Released } from './ports.ts'
import * as repository from './repository.ts'
import { type InvoiceDocument, toApi } from './schemas.ts'
import type { Creation, InvoiceServiceDeps } from './service.ts'

type Deps = Pick<InvoiceServiceDeps, 'organizations' | 'clients' | 'references' | 'ports'> &
  Pick<InvoiceChanges, 'openForChange' | 'replaceWith'> &
  Readonly<{
    get: (reader: Reader, id: string) => Promise<InvoiceView>
    changes: Changes<InvoiceView, Books>
    create: (tx: Tx, input: NewInvoice, how: Creation) => Promise<InvoiceDocument>
  }>

type Renounced = Readonly<{ id: string; clientId: string; currency: string }>

/** The names of an invoice: the void ones that had them, and whether something waits for one of them. */
type Taken = Readonly<{ gaveUp: readonly InvoiceView[]; isAwaited: boolean }>

/** One invoice of a batch, with the references that it is to have. */
type Item = Readonly<{ draft: InvoiceDraft; refs: NewInvoice['externalRefs'] }>
type Claimed = Item & Taken

/** Invoices that take the place of others under their references. */
export function createReplacements(deps: Deps) {
  const { organizations, clients, references, ports, get, changes, openForChange, replaceWith, create } = deps

  /** Their names went to another invoice, which is written by now: what is void is found by its id alone from then on. */
  async function renounce(tx: Tx, named: readonly InvoiceView[], to: Renounced): Promise<void> {
    if (named.length === 0) return
    const refs = new Map(named.map(({ invoice, externalRefs }) => [invoice.id, externalRefs]))
    // Only now is the client locked.
    const [books, found] = await Promise.all([organizations.books(tx), repository.findMany(tx, [...refs.keys()])])
    const views = found.map((view) => ({ ...view, externalRefs: refs.get(view.invoice.id) ?? [] }))
    changes.changing(tx, books, views)
    for (const { invoice } of views) {
      const isReplaced = invoice.replacedById === null && invoice.clientId === to.clientId && invoice.currency === to.currency
      const replacedById = isReplaced ? to.id : invoice.replacedById
      await repository.save(tx, { ...invoice, replacedById, version: invoice.version + 1, updatedAt: books.now })
    }
  }

  /**
   * Gives an invoice that is about to be written its references. Before its client is locked, as names are everywhere.
   * @returns the void invoices that had them: see `renounce`. What waits for these, too, waits for the names.
   */
  async function takeNames(tx: Tx, { id }: { id: string }, refs: NewInvoice['externalRefs']): Promise<Taken> {
    const views: InvoiceView[] = []
    const awaited = await references.add(tx, { kind: 'invoice', objectId: id, refs }, async (ids) => {
      views.push(...(await repository.findMany(tx, ids)))
      return views.length > 0 && views.every(({ invoice }) => invoice.status === 'void')
    })
    return { gaveUp: views, isAwaited: awaited.length > 0 || views.length > 0 }
  }

  /** In one trip; where two items want the same name, one after the other, so that the second sees what the first took. */
  async function takeAllNames(tx: Tx, outcomes: readonly (Item | DomainError)[]): Promise<(Claimed | DomainError)[]> {
    const claim = async (outcome: Item | DomainError) => (outcome instanceof DomainError ? outcome : takeWhole(tx, outcome))
    const names = outcomes.flatMap((outcome) =>
      outcome instanceof DomainError ? [] : outcome.refs.map((ref) => JSON.stringify(ref))
    )
    if (new Set(names).size === names.length) return Promise.all(outcomes.map(claim))
    const settled: (Claimed | DomainError)[] = []
    for (const outcome of outcomes) settled.push(await claim(outcome))
    return settled
  }

  /** Takes all references of a batch's item or none of them. */
  async function takeWhole(tx: Tx, item: Item): Promise<Claimed | DomainError> {
    const objectId = item.draft.invoice.id
    try {
      return { ...item, ...(await takeNames(tx, item.draft.invoice, item.refs)) }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      await references.replace(tx, { kind: 'invoice', objectId, refs: [] })
      return error
    }
  }

  /** What payments settled of it goes to the invoice that replaces it; what was credited cannot. */
  async function release(tx: Tx, { view, books }: { view: InvoiceView; books: Books }, input: NewInvoice): Promise<Released[]> {
    const { invoice, obligations } = view
    const ids = obligations.map(({ id }) => id)
    const settledMinor = (await allocationsOf.obligations(tx, ids)).reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
    if (settledMinor < invoice.totalMinor - invoice.balanceMinor) {
      const sentence =
        'Some of this invoice was credited or given up, which the one in its place would not know: void it, then send all of it again.'
      throw new DomainError('invoice_has_payments', sentence)
    }
    const isOther = input.clientId !== invoice.clientId || input.currency !== invoice.currency
    if (isOther && settledMinor > 0n) {
      const pointer = input.clientId === invoice.clientId ? '/currency' : '/client_id'
      const sentence = 'Something was paid on this invoice, which stays with its client and currency: reverse the payment first.'
      throw new DomainError('invoice_has_payments', sentence, { pointer })
    }
    const released: Released[] = []
    for (const { id: obligationId, amountMinor, balanceMinor } of obligations) {
      if (amountMinor === balanceMinor) continue
      const given = { books, obligationId, amountMinor: amountMinor - balanceMinor, effectiveOn: null }
      released.push(...(await ports.releaseAllocations(tx, given)))
    }
    return released
  }

  return {
    takeNames,
    takeAllNames,
    renounce,

    /**
     * Issues an invoice in the place of another one, which is void from then on. Its references, what payments settled of it and what
     * hung on it go to the new one.
     * @throws DomainError `invoice_has_payments` for one with payments, where the client or the currency is another.
     */
    async replace(tx: Tx, { id, input }: { id: string; input: NewInvoice & { id: string } }): Promise<InvoiceDocument> {
      const { invoice } = await get(tx, id)
      // Both at once, in one order, as everything does that locks more than one.
      await clients.lockMany(tx, [...new Set([invoice.clientId, input.clientId])].toSorted())
      const opened = await openForChange(tx, id)
      const { view, books } = opened
      if (view.invoice.status !== 'void') changes.changing(tx, books, [view])
      await references.move(tx, { kind: 'invoice', from: id, to: input.id })
      const named = { ...input, externalRefs: view.externalRefs }
      if (view.invoice.status === 'void') {
        const document = await create(tx, named, { isAwaited: true })
        await renounce(tx, [view], { ...input, id: input.id })
        return document
      }
      if (view.invoice.status === 'written_off') {
        throw new DomainError('invoice_not_open', 'The invoice is written off: it can become no other one.')
      }
      const released = await release(tx, opened, input)
      await create(tx, named, { released })
      const isSameDebt = input.clientId === invoice.clientId && input.currency === invoice.currency
      await replaceWith(tx, { books, view: await get(tx, id) }, isSameDebt ? input.id : null)
      // Only now: what was released would go back to the one that is replaced.
      await ports.applyCredit(tx, { books, credit: await ports.creditOf(tx, [input.clientId]) })
      await ports.arrived(tx, { books, invoices: [input] })
      await tx.decided()
      return toApi(await get(tx, input.id), books)
    }
  }
}
