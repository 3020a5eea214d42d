import type { Reader, Tx } from '../../db/client.ts'
import { inParts, mapInParts } from '../../db/parts.ts'
import { assert } from '../../kernel/assert.ts'
import type { BusinessCalendar } from '../../kernel/calendar.ts'
import { type Day, day } from '../../kernel/day.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventDraft } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import type { HoldService } from '../holds/service.ts'
import type { DunningCase } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { Books } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import type { ActionService } from './action-service.ts'
import { isHeldForGood } from './actions.ts'
import { collectableOf } from './collection.ts'
import { collectedAmong } from './collection-repository.ts'
import { isClosed } from './decide.ts'
import { byInvoice, type Change, type Deciding } from './decided.ts'
import * as entryRepository from './entry-repository.ts'
import { differ, factsOf, type LiveEntry, policyOf, standstill, stateOf } from './facts.ts'
import {
  createFollowedEvents,
  type Followed,
  type ObligationsChange,
  retractionReason,
  tellsSomething
} from './followed-service.ts'
import { noCredit } from './netting.ts'
import type { NettingService } from './netting-service.ts'
import type { NoticeService } from './notice-service.ts'
import type { PolicyService } from './policy-service.ts'
import { mistakenEntries, openBefore } from './retract.ts'

export type FollowDeps = Readonly<{
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  holds: HoldService
  policies: PolicyService
  actions: ActionService
  notices: NoticeService
  creditCovering: NettingService
}>

/** Nothing that was entered before turns out mistaken by what counts from then. */
export const endOfTime: Day = day('9999-12-31')

type EntriesOf = (obligationId: string) => readonly LiveEntry[]

/** What dunning does when the facts change under it: clears, restores, retracts and finds the next instant. Never enters. */
export function createFollowService({
  events,
  organizations,
  clients,
  invoices,
  holds,
  policies,
  actions,
  notices,
  creditCovering
}: FollowDeps) {
  const draftsOf = createFollowedEvents(invoices)

  /** The calendars that the entries were decided under. */
  async function calendarsOf(
    reader: Reader,
    entries: readonly LiveEntry[],
    books: Books
  ): Promise<Map<number, BusinessCalendar>> {
    const versions = [...new Set(entries.map(({ calendarVersion }) => calendarVersion))]
    const { calendar } = books
    const read = (version: number) => (version === calendar.version ? calendar : organizations.calendarAt(reader, version))
    return new Map(await Promise.all(versions.map(async (version) => [version, await read(version)] as const)))
  }

  /** Entries after the day from which the change counts, decided again with what is known now. */
  async function mistakenOf(
    tx: Tx,
    cases: readonly DunningCase[],
    { entriesOf, holdsOf, change }: { entriesOf: EntriesOf; holdsOf: HoldsOf; change: ObligationsChange }
  ): Promise<Map<string, readonly LiveEntry[]>> {
    const doubtful = cases
      .map(({ obligation }) => obligation)
      .filter(({ id }) => entriesOf(id).some(({ enteredOn }) => enteredOn > change.effectiveOn))
    if (doubtful.length === 0) return new Map()
    const entries = doubtful.flatMap(({ id }) => entriesOf(id))
    const [movements, calendars, policyAt] = await Promise.all([
      invoices.movementsOf(
        tx,
        doubtful.map(({ id }) => id)
      ),
      calendarsOf(tx, entries, change.books),
      policies.at(
        tx,
        entries.map(({ policy }) => policy)
      )
    ])
    const recorded = (entry: LiveEntry) => {
      const calendar = calendars.get(entry.calendarVersion)
      assert(calendar !== undefined, 'every calendar of the entries was read')
      return { ...entry, ref: entry, policy: policyAt(entry.policy), calendar }
    }
    return new Map(
      doubtful.map((obligation) => {
        const { id, dueOn, currency } = obligation
        const openOn = openBefore(movements.get(id) ?? [])
        const mistaken = mistakenEntries(entriesOf(id).map(recorded), { dueOn, currency, openOn, holds: holdsOf(obligation) })
        return [id, mistaken.map(({ ref }) => ref)]
      })
    )
  }

  /**
   * Reads what the decisions rest on after the cases were locked, as the sweep does: whoever changes the calendar or a policy marks
   * them due again afterwards.
   */
  async function followAll(
    tx: Tx,
    cases: readonly DunningCase[],
    change: ObligationsChange
  ): Promise<{ followed: Followed[]; hasCredit: boolean }> {
    const pinned = cases.map(({ obligation }) => obligation).filter(({ policyId }) => policyId !== null)
    const clientIds = [...new Set(cases.map(({ obligation }) => obligation.clientId))]
    const [settings, entriesOf, holdsOf, creditOf, collectedOf] = await Promise.all([
      organizations.books(tx),
      entryRepository.live(tx, pinned),
      holds.factsOf(tx, clientIds),
      creditCovering(tx, clientIds),
      collectedAmong(tx, cases.map(collectableOf))
    ])
    const books = { ...settings, now: change.books.now }
    const mistakenBy = await mistakenOf(tx, cases, { entriesOf, holdsOf, change })
    const followed = cases.map((found) => {
      const mistaken = mistakenBy.get(found.obligation.id) ?? []
      const kept = entriesOf(found.obligation.id).filter((entry) => !mistaken.includes(entry))
      return { found, mistaken, kept, policy: policyOf(found, { entries: kept, books, movesPolicy: change.movesPolicy }) }
    })
    const policyAt = await policies.at(
      tx,
      followed.map(({ policy }) => policy)
    )
    const grounds = { books, holdsOf, creditOf, collectedOf, policyAt }
    const outcomes = await mapInParts(followed, (one) => ({ ...one, ...outcomeOf(one, grounds) }))
    return { followed: outcomes, hasCredit: creditOf !== noCredit }
  }

  function outcomeOf(
    { found, mistaken, kept, policy }: Pick<Followed, 'found' | 'mistaken' | 'kept' | 'policy'>,
    { books, holdsOf, creditOf, collectedOf, policyAt }: Omit<Deciding, 'entriesOf' | 'newId'>
  ): Pick<Followed, 'state' | 'cleared' | 'isActedOn' | 'holds'> {
    const { obligation } = found
    const context = { policy: policyAt(policy), calendar: books.calendar, asOf: books.now }
    const holding = holdsOf(obligation)
    const creditMinor = creditOf(obligation.id)
    const facts = factsOf(found, { entries: kept, holds: holding, creditMinor, collectedOf, books })
    const { overdueAnnounced } = obligation
    const outcome = { standing: standstill(facts, context), overdueAnnounced, entries: kept, policy }
    const cleared = isClosed(facts) && obligation.stageCode !== null && kept.length > 0
    const isActedOn = [...kept, ...mistaken].some(({ action }) => action !== null) || isHeldForGood(holding)
    return { state: stateOf(obligation, outcome, context), cleared, isActedOn, holds: holding }
  }

  return {
    /**
     * Follows a change of balances, due dates or status, with the clients locked and the change written. What the
     * corrected facts would not have entered is retracted; a closed obligation leaves its stage; a reopened one stands
     * again where its entries put it. An invoice's version is raised once, and only if its dunning visibly changed.
     */
    async obligationsChanged(tx: Tx, change: ObligationsChange): Promise<void> {
      if (change.obligationIds.length === 0) return
      const { clientIds, hasCredit } = await follow(tx, change)
      if (!hasCredit) return
      // It covers what is oldest due: where one claim moves, more or less of the others is left to be asked for.
      const followed = new Set(change.obligationIds)
      const obligationIds = (await invoices.openOfClients(tx, clientIds)).flatMap(({ id }) => (followed.has(id) ? [] : [id]))
      if (obligationIds.length === 0) return
      await follow(tx, { ...change, obligationIds, effectiveOn: endOfTime, reason: 'credit_changed' })
    }
  }

  /** @returns whose obligations they are, and whether any of these has credit that is not applied. */
  async function follow(tx: Tx, change: ObligationsChange): Promise<{ clientIds: string[]; hasCredit: boolean }> {
    const cases = await invoices.casesForUpdate(tx, change.obligationIds)
    const clientIds = [...new Set(cases.map(({ obligation }) => obligation.clientId))]
    // The clients, who are spoken of only if there is something to tell, in the same trip as what the decision needs.
    const [{ followed, hasCredit }, known] = await Promise.all([followAll(tx, cases, change), clients.getMany(tx, clientIds)])
    const at = change.books.now
    const changes = byInvoice(followed, { at, tells: tellsSomething, isRaised: (view) => invoices.isRaised(tx, view) })
    const drafts: EventDraft[] = []
    for await (const part of inParts(changes)) drafts.push(...draftsOf(tx, part, { ...change, known }))
    const changed = followed.filter(({ found, state }) => differ(found.obligation, state))
    const writes: Promise<unknown>[] = [events.append(tx, { occurredAt: change.books.now, drafts })]
    if (changed.length > 0) {
      writes.push(
        invoices.saveDunning(tx, {
          states: changed.map(({ found, state }) => ({ obligationId: found.obligation.id, state })),
          touchedInvoiceIds: changes.filter(({ raises }) => raises).map(({ after }) => after.invoice.id),
          at
        })
      )
    }
    // The cases were read after whatever changed them: nobody has to read them again.
    const afterwards = changes.map(({ after }) => after)
    invoices.stand(tx, afterwards)
    const mistaken = followed.flatMap((one) => one.mistaken.map(({ id }) => id))
    if (mistaken.length > 0)
      writes.push(entryRepository.retract(tx, { ids: mistaken, at, reason: retractionReason(change.reason) }))
    await Promise.all(writes)
    const reopened = new Set(followed.filter(isBack).map(({ found }) => found.obligation.clientId))
    for (const { id: clientId, nextNoticeAt } of known.values()) {
      if (nextNoticeAt !== null) await notices.settle(tx, { books: change.books, clientId })
      else if (reopened.has(clientId)) await notices.reconsider(tx, { books: change.books, clientId })
    }
    const actedOn = new Set(followed.filter(({ isActedOn }) => isActedOn).map(({ found }) => found.obligation.clientId))
    const concerned = [...known.values()].filter(({ id, serviceStatus }) => serviceStatus !== 'active' || actedOn.has(id))
    const settled = changes.filter(isSettled).map(({ after }) => after.invoice)
    actions.follow(tx, { books: change.books, clientIds: concerned.map(({ id }) => id), settled })
    return { clientIds, hasCredit }
  }
}

export type FollowService = ReturnType<typeof createFollowService>

/** On the stage again that it had left, as after a payment that bounced. */
function isBack({ found, state }: Followed): boolean {
  return found.obligation.stageCode === null && state.stageCode !== null
}

/** Nothing of it is open, and it does not live on in another that replaces it. */
function isSettled({ after: { invoice } }: Change<Followed>): boolean {
  return invoice.status !== 'open' && invoice.replacedById === null
}
