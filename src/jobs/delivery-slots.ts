/** One attempt under way. */
export type Slot = { readonly endpointId: string; readonly startedAt: number }

/** An attempt that takes longer no longer keeps another from starting: a receiver that hangs costs a socket, not a slot. */
const SLOW_AFTER_MS = 1_000
/** How many times the slots may be under way in all, the slow ones included. */
const SLOW_FACTOR = 8

/** Counts what this process has under way, in the order in which it started. */
export class DeliverySlots {
  readonly #slots: number
  readonly #now: () => number
  readonly #underWay = new Set<Slot>()

  /** @param now milliseconds of a clock that only goes forward. */
  constructor(slots: number, now: () => number) {
    this.#slots = slots
    this.#now = now
  }

  get underWay(): number {
    return this.#underWay.size
  }

  take(endpointId: string): Slot {
    const slot = { endpointId, startedAt: this.#now() }
    this.#underWay.add(slot)
    return slot
  }

  give(slot: Slot): void {
    this.#underWay.delete(slot)
  }

  /** How many more may start now. */
  free(): number {
    let slow = 0
    for (const _ of this.#slow()) slow += 1
    const young = this.#underWay.size - slow
    return Math.max(0, Math.min(this.#slots - young, this.#slots * SLOW_FACTOR - this.#underWay.size))
  }

  /** Until the first of the young attempts has taken too long; Infinity where none is under way. */
  untilSlowMs(): number {
    const now = this.#now()
    for (const { startedAt } of this.#underWay) {
      if (startedAt > now - SLOW_AFTER_MS) return startedAt + SLOW_AFTER_MS - now
    }
    return Number.POSITIVE_INFINITY
  }

  /** Endpoints that have kept an attempt waiting. */
  slowEndpoints(): ReadonlySet<string> {
    const endpoints = new Set<string>()
    for (const { endpointId } of this.#slow()) endpoints.add(endpointId)
    return endpoints
  }

  /** How many young attempts go to these endpoints: the slots that they hold. */
  heldBy(endpoints: ReadonlySet<string>): number {
    const since = this.#now() - SLOW_AFTER_MS
    let held = 0
    for (const { endpointId, startedAt } of this.#underWay) if (startedAt > since && endpoints.has(endpointId)) held += 1
    return held
  }

  /** A set keeps its order of insertion, so the slow ones come first. */
  *#slow(): Generator<Slot> {
    const since = this.#now() - SLOW_AFTER_MS
    for (const slot of this.#underWay) {
      if (slot.startedAt > since) return
      yield slot
    }
  }
}
