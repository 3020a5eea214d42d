import { BoundedMap } from '../kernel/bounded-map.ts'
import type { Clock } from '../kernel/clock.ts'

export type Standing = Readonly<{ isSpent: boolean; limit: number; remaining: number; resetSeconds: number }>

type Window = { used: number; readonly endsMs: number }

const WINDOW_MS = 60_000
const NAMES_MAX = 10_000

/** How much each name uses in a minute of this process. */
export class Quota {
  readonly #clock: Clock
  readonly #windows = new BoundedMap<string, Window>(NAMES_MAX)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param limit how much it may use; 0 is no limit. */
  standing(name: string, limit: number): Standing {
    const { used, endsMs } = this.#windowOf(name)
    return {
      isSpent: limit > 0 && used >= limit,
      limit,
      remaining: Math.max(0, limit - used),
      resetSeconds: Math.ceil((endsMs - this.#nowMs()) / 1000)
    }
  }

  /** What passes the limit is kept count of, too: a batch is done whole, or not begun. */
  spend(name: string, amount: number): void {
    const window = this.#windowOf(name)
    window.used += amount
    this.#windows.set(name, window)
  }

  #windowOf(name: string): Window {
    const known = this.#windows.get(name)
    return known !== undefined && known.endsMs > this.#nowMs() ? known : { used: 0, endsMs: this.#nowMs() + WINDOW_MS }
  }

  #nowMs(): number {
    return this.#clock.now().getTime()
  }
}
