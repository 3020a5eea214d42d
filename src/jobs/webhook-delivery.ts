import type { Database } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { DispatchService } from '../modules/webhooks/dispatch-service.ts'
import type { Settlement } from '../modules/webhooks/settlement.ts'
import { planTurn, START, type Turn } from '../modules/webhooks/turn.ts'
import { createBell } from './bell.ts'
import { DeliveryAhead, type Ready } from './delivery-ahead.ts'
import { type AttemptDeps, createAttempts } from './delivery-attempt.ts'
import { createClaims } from './delivery-claim.ts'
import { DeliveryOutbox } from './delivery-outbox.ts'
import { DeliverySlots } from './delivery-slots.ts'

export type DeliveryMetrics = Readonly<{
  attempt: (outcome: NonNullable<Settlement['verdict']> | 'superseded' | 'not_sent') => void
  fencedOut: (count: number) => void
  leaseExpired: (count: number) => void
}>

export type WebhookDeliveryDeps = AttemptDeps &
  Readonly<{
    dispatch: DispatchService
    database: Database
    metrics: DeliveryMetrics
    /** Attempts of this process at a time; one that takes more than a second counts apart. */
    concurrency: number
    leaseMs: number
    /** How long `stop` waits for what is under way before it hangs up. */
    drainMs?: number
  }>

export type WebhookDelivery = Readonly<{
  /** Something became due. */
  wake: () => void
  /** Claims nothing more, finishes what is under way, writes what came of it. What takes too long is hung up on and released. */
  stop: () => Promise<void>
}>

const ENDPOINTS_PER_LOOK = 500
const ORGANIZATIONS_AT_A_TIME = 4
/** Between two looks that find nothing to start: at first, and at last. */
const REST_MIN_MS = 10
const REST_MAX_MS = 1_000
/** Outcomes that wait to be written; beyond, nothing more is claimed. */
const UNWRITTEN_MAX = 5_000
const DRAIN_MS = 10_000
const nobody: ReadonlySet<string> = new Set()
/** Hung up on before it begins: it is put back. */
const tooLate = AbortSignal.abort()

/**
 * Claims what may start now, sends it without a transaction open, and writes what came of it together. Any number of processes
 * may run it, with nothing to tell them of each other; a dead one's claims are taken over when their lease ends.
 */
export function createWebhookDelivery(deps: WebhookDeliveryDeps): WebhookDelivery {
  const { dispatch, database, metrics, log, concurrency, leaseMs, timeoutMaxMs, drainMs = DRAIN_MS } = deps
  const attempt = createAttempts(deps)
  const claimsOf = createClaims(deps)
  const bell = createBell()
  const slots = new DeliverySlots(concurrency, () => performance.now())
  const ahead = new DeliveryAhead(concurrency, () => performance.now())
  const isAwaited = () => isShort && ahead.waiting < concurrency
  const outbox = new DeliveryOutbox({ write, isAwaited, onWritten: () => isHungry && bell.ring(), log })
  const hangUp = new AbortController()
  const suspectSlotsMax = Math.ceil(concurrency / 2)
  /** There may be more to start than was started. */
  let isHungry = false
  /** Less was found to start than there was room for: nothing waits, or what does finds its endpoint full, and only a write helps. */
  let isShort = false
  let isStopping = false
  let position: string = START
  let restMs = REST_MIN_MS
  let onIdle = () => {}

  async function write(orgId: string, settlements: readonly Settlement[]): Promise<void> {
    const { written, news } = await database.scoped(orgId, (tx) => dispatch.settle(tx, settlements), { isSmall: true })
    if (written < settlements.length) metrics.fencedOut(settlements.length - written)
    for (const endpoint of news) log.warn({ organization: orgId, ...endpoint }, 'a webhook endpoint fails')
  }

  async function deliver({ orgId, assignment, startBy }: Ready): Promise<void> {
    const slot = slots.take(assignment.endpoint.id)
    const settlement = await attempt(orgId, assignment, slot.startedAt > startBy ? tooLate : hangUp.signal)
    slots.give(slot)
    // What was not sent, or hung up on, tells nothing of the pace.
    if (settlement.verdict !== null && settlement.verdict !== 'interrupted') ahead.count(settlement.succeeded)
    metrics.attempt(settlement.verdict ?? (settlement.ends === 'superseded' ? 'superseded' : 'not_sent'))
    outbox.add(orgId, settlement)
    start()
    if (slots.underWay === 0) {
      // Nothing more will come to be gathered with it.
      outbox.flush()
      onIdle()
    }
    if (isHungry && !isShort && room() >= worthwhile()) bell.ring()
  }

  /** Starts what is ready, as far as there are slots. Of endpoints that do not answer, only as much as these may hold. */
  function start(): void {
    while (ahead.waiting > 0 && (slots.free() > 0 || hangUp.signal.aborted)) {
      const slow = slots.slowEndpoints()
      const mayHold = slow.size === 0 || slots.heldBy(slow) < suspectSlotsMax || hangUp.signal.aborted
      const next = ahead.take(mayHold ? nobody : slow)
      if (next === undefined) return
      void deliver(next)
    }
  }

  /** How many more may be claimed. What waits for an endpoint that does not answer takes no room from the others. */
  function room(): number {
    return Math.max(0, slots.free() + ahead.target - ahead.waiting + ahead.countOf(slots.slowEndpoints()))
  }

  /** So much room is worth a claim while more waits than it can take: it costs the same for one as for many. */
  function worthwhile(): number {
    return Math.max(1, Math.floor(concurrency / 4), Math.floor(ahead.target / 2))
  }

  /** @returns how many were started. */
  async function claim({ orgId, wanted }: Turn['claims'][number]): Promise<number> {
    const startBy = performance.now() + (leaseMs - timeoutMaxMs) / 2
    try {
      const assignments = await claimsOf(orgId, wanted)
      const expired = assignments.filter(({ claimed }) => claimed.lostAt !== null).length
      if (expired > 0) metrics.leaseExpired(expired)
      ahead.add(assignments.map((assignment) => ({ orgId, assignment, startBy })))
      start()
      return assignments.length
    } catch (error) {
      // What is wrong in one organization must not hold back the others; a database that is away does.
      if (isUnavailable(error)) throw error
      log.error({ err: error, organization: orgId }, 'deliveries of an organization could not be claimed and will be tried again')
      return 0
    }
  }

  async function look(free: number): Promise<Turn> {
    const waiting = await database.scheduling((scheduler) =>
      dispatch.waitingEndpoints(scheduler, { after: position, limit: ENDPOINTS_PER_LOOK, leaseMs })
    )
    return planTurn({
      waiting,
      isCut: waiting.length === ENDPOINTS_PER_LOOK,
      free,
      suspectSlotsMax,
      heldBy: (endpointIds) => slots.heldBy(endpointIds) + ahead.countOf(endpointIds),
      slow: slots.slowEndpoints()
    })
  }

  /** Looks, claims, starts. @returns how long to rest unless the bell rings. */
  async function turn(): Promise<number> {
    start()
    if (outbox.isFailing || outbox.waiting > UNWRITTEN_MAX) {
      isHungry = true
      return REST_MAX_MS
    }
    const free = room()
    // A slot is free again when its attempt ends, which rings, or has taken too long, which does not.
    if (free < (isHungry ? worthwhile() : 1)) return Math.max(REST_MIN_MS, Math.min(REST_MAX_MS, slots.untilSlowMs()))
    const plan = await look(free)
    for (const { orgId, endpointId } of plan.orphans) await database.scoped(orgId, (tx) => dispatch.cancelOrphans(tx, endpointId))
    const started = await sumOf(plan.claims, claim)
    isShort = started < free
    // Where nothing was claimed of what could be, another transaction had the endpoint for a moment.
    isHungry = plan.claims.length > 0 || plan.isBlocked
    position = plan.next
    restMs = plan.claims.length > 0 ? REST_MIN_MS : Math.min(restMs * 2, REST_MAX_MS)
    return position === START ? Math.min(restMs, plan.untilDueMs) : 0
  }

  async function work(): Promise<void> {
    while (!isStopping) {
      const rest = await turn().catch((error: unknown) => {
        if (isUnavailable(error)) log.warn({ job: 'webhook delivery' }, 'deliveries wait for the database')
        else log.error({ err: error, job: 'webhook delivery' }, 'a look for deliveries failed and will be tried again')
        restMs = Math.min(restMs * 2, REST_MAX_MS)
        return restMs
      })
      await bell.rest(rest)
    }
  }

  const working = work()
  return {
    wake: () => {
      restMs = REST_MIN_MS
      bell.ring()
    },
    stop: async () => {
      isStopping = true
      bell.ring()
      await working
      const timer = setTimeout(() => {
        hangUp.abort()
        start()
      }, drainMs)
      const idle = Promise.withResolvers<void>()
      onIdle = idle.resolve
      if (slots.underWay > 0) await idle.promise
      clearTimeout(timer)
      await outbox.drain()
    }
  }
}

/** A few at a time. */
async function sumOf<T>(items: readonly T[], count: (item: T) => Promise<number>): Promise<number> {
  const left = [...items]
  let sum = 0
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) sum += await count(item)
  }
  await Promise.all(Array.from({ length: Math.min(ORGANIZATIONS_AT_A_TIME, left.length) }, work))
  return sum
}
