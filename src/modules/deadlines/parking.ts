import type { Client } from '../clients/client.ts'
import { clientContext } from '../clients/client-context.ts'
import { toDocument } from '../clients/client-document.ts'
import type { EventDraft } from '../events/event.ts'
import type { Books } from '../organizations/organization.ts'
import type { DeadlineKind } from './deadline.ts'

/**
 * What is due by itself, and of which no next instant that lies ahead comes out, or nothing at all but an error. It is put off, so that
 * everything else goes on, and looked at again: whatever kept it from going on may be gone by then.
 */
export type Parked = Readonly<{
  kind: DeadlineKind | 'obligation'
  objectId: string
  clientId: string
  dueAt: Date
  lookAgainAt: Date
  /** It went on when it was last looked at. */
  isNew: boolean
}>

export type ParkingReason = 'no_progress' | 'failed'

const FIRST_MS = 60_000
const LONGEST_MS = 3_600_000

/**
 * As long again as it is parked: after a minute at first, every hour at last. In the organization's time, so that a test clock finds it
 * on its way as real time does.
 * @param since when it was parked; null where it is being parked.
 */
export function lookAgainAt({ now, since }: { now: Date; since: Date | null }): Date {
  const parkedMs = now.getTime() - (since ?? now).getTime()
  return new Date(now.getTime() + Math.min(LONGEST_MS, Math.max(FIRST_MS, parkedMs)))
}

/** One event for each client of which something is newly parked. */
export function parkedDrafts(
  parked: readonly Parked[],
  { books, reason, clients }: { books: Books; reason: ParkingReason; clients: ReadonlyMap<string, Client> }
): EventDraft[] {
  const news = Map.groupBy(
    parked.filter(({ isNew }) => isNew),
    ({ clientId }) => clientId
  )
  return [...news].flatMap(([clientId, items]) => {
    const client = clients.get(clientId)
    if (client === undefined) return []
    const context = {
      client: clientContext(client, books.organization),
      reason,
      parked: items.map(({ kind, objectId, dueAt, lookAgainAt: lookAt }) => ({
        kind,
        id: objectId,
        due_at: dueAt.toISOString(),
        look_again_at: lookAt.toISOString()
      }))
    }
    const subject = { kind: 'client', id: clientId, version: client.version }
    return { type: 'client.processing_parked', subject, clientId, object: toDocument(client), context }
  })
}
