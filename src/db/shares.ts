import { BoundedMap } from '../kernel/bounded-map.ts'
import { DomainError } from '../kernel/errors.ts'
import { DatabaseUnavailable } from './errors.ts'

export type SharesOptions = Readonly<{
  /** Connections that there are to share. */
  total: number
  /** How many of them an organization has at most beside others; alone it has all but one. Jobs have as many as there are. */
  perOrganization: number
  /** How many of a holder's requests may wait. */
  waitingMax: number
  waitMs: number
  nowMs: () => number
}>

/** All jobs are one holder, whichever organization they work for: one that asks for much must not keep them from the others. */
export const JOBS = 'jobs'

export type Wish = Readonly<{
  /** The id of an organization, or `JOBS`. */
  holder: string
  /** It writes many objects. */
  isHeavy: boolean
}>

type HolderUse = Readonly<{ running: number; waiting: number }>

export type ShareUse = Readonly<{
  /** All organizations together. */
  organizations: HolderUse
  jobs: HolderUse
  /** What the organization with the most connections has. */
  largest: number
}>

type Waiting = Readonly<{ isHeavy: boolean; start: () => void }>
type Holder = { readonly name: string; running: number; heavy: number; readonly waiting: Waiting[] }

/** Beside others, an organization has heavy work on one of so many of its connections: it keeps a processor busy as long as it runs. */
const CONNECTIONS_PER_HEAVY = 5
const LIMITS_MAX = 10_000
const ALONE_AFTER_MS = 60_000

/**
 * Shares connections between holders. A holder has at most its limit, and a connection that becomes free goes to the holder that has
 * the fewest. A request that waits holds no connection, so an organization that asks for more than its share waits for its own requests.
 */
export class Shares {
  readonly #options: SharesOptions
  /** Those that run or wait. Of those that wait, the one that was served last comes last. */
  readonly #holders = new Map<string, Holder>()
  readonly #limits = new BoundedMap<string, number>(LIMITS_MAX)
  #free: number
  /** The organization that asked last, and when another one did. */
  #last = ''
  #lastAt = Number.NEGATIVE_INFINITY
  #othersAt = Number.NEGATIVE_INFINITY

  constructor(options: SharesOptions) {
    this.#options = options
    this.#free = options.total
  }

  /** Gives an organization another limit than `perOrganization`; null takes it back. */
  limit(name: string, connections: number | null): void {
    if (connections === null) this.#limits.delete(name)
    else this.#limits.set(name, connections)
  }

  /** How the shares are used now. */
  use(): ShareUse {
    const all = [...this.#holders.values()]
    const organizations = all.filter(({ name }) => name !== JOBS)
    const jobs = this.#holders.get(JOBS)
    return {
      organizations: {
        running: organizations.reduce((sum, { running }) => sum + running, 0),
        waiting: organizations.reduce((sum, { waiting }) => sum + waiting.length, 0)
      },
      jobs: { running: jobs?.running ?? 0, waiting: jobs?.waiting.length ?? 0 },
      largest: organizations.reduce((largest, { running }) => Math.max(largest, running), 0)
    }
  }

  /**
   * Waits until the holder may take a connection.
   * @returns what gives the connection back.
   * @throws DomainError `rate_limited` if the holder's own requests leave no room in time, DatabaseUnavailable if others' leave none.
   */
  async take({ holder: name, isHeavy }: Wish): Promise<() => void> {
    this.#note(name)
    const holder = this.#holders.get(name) ?? { name, running: 0, heavy: 0, waiting: [] }
    this.#holders.set(name, holder)
    if (this.#free === 0 || !this.#mayStart(holder, isHeavy)) await this.#wait(holder, isHeavy)
    else this.#start(holder, isHeavy)
    return () => this.#give(holder, isHeavy)
  }

  #give(holder: Holder, isHeavy: boolean): void {
    holder.running -= 1
    if (isHeavy) holder.heavy -= 1
    this.#free += 1
    this.#next()?.start()
    this.#forgetIdle(holder)
  }

  #start(holder: Holder, isHeavy: boolean): void {
    holder.running += 1
    if (isHeavy) holder.heavy += 1
    this.#free -= 1
  }

  #wait(holder: Holder, isHeavy: boolean): Promise<void> {
    const { waitingMax, waitMs } = this.#options
    if (holder.waiting.length >= waitingMax) throw tooMany(holder)
    return new Promise((resolve, reject) => {
      const leave = () => void holder.waiting.splice(holder.waiting.indexOf(waiting), 1)
      const expire = () => {
        leave()
        this.#forgetIdle(holder)
        const isForOthers = this.#mayStart(holder, isHeavy)
        reject(isForOthers ? new DatabaseUnavailable(new Error('No connection became free.')) : tooMany(holder))
      }
      const timer = setTimeout(expire, waitMs)
      const start = () => {
        clearTimeout(timer)
        leave()
        this.#holders.delete(holder.name)
        this.#holders.set(holder.name, holder)
        this.#start(holder, isHeavy)
        resolve()
      }
      const waiting = { isHeavy, start }
      holder.waiting.push(waiting)
    })
  }

  /** The first that may start of the holder that has the fewest connections. */
  #next(): Waiting | undefined {
    let found: Waiting | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const holder of this.#holders.values()) {
      if (holder.running >= fewest) continue
      const first = holder.waiting.find(({ isHeavy }) => this.#mayStart(holder, isHeavy))
      if (first !== undefined) [found, fewest] = [first, holder.running]
    }
    return found
  }

  #mayStart({ name, running, heavy }: Holder, isHeavy: boolean): boolean {
    const { total } = this.#options
    if (name === JOBS) return running < total
    const perOrganization = this.#limits.get(name) ?? this.#options.perOrganization
    // One is left to whoever comes.
    if (this.#isAlone(name)) return running < Math.max(perOrganization, total - 1)
    return running < perOrganization && (!isHeavy || heavy < Math.ceil(perOrganization / CONNECTIONS_PER_HEAVY))
  }

  #note(name: string): void {
    if (name === JOBS) return
    if (name !== this.#last) [this.#last, this.#othersAt] = [name, this.#lastAt]
    this.#lastAt = this.#options.nowMs()
  }

  #isAlone(name: string): boolean {
    const othersAt = name === this.#last ? this.#othersAt : this.#lastAt
    return this.#options.nowMs() - othersAt > ALONE_AFTER_MS
  }

  #forgetIdle({ name, running, waiting }: Holder): void {
    if (running === 0 && waiting.length === 0) this.#holders.delete(name)
  }
}

function tooMany({ running, waiting }: Holder): DomainError {
  const sentence = `${running} requests of this organization are under way and ${waiting.length} wait for them. Send fewer at a time.`
  return new DomainError('rate_limited', sentence)
}
