import type { Reader } from '../../db/client.ts'
import { formatAmount } from '../../kernel/money.ts'
import type { ClientService } from '../clients/service.ts'
import { addressesDebtor } from '../events/addressing.ts'
import type { OrganizationService } from '../organizations/service.ts'
import type { CurrentNotice } from './current-notice-service.ts'
import type { CurrentStage, CurrentStages } from './current-stage-service.ts'
import {
  asksTheSame,
  NOTICE_DUE,
  newsOf,
  readStage,
  STAGE_ENTERED,
  saysTheSame,
  type ToldNotice,
  type ToldStage
} from './told-facts.ts'
import type { ToldNotices } from './told-notices-service.ts'
import * as repository from './truth-repository.ts'

export type TruthDeps = Readonly<{
  organizations: OrganizationService
  clients: ClientService
  currentNotice: CurrentNotice
  currentStages: CurrentStages
  toldNotices: ToldNotices
}>

/** An event that waits to be sent, with its stored body. */
export type WaitingEvent = Readonly<{
  id: string
  type: string
  body: string
  /** An attempt to send it failed before. */
  hasFailed: boolean
}>

/**
 * Why something is no longer true, as the end of a sentence, and what that leaves: nothing, something that may be told when it is let
 * go, or something to tell otherwise.
 */
export type Fault = Readonly<{
  reason: string
  kind: 'over' | 'held' | 'changed'
  /** Of a stage that asks for another amount by now: how it stands. */
  stage?: CurrentStage
}>

type Notice = Awaited<ReturnType<ToldNotices>>[number]

/**
 * Whether what is about to be sent is still true: a reminder that waited for its receiver must not accuse who has paid since. What
 * says that something happened stays true for ever; only the two events that ask for money are looked at.
 */
export function createTruthService({ organizations, clients, currentNotice, currentStages, toldNotices }: TruthDeps) {
  async function outdatedStages(reader: Reader, events: readonly WaitingEvent[]): Promise<[string, Fault][]> {
    const toldBy = new Map(events.map(({ id, body }) => [id, readStage(body)]))
    const told = [...toldBy.values()].filter((one) => one !== undefined)
    const found = await repository.standingOfEntries(
      reader,
      told.map(({ entry_id: id }) => id)
    )
    const standings = new Map(found.map((standing) => [standing.entryId, standing]))
    const netted = new Set(told.filter(({ amounts }) => amounts.net_total !== amounts.balance).map(({ entry_id: id }) => id))
    const doubtful = found.filter(
      (one) => (one.isDoubtful || one.isHeld || netted.has(one.entryId)) && faultOfEntry(one) === null
    )
    const held = doubtful.filter(({ isHeld }) => isHeld).map(({ clientId, enteredAt: at }) => ({ clientId, at }))
    const own = held.length === 0 ? NOTHING : await repository.holdsSince(reader, held)
    const stages = await currentStages(reader, { ids: doubtful.map(({ obligationId }) => obligationId), own })
    return [...toldBy].flatMap(([eventId, one]): [string, Fault][] => {
      const standing = standings.get(one?.entry_id ?? '')
      if (one === undefined || standing === undefined) return []
      const fault = faultOfStage(one, { standing, now: stages.get(standing.obligationId) })
      return fault === null ? [] : [[eventId, fault]]
    })
  }

  async function outdatedNotices(reader: Reader, events: readonly WaitingEvent[]): Promise<[string, Fault][]> {
    const told = await toldNotices(
      reader,
      events.map(({ id: eventId, body }) => ({ eventId, body }))
    )
    const notices = told.filter(({ notice }) => Array.isArray(notice.obligations))
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
      if (reason !== null) faults.push([one.eventId, { reason, kind: 'changed' }])
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
      const ids = own.size === 0 ? [] : listed.map(({ told }) => told.id)
      const stages = [...(await currentStages(reader, { ids, own })).values()]
      return own.size > 0 && !stages.some(({ isBlocked }) => isBlocked) ? null : CHANGED
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

    /** The same of what is about to be sent and may be outdated. @returns why it is no longer true. */
    async outdated(reader: Reader, waiting: readonly WaitingEvent[]): Promise<ReadonlyMap<string, string>> {
      const faults = await faultsOf(reader, await onceInTime(reader, waiting))
      return new Map([...faults].map(([id, { reason }]) => [id, reason]))
    }
  }
}

export type TruthService = ReturnType<typeof createTruthService>

const NOTHING: ReadonlySet<string> = new Set()
const BLOCKED = 'what it asks for is held, exempt, too little, collected or covered by credit by now.'
const ASKS_ELSE = 'another amount is asked for by now.'
const TOLD_SINCE = 'the client was told anew since.'
const CHANGED = 'some of what it lists was paid, held or moved on since.'

/** Whether events of this type can stop being true. */
function mayBeOutdated(type: string): boolean {
  return addressesDebtor(type)
}

/** Why an entry will not be told any more, whatever is held or let go. */
export function faultOfEntry(standing: repository.EntryStanding): string | null {
  if (standing.isMistaken) return 'the entry was retracted.'
  if (standing.isPaid) return 'nothing is owed any more.'
  return standing.hasMovedOn ? 'a later stage was entered since, or it is due on another day.' : null
}

function faultOfStage(
  told: ToldStage,
  { standing, now }: { standing: repository.EntryStanding; now: CurrentStage | undefined }
): Fault | null {
  const reason = faultOfEntry(standing)
  if (reason !== null) return { reason, kind: 'over' }
  if (now === undefined) return null
  if (now.isBlocked) return { reason: BLOCKED, kind: 'held' }
  return asksTheSame(told.amounts, now.amounts) ? null : { reason: ASKS_ELSE, kind: 'changed', stage: now }
}

type Told = ToldNotice['obligations'][number]

function hasChanged(
  told: Told,
  { now, currency }: { now: repository.ObligationStanding | undefined; currency: ToldNotice['currency'] }
): boolean {
  if (now === undefined) return true
  return now.dueOn !== told.due_on || now.stage !== told.stage || formatAmount(now.balanceMinor, currency) !== told.balance
}
