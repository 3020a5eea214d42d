import type { Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import { addDays, dayIn } from '../../kernel/day.ts'
import type { Client } from '../clients/client.ts'
import { clientContext } from '../clients/client-context.ts'
import { toDocument } from '../clients/client-document.ts'
import type { ClientService } from '../clients/service.ts'
import type { SetDeadline } from '../deadlines/service.ts'
import type { EventDraft } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import type { HoldService } from '../holds/service.ts'
import type { DunningState, OpenObligation } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import { type BlockGrounds, blockedAmong, pinnedOf } from './blocked.ts'
import { collectedAmong } from './collection-repository.ts'
import { CONTACTS_COUNT_DAYS } from './contact.ts'
import type { NewEntry } from './entry.ts'
import * as entryRepository from './entry-repository.ts'
import type { NettingService } from './netting-service.ts'
import { noticeContext } from './notice.ts'
import { type Facts, planOf } from './notice-news.ts'
import type { News } from './notice-plan.ts'
import * as repository from './notice-repository.ts'
import type { PolicyService } from './policy-service.ts'

export type NoticeDeps = Readonly<{
  newId: () => string
  events: EventService
  clients: ClientService
  invoices: InvoiceService
  policies: PolicyService
  creditCovering: NettingService
  holds: HoldService
  setDeadline: SetDeadline
}>

type Asking = Readonly<{
  /** At the time of the sweep. */
  books: Books
  /** Locked. */
  clientIds: readonly string[]
  /** The entries that the sweep makes, and what it leaves behind: neither is written yet. */
  entered: readonly NewEntry[]
  states: ReadonlyMap<string, DunningState>
}>

/** Of one client. */
type Outcome = Readonly<{
  /** Ids of what waits no longer. */
  over: readonly string[]
  rows: readonly repository.NoticeRow[]
  /** Null where nothing waits, and nothing did. */
  next: Readonly<{ clientId: string; at: Date | null }> | null
  drafts: readonly EventDraft[]
  /** Of the entries that the notices tell. */
  entryIds: readonly string[]
}>

/** Tells clients, once for each currency, of what they owe when a stage of it was entered: as often as the policies let it. */
export function createNoticeService(deps: NoticeDeps) {
  const { newId, events, clients, invoices, holds, policies, creditCovering, setDeadline } = deps

  async function factsOf(
    tx: Tx,
    { books, entered, states }: Asking,
    { clientIds, waiting }: { clientIds: readonly string[]; waiting: ReadonlySet<string> }
  ): Promise<Omit<Facts, 'log' | 'today'>> {
    const [found, creditOf, holdsOf] = await Promise.all([
      invoices.openOfClients(tx, clientIds),
      creditCovering(tx, clientIds),
      holds.factsOf(tx, clientIds)
    ])
    const open = found.map((one): OpenObligation => ({ ...one, ...states.get(one.id) }))
    const waited = open.filter(({ clientId }) => waiting.has(clientId))
    const [policyAt, liveOf, collectedOf] = await Promise.all([
      policies.at(tx, open.flatMap(pinnedOf)),
      entryRepository.live(tx, waited),
      collectedAmong(tx, open)
    ])
    const blocked = await blockedOf(tx, waited, { books, creditOf, holdsOf, collectedOf, policyAt, liveOf })
    return {
      books,
      open,
      creditOf,
      holdsOf,
      collectedOf,
      policyAt,
      liveOf,
      blocked,
      entered: new Map(entered.map((entry) => [entry.obligationId, entry]))
    }
  }

  /** What may not be dunned may not be told of either, though it was entered: it is exempt by now, too little, disputed, covered or collected. */
  async function blockedOf(tx: Tx, waited: readonly OpenObligation[], grounds: BlockGrounds): Promise<Set<string>> {
    const entered = waited.filter((one) => pinnedOf(one).length > 0)
    if (entered.length === 0) return new Set()
    const cases = await invoices.casesForUpdate(
      tx,
      entered.map(({ id }) => id)
    )
    return blockedAmong(cases, { ...grounds, entered })
  }

  function outcomeOf(client: Client, facts: Facts): Outcome {
    const { books, log } = facts
    const waiting = log.filter(({ told }) => told === null)
    const { plan, isLeft } = planOf(client, facts)
    const told = { at: books.now, on: facts.today }
    const rowOf = ({ currency, sinceAt }: News) => ({ id: newId(), clientId: client.id, currency, sinceAt })
    const fresh = plan.wait.filter(({ currency }) => !waiting.some((row) => row.currency === currency))
    const after = { ...client, nextNoticeAt: plan.nextAt }
    return {
      over: waiting.filter(({ currency }) => !isLeft(currency)).map(({ id }) => id),
      rows: [...plan.tell.map((one) => ({ ...rowOf(one), told })), ...fresh.map((one) => ({ ...rowOf(one), told: null }))],
      next: plan.nextAt === null && client.nextNoticeAt === null ? null : { clientId: client.id, at: plan.nextAt },
      drafts: plan.tell.map((news) => draftOf(news, { client: after, facts })),
      entryIds: plan.tell.flatMap(({ entered }) => [...entered.values()].map(({ id }) => id))
    }
  }

  async function leave(tx: Tx, { clientId, at }: { clientId: string; at: Date | null }): Promise<void> {
    await Promise.all([
      setDeadline(tx, { kind: 'notice', objectId: clientId, clientId, at }),
      clients.setNextNotice(tx, { id: clientId, at })
    ])
  }

  /**
   * @returns the notices of these clients, whose sending is written, and the entries that they tell; what may not go yet waits, and
   * goes with a later one.
   */
  async function due(tx: Tx, asking: Asking): Promise<{ drafts: EventDraft[]; entryIds: ReadonlySet<string> }> {
    const { books, clientIds, entered } = asking
    const fromOn = addDays(dayIn(books.now, 'UTC'), -CONTACTS_COUNT_DAYS - 1)
    const log = await repository.ofClients(tx, { clientIds, fromOn })
    const waiting = new Set(log.filter(({ told }) => told === null).map(({ clientId }) => clientId))
    const concerned = [...new Set([...entered.map(({ clientId }) => clientId), ...waiting])]
    if (concerned.length === 0) return { drafts: [], entryIds: new Set() }
    const [facts, known] = await Promise.all([
      factsOf(tx, asking, { clientIds: concerned, waiting }),
      clients.getMany(tx, concerned)
    ])
    const [openOf, logOf] = [Map.groupBy(facts.open, clientIdOf), Map.groupBy(log, clientIdOf)]
    const outcomes = concerned.map((id) => {
      const client = known.get(id)
      assert(client !== undefined, 'a client who owes is there')
      const today = todayFor(books, client.timeZone)
      return outcomeOf(client, { ...facts, today, log: logOf.get(id) ?? [], open: openOf.get(id) ?? [] })
    })
    await Promise.all([
      repository.endWait(
        tx,
        outcomes.flatMap(({ over }) => over)
      ),
      repository.insert(
        tx,
        outcomes.flatMap(({ rows }) => rows)
      ),
      ...outcomes.flatMap(({ next }) => (next === null ? [] : [leave(tx, next)]))
    ])
    const entryIds = outcomes.flatMap((outcome) => outcome.entryIds)
    // Those that waited are written already.
    if (waiting.size > 0) await entryRepository.tell(tx, { ids: entryIds, at: books.now })
    return { drafts: outcomes.flatMap(({ drafts }) => drafts), entryIds: new Set(entryIds) }
  }

  /** What waits of one client as it stands now: told if it may be, waited for if not, forgotten if nothing is left. */
  async function settle(tx: Tx, { books, clientId }: { books: Books; clientId: string }): Promise<void> {
    const { drafts } = await due(tx, { books, clientIds: [clientId], entered: [], states: new Map() })
    await events.append(tx, { occurredAt: books.now, drafts })
  }

  return {
    due,
    settle,

    /** What waits may go, unless something of the client is due right now: then the sweep that follows tells of all together. */
    async meet(tx: Tx, { books, clientId }: { books: Books; clientId: string }): Promise<void> {
      const open = await invoices.openOfClients(tx, [clientId])
      if (open.some(({ nextAt }) => nextAt !== null && nextAt <= books.now)) return
      await settle(tx, { books, clientId })
    },

    /** What is held, or covered by credit, has changed: what waits may have to wait on, or not at all. */
    async reconsider(tx: Tx, { books, clientId }: { books: Books; clientId: string }): Promise<void> {
      const log = await repository.ofClients(tx, { clientIds: [clientId], fromOn: dayIn(books.now, 'UTC') })
      if (log.some(({ told }) => told === null)) {
        await setDeadline(tx, { kind: 'notice', objectId: clientId, clientId, at: books.now })
      }
    }
  }
}

export type NoticeService = ReturnType<typeof createNoticeService>

function clientIdOf({ clientId }: Readonly<{ clientId: string }>): string {
  return clientId
}

/** The notice of one client and currency; its object is the client. */
function draftOf({ currency, items, entered }: News, { client, facts }: { client: Client; facts: Facts }): EventDraft {
  const { books, open, policyAt, creditOf, holdsOf, today } = facts
  const context = noticeContext({
    ...{ items, open, currency, entered, policyAt, creditOf, holdsOf },
    client: clientContext(client, books.organization),
    today
  })
  const subject = { kind: 'client', id: client.id, version: client.version }
  return { type: 'client.dunning_notice_due', subject, clientId: client.id, object: toDocument(client), context }
}
