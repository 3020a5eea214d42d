import { setTimeout as pause } from 'node:timers/promises'
import { subscribed } from './database-faults.ts'
import { print, type Report, reportOn, startCrew, startWorker, untilDrained } from './delivery-faults.ts'
import { type Shop, until } from './webhooks.ts'

/** Events that no endpoint has got yet, as those from before it was made. */
async function fillHistory({ sql, orgId }: Shop, count: number): Promise<void> {
  await sql(
    `with made as (
       insert into events (org_id, id, type, object_kind, object_id, object_version, occurred_at, recorded_at, body_sha256, seq, chain_hash)
       select $1, dunwell_uuidv7(), 'client.created', 'client', gen_random_uuid(), 1, now(), now(), '', n, '' from generate_series(1, $2) n
       returning id
     ) insert into event_bodies (org_id, event_id, body) select $1, id, '{}' from made`,
    orgId,
    count
  )
  await sql(
    `insert into event_chains (org_id, last_seq, last_hash) values ($1, $2, '') on conflict (org_id) do update set last_seq = $2`,
    orgId,
    count
  )
}

export type Replayed = Report & Readonly<{ queued: number; drainMs: number; retries: readonly number[] }>

/** Fault 25: a long span is asked for twice at once, by one who cannot wait; then one delivery is. */
export async function askTwice(events: number): Promise<Replayed> {
  await using at = await subscribed()
  const { shop, ledger, endpoint } = at
  await fillHistory(shop, events)
  const worker = startWorker(shop.url, { DUNWELL_WEBHOOK_CONCURRENCY: '64', DUNWELL_WEBHOOK_LEASE_MS: '60000' })
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    const from = new Date(Date.now() - 3_600_000).toISOString()
    const startedAt = performance.now()
    const ask = () => shop.api('POST', `/webhook-endpoints/${endpoint.id}/replay`, { from })
    const asked = await Promise.all([ask(), ask()])
    await until('all of it was sent', async () => ledger.received.length >= events, 150_000)
    const drainMs = Math.round(performance.now() - startedAt)
    const queuedOf = async ({ body }: { body: Readonly<Record<string, unknown>> }) =>
      Number((await shop.api('GET', `/webhook-replays/${String(body['id'])}`)).body['queued'])
    const queued = (await Promise.all(asked.map(queuedOf))).reduce((sum, count) => sum + count, 0)
    await until('all is written', async () => (await shop.sql('select from webhook_queue limit 1')).length === 0)
    const report = await reportOn(`25 ${events} replayed by two at once`, { shop, ledger })
    const retries = await retryTwice(shop, () => ledger.received.length)
    print(report, `; ${queued} queued, sent within ${drainMs} ms; of two retries at once ${retries[2]} sent`)
    return { ...report, queued, drainMs, retries }
  } finally {
    await worker.kill('SIGTERM')
  }
}

/** Fault 25 with fault 1: a span is replayed while one of two workers is killed every 700 ms. */
export async function killAmidReplay(events: number): Promise<Report & { killed: number; queued: number }> {
  await using at = await subscribed()
  const { shop, ledger, endpoint } = at
  await fillHistory(shop, events)
  await using crew = await startCrew(2, shop.url)
  const from = new Date(Date.now() - 3_600_000).toISOString()
  const { body } = await shop.api('POST', `/webhook-endpoints/${endpoint.id}/replay`, { from })
  const isSent = () => ledger.ids().size >= events
  while (!isSent()) {
    await pause(700)
    if (!isSent()) await crew.killOne()
  }
  await untilDrained(shop)
  const report = await reportOn(`25 ${events} replayed, a worker killed every 700 ms`, { shop, ledger })
  const queued = Number((await shop.api('GET', `/webhook-replays/${String(body['id'])}`)).body['queued'])
  print(report, `; ${crew.killed()} killed, ${queued} queued`)
  return { ...report, killed: crew.killed(), queued }
}

/** One delivery that had failed. @returns what the two were answered. */
async function retryTwice(shop: Shop, count: () => number): Promise<number[]> {
  const [one] = await shop.sql<{ id: string }>(
    `update webhook_deliveries set status = 'failed' where id = (select id from webhook_deliveries limit 1) returning id`
  )
  const before = count()
  const retry = () => shop.api('POST', `/webhook-deliveries/${one?.id}/retry`)
  const answers = await Promise.all([retry(), retry()])
  await until('it was sent again', () => count() > before)
  await until('it is written', async () => (await shop.sql('select from webhook_queue limit 1')).length === 0)
  return [...answers.map(({ status }) => status).sort(), count() - before]
}
