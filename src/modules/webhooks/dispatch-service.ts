import type { Reader, Tx } from '../../db/client.ts'
import * as claims from './claim-repository.ts'
import { roomFor } from './health.ts'
import * as metrics from './metrics-repository.ts'
import { type Folded, foldOutcomes, type HealthConfig } from './outcome-fold.ts'
import * as outcomes from './outcome-repository.ts'
import { paceRoom } from './pacing.ts'
import { cancelQueue } from './queue-repository.ts'
import { dueAgain, type Settlement } from './settlement.ts'

export type { Claimed, LockedEndpoint, WaitingEndpoint } from './claim-repository.ts'

export type DispatchServiceDeps = HealthConfig &
  Readonly<{
    /** An endpoint answered 410, or nothing good for too long: it is to be disabled, in the transaction that says so. */
    disable: (tx: Tx, disabled: { id: string; reason: string }) => Promise<void>
    /** It will be, if it goes on like this. */
    announceFailing: (tx: Tx, failing: { id: string; percent: number }) => Promise<void>
    /** Whether events of this type can stop being true. */
    mayBeOutdated: (type: string) => boolean
    /** Asked before such events are sent. @returns by event id, why one is no longer true. */
    outdated: (reader: Reader, events: readonly QueuedEvent[]) => Promise<ReadonlyMap<string, string>>
    /** What was no longer true was not sent to these. */
    superseded: (tx: Tx, deliveries: readonly Readonly<{ eventId: string; endpointId: string }>[]) => Promise<void>
  }>

/** An event that is about to be sent. */
export type QueuedEvent = Readonly<{
  id: string
  type: string
  body: string
  /** An attempt of it failed before. */
  hasFailed: boolean
}>

/** A claim with the endpoint that it goes to. */
export type Assignment = Readonly<{
  claimed: claims.Claimed
  endpoint: claims.LockedEndpoint
  /** Why its event is no longer true where it is not; undefined where nobody could tell. */
  outdated: string | null | undefined
}>

export type Claiming = Readonly<{ wanted: ReadonlyMap<string, number>; leaseMs: number; isAsked: boolean }>

type Verdict = NonNullable<Folded['verdict']>

/** What became known of an endpoint with the outcomes that were written. */
export type EndpointNews = Readonly<{ endpointId: string }> & Verdict

export type Settled = Readonly<{ written: number; news: readonly EndpointNews[] }>

const GONE = 'It answered 410 Gone.'

/** The rules of the queue: what may start, and what an outcome changes. Sending is the job's, and happens outside of these. */
export function createDispatchService(deps: DispatchServiceDeps) {
  const { disable, announceFailing, mayBeOutdated, outdated, superseded } = deps

  const isAsking = ({ claimed: { body, eventType }, endpoint: { supersede } }: Omit<Assignment, 'outdated'>) =>
    supersede && body !== null && mayBeOutdated(eventType)

  async function ask(reader: Reader, assignments: readonly Omit<Assignment, 'outdated'>[]): Promise<Assignment[]> {
    const asking = assignments.filter(isAsking).map(({ claimed: { eventId: id, eventType: type, body, failures } }) => {
      return { id, type, body: body ?? '', hasFailed: failures > 0 }
    })
    const reasons = asking.length === 0 ? null : await outdated(reader, asking)
    return assignments.map(({ claimed, endpoint }) => ({
      claimed,
      endpoint,
      outdated: (endpoint.supersede ? reasons?.get(claimed.eventId) : null) ?? null
    }))
  }

  async function act(tx: Tx, { id, verdict, failures }: { id: string; verdict: Verdict; failures: number }): Promise<void> {
    if (verdict.kind === 'announce') await announceFailing(tx, { id, percent: verdict.percent })
    else await disable(tx, { id, reason: verdict.kind === 'gone' ? GONE : silenceOf(failures) })
  }

  return {
    oldestDueAgeMs: metrics.oldestDueAgeMs,
    endpointStates: metrics.endpointStates,
    deadRows: metrics.deadRows,

    waitingEndpoints: (scheduler: Reader, look: Parameters<typeof claims.waitingEndpoints>[1]) =>
      claims.waitingEndpoints(scheduler, look),

    /**
     * Claims what may start now for as long as the lease lasts. What it returns is to be sent after the commit.
     * @param wanted how many deliveries of each endpoint this process would start.
     * @param isAsked whether what is no longer true is told apart in the same transaction.
     */
    async claim(tx: Tx, { wanted, leaseMs, isAsked }: Claiming): Promise<Assignment[]> {
      const locked = await claims.lockForClaim(tx, [...wanted.keys()])
      const wants = locked.map((endpoint) => ({
        endpointId: endpoint.id,
        room: roomFor(endpoint, endpoint),
        wanted: Math.min(wanted.get(endpoint.id) ?? 0, paceRoom(endpoint))
      }))
      const open = wants.filter((want) => want.room > 0 && want.wanted > 0)
      if (open.length === 0) return []
      const byId = new Map(locked.map((endpoint) => [endpoint.id, endpoint]))
      const assignments = (await claims.claim(tx, { wants: open, leaseMs })).flatMap((claimed) => {
        const endpoint = byId.get(claimed.endpointId)
        return endpoint === undefined ? [] : [{ claimed, endpoint }]
      })
      const asked = isAsked
        ? await ask(tx, assignments)
        : assignments.map((one) => ({ ...one, outdated: isAsking(one) ? undefined : null }))
      // What is no longer true is not sent, and takes no time from what is.
      claims.countTowardsRates(tx, pacedOf(asked.filter(({ outdated: reason }) => typeof reason !== 'string')))
      return asked
    },

    /** Asks of claims whether their events are still true. */
    ask,

    /**
     * Writes what came of attempts of one organization, each fenced by the number of its attempt.
     * @returns how many were still ours to write, and what that says of endpoints.
     */
    async settle(tx: Tx, settlements: readonly Settlement[]): Promise<Settled> {
      const byEndpoint = Map.groupBy(settlements, ({ endpointId }) => endpointId)
      const changed = settlements.filter(({ verdict }) => verdict !== 'succeeded').map(({ endpointId }) => endpointId)
      const locked = await outcomes.lockForOutcomes(tx, { endpointIds: [...byEndpoint.keys()], changed: [...new Set(changed)] })
      const taking = new Set(locked.filter(({ isEnabled }) => isEnabled).map(({ endpointId }) => endpointId))
      const endpointOf = new Map(locked.map((endpoint) => [endpoint.endpointId, endpoint]))
      const outdated = settlements.filter(({ ends }) => ends === 'superseded').map(({ deliveryId }) => deliveryId)
      const hadBefore = await outcomes.answeredBefore(tx, outdated)
      const ending = settlements.map((one) => asOf(endpointOf.get(one.endpointId), one, hadBefore))
      const ours = new Set(await outcomes.settle(tx, ending))
      await superseded(
        tx,
        ending.filter(({ deliveryId, ends }) => ends === 'superseded' && ours.has(deliveryId))
      )
      // What another claim took over says nothing of the endpoint: that claim will. Nor does what its former URL answered.
      const about = ({ endpointId, url: now }: (typeof locked)[number]) =>
        byEndpoint.get(endpointId)?.filter(({ deliveryId, url }) => ours.has(deliveryId) && url === now) ?? []
      const folds = locked.flatMap((was) => foldOutcomes(was, { settlements: about(was), config: deps }) ?? [])
      outcomes.heal(
        tx,
        folds.map(({ write }) => write)
      )
      outcomes.keepLastSuccess(tx, answeringOf(settlements, ours))
      const news: EndpointNews[] = []
      for (const { write, verdict } of folds) {
        const { endpointId, health } = write
        if (verdict === null || !taking.has(endpointId)) continue
        news.push({ endpointId, ...verdict })
        await act(tx, { id: endpointId, verdict, failures: health.consecutiveFailures })
      }
      return { written: ours.size, news }
    },

    /** What still waits for an endpoint that was deleted while its events committed. */
    cancelOrphans: async (tx: Tx, endpointId: string): Promise<number> => cancelQueue(tx, endpointId)
  }
}

export type DispatchService = ReturnType<typeof createDispatchService>

/**
 * What comes of an attempt as its endpoint is by now. Nothing waits for one that was deleted meanwhile, or is to have nothing from before;
 * one that was disabled keeps its queue, and one that moved gets at its new URL what the former one refused for good. What was sent
 * again and is not true any more had arrived before.
 */
function asOf(
  endpoint: Pick<outcomes.EndpointHealth, 'url' | 'skippedAt'> | undefined,
  one: Settlement,
  hadBefore: ReadonlySet<string>
): Settlement {
  if (hadBefore.has(one.deliveryId)) return { ...one, ends: 'succeeded' }
  const isSkipped = endpoint === undefined || (endpoint.skippedAt !== null && one.startedAt < endpoint.skippedAt)
  if (isSkipped) return one.ends === null ? { ...one, ends: 'cancelled' } : one
  const isRefusedForGood = one.verdict === 'gone' || one.verdict === 'too_large'
  return isRefusedForGood && one.url !== endpoint.url ? { ...one, ...dueAgain(0) } : one
}

/** Each endpoint that answered well once, with each URL where it did. */
function answeringOf(settlements: readonly Settlement[], ours: ReadonlySet<string>): outcomes.Answering[] {
  const well = settlements.flatMap(({ deliveryId, endpointId, url, verdict }) =>
    verdict === 'succeeded' && url !== null && ours.has(deliveryId) ? { endpointId, url } : []
  )
  return [...new Map(well.map((one) => [`${one.endpointId} ${one.url}`, one])).values()]
}

function silenceOf(failures: number): string {
  return `It gave no 2xx for too long: ${failures} attempts failed in a row.`
}

function pacedOf(assignments: readonly Pick<Assignment, 'endpoint'>[]) {
  const paced = assignments.filter(({ endpoint }) => endpoint.ratePerSecond !== null)
  return [...Map.groupBy(paced, ({ endpoint }) => endpoint)].map(([{ id, ratePerSecond }, own]) => ({
    endpointId: id,
    claimed: own.length,
    rate: ratePerSecond ?? 1
  }))
}
