import type { Reader, Tx } from '../../db/client.ts'
import { SomeFailed } from '../../kernel/one-failed.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventService } from '../events/service.ts'
import type { Books } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { type Deadline, DeadlineFailed, type DeadlineKind, type Due, earliestOf, inOrder, leadsOn } from './deadline.ts'
import { lookAgainAt, type Parked, type ParkingReason, parkedDrafts } from './parking.ts'
import * as repository from './repository.ts'

/** Does what is due of one object at `books.now`, with its client locked, and says when it is next due. */
export type Meet = (tx: Tx, due: Readonly<{ books: Books; objectId: string; clientId: string }>) => Promise<void>

export type DeadlineServiceDeps = Readonly<{
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  meet: Readonly<Record<DeadlineKind, Meet>>
}>

/** Leaves the next instant of an object; null where nothing is to happen any more. */
export type SetDeadline = (tx: Tx, deadline: Deadline & Readonly<{ at: Date | null }>) => Promise<void>

/** Which deadline a transaction meets, and what was left for an instant that leads nowhere. */
type Meeting = Readonly<{ kind: DeadlineKind; now: Date; stuck: Map<string, Deadline & { at: Date }> }>

type Parking = Readonly<{ books: Books; reason: ParkingReason; tells: boolean }>

const keyOf = ({ kind, objectId }: Deadline) => `${kind} ${objectId}`

/** What agreements do by themselves when their day comes: one place that any module leaves its next instant with. */
export function createDeadlineService({ events, organizations, clients, meet }: DeadlineServiceDeps) {
  const meetings = new WeakMap<Tx, Meeting>()

  /**
   * A command may leave an instant that has passed, which is met once. Whoever meets a deadline may not: what is left is parked
   * with the batch.
   */
  const set: SetDeadline = async (tx, { at, ...deadline }) => {
    const meeting = meetings.get(tx)
    if (meeting !== undefined && at !== null && !leadsOn({ ...deadline, at }, meeting)) {
      meeting.stuck.set(keyOf(deadline), { ...deadline, at })
      return
    }
    meeting?.stuck.delete(keyOf(deadline))
    await repository.set(tx, { ...deadline, at })
  }

  async function park(tx: Tx, due: readonly Due[], { books, reason, tells }: Parking): Promise<Parked[]> {
    if (due.length === 0) return []
    const { now } = books
    const parked = due.map(({ kind, objectId, clientId, at: dueAt, parkedAt }) => {
      const isNew = parkedAt === null
      return { kind, objectId, clientId, dueAt, lookAgainAt: lookAgainAt({ now, since: parkedAt }), isNew }
    })
    for (const [index, { lookAgainAt: at }] of parked.entries()) {
      const one = due[index]
      if (one !== undefined) await repository.park(tx, { ...one, at, parkedAt: one.parkedAt ?? now })
    }
    if (!tells) return parked
    const known = await clients.getMany(tx, [...new Set(parked.map(({ clientId }) => clientId))])
    await events.append(tx, { occurredAt: now, drafts: parkedDrafts(parked, { books, reason, clients: known }) })
    return parked
  }

  /**
   * Meets these, in their order, and does what that leaves to the end: an error there is one of theirs too. Of one client it is looked
   * for among them one by one. @returns what was left for an instant that leads nowhere.
   */
  async function meetAll(tx: Tx, due: readonly Due[], books: Books): Promise<Meeting['stuck']> {
    const [first, ...others] = due
    const stuck: Meeting['stuck'] = new Map()
    if (first === undefined) return stuck
    try {
      await tx.attempt(async (part) => {
        for (const one of due) {
          const { kind, objectId, clientId } = one
          meetings.set(part, { kind, now: books.now, stuck })
          await meet[kind](part, { books, objectId, clientId }).catch((cause: unknown) => {
            throw new DeadlineFailed(one, cause)
          })
        }
        // What is left to the end follows from any of them.
        meetings.set(part, { kind: earliestOf(due), now: books.now, stuck })
      })
      return stuck
    } catch (cause) {
      if (cause instanceof DeadlineFailed) throw cause
      if (others.length === 0) throw new DeadlineFailed(first, cause)
      if (others.some(({ clientId }) => clientId !== first.clientId))
        throw new SomeFailed('A batch of deadlines that were due failed.', { cause })
    }
    for (const one of due) for (const left of await meetAll(tx, [one], books)) stuck.set(...left)
    return stuck
  }

  return {
    set,
    nextAt: repository.nextAt,
    organizationsDue: repository.organizationsDue,

    /** Whether a test clock may be put to `until` without passing over anything. What is due at that very instant still lies ahead. */
    async nothingDue(reader: Reader, until: Date): Promise<boolean> {
      const at = await repository.nextAt(reader, until)
      return at === null || at >= until
    },

    /**
     * Meets at `at` what was due by `until` for up to `clients` clients, in the caller's transaction. Being late changes nothing: each
     * is decided by what the facts say at `at`. What leaves no later instant is parked. @throws DeadlineFailed: parked, the others go
     * on; SomeFailed one of several clients: fewer at a time tell which.
     */
    async meetBatch(
      tx: Tx,
      { at, until = at, clients: limit, wait }: { at: Date; until?: Date; clients: number; wait: boolean }
    ): Promise<{ met: number; parked: Parked[] }> {
      const due = inOrder(await repository.take(tx, { until, clients: limit, wait }))
      if (due.length === 0) return { met: 0, parked: [] }
      const books: Books = { ...(await organizations.books(tx)), now: at }
      const stuck = await meetAll(tx, due, books)
      const since = new Map(due.map((one) => [keyOf(one), one.parkedAt]))
      const found = [...stuck].map(([key, one]) => ({ ...one, parkedAt: since.get(key) ?? null }))
      return { met: due.length, parked: await park(tx, found, { books, reason: 'no_progress', tells: true }) }
    },

    /** Puts off what could not be met, in a transaction of its own. @param tells false where not even that can be told. */
    async parkFailed(tx: Tx, failed: Due, { tells }: { tells: boolean }): Promise<Parked[]> {
      const [books, found] = await Promise.all([organizations.books(tx), repository.findForUpdate(tx, failed)])
      // A test clock goes to an instant and meets what is due there in one transaction: it has not arrived.
      const now = books.now > failed.at ? books.now : failed.at
      if (found === undefined || found.at > now) return []
      return park(tx, [found], { books: { ...books, now }, reason: 'failed', tells })
    }
  }
}

export type DeadlineService = ReturnType<typeof createDeadlineService>
