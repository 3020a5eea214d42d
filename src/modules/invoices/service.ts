import type { Reader, Tx } from '../../db/client.ts'
import { mapInParts } from '../../db/parts.ts'
import { assert } from '../../kernel/assert.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import { versionWithClientLocked } from '../clients/owned.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventService } from '../events/service.ts'
import { type Books, daysIn } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { inOrder } from '../references/reference.ts'
import type { ReferenceService } from '../references/service.ts'
import { createInvoiceChanges } from './change-service.ts'
import { checkStated, draftOf, issuedEntries, type NewInvoice } from './draft.ts'
import * as dunning from './dunning-repository.ts'
import type { InvoiceView, Obligation } from './invoice.ts'
import { insertIssued } from './issue-repository.ts'
import * as ledger from './ledger-repository.ts'
import * as parking from './parking-repository.ts'
import type { InvoiceDraft, InvoicePorts, Planned, Released } from './ports.ts'
import * as recovery from './recovery-repository.ts'
import { createReplacements } from './replacement-service.ts'
import * as repository from './repository.ts'
import { type InvoiceDocument, toApi } from './schemas.ts'
import { createTransitions, eventOf } from './transition-service.ts'

export type InvoiceServiceDeps = Readonly<{
  newId: () => string
  clock: { now: () => Date }
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  references: ReferenceService
  ports: InvoicePorts
}>

type Issue = Readonly<{
  books: Books
  holdsOf: HoldsOf
  drafts: readonly InvoiceDraft[]
  /** Of each draft. */
  refs: readonly NewInvoice['externalRefs'][]
}>

export type Creation = Readonly<{
  released?: readonly Released[]
  /** Whether something waits for a name that it has already. */
  isAwaited?: boolean
}>

/** What became of one invoice of a batch. */
export type BatchResult = Readonly<{ document: InvoiceDocument } | { refusal: DomainError }>

export function createInvoiceService(deps: InvoiceServiceDeps) {
  const { newId, clock, events, organizations, clients, references, ports } = deps
  const changes = createTransitions(events)

  async function get(reader: Reader, id: string): Promise<InvoiceView> {
    return (await repository.find(reader, id)) ?? missing()
  }

  /** Writes drafts whose clients are locked. @returns the views as they stand before any credit is applied. */
  async function issue(tx: Tx, { books, holdsOf, drafts, refs }: Issue): Promise<InvoiceView[]> {
    const planned = await ports.planDunning(tx, { books, holdsOf, drafts })
    const views = drafts.map((draft, index) => viewOf(draft, { planned, externalRefs: refs[index] ?? [] }))
    const [invoices, obligations] = [views.map(({ invoice }) => invoice), views.flatMap((view) => view.obligations)]
    const times = { at: books.now, recordedAt: clock.now() }
    insertIssued(tx, { invoices, obligations, entries: drafts.flatMap((draft) => issuedEntries(draft, newId)), ...times })
    changes.created(tx, books, views)
    await planned.afterInsert(tx)
    const leaving = drafts.filter(({ client }) => client.offboardingStartedAt !== null)
    const obligationIds = leaving.flatMap((draft) => draft.obligations.map(({ id }) => id))
    if (obligationIds.length > 0) await ports.owedByLeaving(tx, { books, obligationIds })
    return views
  }

  async function documentsOf(
    reader: Reader,
    { books, invoiceIds }: { books: Books; invoiceIds: readonly string[] }
  ): Promise<Map<string, InvoiceDocument>> {
    const views = await repository.findMany(reader, invoiceIds)
    return new Map(await mapInParts(views, (view) => [view.invoice.id, toApi(view, books)] as const))
  }

  /** @throws DomainError `reference_not_found` naming `/invoice_ids/N` for one that is not of this client. */
  async function requireOfClient(
    tx: Tx,
    { clientId, ids }: { clientId: string; ids: readonly string[] }
  ): Promise<InvoiceView[]> {
    const views = new Map((await repository.findMany(tx, ids)).map((view) => [view.invoice.id, view]))
    return ids.map((id, index) => {
      const view = views.get(id)
      if (view !== undefined && view.invoice.clientId === clientId) return view
      throw new DomainError('reference_not_found', 'The client has no such invoice.', { pointer: `/invoice_ids/${index}` })
    })
  }

  /** See `create` of the service. What was released of the invoice that it replaces is set against it, and credit once that is void. */
  async function create(tx: Tx, input: NewInvoice, { released, ...how }: Creation = {}): Promise<InvoiceDocument> {
    const { externalRefs, clientId } = input
    const named = { ...input, id: input.id ?? newId() }
    const { gaveUp, isAwaited } = await replacements.takeNames(tx, named, externalRefs)
    // In one trip. The credit is read after the lock, which is what keeps it from changing.
    const [books, client, { credit, holdsOf }] = await Promise.all([
      organizations.books(tx),
      clients.lock(tx, clientId),
      ports.standingOf(tx, [clientId])
    ])
    const draft = draftOf(named, { books, client, newId })
    const [view] = await issue(tx, { books, holdsOf, drafts: [draft], refs: [externalRefs] })
    assert(view !== undefined, 'one draft gives one view')
    await replacements.renounce(tx, gaveUp, view.invoice)
    const { id: invoiceId } = view.invoice
    if (released !== undefined) await ports.applyReleased(tx, { books, released, invoiceId })
    const isChanged = released !== undefined || (await ports.applyCredit(tx, { books, credit }))
    const hasArrived = isAwaited || how.isAwaited === true
    if (hasArrived) await ports.arrived(tx, { books, invoices: [view.invoice] })
    return toApi(isChanged || hasArrived ? await get(tx, invoiceId) : view, books)
  }

  const invoiceChanges = createInvoiceChanges({ ...deps, get, changes })
  const replacements = createReplacements({ ...deps, ...invoiceChanges, get, changes, create })

  return {
    ...invoiceChanges,
    get,
    eventOf,
    documentsOf,
    documentOf: toApi,

    versionForUpdate: versionWithClientLocked(clients, async (reader, id) => (await get(reader, id)).invoice),

    /** The invoice as GET returns it. */
    async document(reader: Reader, id: string): Promise<InvoiceDocument> {
      const { view, organizationTimeZone: timeZone, clockAt } = (await repository.findPresent(reader, id)) ?? missing()
      return toApi(view, { now: clockAt ?? clock.now(), organization: { timeZone } })
    },

    async page(reader: Reader, filter: Omit<repository.InvoiceFilter, 'days'>): Promise<{ views: InvoiceView[]; books: Books }> {
      const [books, zones] = await Promise.all([
        organizations.books(reader),
        filter.overdue === null ? [] : clients.zones(reader)
      ])
      return { views: await repository.page(reader, { ...filter, days: daysIn(zones, books) }), books }
    },

    /**
     * Issues an invoice and applies what unapplied credit the client has.
     * @throws DomainError that names the field; see `draftOf`, and `duplicate_reference` for a reference of an invoice that is not void.
     */
    create,

    replace: replacements.replace,

    /** Checks what can be checked of an invoice before its client is there. @throws DomainError that names the field. */
    async checkNew(reader: Reader, input: NewInvoice): Promise<void> {
      checkStated(input, await organizations.books(reader))
    },

    /**
     * Issues many in one transaction. One that is refused does not keep the others from being issued.
     * @param inputs an input, or the refusal that reading it gave.
     */
    async createMany(tx: Tx, inputs: readonly (NewInvoice | DomainError)[]): Promise<BatchResult[]> {
      const wanted = [...new Set(inputs.flatMap((input) => (input instanceof DomainError ? [] : [input.clientId])))].sort()
      const refs = inputs.flatMap((input) => (input instanceof DomainError ? [] : input.externalRefs))
      const [, books, found, { credit, holdsOf }] = await Promise.all([
        references.lockAll(tx, { kind: 'invoice', refs }),
        organizations.books(tx),
        clients.lockMany(tx, wanted),
        ports.standingOf(tx, wanted)
      ])
      const locked = new Map(found.map((client) => [client.id, client]))
      const outcomes = await mapInParts(inputs, (input) => {
        if (input instanceof DomainError) return input
        const client = locked.get(input.clientId)
        if (client === undefined)
          return new DomainError('reference_not_found', 'There is no such client.', { pointer: '/client_id' })
        return refusalOr(() => ({ draft: draftOf(input, { books, client, newId }), refs: input.externalRefs }))
      })
      const settled = await replacements.takeAllNames(tx, outcomes)
      const good = settled.flatMap((outcome) => (outcome instanceof DomainError ? [] : [outcome]))
      const drafts = good.map(({ draft }) => draft)
      const views = drafts.length === 0 ? [] : await issue(tx, { books, holdsOf, drafts, refs: good.map((one) => one.refs) })
      for (const { gaveUp, draft } of good) await replacements.renounce(tx, gaveUp, draft.invoice)
      const issuedTo = new Set(views.map(({ invoice }) => invoice.clientId))
      const applied = await ports.applyCredit(tx, { books, credit: credit.filter(({ clientId }) => issuedTo.has(clientId)) })
      const arrived = good.flatMap(({ draft, isAwaited }) => (isAwaited ? [draft.invoice] : []))
      if (arrived.length > 0) await ports.arrived(tx, { books, invoices: arrived })
      const documents =
        applied || arrived.length > 0
          ? await documentsOf(tx, { books, invoiceIds: views.map(({ invoice }) => invoice.id) })
          : new Map(await mapInParts(views, (view) => [view.invoice.id, toApi(view, books)] as const))
      return settled.map((outcome) => {
        if (outcome instanceof DomainError) return { refusal: outcome }
        const document = documents.get(outcome.draft.invoice.id)
        assert(document !== undefined, 'what was issued can be read')
        return { document }
      })
    },

    requireOfClient,

    /** The same for invoices that are to be agreed upon: open, and in the currency. */
    async requireOpen(
      tx: Tx,
      { clientId, ids, currency }: { clientId: string; ids: readonly string[]; currency: string }
    ): Promise<InvoiceView[]> {
      const views = await requireOfClient(tx, { clientId, ids })
      for (const [index, { invoice }] of views.entries()) {
        const pointer = `/invoice_ids/${index}`
        if (invoice.currency !== currency)
          throw new DomainError('currency_mismatch', `The invoice is in ${invoice.currency}.`, { pointer })
        if (invoice.status !== 'open')
          throw new DomainError('invoice_not_open', `The invoice is ${invoice.status.replace('_', ' ')}.`, { pointer })
      }
      return views
    },

    // What dunning needs of obligations; only it decides what is written there.
    ...dunning.forDunning,
    saveDunning(tx: Tx, write: dunning.DunningWrite): Promise<void> {
      changes.touched(tx, write.touchedInvoiceIds)
      return dunning.saveDunning(tx, write)
    },
    /**
     * The client's open invoices that have none keep this policy as their own, whatever their client's is from now on.
     * @returns how many.
     */
    async keepPolicy(tx: Tx, { books, ...of }: { books: Books; clientId: string; policyId: string }): Promise<number> {
      const { policyId: dunningPolicyId } = of
      const before = await dunning.keepPolicy(tx, { ...of, at: books.now })
      changes.changing(tx, books, before)
      const keeping = ({ invoice }: InvoiceView) => ({
        ...invoice,
        dunningPolicyId,
        version: invoice.version + 1,
        updatedAt: books.now
      })
      changes.stand(
        tx,
        before.map((view) => ({ ...view, invoice: keeping(view) }))
      )
      return before.length
    },
    movementsOf: ledger.movementsOf,

    ...ledger.forPayments,
    ...{ ...recovery, ...parking },
    viewsOf: repository.findMany,
    /** For whoever moves their balances, before the move: the events are derived from how they were and how they end up. */
    changing: changes.changing,
    stand: changes.stand,
    /** Whether the transaction raised the invoice's version already: once is enough to tell what it does. */
    isRaised(tx: Tx, { invoice: { id, version } }: InvoiceView): boolean {
      return (changes.foundAs(tx, id)?.invoice.version ?? version) < version
    },

    /** Whose each invoice is, by invoice id. */
    clientsOf: repository.clientsOf
  }
}

function missing(): never {
  throw new DomainError('not_found', 'There is no such invoice.')
}

export type InvoiceService = ReturnType<typeof createInvoiceService>

function viewOf(
  draft: InvoiceDraft,
  { planned, externalRefs }: { planned: Planned; externalRefs: NewInvoice['externalRefs'] }
): InvoiceView {
  const obligations: Obligation[] = draft.obligations.map((obligation) => {
    const state = planned.states.get(obligation.id)
    assert(state !== undefined, 'dunning plans every obligation')
    return { ...obligation, ...state }
  })
  const dunningStart = planned.starts.get(draft.invoice.id)
  assert(dunningStart !== undefined, 'dunning says how every invoice starts')
  return {
    invoice: { ...draft.invoice, dunningStart },
    obligations,
    externalRefs: inOrder(externalRefs),
    timeZone: draft.client.timeZone
  }
}

function refusalOr<T>(make: () => T): T | DomainError {
  try {
    return make()
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
}
