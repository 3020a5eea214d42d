import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { createSealingJob } from '../../src/jobs/event-sealing.ts'
import { BEFORE_ALL_IDS } from '../../src/kernel/keyset.ts'
import type { Assignment } from '../../src/modules/webhooks/dispatch-service.ts'
import { scaleSchedule, standardSchedule } from '../../src/modules/webhooks/schedule.ts'
import { settlementOf } from '../../src/modules/webhooks/settlement.ts'
import type { NewEndpoint, Shop } from './webhooks.ts'

/** What may happen at any time; two of them at once. */
export const steps = [
  ...(['fire', 'fire', 'claim', 'claim', 'claim', 'claim', 'succeed', 'succeed', 'fail', 'fail', 'leases end'] as const),
  ...(['crash', 'leases end', 'disable', 'continue', 'skip', 'retry', 'replay'] as const)
]
export type Step = Readonly<{ what: (typeof steps)[number]; worker: number; count: number }>

const LEASE_MS = 60
const schedule = scaleSchedule(standardSchedule, 0.000001)
const answered = (status: number) => ({ kind: 'response', status, bodyExcerpt: '', durationMs: 1 }) as const

export type Checked = Readonly<{ broken: string[]; deliveries: number; attempts: number; late: number; lost: number }>

/** One endpoint, two workers that are nothing but what they have claimed, and a log of what they did. */
export class Interleaving {
  readonly #shop: Shop
  readonly #endpoint: NewEndpoint
  readonly #begunAt = new Date()
  readonly #held: [Assignment[], Assignment[]] = [[], []]
  /** Claims whose outcome was refused: their leases had ended, or their delivery was cancelled. */
  readonly #refused: Assignment[] = []
  /** Only then may something be cancelled. */
  #wasSkipped = false

  private constructor(shop: Shop, endpoint: NewEndpoint) {
    this.#shop = shop
    this.#endpoint = endpoint
  }

  static async begin(shop: Shop): Promise<Interleaving> {
    return new Interleaving(shop, await shop.subscribe('http://127.0.0.1:9/never-asked', { max_in_flight: 50 }))
  }

  async take({ what, worker, count }: Step): Promise<void> {
    const { id } = this.#endpoint
    if (what === 'fire') await this.#shop.fire(count)
    else if (what === 'claim') await this.#claim(worker, count)
    else if (what === 'succeed') await this.#settle(worker, { count, status: 204 })
    else if (what === 'fail') await this.#settle(worker, { count, status: 500 })
    else if (what === 'crash') this.#heldBy(worker).splice(0)
    else if (what === 'leases end') await pause(LEASE_MS + 5)
    else if (what === 'disable') await this.#disable()
    else if (what === 'continue') await this.#enable({ resume: 'continue' })
    else if (what === 'skip') await this.#enable({ resume: 'skip' })
    else if (what === 'retry') await this.#retry(count)
    else await this.#shop.api('POST', `/webhook-endpoints/${id}/replay`, { from: this.#begunAt.toISOString() })
  }

  #heldBy(worker: number): Assignment[] {
    return worker === 0 ? this.#held[0] : this.#held[1]
  }

  async #claim(worker: number, count: number): Promise<void> {
    const { database, services } = this.#shop.parts
    const wanted = new Map([[this.#endpoint.id, count * 3]])
    const claimed = await database.scoped(
      this.#shop.orgId,
      (tx) => services.dispatch.claim(tx, { wanted, leaseMs: LEASE_MS, isAsked: true }),
      {
        isSmall: true
      }
    )
    this.#heldBy(worker).push(...claimed)
  }

  /** As a worker does that has not noticed how late it is. */
  async #settle(worker: number, { count, status }: { count: number; status: number }): Promise<void> {
    const { database, services } = this.#shop.parts
    const outcome = answered(status)
    for (const assignment of this.#heldBy(worker).splice(0, count)) {
      const settlement = settlementOf(assignment.claimed, { url: assignment.endpoint.url, outcome, random: 0.5, schedule })
      const { written } = await database.scoped(this.#shop.orgId, (tx) => services.dispatch.settle(tx, [settlement]), {
        isSmall: true
      })
      if (written === 0) this.#refused.push(assignment)
    }
  }

  #disable(): Promise<void> {
    const { database, services } = this.#shop.parts
    const disabled = { id: this.#endpoint.id, reason: 'A test wants it so.' }
    return database.scoped(this.#shop.orgId, (tx) => services.endpoints.disable(tx, disabled))
  }

  async #enable(how: { resume: 'continue' | 'skip' }): Promise<void> {
    this.#wasSkipped ||= how.resume === 'skip'
    await this.#shop.api('POST', `/webhook-endpoints/${this.#endpoint.id}/enable`, how)
  }

  async #retry(count: number): Promise<void> {
    const ended = await this.#shop.sql<{ id: string }>(
      `select id from webhook_deliveries where endpoint_id = $1 and status in ('failed', 'cancelled') limit $2`,
      this.#endpoint.id,
      count
    )
    for (const { id } of ended) await this.#shop.api('POST', `/webhook-deliveries/${id}/retry`)
  }

  /** Whatever was asked for is done, by a worker that lives. */
  async drain(): Promise<void> {
    const { database, services } = this.#shop.parts
    await this.#enable({ resume: 'continue' })
    const log = pino({ level: 'silent' })
    await createSealingJob({ database, events: services.events, log }).sealAll(new AbortController().signal)
    const page = { after: { orgId: BEFORE_ALL_IDS, id: BEFORE_ALL_IDS }, limit: 100 }
    const running = await database.scheduling((scheduler) => services.replays.allRunning(scheduler, page))
    for (const { orgId, id } of running) {
      await database.scoped(orgId, (tx) => services.replays.step(tx, id))
      await this.#shop.api('POST', `/webhook-replays/${id}/cancel`)
    }
    this.#held[0].splice(0)
    for (let turns = 0; turns < 200; turns++) {
      const left = await this.#shop.sql('select from webhook_queue where endpoint_id = $1 limit 1', this.#endpoint.id)
      if (left.length === 0) return
      await this.#claim(0, 50)
      await this.#settle(0, { count: 50, status: 204 })
      await pause(5)
    }
  }

  async check(): Promise<Checked> {
    const { id } = this.#endpoint
    const deliveries = await this.#shop.sql<Told>(toldOf, id)
    const lost = await this.#shop.sql<{ key: string }>(
      `select delivery_id || '/' || attempt as key from webhook_attempts where endpoint_id = $1 and error like 'lost:%'`,
      id
    )
    const logged = new Set(lost.map(({ key }) => key))
    const late = this.#refused.map(({ claimed }) => `${claimed.deliveryId}/${claimed.attempt}`)
    const broken = [
      ...deliveries.flatMap((told) => faultsOf(told, { mayBeCancelled: this.#wasSkipped })),
      ...late.filter((key) => !logged.has(key)).map((key) => `${key} was refused and is not in the log as lost`)
    ]
    await this.#shop.api('DELETE', `/webhook-endpoints/${id}`)
    const attempts = deliveries.reduce((sum, told) => sum + told.attempts, 0)
    return { broken, deliveries: deliveries.length, attempts, late: late.length, lost: lost.length }
  }
}

type Told = Readonly<{
  id: string
  status: string
  isQueued: boolean
  attempts: number
  rows: number
  numbers: number
  highest: number
  successes: number
  failures: number
}>

const toldOf = `select d.id, d.status, d.attempts, exists (select from webhook_queue q where q.delivery_id = d.id) as "isQueued",
    count(a.attempt)::int as rows, count(distinct a.attempt)::int as numbers, coalesce(max(a.attempt), 0) as highest,
    (count(*) filter (where a.succeeded))::int as successes, (count(*) filter (where a.status = 500))::int as failures
  from webhook_deliveries d left join webhook_attempts a on a.delivery_id = d.id where d.endpoint_id = $1 group by d.org_id, d.id`

/** I1, I3 and I4 of one delivery, when nothing is asked for any more. */
function faultsOf(told: Told, { mayBeCancelled }: { mayBeCancelled: boolean }): string[] {
  const { id, status, isQueued, attempts, rows, numbers, highest, successes, failures } = told
  const isWhole = rows === attempts && numbers === rows && highest === rows
  const isAccountedFor =
    (status === 'succeeded' && successes === 1) ||
    (status === 'failed' && successes === 0 && failures >= standardSchedule.delaysMs.length) ||
    (status === 'cancelled' && successes === 0 && mayBeCancelled)
  return [
    ...(isQueued ? [`${id} still waits`] : []),
    ...(isWhole ? [] : [`${id} has ${rows} rows for ${attempts} attempts up to ${highest}`]),
    ...(isAccountedFor ? [] : [`${id} is ${status} after ${failures} failures and ${successes} successes`])
  ]
}
