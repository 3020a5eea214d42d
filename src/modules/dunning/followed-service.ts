import type { Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import { type Day, daysBetween } from '../../kernel/day.ts'
import type { HoldFact } from '../../kernel/holding.ts'
import type { Client } from '../clients/client.ts'
import { clientContext } from '../clients/client-context.ts'
import type { EventDraft } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import { silencingContext } from '../holds/hold.ts'
import type { DunningCase, DunningState } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { Change } from './decided.ts'
import { groundsContext, obligationContext, retractedContext } from './event-context.ts'
import type { LiveEntry, PolicyRef } from './facts.ts'

export type ObligationsChange = Readonly<{
  books: Books
  obligationIds: readonly string[]
  effectiveOn: Day
  reason: string
  /** The invoice has another policy, which is for what is in flight too. */
  movesPolicy?: true | undefined
}>

/** An obligation as the change left it: what no longer counts, what still does, and where that puts it. */
export type Followed = Readonly<{
  found: DunningCase
  mistaken: readonly LiveEntry[]
  kept: readonly LiveEntry[]
  policy: PolicyRef
  state: DunningState
  cleared: boolean
  /** What its stages ask for besides a message may have changed. */
  isActedOn: boolean
  /** What held or holds it. */
  holds: readonly HoldFact[]
}>

/** What receivers are told of a change that dunning followed. */
export function createFollowedEvents(invoices: Pick<InvoiceService, 'eventOf' | 'documentOf' | 'tellWith'>) {
  function draftsOf(
    tx: Tx,
    changes: readonly Change<Followed>[],
    how: ObligationsChange & { known: ReadonlyMap<string, Client> }
  ): EventDraft[] {
    const telling = changes.filter(({ of }) => of.some(tellsSomething))
    if (telling.length === 0) return []
    return telling.flatMap((one) => {
      const { after } = one
      // Where the transaction changes more of the invoice, what is told is the state that it leaves.
      const isTold = invoices.tellWith(tx, after.invoice.id, (left) => draftsOfOne({ ...one, after: left }, how))
      return isTold ? [] : draftsOfOne(one, how)
    })
  }

  function draftsOfOne(
    { before, after, of }: Change<Followed>,
    { books, reason, known }: ObligationsChange & { known: ReadonlyMap<string, Client> }
  ): EventDraft[] {
    const client = known.get(after.invoice.clientId)
    assert(client !== undefined, 'an invoice has a client')
    const previous = previousOf(invoices.documentOf(before, books), invoices.documentOf(after, books))
    const draft = invoices.eventOf('invoice.dunning_cleared', after, { books, previous })
    const today = todayFor(books, after.timeZone)
    const common = ({ found, policy, state, holds: held }: Followed) => ({
      ...silencingContext(held, today),
      client: clientContext(client, books.organization),
      ...obligationContext({ ...found.obligation, ...state }),
      days_overdue: Math.max(0, daysBetween(state.overdueFromOn, today) + 1),
      ...groundsContext(policy, books.calendar.version)
    })
    return of.flatMap((one) => {
      const { stageCode } = one.found.obligation
      const retracted = { ...common(one), former_stage: stageCode, ...retractedContext(one.mistaken, retractionReason(reason)) }
      const cleared = { ...common(one), former_stage: stageCode, reason }
      return [
        ...(isApology(one) ? [{ ...draft, type: 'invoice.dunning_retracted' as const, context: retracted }] : []),
        ...(one.cleared ? [{ ...draft, context: cleared }] : [])
      ]
    })
  }

  return draftsOf
}

export function tellsSomething(one: Followed): boolean {
  return one.cleared || isApology(one)
}

/** A baseline entry told nobody anything, so there is nothing to take back. */
function isApology({ mistaken }: Followed): boolean {
  return mistaken.some(({ kind }) => kind === 'entered')
}

/** Money that had settled it before it was dunned has a name of its own; everything else is named by what changed. */
export function retractionReason(reason: string): string {
  return reason === 'paid' ? 'paid_in_time' : reason
}
