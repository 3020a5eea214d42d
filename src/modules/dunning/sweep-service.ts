import type { Reader, Tx } from '../../db/client.ts'
import { isPassing, isUnavailable } from '../../db/errors.ts'
import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { HoldFact } from '../../kernel/holding.ts'
import { OneFailed, SomeFailed } from '../../kernel/one-failed.ts'
import type { Client } from '../clients/client.ts'
import { addressedTo, type ClientContext, clientContext } from '../clients/client-context.ts'
import type { ClientService } from '../clients/service.ts'
import type { Parked } from '../deadlines/parking.ts'
import type { EventDraft } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import { blocking, silencingContext } from '../holds/hold.ts'
import type { HoldService } from '../holds/service.ts'
import type { DunningCase, InvoiceView } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import type { ActionService } from './action-service.ts'
import { isHeldForGood } from './actions.ts'
import { collectableOf } from './collection.ts'
import { collectedAmong } from './collection-repository.ts'
import { byInvoice, type Change, type Decided, type Deciding } from './decided.ts'
import * as entryRepository from './entry-repository.ts'
import { askedContext, blockedContext, groundsContext, stageContext } from './event-context.ts'
import { policyOf } from './facts.ts'
import type { NettingService } from './netting-service.ts'
import type { NoticeService } from './notice-service.ts'
import type { ParkingService } from './parking-service.ts'
import type { PolicyService } from './policy-service.ts'

export type SweepDeps = Readonly<{
  clock: Clock
  newId: () => string
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  holds: HoldService
  policies: PolicyService
  actions: ActionService
  notices: NoticeService
  creditCovering: NettingService
  park: ParkingService
  /** The rules. */
  decide: (found: DunningCase, deciding: Deciding) => Decided
}>

/** What a sweep did. `decided` counts obligations; nothing decided means that nothing was due, or that others have it. */
export type SweepCounts = Readonly<{ decided: number; overdue: number; entered: number; notices: number }>

export const nothingSwept: SweepCounts = { decided: 0, overdue: 0, entered: 0, notices: 0 }

const FORESEEN_PER_PAGE = 1_000

/** The same of one batch, with what of it was put off. */
export type Swept = SweepCounts & Readonly<{ parked: readonly Parked[] }>

type Told = Readonly<{ books: Books; clients: ReadonlyMap<string, Client> }>

export function createSweepService({
  clock,
  newId,
  events,
  organizations,
  clients,
  invoices,
  holds,
  policies,
  actions,
  notices,
  creditCovering,
  park,
  decide
}: SweepDeps) {
  /** Reads what the decisions rest on, after the cases were locked: whoever changes it marks them due again afterwards. */
  async function decideAll(
    reader: Reader,
    cases: readonly DunningCase[],
    at: Date
  ): Promise<{ books: Books; decided: Decided[] }> {
    const pinned = cases.map(({ obligation }) => obligation).filter(({ policyId }) => policyId !== null)
    const clientIds = [...new Set(cases.map(({ obligation }) => obligation.clientId))]
    const [found, entriesOf, holdsOf, creditOf, collectedOf] = await Promise.all([
      organizations.books(reader),
      entryRepository.live(reader, pinned),
      holds.factsOf(reader, clientIds),
      creditCovering(reader, clientIds),
      collectedAmong(reader, cases.map(collectableOf))
    ])
    const books = { ...found, now: at }
    const refs = cases.map((found) => policyOf(found, { entries: entriesOf(found.obligation.id), books }))
    const policyAt = await policies.at(reader, refs)
    const deciding = { books, entriesOf, holdsOf, creditOf, collectedOf, policyAt, newId }
    const decided = cases.map((found) => decide(found, deciding))
    return { books, decided }
  }

  /** The events of one invoice: that it is overdue first, then the stages. All carry the invoice as it comes out of the sweep. */
  function draftsOf({ before, after, of }: Change<Decided>, { books, clients: known }: Told): EventDraft[] {
    const telling = of.filter(tellsSomething)
    if (telling.length === 0) return []
    const previous = previousOf(invoices.documentOf(before, books), invoices.documentOf(after, books))
    const draft = invoices.eventOf('invoice.overdue', after, { books, previous })
    const client = contextOf(after.invoice.clientId, { books, clients: known })
    const common = ({ found, policy, decision, asked, state }: Decided) => ({
      client,
      ...askedContext({ ...found.obligation, ...state }, asked),
      days_overdue: decision.daysOverdue,
      ...groundsContext(policy, books.calendar.version)
    })
    const overdue = telling.filter(({ decision }) => decision.overdue)
    return [
      ...overdue.map((one) => ({
        ...draft,
        context: { ...common(one), ...silencingContext(one.holds, todayFor(books, before.timeZone)) }
      })),
      ...blockedAmong(overdue, { before, books }).map(({ one, by }) => {
        const { found, state, policy, decision } = one
        const obligation = { ...found.obligation, ...state }
        const { daysOverdue } = decision
        const { version: calendarVersion } = books.calendar
        const context = blockedContext({ client, obligation, daysOverdue, policy, calendarVersion, by })
        return { ...draft, type: 'invoice.dunning_blocked' as const, context }
      }),
      ...telling.flatMap((one) => {
        if (one.entered === null) return []
        const { audience } = one.entered.stage
        const context = { ...common(one), client: addressedTo(client, audience), ...stageContext(one.entered.entry, one.entered) }
        return { ...draft, type: 'invoice.dunning_stage_entered' as const, context }
      })
    ]
  }

  /** Decides and writes what was claimed. Of what would be due again at once nothing is done: it is put off. */
  async function sweepCases(tx: Tx, cases: readonly DunningCase[], at: Date): Promise<Swept> {
    const { books, decided: all } = await decideAll(tx, cases, at)
    const stuck = all.filter((one) => !leadsOn(one, at)).map(({ found }) => found.obligation.id)
    const parked = stuck.length === 0 ? [] : await park(tx, { books, reason: 'no_progress', tells: true, ids: stuck })
    const decided = all.filter((one) => leadsOn(one, at))
    if (decided.length === 0) return { ...nothingSwept, decided: all.length, parked }
    const telling = decided.filter(tellsSomething)
    const recordedAt = clock.now()
    const known = telling.length === 0 ? new Map() : await clients.getMany(tx, [...new Set(telling.map(clientIdOf))])
    const changes = byInvoice(decided, { at, tells: tellsSomething, isRaised: (view) => invoices.isRaised(tx, view) })
    const entries = decided.flatMap(({ entered }) => (entered === null ? [] : [entered.entry]))
    const { drafts: told, entryIds } = await notices.due(tx, {
      books,
      clientIds: [...new Set(decided.map(clientIdOf))],
      entered: entries,
      states: new Map(decided.map(({ found, state }) => [found.obligation.id, state]))
    })
    const made = { kind: 'entered', calendarVersion: books.calendar.version, enteredAt: at, recordedAt, told: entryIds } as const
    await Promise.all([
      entryRepository.insert(tx, entries, made),
      invoices.saveDunning(tx, {
        states: decided.map(({ found, state }) => ({ obligationId: found.obligation.id, state })),
        touchedInvoiceIds: changes.filter(({ raises }) => raises).map(({ after }) => after.invoice.id),
        at
      }),
      events.append(tx, {
        occurredAt: at,
        drafts: [...changes.flatMap((change) => draftsOf(change, { books, clients: known })), ...told]
      })
    ])
    const acting = entries.filter(({ action }) => action !== null)
    const held = decided.filter(({ holds }) => isHeldForGood(holds)).map(clientIdOf)
    const clientIds = [...acting.map(({ clientId }) => clientId), ...held]
    actions.follow(tx, { books, clientIds, entered: acting.map(({ id }) => id) })
    const overdue = decided.filter(({ decision }) => decision.overdue).length
    return { decided: all.length, overdue, entered: entries.length, notices: told.length, parked }
  }

  /** Decides without writing; where that fails, one client at a time, to tell which. */
  async function foreseen(reader: Reader, cases: readonly DunningCase[], at: Date): Promise<readonly Decided[]> {
    try {
      return (await decideAll(reader, cases, at)).decided
    } catch (cause) {
      const byClient = [...Map.groupBy(cases, ({ obligation }) => obligation.clientId)]
      const [first] = byClient
      if (isPassing(cause) || isUnavailable(cause) || first === undefined) throw cause
      if (byClient.length === 1) throw failedOf(first[0], cause)
      const decided: Decided[] = []
      for (const [, of] of byClient) decided.push(...(await foreseen(reader, of, at)))
      return decided
    }
  }

  return {
    /**
     * Decides and writes at `at` what was due by `until` for up to `clients` clients, in the caller's transaction.
     * @param at the organization's time: its own clock for a test organization.
     * @param wait true waits for clients that another transaction holds; false leaves them to the next sweep.
     * @throws OneFailed a client, for `parkFailed`; SomeFailed one of several: fewer at a time tell which.
     */
    async sweepBatch(
      tx: Tx,
      { at, until = at, clients: limit, wait }: { at: Date; until?: Date; clients: number; wait: boolean }
    ): Promise<Swept> {
      const cases = await invoices.claimDue(tx, { now: until, clients: limit, wait })
      if (cases.length === 0) return { ...nothingSwept, parked: [] }
      try {
        // With what it leaves to the end of a transaction, such as a service status: an error there is one of these clients too.
        return await tx.attempt((part) => sweepCases(part, cases, at))
      } catch (cause) {
        const [id, ...others] = new Set(cases.map(({ obligation }) => obligation.clientId))
        if (id === undefined || others.length > 0) throw new SomeFailed('A batch of clients that were due failed.', { cause })
        throw failedOf(id, cause)
      }
    },

    /** Puts off what is due of a client and could not be decided, in a transaction of its own. @param tells false where not even that can be told. */
    async parkFailed(tx: Tx, { clientId, at, tells }: { clientId: string; at: Date; tells: boolean }): Promise<Parked[]> {
      await clients.lock(tx, clientId)
      const books = { ...(await organizations.books(tx)), now: at }
      return park(tx, { books, reason: 'failed', tells, clientId })
    },

    /**
     * What a sweep at `at` would do, in pages, without doing it: deciding is the same, and nothing is decided twice.
     * @throws OneFailed a client, of which a sweep would put off what is due.
     */
    async foresee(reader: Reader, at: Date): Promise<Pick<SweepCounts, 'overdue' | 'entered'>> {
      let [overdue, entered] = [0, 0]
      for (let after: DunningCase | undefined; ; ) {
        const cases = await invoices.duePage(reader, { now: at, after, limit: FORESEEN_PER_PAGE })
        const decided = await foreseen(reader, cases, at)
        overdue += decided.filter(({ decision }) => decision.overdue).length
        entered += decided.filter((one) => one.entered !== null).length
        after = cases.at(-1)
        if (cases.length < FORESEEN_PER_PAGE) return { overdue, entered }
      }
    }
  }
}

export type SweepService = ReturnType<typeof createSweepService>

/** The part with which an invoice becomes overdue for the first time, if holds that were there before the invoice keep it from being dunned. */
function blockedAmong(
  overdue: readonly Decided[],
  { before, books }: { before: InvoiceView; books: Books }
): { one: Decided; by: readonly HoldFact[] }[] {
  const [one] = overdue
  if (one === undefined || one.decision.rule !== 'held' || before.obligations.some((part) => part.overdueAnnounced)) return []
  const by = blocking(one.holds, { invoice: before.invoice, today: todayFor(books, before.timeZone) })
  return by.length === 0 ? [] : [{ one, by }]
}

function failedOf(id: string, cause: unknown): OneFailed {
  return new OneFailed(`What was due of client ${id}`, { id, cause })
}

function tellsSomething({ decision, entered }: Decided): boolean {
  return decision.overdue || entered !== null
}

/** Decided, it is not due again at the instant at which it was. */
function leadsOn({ state }: Decided, at: Date): boolean {
  return state.nextAt === null || state.nextAt > at
}

function clientIdOf({ found }: Decided): string {
  return found.obligation.clientId
}

function clientIn(known: ReadonlyMap<string, Client>, id: string): Client {
  const client = known.get(id)
  assert(client !== undefined, 'an invoice has a client')
  return client
}

function contextOf(clientId: string, { books, clients }: Told): ClientContext {
  return clientContext(clientIn(clients, clientId), books.organization)
}
