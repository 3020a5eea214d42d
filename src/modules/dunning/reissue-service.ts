import type { Reader, Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import { OneFailed } from '../../kernel/one-failed.ts'
import type { Client } from '../clients/client.ts'
import { toDocument } from '../clients/client-document.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventDraft } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { Books } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import type { CurrentNotice } from './current-notice-service.ts'
import type { CurrentStage } from './current-stage-service.ts'
import * as repository from './reissue-repository.ts'
import { asksTheSame, NOTICE_DUE, newsOf, readStage, STAGE_ENTERED, saysTheSame, type ToldNotice } from './told-facts.ts'
import type { ToldNotices } from './told-notices-service.ts'
import { holdsOfEntries, standingOfEntries } from './truth-repository.ts'
import { type Fault, faultOfEntry, type TruthService, type WaitingEvent } from './truth-service.ts'

/** Where events go, as far as telling afresh needs to know it. */
export type Receivers = Readonly<{
  /** Undefined where there is no such endpoint any more. `skippedAt`: it wants nothing from before. */
  find: (
    reader: Reader,
    endpointId: string
  ) => Promise<Readonly<{ isEnabled: boolean; takes: (type: string) => boolean; skippedAt: Date | null }> | undefined>
  /** What became of these events there, of those that were for it. */
  deliveriesAt: (
    reader: Reader,
    of: Readonly<{ endpointId: string; eventIds: readonly string[] }>
  ) => Promise<ReadonlyMap<string, Readonly<{ status: string }>>>
  /** Sends an event to one endpoint, whoever else subscribed, unless it has it already. */
  send: (tx: Tx, delivery: repository.Superseded) => Promise<void>
  /** Sends an event again that was not sent there. */
  sendAgain: (tx: Tx, delivery: repository.Superseded) => Promise<void>
}>

export type ReissueDeps = Readonly<{
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  currentNotice: CurrentNotice
  toldNotices: ToldNotices
  truth: Pick<TruthService, 'faultsOf'>
  /** The same of reminders of installments. */
  reminderFaults: (reader: Reader, events: readonly WaitingEvent[]) => Promise<ReadonlyMap<string, Fault>>
  receivers: Receivers
  wakeSweep: () => void
}>

type Telling = repository.Missed & Readonly<{ books: Books; rows: readonly repository.Waiting[] }>

/** A superseded notice, read, with those of its news that are still to be told. */
type Untold = Readonly<{ eventId: string; notice: ToldNotice; entries: readonly string[] }>

/**
 * What was superseded at an endpoint is not lost there. A stage is sent again when it is true again, or told afresh with what is asked for
 * by then; what is left of the news of notices is told afresh in one. What is held meanwhile waits. All of it goes to that endpoint alone,
 * and counts as what it replaces, so that no limit on contacts keeps it back.
 */
export function createReissueService(deps: ReissueDeps) {
  const { events, organizations, clients, invoices, currentNotice, toldNotices, truth, reminderFaults, receivers, wakeSweep } =
    deps

  async function tellMissed(tx: Tx, { books, clientId, endpointId }: repository.Missed & { books: Books }): Promise<void> {
    await clients.lock(tx, clientId)
    const rows = await repository.open(tx, { clientId, endpointId })
    const receiver = await receivers.find(tx, endpointId)
    const isWanted = ({ type, body, createdAt }: repository.Waiting) =>
      body !== null && receiver?.takes(type) === true && !(receiver.skippedAt !== null && createdAt <= receiver.skippedAt)
    const unwanted = rows.filter((row) => !isWanted(row))
    await repository.finish(tx, { endpointId, eventIds: unwanted.map(({ eventId }) => eventId) })
    const telling = { books, clientId, endpointId, rows: rows.filter(isWanted) }
    if (receiver?.isEnabled === false) return waitAll(tx, telling.rows)
    for (const row of telling.rows) if (row.type !== NOTICE_DUE) await tellAgain(tx, row, books)
    await tellNotices(tx, telling)
  }

  async function waitAll(tx: Tx, rows: readonly repository.Waiting[]): Promise<void> {
    for (const row of rows) await repository.wait(tx, row)
  }

  /** A stage, or a reminder of an installment. */
  async function tellAgain(tx: Tx, row: repository.Waiting, books: Books): Promise<void> {
    const { eventId: id, endpointId, type, body } = row
    const event = { id, type, body: body ?? '', hasFailed: true }
    const faultsOf = type === STAGE_ENTERED ? truth.faultsOf : reminderFaults
    const fault = (await faultsOf(tx, [event])).get(id)
    if (fault?.kind === 'held') return repository.wait(tx, row)
    if (fault === undefined) await receivers.sendAgain(tx, row)
    const reissuedAs = fault?.stage === undefined ? undefined : await restate(tx, { row, stage: fault.stage, books })
    if (reissuedAs !== undefined) await receivers.send(tx, { eventId: reissuedAs, endpointId })
    await repository.finish(tx, { endpointId, eventIds: [id], reissuedAs })
  }

  /** The same stage with what is asked for by now. @returns its event: one that another endpoint got already, or a new one. */
  async function restate(
    tx: Tx,
    { row: { eventId, body }, stage, books }: { row: repository.Waiting; stage: CurrentStage; books: Books }
  ): Promise<string> {
    const other = await repository.lastReissued(tx, [eventId])
    const before = other === undefined ? undefined : readStage(other.body)
    if (other !== undefined && before !== undefined && asksTheSame(before.amounts, stage.amounts)) return other.eventId
    const context = { ...readStage(body ?? ''), amounts: stage.amounts, replaces_event_ids: [eventId] }
    const draft = { ...invoices.eventOf(STAGE_ENTERED, stage.found.view, { books }), context }
    return append(tx, { draft, books })
  }

  async function append(tx: Tx, { draft, books }: { draft: EventDraft; books: Books }): Promise<string> {
    const [id] = await events.append(tx, { occurredAt: books.now, drafts: [draft], to: 'nobody' })
    assert(id !== undefined, 'one draft gives one event')
    return id
  }

  async function tellNotices(tx: Tx, { rows, ...to }: Telling): Promise<void> {
    const notices = rows.filter(({ type }) => type === NOTICE_DUE)
    const read = await toldNotices(
      tx,
      notices.map((row) => ({ row, eventId: row.eventId, body: row.body ?? '' }))
    )
    for (const [currency, told] of Map.groupBy(read, ({ notice }) => notice.currency)) {
      const later = await laterNotices(tx, { ...to, eventId: told[0]?.eventId ?? '', currency })
      // Another one is under way there. If it does not arrive, it comes back here.
      if (later.some(({ status }) => status === 'queued')) {
        await waitAll(
          tx,
          told.map(({ row }) => row)
        )
        continue
      }
      const heard = later.filter(({ status }) => status !== 'superseded')
      const untold = await stillToTell(
        tx,
        told.map(({ row, eventId, notice }) => ({ eventId, notice, entries: entriesLeft(row, notice, heard) }))
      )
      await repository.finish(tx, {
        endpointId: to.endpointId,
        eventIds: untold.filter(({ entries }) => entries.length === 0).map(({ eventId }) => eventId)
      })
      const open = untold.filter(({ entries }) => entries.length > 0)
      if (open.length > 0) await tellAfresh(tx, { ...to, currency, untold: open })
    }
  }

  /** The notices that were made since and were for this endpoint, with what became of them there. */
  async function laterNotices(
    tx: Tx,
    { clientId, endpointId, eventId, currency }: repository.Missed & { eventId: string; currency: string }
  ) {
    const after = await repository.noticesAfter(tx, { clientId, eventId })
    const deliveries = await receivers.deliveriesAt(tx, { endpointId, eventIds: after.map((one) => one.eventId) })
    const sent = after.filter(({ eventId: id }) => deliveries.has(id))
    return (await toldNotices(tx, sent)).flatMap(({ eventId: id, notice }) => {
      const status = deliveries.get(id)?.status
      return status === undefined || notice.currency !== currency ? [] : [{ eventId: id, status, notice }]
    })
  }

  /** Not what was paid, retracted or overtaken by a later stage, which has a notice of its own. */
  async function stillToTell(tx: Tx, notices: readonly Untold[]): Promise<Untold[]> {
    const found = await standingOfEntries(
      tx,
      notices.flatMap(({ entries }) => entries)
    )
    const alive = new Set(found.filter((standing) => faultOfEntry(standing) === null).map(({ entryId }) => entryId))
    return notices.map((one) => ({ ...one, entries: one.entries.filter((id) => alive.has(id)) }))
  }

  async function tellAfresh(
    tx: Tx,
    {
      books,
      clientId,
      endpointId,
      currency,
      untold
    }: Omit<Telling, 'rows'> & { currency: ToldNotice['currency']; untold: readonly Untold[] }
  ): Promise<void> {
    const client = await clients.get(tx, clientId)
    const news = new Set(untold.flatMap(({ entries }) => entries))
    const own = await holdsOfEntries(tx, { clientId, entryIds: [...news] })
    const current = await currentNotice(tx, { books, client, currency, news, own })
    const told = new Set(current === null ? [] : newsOf(current))
    const replaced = untold.filter(({ entries }) => entries.some((id) => told.has(id)))
    const reissuedAs = current === null ? undefined : await inPlaceOf(tx, { books, client, current, replaced })
    if (reissuedAs !== undefined) await receivers.send(tx, { eventId: reissuedAs, endpointId })
    for (const { eventId, entries } of untold) {
      const left = entries.filter((id) => !told.has(id))
      const by = entries.length > left.length ? { reissuedAs } : {}
      if (left.length === 0) await repository.finish(tx, { endpointId, eventIds: [eventId], ...by })
      else await repository.wait(tx, { eventId, endpointId, entries: left, ...by })
    }
  }

  /** @returns the notice that says so: one that another endpoint got already, or a new one. */
  async function inPlaceOf(
    tx: Tx,
    {
      books,
      client,
      current,
      replaced
    }: { books: Books; client: Client; current: NonNullable<Awaited<ReturnType<CurrentNotice>>>; replaced: readonly Untold[] }
  ): Promise<string> {
    const eventIds = replaced.map(({ eventId }) => eventId)
    const last = await repository.lastReissued(tx, eventIds)
    const [other] = await toldNotices(tx, last === undefined ? [] : [last])
    if (other !== undefined && saysTheSame(other.notice, current)) return other.eventId
    const subject = { kind: 'client', id: client.id, version: client.version }
    const context = { ...current, replaces_event_ids: eventIds }
    return append(tx, { draft: { type: NOTICE_DUE, subject, clientId: client.id, object: toDocument(client), context }, books })
  }

  return {
    /** These were not sent, because they were no longer true. The next sweep looks what of it is to be told all the same. */
    async superseded(tx: Tx, deliveries: readonly repository.Superseded[]): Promise<void> {
      if (deliveries.length === 0) return
      if ((await repository.insert(tx, deliveries)) > 0) tx.afterCommit(wakeSweep)
    },

    /** @returns for how many clients and endpoints it looked. @throws OneFailed: `except` its client, the others go on. */
    async reissueBatch(tx: Tx, { limit, except = [] }: { limit: number; except?: readonly string[] }): Promise<number> {
      const due = await repository.due(tx, { limit, except })
      if (due.length === 0) return 0
      const books = await organizations.books(tx)
      for (const missed of due) {
        await tellMissed(tx, { ...missed, books }).catch((cause: unknown) => {
          throw new OneFailed(`What client ${missed.clientId} was not told`, { id: missed.clientId, cause })
        })
      }
      return due.length
    },

    organizationsReissuing: (scheduler: Reader, page: { after: string; limit: number }) =>
      repository.organizationsWaiting(scheduler, page)
  }
}

/** Of its news, what the later ones that arrived did not say: they list everything, but for what was held then. */
function entriesLeft(
  { eventId, entries }: repository.Waiting,
  notice: ToldNotice,
  heard: readonly Readonly<{ eventId: string; notice: ToldNotice }>[]
): string[] {
  const said = new Set(
    heard.filter((one) => one.eventId > eventId).flatMap((one) => one.notice.obligations.map(({ id, stage }) => `${id} ${stage}`))
  )
  const untold = notice.obligations.filter(({ id, stage }) => !said.has(`${id} ${stage}`))
  const news = newsOf({ obligations: untold })
  return entries === null ? news : news.filter((id) => entries.includes(id))
}
