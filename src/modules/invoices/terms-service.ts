import type { Tx } from '../../db/client.ts'
import { addDays, maxDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Changes } from '../events/changes.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { Opened } from './change-service.ts'
import { checkDueDays } from './draft.ts'
import type { DueTerms, InvoiceView, Obligation, Part } from './invoice.ts'
import { entryFor, type LedgerEntry } from './ledger.ts'
import { allocationsOf, insertEntriesOf } from './ledger-repository.ts'
import { changesTo, creditedMore, leastMinor, type PartChange, partsUnder, type StandingPart } from './parts.ts'
import { moveInvoiceParts } from './parts-repository.ts'
import type { InvoiceDocument } from './schemas.ts'
import type { InvoiceServiceDeps } from './service.ts'

type Deps = Pick<InvoiceServiceDeps, 'newId' | 'ports'> &
  Readonly<{
    changes: Changes<InvoiceView, Books>
    open: (tx: Tx, id: string) => Promise<Opened>
    follow: (
      tx: Tx,
      opened: Pick<Opened, 'books' | 'view'>,
      change: { effectiveOn: LedgerEntry['effectiveOn']; reason: string }
    ) => Promise<void>
    decided: (tx: Tx, opened: Pick<Opened, 'books' | 'view'>) => Promise<InvoiceDocument>
  }>

/** What an invoice claims and when it falls due, in as many parts as it has. */
export function createTerms({ newId, ports, changes, open, follow, decided }: Deps) {
  async function standingOf(tx: Tx, { obligations }: InvoiceView): Promise<StandingPart[]> {
    const ids = obligations.map(({ id }) => id)
    const allocations = await allocationsOf.obligations(tx, ids)
    return obligations.map(({ id: obligationId, dueOn, amountMinor, balanceMinor }) => {
      const own = allocations.filter((one) => one.obligationId === obligationId)
      const settledMinor = own.reduce((sum, one) => sum + one.amountMinor, 0n)
      return { obligationId, dueOn, amountMinor, balanceMinor, settledMinor }
    })
  }

  function addedOf({ invoice }: InvoiceView, added: readonly Part[]): Obligation[] {
    return added.map(({ dueOn, amountMinor }) => ({
      ...{ id: newId(), invoiceId: invoice.id, clientId: invoice.clientId, kind: 'part', dueOn, currency: invoice.currency },
      ...{ amountMinor, balanceMinor: amountMinor, cycle: 1, overdueFromOn: addDays(dueOn, 1), overdueAnnounced: false },
      ...{ stageCode: null, stageEnteredAt: null, nextStageCode: null, nextEntryAt: null, nextAt: null, isHeld: false },
      ...{ policyId: null, policyVersion: null }
    }))
  }

  /** Writes the parts. What payments get back of one is set against what is open of the others. */
  async function restructure(
    tx: Tx,
    opened: Opened,
    { changes: moved, added: parts }: { changes: readonly PartChange[]; added: readonly Part[] }
  ): Promise<void> {
    const { view, books, at, recordedAt } = opened
    const { invoice } = view
    changes.changing(tx, books, [view])
    const effectiveOn = maxDay(invoice.issuedOn, todayFor(books, view.timeZone))
    const released = []
    for (const { part, releasedMinor: amountMinor } of moved) {
      const { obligationId } = part
      if (amountMinor > 0n)
        released.push(...(await ports.releaseAllocations(tx, { books, obligationId, amountMinor, effectiveOn })))
    }
    const added = addedOf(view, parts)
    const [first, ...rest] = [...moved.filter(({ part, byMinor }) => part.amountMinor + byMinor > 0n), ...added]
    const dueOn = first === undefined ? invoice.dueOn : maxDay(first.dueOn, ...rest.map((part) => part.dueOn))
    moveInvoiceParts(tx, { invoice: { ...invoice, dueOn }, changes: moved, added, at })
    const how = { kind: 'total_adjusted', effectiveOn } as const
    const entries = [
      ...moved.flatMap(({ part, byMinor }) => {
        const obligation = view.obligations.find(({ id }) => id === part.obligationId)
        return byMinor === 0n || obligation === undefined ? [] : [entryFor(obligation, { ...how, id: newId(), byMinor })]
      }),
      ...added.map((obligation) => entryFor(obligation, { ...how, id: newId(), byMinor: obligation.amountMinor }))
    ]
    if (entries.length > 0) insertEntriesOf(tx, { entries, recordedAt })
    const reason = moved.some(({ restarts }) => restarts) ? 'rescheduled' : 'total_adjusted'
    const following = { books, view: { ...view, obligations: [...view.obligations, ...added] } }
    await follow(tx, following, { effectiveOn, reason })
    if (released.length > 0) await ports.applyReleased(tx, { books, released, invoiceId: invoice.id })
  }

  return {
    /**
     * Changes what an invoice claims and when it falls due. A due date that moves starts the part's next cycle: each stage may be
     * entered once more, by the new age. A total below what is paid frees credit. What is the case already changes nothing.
     * @throws DomainError naming the field: a void invoice, another total of one that is written off, parts that do not sum.
     */
    async changeTerms(tx: Tx, { id, ...terms }: { id: string } & Partial<DueTerms>): Promise<InvoiceDocument> {
      const opened = await open(tx, id)
      const { view, books } = opened
      const { invoice } = view
      const standing = await standingOf(tx, view)
      const whole = { totalMinor: null, dueOn: null, schedule: null, ...terms }
      const wanted = partsUnder(whole, standing)
      const plan = changesTo(wanted, standing)
      if (plan.added.length === 0 && plan.changes.every(({ byMinor, restarts }) => byMinor === 0n && !restarts))
        return opened.before
      requireChangeable(view, plan)
      checkDueDays(
        wanted.filter(({ dueOn }) => !standing.some((part) => part.dueOn === dueOn)),
        {
          issuedOn: invoice.issuedOn,
          pointerOf: ({ dueOn }) =>
            whole.schedule === null ? '/due_on' : `/due_schedule/${wanted.findIndex((one) => one.dueOn === dueOn)}/due_on`
        }
      )
      for (const change of plan.changes) {
        if (change.part.amountMinor + change.byMinor >= leastMinor(change.part)) continue
        throw creditedMore(whole.schedule === null ? '/total' : '/due_schedule')
      }
      await restructure(tx, opened, plan)
      const isRaised = wanted.reduce((sum, { amountMinor }) => sum + amountMinor, 0n) > invoice.totalMinor
      if (isRaised) await ports.applyCredit(tx, { books, credit: await ports.creditOf(tx, [invoice.clientId]) })
      return decided(tx, opened)
    }
  }
}

/** What is void takes no corrections; what is given up is claimed no longer, so only its due day can be corrected. */
function requireChangeable(
  { invoice }: InvoiceView,
  { changes, added }: { changes: readonly PartChange[]; added: readonly Part[] }
): void {
  const { status } = invoice
  const isClaimed = status === 'open' || status === 'paid'
  const changesAmounts = added.length > 0 || changes.some(({ byMinor }) => byMinor !== 0n)
  if (isClaimed || (status === 'written_off' && !changesAmounts)) return
  throw new DomainError('invoice_not_open', `The invoice is ${status.replace('_', ' ')}.`)
}
