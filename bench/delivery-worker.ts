import { randomBytes } from 'node:crypto'
import { createDatabase } from '../src/db/client.ts'
import { newId } from '../src/ids.ts'
import { createWebhookDelivery } from '../src/jobs/webhook-delivery.ts'
import { systemClock } from '../src/kernel/clock.ts'
import { addressPolicy } from '../src/modules/webhooks/address-guard.ts'
import { standardDisabling } from '../src/modules/webhooks/failing.ts'
import { standardCircuit } from '../src/modules/webhooks/health.ts'
import { standardSchedule } from '../src/modules/webhooks/schedule.ts'
import { createSecretBox } from '../src/modules/webhooks/secret-box.ts'
import { createSender } from '../src/modules/webhooks/sender.ts'
import { createServices, wakeNobody } from '../src/services.ts'
import { answerOf, eventBodyOf } from './create-invoice-floor.ts'
import { execute } from './service.ts'

/** At a time, of floor and figure: what a process does unless it is told otherwise. */
export const CONCURRENCY = 64
const policy = addressPolicy({ allowLoopback: true })
const ignore = () => {}

export type Send = Readonly<{ id: string; body: string }>

export function sendsOf(count: number): Send[] {
  return Array.from({ length: count }, (_, n) => ({ id: newId(), body: bodyOf(n) }))
}

export function bodyOf(n: number): string {
  const at = '2026-01-05T09:00:00.000Z'
  const body = { client_id: newId(), number: `R-${n}`, total: '1250.00', issued_on: '2026-01-05', due_on: '2026-02-04' }
  return eventBodyOf(answerOf(body, { id: newId(), at }), { orgId: newId(), at })
}

export type Worker = Awaited<ReturnType<typeof startWorker>>

/** The service's own path: claim, open the secret, sign, send, write queue, attempt, delivery and health. */
export async function startWorker(databaseUrl: string) {
  const database = createDatabase({ url: databaseUrl })
  const secretBox = createSecretBox([randomBytes(32)])
  const parts = { database, secretBox, clock: systemClock, random: Math.random }
  const services = createServices({
    ...parts,
    ...{ newId, randomBytes, wake: wakeNobody },
    ...{ addressPolicy: policy, circuit: standardCircuit, disabling: standardDisabling }
  })
  const orgId = newId()
  await execute(databaseUrl, makeOrganization, [orgId])
  return {
    /** @returns the endpoint's id. */
    async subscribe(url: string, limits: { maxInFlight: number; timeoutMs: number }): Promise<string> {
      const settings = {
        ...{ url, description: null, eventTypes: ['*'], headers: {}, ...limits },
        ...({ ratePerSecond: null, payload: 'full', supersede: true } as const)
      }
      const { view } = await database.scoped(orgId, (tx) => services.endpoints.create(tx, { settings, signature: 'v1' }))
      return view.id
    },

    /** What waits for it is cancelled. */
    unsubscribe: (endpointId: string) => database.scoped(orgId, (tx) => services.endpoints.remove(tx, { id: endpointId })),

    /** So many events, each for one of the endpoints in turn. */
    async queue(endpointIds: readonly string[], count: number): Promise<void> {
      const sends = sendsOf(count)
      const whose = sends.map((_, n) => endpointIds[n % endpointIds.length])
      await execute(databaseUrl, queueEvents, [orgId, whose, sends.map(({ id }) => id), sends.map(({ body }) => body)])
    },

    async left(): Promise<number> {
      const [row] = await execute<{ count: number }>(databaseUrl, 'select count(*)::int as count from webhook_queue')
      return row?.count ?? 0
    },

    /**
     * Delivers until so many have succeeded, and hangs up on what is under way then.
     * @returns the seconds from the first look to the last answer, and to the last outcome written.
     */
    async deliver(count: number): Promise<Readonly<{ answeredS: number; writtenS: number }>> {
      const sender = createSender({ policy, connections: 1_000, clock: systemClock })
      const done = Promise.withResolvers<void>()
      let left = count
      const attempt = (verdict: string) => {
        if (verdict === 'succeeded' && --left === 0) done.resolve()
      }
      const metrics = { attempt, fencedOut: ignore, leaseExpired: ignore }
      const log = { info: ignore, warn: ignore, error: (details: object) => done.reject(details) }
      const limits = { concurrency: CONCURRENCY, leaseMs: 60_000, timeoutMaxMs: 30_000, drainMs: 1, schedule: standardSchedule }
      const startedAt = performance.now()
      const secondsNow = () => (performance.now() - startedAt) / 1000
      const delivery = createWebhookDelivery({ ...parts, ...limits, dispatch: services.dispatch, sender, metrics, log })
      await done.promise
      const answeredS = secondsNow()
      await delivery.stop()
      const writtenS = secondsNow()
      await sender.close()
      return { answeredS, writtenS }
    },

    stop: database.close
  }
}

const makeOrganization = `
  with calendar as (
    insert into business_calendars (org_id, version, weekend, closed_days, created_at) values ($1, 1, '{6,7}', '{}', now())
  )
  insert into organizations (org_id, name, mode, time_zone, locale, default_currency, default_payment_terms, auto_apply_credit,
    calendar_version, version, created_at, updated_at)
  values ($1, 'Bench', 'live', 'UTC', 'en', 'EUR', '{"kind":"net","days":30}', true, 1, 1, now(), now())`

const queueEvents = `
  with given as materialized (
    select t.endpoint, t.id, t.body, dunwell_uuidv7() as delivery from unnest($2::uuid[], $3::uuid[], $4::text[]) as t(endpoint, id, body)
  ), event as (
    insert into events (org_id, id, type, object_kind, object_id, object_version, occurred_at, recorded_at, body_sha256)
    select $1, id, 'invoice.created', 'invoice', id, 1, now(), now(), repeat('0', 64) from given
  ), body as (
    insert into event_bodies (org_id, event_id, body) select $1, id, body from given
  ), delivery as (
    insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
    select $1, delivery, endpoint, id, 'queued', 0, now(), now() from given
  )
  insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
  select $1, delivery, endpoint, id, date_trunc('milliseconds', now()), 0, 0 from given`
