import type { Database } from '../db/client.ts'
import { isPassing, isUnavailable } from '../db/errors.ts'
import type { Assignment, DispatchService } from '../modules/webhooks/dispatch-service.ts'
import type { Log } from './loop.ts'

export type ClaimDeps = Readonly<{ dispatch: DispatchService; database: Database; leaseMs: number; log: Log }>

/**
 * Claims deliveries of an organization, and asks of all together whether they are still true. Where that fails for one, each is asked
 * by itself, so that only what cannot be told waits, and not all that the organization has to send.
 */
export function createClaims({ dispatch, database, leaseMs, log }: ClaimDeps) {
  const claim = (orgId: string, wanted: ReadonlyMap<string, number>, isAsked: boolean) =>
    database.scoped(orgId, (tx) => dispatch.claim(tx, { wanted, leaseMs, isAsked }), { isSmall: true })

  /** @returns the same where it cannot be told; undefined where the database does not answer. */
  async function askAlone(orgId: string, assignment: Assignment): Promise<Assignment | undefined> {
    try {
      const [asked] = await database.reading(orgId, (reader) => dispatch.ask(reader, [assignment]))
      return asked
    } catch (error) {
      const { deliveryId: delivery, eventId: event } = assignment.claimed
      log.error({ err: error, organization: orgId, delivery, event }, 'whether an event is still true cannot be told: it waits')
      return isUnavailable(error) ? undefined : assignment
    }
  }

  /** Where the database does not answer, the rest waits without being asked about. */
  async function askEach(orgId: string, assignments: readonly Assignment[]): Promise<Assignment[]> {
    const asked = new Map<Assignment, Assignment>()
    for (const assignment of assignments.filter(({ outdated }) => outdated === undefined)) {
      const answer = await askAlone(orgId, assignment)
      if (answer === undefined) break
      asked.set(assignment, answer)
    }
    return assignments.map((assignment) => asked.get(assignment) ?? assignment)
  }

  return async (orgId: string, wanted: ReadonlyMap<string, number>): Promise<Assignment[]> => {
    try {
      return await claim(orgId, wanted, true)
    } catch (error) {
      if (isUnavailable(error) || isPassing(error)) throw error
      log.warn({ err: error, organization: orgId }, 'deliveries could not be claimed together, and are asked about one by one')
      return askEach(orgId, await claim(orgId, wanted, false))
    }
  }
}
