import { hash } from 'node:crypto'
import type { Reader, Tx } from '../../db/client.ts'
import { inParts } from '../../db/parts.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DomainError } from '../../kernel/errors.ts'
import { bodiesOf, chainInput, type EventDraft, fitted, isLost } from './event.ts'
import * as repository from './repository.ts'
import * as rests from './rest-repository.ts'

/** How the events of a transaction become deliveries, in that transaction. Filled by the composition with webhooks'. */
export type FanOut = (tx: Tx, events: readonly Readonly<{ id: string; type: string; objectId: string }>[]) => void

export type EventServiceDeps = Readonly<{
  clock: Clock
  newId: () => string
  fanOut: FanOut
  wakeSealer: () => void
  /** Told what was committed. */
  recorded?: ((types: readonly string[]) => void) | undefined
}>

export type After = Readonly<{ id: string }> | Readonly<{ seq: bigint; id: string | null }>
export type LogFilter = Readonly<Omit<repository.EventFilter, 'afterSeq'> & { after: After }>

const SEAL_BATCH = 2_000

export function createEventService({ clock, newId, fanOut, wakeSealer, recorded = () => {} }: EventServiceDeps) {
  async function get(reader: Reader, id: string): Promise<repository.EventRow> {
    const row = await repository.find(reader, id)
    if (row === undefined) throw new DomainError('not_found', 'There is no such event.')
    return row
  }

  return {
    /**
     * Writes events with their deliveries in the caller's transaction, so that they exist if and only if it commits.
     * @param occurredAt the organization's time; when it was recorded is real time.
     * @param to `nobody` leaves it to the caller whom they are delivered to.
     * @returns the ids, in the order of the drafts.
     */
    async append(
      tx: Tx,
      {
        occurredAt,
        drafts,
        to = 'subscribers'
      }: { occurredAt: Date; drafts: readonly EventDraft[]; to?: 'subscribers' | 'nobody' }
    ): Promise<string[]> {
      if (drafts.length === 0) return []
      const recordedAt = clock.now()
      // Sorted, for ids of one millisecond are in no order: what is told together is numbered as it is told.
      const ids = drafts.map(() => newId()).sort()
      const bodyOf = bodiesOf({ orgId: tx.orgId, occurredAt })
      const rowOf = (whole: EventDraft, id: string) => {
        const { draft, rest } = fitted(id, whole)
        const body = bodyOf(id, draft)
        return {
          rest,
          id,
          type: draft.type,
          objectKind: draft.subject.kind,
          objectId: draft.subject.id,
          objectVersion: draft.subject.version,
          clientId: draft.clientId,
          occurredAt,
          recordedAt,
          bodySha256: hash('sha256', body),
          body
        }
      }
      let written = 0
      for await (const part of inParts(drafts)) {
        const rows = part.map((draft, index) => rowOf(draft, ids[written + index] ?? newId()))
        repository.insert(tx, rows)
        rests.insert(
          tx,
          rows.flatMap(({ id, rest }) => (rest === null ? [] : [{ id, rest }]))
        )
        if (to === 'subscribers') fanOut(tx, rows)
        written += part.length
      }
      tx.afterCommit(wakeSealer)
      tx.afterCommit(() => recorded(drafts.map(({ type }) => type)))
      return ids
    },

    /**
     * Gives the organization's committed events their numbers and links them to its chain, oldest id first.
     * @returns how many were sealed; as many as the batch holds means that more may wait.
     */
    async seal(tx: Tx): Promise<{ sealed: number; more: boolean }> {
      const chain = await repository.chainForUpdate(tx)
      const waiting = await repository.unsealed(tx, SEAL_BATCH)
      let { lastSeq: seq, lastHash: link } = chain
      const seals = waiting.map((event) => {
        seq += 1n
        link = hash('sha256', chainInput(link, { ...event, seq }))
        return { id: event.id, seq, hash: link }
      })
      await repository.seal(tx, seals)
      return { sealed: seals.length, more: seals.length === SEAL_BATCH }
    },

    /**
     * The log after an event that the reader has: the one of an id, or at a number, with its id where that is known.
     * @throws DomainError `position_lost` where the log does not have it.
     */
    async log(reader: Reader, { after, ...filter }: LogFilter): Promise<repository.EventRow[]> {
      if ('seq' in after) {
        const rows = repository.page(reader, { ...filter, afterSeq: after.seq })
        const [place, found] = await Promise.all([repository.placeAt(reader, after.seq), rows])
        if (isLost(after, place)) throw positionLost()
        return found
      }
      const seq = await repository.seqOf(reader, after.id)
      if (seq === undefined) throw positionLost()
      return seq === null ? [] : repository.page(reader, { ...filter, afterSeq: seq })
    },

    page: (reader: Reader, filter: repository.EventFilter) => repository.page(reader, filter),

    get,

    /**
     * Of a list of an event, what its body has no room for, after so many rows.
     * @throws DomainError `not_found`, also where it was erased with the body.
     */
    async restPage(reader: Reader, of: rests.RestPage): Promise<rests.RestRow[]> {
      const [event, rows] = await Promise.all([get(reader, of.eventId), rests.page(reader, of)])
      if (event.body === null) throw new DomainError('not_found', 'The body of this event was erased, and its lists with it.')
      return rows
    },

    /** The same of several, whole. @returns by event; an event whose body has everything is not in it. */
    restsOf: (reader: Reader, of: Readonly<{ eventIds: readonly string[]; list: string }>) => rests.ofEvents(reader, of),

    eraseBodies: (tx: Tx, of: { before: Date; limit: number }) => repository.eraseBodies(tx, of),

    organizationsWithUnsealed: (scheduler: Reader) => repository.organizationsWithUnsealed(scheduler, 1_000)
  }
}

export type EventService = ReturnType<typeof createEventService>

function positionLost(): DomainError {
  return new DomainError(
    'position_lost',
    'The log has no such event: the database was restored from an older backup. Start again without `cursor`, `after_id` and `after_seq`, leave out the events that you have had by their `id`, and send again what you have written since the backup.'
  )
}
