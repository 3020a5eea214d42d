import { fork } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
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
import type { Bench, BenchContext } from './bench.ts'
import { answerOf, eventBodyOf } from './create-invoice-floor.ts'
import { median } from './report.ts'
import { execute } from './service.ts'

/** At a time, of floor and figure: what a process does unless it is told otherwise. */
const CONCURRENCY = 64
const policy = addressPolicy({ allowLoopback: true })

export const bench: Bench = {
  ids: ['P6'],
  async run(context) {
    const { floor, figure, beside } = await measure(context)
    return [{ id: 'P6', unit: '/s', floor, figure, beside }]
  }
}

async function measure({ server, rounds, isQuick, progress }: BenchContext) {
  const count = isQuick ? 2_000 : 20_000
  const { name, url } = await server.createDatabase()
  const receiver = await startReceiver()
  const worker = await startWorker(url, receiver.url)
  const [floor, figure]: [number[], number[]] = [[], []]
  try {
    for (let round = 0; round <= rounds; round++) {
      progress.step(`deliveries: ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${count} webhooks`)
      const least = await bareLoop(receiver.url, count)
      await receiver.expect(count)
      await worker.queue(count)
      await server.checkpoint()
      const ours = await worker.deliver(count)
      await receiver.expect(count)
      if (round === 0) continue
      floor.push(count / least)
      figure.push(count / ours)
    }
  } finally {
    await worker.stop()
    await receiver.stop()
  }
  await server.drop(name)
  return {
    floor,
    figure,
    beside: `${CONCURRENCY} at a time, bodies of ${bodyOf(0).length} bytes, median of ${median(figure).toFixed(0)}/s`
  }
}

function bodyOf(n: number): string {
  const at = '2026-01-05T09:00:00.000Z'
  const body = { client_id: newId(), number: `R-${n}`, total: '1250.00', issued_on: '2026-01-05', due_on: '2026-02-04' }
  return eventBodyOf(answerOf(body, { id: newId(), at }), { orgId: newId(), at })
}

/** The least that sending could cost: sign with the secret at hand, POST, read the answer. Nothing is read, claimed or written. */
async function bareLoop(url: string, count: number): Promise<number> {
  const secret = randomBytes(32)
  const bodies = Array.from({ length: count }, (_, n) => ({ id: newId(), body: bodyOf(n) }))
  const agent = new Agent({ connections: CONCURRENCY, pipelining: 1 })
  const startedAt = performance.now()
  const send = async () => {
    for (let next = bodies.pop(); next !== undefined; next = bodies.pop()) {
      const timestamp = String(Math.floor(Date.now() / 1000))
      const signature = createHmac('sha256', secret).update(`${next.id}.${timestamp}.`).update(next.body).digest('base64')
      const headers = {
        'content-type': 'application/json',
        'webhook-id': next.id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`
      }
      const answer = await request(url, { method: 'POST', headers, body: next.body, dispatcher: agent })
      await answer.body.dump()
      if (answer.statusCode !== 204) throw new Error(`The receiver answered ${answer.statusCode}.`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, send))
  const seconds = (performance.now() - startedAt) / 1000
  await agent.close()
  return seconds
}

/** The service's own path: claim, open the secret, sign, send, write queue, attempt, delivery and health. */
async function startWorker(databaseUrl: string, receiverUrl: string) {
  const database = createDatabase({ url: databaseUrl })
  const secretBox = createSecretBox([randomBytes(32)])
  const ignore = () => {}
  const parts = { database, secretBox, clock: systemClock, random: Math.random }
  const services = createServices({
    ...parts,
    newId,
    randomBytes,
    wake: wakeNobody,
    addressPolicy: policy,
    circuit: standardCircuit,
    disabling: standardDisabling
  })
  const orgId = newId()
  await execute(databaseUrl, makeOrganization, [orgId])
  const settings = {
    ...{ url: receiverUrl, description: null, eventTypes: ['*'], headers: {}, maxInFlight: 1_000, timeoutMs: 10_000 },
    ...({ ratePerSecond: null, payload: 'full', supersede: true } as const)
  }
  const { view } = await database.scoped(orgId, (tx) => services.endpoints.create(tx, { settings, signature: 'v1' }))
  return {
    async queue(count: number): Promise<void> {
      const events = Array.from({ length: count }, (_, n) => ({ id: newId(), body: bodyOf(n) }))
      const columns = [events.map(({ id }) => id), events.map(({ body }) => body)]
      await execute(databaseUrl, queueEvents, [orgId, view.id, ...columns])
    },

    /** @returns the seconds from the first look to the last outcome written. */
    async deliver(count: number): Promise<number> {
      const sender = createSender({ policy, connections: 1_000, clock: systemClock })
      const done = Promise.withResolvers<void>()
      let left = count
      const metrics = { attempt: () => --left === 0 && done.resolve(), fencedOut: ignore, leaseExpired: ignore }
      const log = { info: ignore, warn: ignore, error: (details: object) => done.reject(details) }
      const limits = { concurrency: CONCURRENCY, leaseMs: 60_000, timeoutMaxMs: 30_000, schedule: standardSchedule }
      const startedAt = performance.now()
      const delivery = createWebhookDelivery({ ...parts, ...limits, dispatch: services.dispatch, sender, metrics, log })
      await done.promise
      await delivery.stop()
      const seconds = (performance.now() - startedAt) / 1000
      await sender.close()
      const [row] = await execute<{ count: number }>(databaseUrl, 'select count(*)::int as count from webhook_queue')
      if (row?.count !== 0) throw new Error(`${row?.count} deliveries were left.`)
      return seconds
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
    select t.id, t.body, dunwell_uuidv7() as delivery from unnest($3::uuid[], $4::text[]) as t(id, body)
  ), event as (
    insert into events (org_id, id, type, object_kind, object_id, object_version, occurred_at, recorded_at, body_sha256)
    select $1, id, 'invoice.created', 'invoice', id, 1, now(), now(), repeat('0', 64) from given
  ), body as (
    insert into event_bodies (org_id, event_id, body) select $1, id, body from given
  ), delivery as (
    insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
    select $1, delivery, $2, id, 'queued', 0, now(), now() from given
  )
  insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
  select $1, delivery, $2, id, date_trunc('milliseconds', now()), 0, 0 from given`

async function startReceiver() {
  const child = fork(fileURLToPath(new URL('receiver.ts', import.meta.url)), { execArgv: [] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    url: `http://127.0.0.1:${port}/hook`,
    /** Since it was last asked. */
    async expect(count: number): Promise<void> {
      child.send('count')
      const [{ received }] = (await once(child, 'message')) as [{ received: number }]
      if (received !== count) throw new Error(`The receiver got ${received} of ${count}.`)
    },
    async stop(): Promise<void> {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    }
  }
}
