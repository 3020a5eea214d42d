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
/** How many times the slots may wait for one, and as long as nothing failed and no pace is known. */
const AHEAD_FACTOR = 16
const HOPED_FACTOR = 4

/** After a failure, how long only what succeeds is a reason to claim ahead. */
const CAUTION_MS = 1_000

/**
 * What was claimed before there was a slot for it, so that slots need not wait for a claim and a claim brings many: what the pace of
 * the answers says will be sent at once, and, until something fails, a few times as much as there are slots, so that a queue which was
 * empty does not begin slowly.
 */
export class DeliveryAhead {
  readonly #slots: number
  readonly #now: () => number
  #ready: Ready[] = []
  #pace = 0
  #pacedAt = 0
  #failedAt = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a clock that only goes forward. */
  constructor(slots: number, now: () => number) {
    this.#slots = slots
    this.#now = now
  }

  get waiting(): number {
    return this.#ready.length
  }

  /** How many may wait now. */
  get target(): number {
    const hoped = this.#now() - this.#failedAt > CAUTION_MS ? this.#slots * HOPED_FACTOR : 0
    return Math.min(this.#slots * AHEAD_FACTOR, Math.max(hoped, Math.floor(this.#fadedPace())))
  }

  /** An attempt has ended. */
  count(hasSucceeded: boolean): void {
    if (!hasSucceeded) {
      this.#failedAt = this.#now()
      return
    }
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
