import type { Reader } from '../../db/client.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import { formatAmount } from '../../kernel/money.ts'
import type { ClientService } from '../clients/service.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { blockedAmong, pinnedOf } from './blocked.ts'
import type { CurrentNotice, CurrentNoticeDeps } from './current-notice-service.ts'
import * as entryRepository from './entry-repository.ts'
import { NOTICE_DUE, newsOf, readNotice, readStageEntry, STAGE_ENTERED, saysTheSame, type ToldNotice } from './told-facts.ts'
import * as repository from './truth-repository.ts'

export type TruthDeps = CurrentNoticeDeps &
  Readonly<{ organizations: OrganizationService; clients: ClientService; currentNotice: CurrentNotice }>

/** An event that waits to be sent, with its stored body. */
export type WaitingEvent = Readonly<{
  id: string
  type: string
  body: string
  /** An attempt to send it failed before. */
  hasFailed: boolean
}>

/** Why something is no longer true, as the end of a sentence, and whether it may be again: what is held may be let go. */
export type Fault = Readonly<{ reason: string; mayPass: boolean }>

type Notice = ReturnType<typeof readNotice> & Readonly<{ id: string }>

/**
 * Whether what is about to be sent is still true: a reminder that waited for its receiver must not accuse who has paid since. What
 * says that something happened stays true for ever; only the two events that ask for money are looked at.
 */
export function createTruthService(deps: TruthDeps) {
  const { organizations, clients, invoices, holds, policies, creditCovering, currentNotice } = deps

  /** Which of these may not be dunned by now, by the same rule that the sweep goes by, but for the holds that came with them. */
  async function blockedOf(
    reader: Reader,
    { ids, own }: { ids: readonly string[]; own: ReadonlySet<string> }
  ): Promise<Set<string>> {
    const books = await organizations.books(reader)
    const cases = (await invoices.casesOf(reader, ids)).filter(({ obligation }) => pinnedOf(obligation).length > 0)
    const obligations = cases.map(({ obligation }) => obligation)
    const clientIds = [...new Set(obligations.map(({ clientId }) => clientId))]
    const [creditOf, allHoldsOf, policyAt, liveOf] = await Promise.all([
      creditCovering(reader, clientIds),
      holds.factsOf(reader, clientIds),
      policies.at(reader, obligations.flatMap(pinnedOf)),
      entryRepository.live(reader, obligations)
    ])
    const holdsOf: HoldsOf = (invoice) => allHoldsOf(invoice).filter(({ id }) => !own.has(id))
    return blockedAmong(cases, { entered: obligations, books, creditOf, holdsOf, policyAt, liveOf })
  }

  async function outdatedStages(reader: Reader, events: readonly WaitingEvent[]): Promise<[string, Fault][]> {
    const entryOf = new Map(events.map(({ id, body }) => [id, readStageEntry(body)]))
    const found = await repository.standingOfEntries(reader, [...entryOf.values()].filter(isSaid))
    const standings = new Map(found.map((standing) => [standing.entryId, standing]))
    const doubtful = found.filter((standing) => (standing.isDoubtful || standing.isHeld) && faultOfEntry(standing) === null)
    const ids = doubtful.map(({ obligationId }) => obligationId)
    const held = doubtful.filter(({ isHeld }) => isHeld).map(({ clientId, enteredAt: at }) => ({ clientId, at }))
    const own = held.length === 0 ? NOTHING : await repository.holdsSince(reader, held)
    const blocked = ids.length === 0 ? null : await blockedOf(reader, { ids, own })
    return [...entryOf].flatMap(([eventId, entryId]): [string, Fault][] => {
      const standing = standings.get(entryId ?? '')
      if (standing === undefined) return []
      const isBlocked = blocked?.has(standing.obligationId) === true
      const reason = faultOfEntry(standing)
      if (reason !== null) return [[eventId, { reason, mayPass: false }]]
      return isBlocked ? [[eventId, { reason: BLOCKED, mayPass: true }]] : []
    })
  }

  async function outdatedNotices(reader: Reader, events: readonly WaitingEvent[]): Promise<[string, Fault][]> {
    const notices = events
      .map(({ id, body }) => ({ id, ...readNotice(body) }))
      .filter(({ notice }) => Array.isArray(notice.obligations))
    if (notices.length === 0) return []
    const [found, isToldSince] = await Promise.all([
      repository.standingOfObligations(
        reader,
        notices.flatMap(({ notice }) => notice.obligations.map(({ id }) => id))
      ),
      repository.toldSince(
        reader,
        notices.map(({ clientId }) => clientId)
      )
    ])
    const standings = new Map(found.map((standing) => [standing.id, standing]))
    const faults: [string, Fault][] = []
    for (const one of notices) {
      const reason = isToldSince(one) ? TOLD_SINCE : await faultOf(reader, { one, standings })
      if (reason !== null) faults.push([one.id, { reason, mayPass: true }])
    }
    return faults
  }

  async function faultOf(
    reader: Reader,
    { one: { clientId, notice }, standings }: { one: Notice; standings: ReadonlyMap<string, repository.ObligationStanding> }
  ): Promise<string | null> {
    const listed = notice.obligations.map((told) => ({ told, now: standings.get(told.id) }))
    if (listed.some(({ told, now }) => hasChanged(told, { now, currency: notice.currency }))) return CHANGED
    if (listed.some(({ now }) => now?.isHeld === true)) {
      const own = await repository.holdsOfEntries(reader, { clientId, entryIds: newsOf(notice) })
      const blocked = own.size === 0 ? null : await blockedOf(reader, { ids: listed.map(({ told }) => told.id), own })
      return blocked?.size === 0 ? null : CHANGED
    }
    const isNetted = notice.total !== notice.net_total
    if (!isNetted && !listed.some(({ now }) => now?.isDoubtful === true)) return null
    const [books, client] = await Promise.all([organizations.books(reader), clients.get(reader, clientId)])
    const current = await currentNotice(reader, {
      ...{ books, client, currency: notice.currency },
      ...{ news: new Set(newsOf(notice)), own: NOTHING }
    })
    return current !== null && saysTheSame(current, notice) ? null : CHANGED
  }

  /** A test clock passes over a month in a second: what the month would have sent is outdated only where its receiver was away. */
  async function onceInTime(reader: Reader, events: readonly WaitingEvent[]): Promise<readonly WaitingEvent[]> {
    const { organization } = await organizations.books(reader)
    return organization.mode === 'test' ? events.filter(({ hasFailed }) => hasFailed) : events
  }

  async function faultsOf(reader: Reader, events: readonly WaitingEvent[]): Promise<Map<string, Fault>> {
    const stages = events.filter(({ type }) => type === STAGE_ENTERED)
    const notices = events.filter(({ type }) => type === NOTICE_DUE)
    return new Map([
      ...(stages.length === 0 ? [] : await outdatedStages(reader, stages)),
      ...(notices.length === 0 ? [] : await outdatedNotices(reader, notices))
    ])
  }

  return {
    mayBeOutdated,

    /** @returns by event id, what is wrong with it now. What is true is not in it. */
    faultsOf,

    /** The same of what is about to be sent. @returns why it is no longer true. */
    async outdated(reader: Reader, waiting: readonly WaitingEvent[]): Promise<ReadonlyMap<string, string>> {
      const asking = waiting.filter(({ type }) => mayBeOutdated(type))
      const faults = asking.length === 0 ? [] : await faultsOf(reader, await onceInTime(reader, asking))
      return new Map([...faults].map(([id, { reason }]) => [id, reason]))
    }
  }
}

export type TruthService = ReturnType<typeof createTruthService>

const NOTHING: ReadonlySet<string> = new Set()
const BLOCKED = 'what it asks for is held, exempt, too little or covered by credit by now.'
const TOLD_SINCE = 'the client was told anew since.'
const CHANGED = 'some of what it lists was paid, held or moved on since.'

/** Whether events of this type can stop being true. */
function mayBeOutdated(type: string): boolean {
  return type === STAGE_ENTERED || type === NOTICE_DUE
}

/** Why an entry will not be told any more, whatever is held or let go. */
export function faultOfEntry(standing: repository.EntryStanding): string | null {
  if (standing.isMistaken) return 'the entry was retracted.'
  if (standing.isPaid) return 'nothing is owed any more.'
  return standing.hasMovedOn ? 'a later stage was entered since, or it is due on another day.' : null
}

type Told = ToldNotice['obligations'][number]

function hasChanged(
  told: Told,
  { now, currency }: { now: repository.ObligationStanding | undefined; currency: ToldNotice['currency'] }
): boolean {
  if (now === undefined) return true
  return now.dueOn !== told.due_on || now.stage !== told.stage || formatAmount(now.balanceMinor, currency) !== told.balance
}

function isSaid(entryId: string | undefined): entryId is string {
  return entryId !== undefined
}
