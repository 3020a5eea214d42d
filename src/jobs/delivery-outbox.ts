import { isOfAnotherSchema, isPassing, isUnavailable } from '../db/errors.ts'
import type { Settlement } from '../modules/webhooks/settlement.ts'
import type { Log } from './loop.ts'

export type OutboxOptions = Readonly<{
  write: (orgId: string, settlements: readonly Settlement[]) => Promise<void>
  /** Whether something waits for what is to be written. */
  isAwaited: () => boolean
  /** After each write: the endpoints have room again. */
  onWritten: () => void
  log: Log
}>

/** One outcome costs a write nearly as much as many do; but where an endpoint is full, it is what the next of its deliveries wait for. */
const GATHER_MS = 25
const GATHER_AWAITED_MS = 10
const BATCH_MAX = 200
const WRITERS_MAX = 4
const AGAIN_MIN_MS = 50
const AGAIN_MAX_MS = 2_000
const ELSEWHERE = 'outcomes cannot be recorded: the schema is not of this release, and nothing more is claimed'

type Batch = Readonly<{ orgId: string; settlements: readonly Settlement[] }>

/**
 * Gathers outcomes and writes those of an organization together. A database that is away, or takes nothing for now, is waited for: a
 * delivery was made, and only writing so keeps it from being made again. Meanwhile its lease may end; then the fence refuses the write.
 * A schema of another release is waited for in the same way, but not when the process stops: another one may know it.
 */
export class DeliveryOutbox {
  readonly #options: OutboxOptions
  readonly #gathered = new Map<string, Settlement[]>()
  #gatheredCount = 0
  #writers = 0
  #timer: NodeJS.Timeout | undefined
  #idle: { promise: Promise<void>; resolve: () => void } | undefined
  #againMs = 0
  #isEnding = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** How many outcomes are not yet written, those being written included. */
  get waiting(): number {
    return this.#gatheredCount + this.#writers * BATCH_MAX
  }

  /** Nothing could be written the last time: whatever is sent meanwhile may have to be sent again. */
  get isFailing(): boolean {
    return this.#againMs > 0
  }

  add(orgId: string, settlement: Settlement): void {
    const gathered = this.#gathered.get(orgId)
    if (gathered === undefined) this.#gathered.set(orgId, [settlement])
    else gathered.push(settlement)
    this.#gatheredCount += 1
    if (gathered !== undefined && gathered.length >= BATCH_MAX) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), this.#options.isAwaited() ? GATHER_AWAITED_MS : GATHER_MS)
  }

  /** Writes what is gathered now, as far as writers are free. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#writers < WRITERS_MAX) {
      const batch = this.#takeBatch()
      if (batch === undefined) return
      this.#writers += 1
      void this.#write(batch).finally(() => this.#wrote())
    }
  }

  #takeBatch(): Batch | undefined {
    for (const [orgId, gathered] of this.#gathered) {
      const settlements = gathered.splice(0, BATCH_MAX)
      if (gathered.length === 0) this.#gathered.delete(orgId)
      this.#gatheredCount -= settlements.length
      return { orgId, settlements }
    }
    return undefined
  }

  #wrote(): void {
    this.#writers -= 1
    if (this.#gatheredCount > 0) this.flush()
    if (this.#gatheredCount === 0 && this.#writers === 0) this.#idle?.resolve()
    this.#options.onWritten()
  }

  async #write({ orgId, settlements }: Batch): Promise<void> {
    for (;;) {
      try {
        await this.#options.write(orgId, settlements)
        this.#againMs = 0
        return
      } catch (error) {
        const [isAway, isElsewhere] = [isUnavailable(error), isOfAnotherSchema(error) && !this.#isEnding]
        if (!isAway && !isElsewhere && !isPassing(error)) return this.#isolate({ orgId, settlements }, error)
        this.#againMs = Math.min(AGAIN_MAX_MS, Math.max(AGAIN_MIN_MS, this.#againMs * 2))
        const details = { organization: orgId, outcomes: settlements.length, ...(!isAway && { err: error }) }
        if (isElsewhere) this.#options.log.error(details, ELSEWHERE)
        else this.#options.log.warn(details, 'outcomes wait for the database')
        await new Promise((resolve) => setTimeout(resolve, this.#againMs))
      }
    }
  }

  /** One outcome that cannot be written must not keep the others from being written. Its lease will end. */
  async #isolate({ orgId, settlements }: Batch, error: unknown): Promise<void> {
    const [only] = settlements
    if (only === undefined) return
    if (settlements.length === 1) {
      this.#options.log.error({ err: error, organization: orgId, delivery: only.deliveryId }, 'an outcome could not be written')
      return
    }
    const middle = settlements.length >> 1
    await this.#write({ orgId, settlements: settlements.slice(0, middle) })
    await this.#write({ orgId, settlements: settlements.slice(middle) })
  }

  /** Resolves when everything that was added is written, or cannot be by this process. */
  async drain(): Promise<void> {
    this.#isEnding = true
    this.flush()
    if (this.#gatheredCount === 0 && this.#writers === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
    this.#idle = undefined
  }
}
