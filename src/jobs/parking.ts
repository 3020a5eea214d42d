import { Counter, type Registry } from 'prom-client'
import type { Database } from '../db/client.ts'
import { isPassing, isUnavailable } from '../db/errors.ts'
import { OneFailed, SomeFailed } from '../kernel/one-failed.ts'
import { DeadlineFailed } from '../modules/deadlines/deadline.ts'
import type { Parked } from '../modules/deadlines/parking.ts'
import type { Services } from '../services.ts'
import type { Log } from './loop.ts'

/** Counts what is put off, by its kind. */
export type ParkingMetrics = (kind: Parked['kind']) => void

export type ParkingJobDeps = Readonly<{
  services: Pick<Services, 'deadlines' | 'dunning'>
  database: Database
  log: Log
  /** Absent where nothing is measured. */
  parked?: ParkingMetrics
}>

/** Large enough for set-wise writes to pay, small enough that a payment of a locked client waits for milliseconds. */
const CLIENTS_PER_BATCH = 500
const FEWER = 8

export function parkingMetrics(registry: Registry): ParkingMetrics {
  const parked = new Counter({
    name: 'dunwell_parked_total',
    help: 'Times that something due made no progress and was put off, by what it is; each look at it counts',
    labelNames: ['kind'],
    registers: [registry]
  })
  return (kind) => parked.inc({ kind })
}

/**
 * What the sweep and the test clocks do with what is due and does not go on: it is put off and told, and the others go on. What failed
 * among many is looked for in smaller batches first.
 */
export function createParking({ services: { deadlines, dunning }, database, log, parked = () => {} }: ParkingJobDeps) {
  const sizes = new Map<string, number>()
  /** How many clients a batch of the organization has. */
  const clientsOf = (orgId: string): number => sizes.get(orgId) ?? CLIENTS_PER_BATCH

  function report(orgId: string, found: readonly Parked[]): void {
    for (const { kind, objectId, clientId: client, dueAt, lookAgainAt } of found) {
      parked(kind)
      const details = { organization: orgId, kind, id: objectId, client, dueAt, lookAgainAt }
      log.warn(details, 'something due makes no progress and is put off')
    }
  }

  /** Once more without a word of it to anybody but the log, where the event cannot be made either. */
  async function park(orgId: string, error: DeadlineFailed | OneFailed, at: Date): Promise<readonly Parked[]> {
    const putOff = (tells: boolean) =>
      database.scoped(orgId, (tx) =>
        error instanceof DeadlineFailed
          ? deadlines.parkFailed(tx, error.due, { tells })
          : dunning.parkFailed(tx, { clientId: error.id, at, tells })
      )
    try {
      return await putOff(true)
    } catch (cause) {
      if (isUnavailable(cause)) throw cause
      log.error({ err: cause, organization: orgId }, 'no event tells of what is put off')
      return putOff(false)
    }
  }

  return {
    clientsOf,
    report,

    /**
     * What a batch failed by. @param at when what it swept was due. @returns whether the organization can go on at once; where it cannot,
     * it is left to the next look. @throws what makes the database unavailable.
     */
    async goesOn(orgId: string, error: unknown, at: Date): Promise<boolean> {
      if (isUnavailable(error)) throw error
      if (error instanceof SomeFailed && !isPassing(error)) {
        sizes.set(orgId, Math.max(1, Math.floor(clientsOf(orgId) / FEWER)))
        return true
      }
      const what = error instanceof DeadlineFailed ? 'a deadline' : 'the dunning of an organization'
      log.error({ err: error, organization: orgId }, `${what} failed and will be tried again`)
      if (isPassing(error) || !(error instanceof DeadlineFailed || error instanceof OneFailed)) return false
      sizes.delete(orgId)
      const found = await park(orgId, error, at)
      report(orgId, found)
      return found.length > 0
    }
  }
}

export type ParkingJob = ReturnType<typeof createParking>
