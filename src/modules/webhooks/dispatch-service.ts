import type { Reader, Tx } from '../../db/client.ts'
import * as claims from './claim-repository.ts'
import { afterFailure, afterSuccess, type CircuitConfig, type Health, roomFor } from './health.ts'
import * as outcomes from './outcome-repository.ts'
import { cancelQueue, oldestDueAgeMs } from './queue-repository.ts'
import type { Settlement } from './settlement.ts'

export type { Claimed, LockedEndpoint, WaitingEndpoint } from './claim-repository.ts'

export type DispatchServiceDeps = Readonly<{
  random: () => number
  circuit: CircuitConfig
  /** An endpoint answered 410: it is to be disabled, in the transaction that says so. */
  disable: (tx: Tx, disabled: { id: string; reason: string }) => Promise<void>
}>

/** A claim with the endpoint that it goes to. */
export type Assignment = Readonly<{ claimed: claims.Claimed; endpoint: claims.LockedEndpoint }>

const GONE = 'It answered 410 Gone.'

/** The rules of the queue: what may start, and what an outcome changes. Sending is the job's, and happens outside of these. */
export function createDispatchService({ random, circuit, disable }: DispatchServiceDeps) {
  /** Folds outcomes, in the order in which they came, into an endpoint's health. */
  function fold(before: outcomes.EndpointHealth, settlements: readonly Settlement[]): outcomes.HealthWrite | undefined {
    const { endpointId, now, maxInFlight } = before
    const last: { succeededAt: Date | null; failedAt: Date | null; failure: string | null } = {
      succeededAt: null,
      failedAt: null,
      failure: null
    }
    let health: Health = before
    for (const { verdict, error, status } of settlements) {
      if (verdict === 'succeeded') {
        health = afterSuccess(health, { maxInFlight })
        last.succeededAt = now
      } else if (verdict === 'failed' || verdict === 'gone') {
        health = afterFailure(health, { now, random: random(), config: circuit })
        last.failedAt = now
        last.failure = error ?? `The endpoint answered ${status}.`
      }
    }
    if (last.succeededAt === null && last.failedAt === null) return undefined
    return { endpointId, health, outcomes: settlements.length, ...last }
  }

  return {
    oldestDueAgeMs: (scheduler: Reader): Promise<number> => oldestDueAgeMs(scheduler),

    waitingEndpoints: (scheduler: Reader, look: Parameters<typeof claims.waitingEndpoints>[1]) =>
      claims.waitingEndpoints(scheduler, look),

    /**
     * Claims what may start now for as long as the lease lasts. What it returns is to be sent after the commit.
     * @param wanted how many deliveries of each endpoint this process would start.
     */
    async claim(tx: Tx, { wanted, leaseMs }: { wanted: ReadonlyMap<string, number>; leaseMs: number }): Promise<Assignment[]> {
      const locked = await claims.lockForClaim(tx, [...wanted.keys()])
      const wants = locked.map((endpoint) => ({
        endpointId: endpoint.id,
        room: roomFor(endpoint, endpoint),
        wanted: wanted.get(endpoint.id) ?? 0
      }))
      const open = wants.filter(({ room }) => room > 0)
      if (open.length === 0) return []
      const byId = new Map(locked.map((endpoint) => [endpoint.id, endpoint]))
      return (await claims.claim(tx, { wants: open, leaseMs })).flatMap((claimed) => {
        const endpoint = byId.get(claimed.endpointId)
        return endpoint === undefined ? [] : [{ claimed, endpoint }]
      })
    },

    /**
     * Writes what came of attempts of one organization, each fenced by the number of its attempt.
     * @returns how many were still ours to write.
     */
    async settle(tx: Tx, settlements: readonly Settlement[]): Promise<number> {
      const byEndpoint = Map.groupBy(settlements, ({ endpointId }) => endpointId)
      const changed = settlements.filter(({ verdict }) => verdict !== 'succeeded').map(({ endpointId }) => endpointId)
      const locked = await outcomes.lockForOutcomes(tx, { endpointIds: [...byEndpoint.keys()], changed: [...new Set(changed)] })
      const healths = locked.flatMap((before) => fold(before, byEndpoint.get(before.endpointId) ?? []) ?? [])
      const taking = new Set(locked.filter(({ isEnabled }) => isEnabled).map(({ endpointId }) => endpointId))
      // Nothing waits for an endpoint that was disabled or deleted while the attempt was under way.
      const written = await outcomes.settle(tx, {
        settlements: settlements.map((one) =>
          one.ends === null && !taking.has(one.endpointId) ? { ...one, ends: 'cancelled' } : one
        ),
        healths
      })
      const gone = [...taking].filter((id) => byEndpoint.get(id)?.some(({ verdict }) => verdict === 'gone'))
      for (const id of gone) await disable(tx, { id, reason: GONE })
      return written.length
    },

    /** What still waits for an endpoint that was deleted while its events committed. */
    cancelOrphans: async (tx: Tx, endpointId: string): Promise<number> => cancelQueue(tx, endpointId)
  }
}

export type DispatchService = ReturnType<typeof createDispatchService>
