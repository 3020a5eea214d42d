import type { Assignment } from '../modules/webhooks/dispatch-service.ts'

/** Claimed, and waiting for a slot. */
export type Ready = Readonly<{
  orgId: string
  assignment: Assignment
  /** Begun later, an attempt could outlive its lease; by the clock of the slots. */
  startBy: number
}>

/**
 * What succeeds in so much time is worth claiming ahead. A claim and its commit take 10 ms and more, and what it costs beside its rows
 * is the same for one as for many.
 */
const AHEAD_MS = 100
/** How many times the slots may wait for one. */
const AHEAD_FACTOR = 8

/**
 * What was claimed before there was a slot for it, so that slots need not wait for a claim and a claim brings many. Only what the
 * pace of the answers says will be sent at once: while receivers fail or do not answer, nothing is claimed ahead.
 */
export class DeliveryAhead {
  readonly #max: number
  readonly #now: () => number
  #ready: Ready[] = []
  #pace = 0
  #pacedAt = 0

  /** @param now milliseconds of a clock that only goes forward. */
  constructor(slots: number, now: () => number) {
    this.#max = slots * AHEAD_FACTOR
    this.#now = now
  }

  get waiting(): number {
    return this.#ready.length
  }

  /** How many may wait now. */
  get target(): number {
    return Math.min(this.#max, Math.floor(this.#fadedPace()))
  }

  /** An attempt has succeeded. */
  count(): void {
    this.#pace = this.#fadedPace() + 1
    this.#pacedAt = this.#now()
  }

  /** About how many attempts succeeded within the last `AHEAD_MS`. */
  #fadedPace(): number {
    return this.#pace * Math.exp((this.#pacedAt - this.#now()) / AHEAD_MS)
  }

  add(ready: readonly Ready[]): void {
    this.#ready.push(...ready)
  }

  /** The first in line of endpoints that are not passed over. */
  take(passedOver: ReadonlySet<string>): Ready | undefined {
    if (passedOver.size === 0) return this.#ready.shift()
    const index = this.#ready.findIndex(({ assignment }) => !passedOver.has(assignment.endpoint.id))
    return index < 0 ? undefined : this.#ready.splice(index, 1)[0]
  }

  countOf(endpointIds: ReadonlySet<string>): number {
    if (endpointIds.size === 0) return 0
    return this.#ready.filter(({ assignment }) => endpointIds.has(assignment.endpoint.id)).length
  }
}
