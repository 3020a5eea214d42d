import type { Reader, Tx } from '../../db/client.ts'
import { OneFailed } from '../../kernel/one-failed.ts'
import type { Books } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { type DeadlineKind, inOrder } from './deadline.ts'
import * as repository from './repository.ts'

/** Does what is due of one object at `books.now`, with its client locked, and says when it is next due. */
export type Meet = (tx: Tx, due: Readonly<{ books: Books; objectId: string; clientId: string }>) => Promise<void>

export type DeadlineServiceDeps = Readonly<{ organizations: OrganizationService; meet: Readonly<Record<DeadlineKind, Meet>> }>

/** What agreements do by themselves when their day comes: one place that any module leaves its next instant with. */
export function createDeadlineService({ organizations, meet }: DeadlineServiceDeps) {
  return {
    set: repository.set,
    nextAt: repository.nextAt,
    organizationsDue: repository.organizationsDue,

    /** Whether a test clock may be put to `until` without passing over anything. What is due at that very instant still lies ahead. */
    async nothingDue(reader: Reader, until: Date): Promise<boolean> {
      const at = await repository.nextAt(reader, until)
      return at === null || at >= until
    },

    /**
     * Meets what is due at `at` for up to `clients` clients, in the caller's transaction. Being late changes nothing: each is
     * decided by what the facts say at `at`. @returns how many were met. @throws OneFailed: `except` its client, the others go on.
     */
    async meetBatch(
      tx: Tx,
      { at, clients, wait, except = [] }: { at: Date; clients: number; wait: boolean; except?: readonly string[] }
    ): Promise<number> {
      const due = await repository.take(tx, { now: at, clients, wait, except })
      if (due.length === 0) return 0
      const books: Books = { ...(await organizations.books(tx)), now: at }
      for (const { kind, objectId, clientId } of inOrder(due)) {
        await meet[kind](tx, { books, objectId, clientId }).catch((error: unknown) => {
          throw new OneFailed(`The ${kind} ${objectId}, which was due,`, { id: clientId, cause: error })
        })
      }
      return due.length
    }
  }
}

/** Leaves the next instant of an object; null where nothing is to happen any more. */
export type SetDeadline = typeof repository.set

export type DeadlineService = ReturnType<typeof createDeadlineService>
