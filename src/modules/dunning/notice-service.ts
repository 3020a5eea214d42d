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
import type { DunningState, OpenObligation } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import { CONTACTS_COUNT_DAYS, type Manner } from './contact.ts'
import type { NewEntry } from './entry.ts'
import * as entryRepository from './entry-repository.ts'
import type { LiveEntry, PolicyRef } from './facts.ts'
import type { CreditOf } from './netting.ts'
import type { NettingService } from './netting-service.ts'
import { noticeContext } from './notice.ts'
import { type News, type Plan, planNotices } from './notice-plan.ts'
import * as repository from './notice-repository.ts'
import type { Policy } from './policy.ts'
import type { PolicyService } from './policy-service.ts'

export type NoticeDeps = Readonly<{
  newId: () => string
  events: EventService
  clients: ClientService
  invoices: InvoiceService
  policies: PolicyService
  creditCovering: NettingService
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

type Facts = Readonly<{
  books: Books
  open: readonly OpenObligation[]
  log: readonly repository.NoticeRow[]
  entered: ReadonlyMap<string, NewEntry>
  liveOf: (obligationId: string) => readonly LiveEntry[]
  policyAt: (ref: PolicyRef) => Policy
  creditOf: CreditOf
}>

/** Of one client. */
type Outcome = Readonly<{
  /** Ids of what waits no longer. */
  over: readonly string[]
  rows: readonly repository.NoticeRow[]
  /** Null where nothing waits, and nothing did. */
  next: Readonly<{ clientId: string; at: Date | null }> | null
  drafts: readonly EventDraft[]
}>

/** Tells clients, once for each currency, of what they owe when a stage of it was entered: as often as the policies let it. */
export function createNoticeService(deps: NoticeDeps) {
  const { newId, events, clients, invoices, policies, creditCovering, setDeadline } = deps

  async function factsOf(
    tx: Tx,
    { books, entered, states }: Asking,
    { clientIds, waiting }: { clientIds: readonly string[]; waiting: ReadonlySet<string> }
  ): Promise<Omit<Facts, 'log'>> {
    const [found, creditOf] = await Promise.all([invoices.openOfClients(tx, clientIds), creditCovering(tx, clientIds)])
    const open = found.map((one): OpenObligation => ({ ...one, ...states.get(one.id) }))
    const [policyAt, liveOf] = await Promise.all([
      policies.at(tx, open.flatMap(pinnedOf)),
      entryRepository.live(
        tx,
        open.filter(({ clientId }) => waiting.has(clientId))
      )
    ])
    return { books, open, creditOf, policyAt, liveOf, entered: new Map(entered.map((entry) => [entry.obligationId, entry])) }
  }

  function outcomeOf(client: Client, facts: Facts): Outcome {
    const { books, log } = facts
    const waiting = log.filter(({ told }) => told === null)
    const { plan, isLeft } = planOf(client, facts)
    const told = { at: books.now, on: todayFor(books, client.timeZone) }
    const rowOf = ({ currency, sinceAt }: News) => ({ id: newId(), clientId: client.id, currency, sinceAt })
    const fresh = plan.wait.filter(({ currency }) => !waiting.some((row) => row.currency === currency))
    const after = { ...client, nextNoticeAt: plan.nextAt }
    return {
      over: waiting.filter(({ currency }) => !isLeft(currency)).map(({ id }) => id),
      rows: [...plan.tell.map((one) => ({ ...rowOf(one), told })), ...fresh.map((one) => ({ ...rowOf(one), told: null }))],
      next: plan.nextAt === null && client.nextNoticeAt === null ? null : { clientId: client.id, at: plan.nextAt },
      drafts: plan.tell.map((news) => draftOf(news, { client: after, facts }))
    }
  }

  async function leave(tx: Tx, { clientId, at }: { clientId: string; at: Date | null }): Promise<void> {
    await Promise.all([
      setDeadline(tx, { kind: 'notice', objectId: clientId, clientId, at }),
      clients.setNextNotice(tx, { id: clientId, at })
    ])
  }

  /** @returns the notices of these clients, whose sending is written; what may not go yet waits, and goes with a later one. */
  async function due(tx: Tx, asking: Asking): Promise<EventDraft[]> {
    const { books, clientIds, entered } = asking
    const fromOn = addDays(dayIn(books.now, 'UTC'), -CONTACTS_COUNT_DAYS - 1)
    const log = await repository.ofClients(tx, { clientIds, fromOn })
    const waiting = new Set(log.filter(({ told }) => told === null).map(({ clientId }) => clientId))
    const concerned = [...new Set([...entered.map(({ clientId }) => clientId), ...waiting])]
    if (concerned.length === 0) return []
    const [facts, known] = await Promise.all([
      factsOf(tx, asking, { clientIds: concerned, waiting }),
      clients.getMany(tx, concerned)
    ])
    const [openOf, logOf] = [Map.groupBy(facts.open, clientIdOf), Map.groupBy(log, clientIdOf)]
    const outcomes = concerned.map((id) => {
      const client = known.get(id)
      assert(client !== undefined, 'a client who owes is there')
      return outcomeOf(client, { ...facts, log: logOf.get(id) ?? [], open: openOf.get(id) ?? [] })
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
    return outcomes.flatMap(({ drafts }) => drafts)
  }

  return {
    due,

    /** What waits may go, unless something of the client is due right now: then the sweep that follows tells of all together. */
    async meet(tx: Tx, { books, clientId }: { books: Books; clientId: string }): Promise<void> {
      const open = await invoices.openOfClients(tx, [clientId])
      if (open.some(({ nextAt }) => nextAt !== null && nextAt <= books.now)) return
      const drafts = await due(tx, { books, clientIds: [clientId], entered: [], states: new Map() })
      await events.append(tx, { occurredAt: books.now, drafts })
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

function planOf(client: Client, facts: Facts): { plan: Plan; isLeft: (currency: string) => boolean } {
  const { books, open, log, policyAt } = facts
  const news = newsOf(facts)
  const plan = planNotices(news, {
    now: books.now,
    timeZone: client.timeZone ?? books.organization.timeZone,
    calendar: books.calendar,
    contacts: log.flatMap(({ currency, told }) => (told === null ? [] : [{ ...told, currency }])),
    mannerOf: (item) => mannerOf(item, policyAt)
  })
  // Of what is held nothing is told now; when it is let go again it still was not told.
  const isLeft = (currency: string) =>
    plan.wait.some((one) => one.currency === currency) ||
    (!news.some((one) => one.currency === currency) && open.some((one) => one.currency === currency && one.isHeld))
  return { plan, isLeft }
}

/** By currency, what was entered and not told yet of what is spoken of: not what is held, or switched off. */
function newsOf({ books, open, log, entered, liveOf }: Facts): News[] {
  const spokenOf = open.filter(({ isHeld, dunningStart }) => !isHeld && dunningStart !== 'off')
  const groups = Map.groupBy(spokenOf, ({ currency }) => currency)
  return [...groups].flatMap(([currency, items]) => {
    const sinceAt = log.find((row) => row.currency === currency && row.told === null)?.sinceAt ?? null
    const untold = items.flatMap(({ id }) => {
      const before =
        sinceAt === null ? undefined : liveOf(id).findLast((one) => one.kind === 'entered' && one.enteredAt >= sinceAt)
      const entry = entered.get(id) ?? before
      return entry === undefined ? [] : [[id, entry] as const]
    })
    return untold.length === 0 ? [] : [{ currency, items, entered: new Map(untold), sinceAt: sinceAt ?? books.now }]
  })
}

function clientIdOf({ clientId }: Readonly<{ clientId: string }>): string {
  return clientId
}

function mannerOf(item: OpenObligation, policyAt: Facts['policyAt']): Manner {
  const [ref] = pinnedOf(item)
  if (ref === undefined) return { limits: null, sendAt: '00:00', businessDays: false }
  const { contactLimits: limits, sendAt, businessDays } = policyAt(ref)
  return { limits, sendAt, businessDays }
}

function pinnedOf({ policyId, policyVersion: version }: DunningState): PolicyRef[] {
  return policyId === null || version === null ? [] : [{ policyId, version }]
}

/** The notice of one client and currency; its object is the client. */
function draftOf({ currency, items, entered }: News, { client, facts }: { client: Client; facts: Facts }): EventDraft {
  const { books, policyAt, creditOf } = facts
  const context = noticeContext({
    ...{ items, currency, entered, policyAt, creditOf },
    client: clientContext(client, books.organization),
    today: todayFor(books, client.timeZone)
  })
  const subject = { kind: 'client', id: client.id, version: client.version }
  return { type: 'client.dunning_notice_due', subject, clientId: client.id, object: toDocument(client), context }
}
