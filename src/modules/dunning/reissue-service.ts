import type { Reader, Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { OneFailed } from '../../kernel/one-failed.ts'
import type { Client } from '../clients/client.ts'
import { toDocument } from '../clients/client-document.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventService } from '../events/service.ts'
import type { Books } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import type { CurrentNotice } from './current-notice-service.ts'
import * as repository from './reissue-repository.ts'
import { NOTICE_DUE, readNotice, saysTheSame, type ToldNotice } from './told-facts.ts'
import { toldSince } from './truth-repository.ts'

export type ReissueDeps = Readonly<{
  clock: Clock
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  currentNotice: CurrentNotice
  /** Sends an event to one endpoint, whoever else subscribed, unless it has it already. */
  deliverTo: (tx: Tx, delivery: Readonly<{ eventId: string; endpointId: string }>) => Promise<void>
  wakeSweep: () => void
}>

/**
 * Notices that were superseded at an endpoint, told afresh to that endpoint: what is left of their news, as it stands now. They
 * count as the notices in whose place they are, so that no limit on contacts keeps them back.
 */
export function createReissueService(deps: ReissueDeps) {
  const { clock, events, organizations, clients, currentNotice, deliverTo, wakeSweep } = deps

  /** @returns the notice to send in its place: one that another endpoint got already, if that is still what is to be said. */
  async function inPlaceOf(
    tx: Tx,
    { eventId, body, books }: { eventId: string; body: string; books: Books }
  ): Promise<string | null> {
    const told = readNotice(body)
    const { clientId, notice } = told
    await clients.lock(tx, clientId)
    const isToldSince = await toldSince(tx, [clientId])
    if (isToldSince(told)) return null
    const client = await clients.get(tx, clientId)
    const current = await currentNotice(tx, { books, client, told: notice })
    if (current === null) return null
    const other = await repository.lastReissued(tx, eventId)
    if (other !== undefined && saysTheSame(readNotice(other.body).notice, current)) return other.eventId
    return append(tx, { books, client, context: { ...current, replaces_event_id: eventId } })
  }

  async function reissue(tx: Tx, { one, books }: { one: repository.Waiting; books: Books }): Promise<void> {
    const { eventId, endpointId, body } = one
    const reissuedAs = body === null ? null : await inPlaceOf(tx, { eventId, body, books })
    if (reissuedAs !== null) await deliverTo(tx, { eventId: reissuedAs, endpointId })
    await repository.finish(tx, one, { at: clock.now(), reissuedAs })
  }

  async function append(
    tx: Tx,
    { books, client, context }: { books: Books; client: Client; context: ToldNotice & { replaces_event_id: string } }
  ): Promise<string> {
    const subject = { kind: 'client', id: client.id, version: client.version }
    const draft = { type: NOTICE_DUE, subject, clientId: client.id, object: toDocument(client), context } as const
    const [id] = await events.append(tx, { occurredAt: books.now, drafts: [draft], to: 'nobody' })
    assert(id !== undefined, 'one draft gives one event')
    return id
  }

  return {
    /** These were not sent, because they were no longer true. The next sweep tells afresh what is left of the notices among them. */
    async superseded(tx: Tx, deliveries: readonly repository.Superseded[]): Promise<void> {
      if (deliveries.length === 0) return
      if ((await repository.insert(tx, { deliveries, at: clock.now() })) > 0) tx.afterCommit(wakeSweep)
    },

    /** @returns how many were told afresh, or found to be over. @throws OneFailed: `except` its event, the others go on. */
    async reissueBatch(tx: Tx, { limit, except = [] }: { limit: number; except?: readonly string[] }): Promise<number> {
      const waiting = await repository.claim(tx, { limit, except })
      if (waiting.length === 0) return 0
      const books = await organizations.books(tx)
      for (const one of waiting) {
        await reissue(tx, { one, books }).catch((cause: unknown) => {
          throw new OneFailed(`What is told in place of event ${one.eventId}`, { id: one.eventId, cause })
        })
      }
      return waiting.length
    },

    organizationsReissuing: (scheduler: Reader, page: { after: string; limit: number }) =>
      repository.organizationsWaiting(scheduler, page)
  }
}
