import { BEFORE_ALL_IDS } from '../../kernel/keyset.ts'
import type { WaitingEndpoint } from './claim-repository.ts'
import { roomFor } from './health.ts'
import { paceRoom } from './pacing.ts'
import { type Claimant, shareSlots } from './sharing.ts'

/** Before every endpoint. */
export const START = BEFORE_ALL_IDS

export type Look = Readonly<{
  /** The endpoints that something waits for, by id. */
  waiting: readonly WaitingEndpoint[]
  /** Whether there may be more behind them. */
  isCut: boolean
  /** Slots that this process has free. */
  free: number
  /** Slots that endpoints under suspicion may hold in all, and how many these hold now. */
  suspectSlotsMax: number
  heldBy: (endpointIds: ReadonlySet<string>) => number
  /** Endpoints that keep attempts of this process waiting. */
  slow: ReadonlySet<string>
}>

export type Turn = Readonly<{
  /** What to claim, organization by organization. */
  claims: readonly Readonly<{ orgId: string; wanted: ReadonlyMap<string, number> }>[]
  /** Deleted endpoints that something still waits for. */
  orphans: readonly Readonly<{ orgId: string; endpointId: string }>[]
  /** Something is due that finds no slot, or no room at its endpoint. */
  isBlocked: boolean
  /** The endpoint after which the next look begins: who got nothing this time is first then. */
  next: string
  /** Until something of this look becomes due by itself; Infinity when nothing does. */
  untilDueMs: number
}>

type Due = Claimant & Readonly<{ orgId: string }>

/** Decides from a look what to claim. Whatever it takes for free may be gone by then: the claim asks again, under a lock. */
export function planTurn(look: Look): Turn {
  const { waiting, slow, free } = look
  const due = waiting.filter((endpoint) => endpoint.isEnabled === true && waitOf(endpoint) === 0)
  const claimants = due.map((endpoint) => claimantOf(endpoint, slow)).filter(({ room }) => room > 0)
  // Those too that have nothing more to claim: what they have under way holds slots all the same.
  const suspects = new Set(waiting.filter((endpoint) => isSuspect(endpoint, slow)).map(({ endpointId }) => endpointId)).union(
    slow
  )
  const suspectSlots = Math.max(0, look.suspectSlotsMax - look.heldBy(suspects))
  const shares = shareSlots(claimants, { slots: free, suspectSlots })
  const served = claimants.filter(({ endpointId }) => shares.has(endpointId))
  return {
    claims: [...Map.groupBy(served, ({ orgId }) => orgId)].map(([orgId, own]) => ({
      orgId,
      wanted: new Map(own.map(({ endpointId }) => [endpointId, shares.get(endpointId) ?? 0]))
    })),
    orphans: waiting.filter((endpoint) => endpoint.isEnabled === null && waitOf(endpoint) === 0),
    isBlocked: served.length < due.length,
    next: nextPosition(look, { isShort: served.length < claimants.length, served }),
    untilDueMs: Math.min(
      ...waiting
        .filter(({ isEnabled }) => isEnabled !== false)
        .map(waitOf)
        .filter((ms) => ms > 0)
    )
  }
}

/** Milliseconds until something of the endpoint may start, as far as time decides it. */
function waitOf({ dueAt, openUntil, pacedUntil, now }: WaitingEndpoint): number {
  return Math.max(0, ...[dueAt, openUntil, pacedUntil].map((at) => (at?.getTime() ?? 0) - now.getTime()))
}

function claimantOf(endpoint: WaitingEndpoint, slow: ReadonlySet<string>): Due {
  const { orgId, endpointId, live } = endpoint
  const room = Math.min(roomFor(endpoint, endpoint) - live, paceRoom(endpoint))
  return { orgId, endpointId, room, isSuspect: isSuspect(endpoint, slow) }
}

function isSuspect(endpoint: WaitingEndpoint, slow: ReadonlySet<string>): boolean {
  const { endpointId, consecutiveFailures, openUntil, slowStartLimit } = endpoint
  return consecutiveFailures > 0 || openUntil !== null || slowStartLimit !== null || slow.has(endpointId)
}

function nextPosition({ waiting, isCut }: Look, { isShort, served }: { isShort: boolean; served: readonly Due[] }): string {
  const last = isShort ? served.at(-1) : isCut ? waiting.at(-1) : undefined
  return last?.endpointId ?? START
}
