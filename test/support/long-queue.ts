import { keepLedger, openShop, type Shop, startProcess, until } from './webhooks.ts'

const ENDPOINTS = 20

/** Deliveries of somebody else that are never due: with them alone in the statistics, whoever comes next is said to have nothing. */
const strangers = `
  with others as (select gen_random_uuid() as org_id), made as (
    insert into events (org_id, id, type, object_kind, object_id, object_version, occurred_at, recorded_at, body_sha256, seq, chain_hash)
    select org_id, dunwell_uuidv7(), 'client.created', 'client', gen_random_uuid(), 1, now(), now(), '', n, '' from others, generate_series(1, 20000) n
    returning org_id, id
  ), bodies as (
    insert into event_bodies (org_id, event_id, body) select org_id, id, '{}' from made
  ), delivered as (
    insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
    select org_id, dunwell_uuidv7(), org_id, id, 'queued', 0, now(), now() from made returning org_id, id, endpoint_id, event_id
  ) insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
  select org_id, id, endpoint_id, event_id, '2100-01-01', 0, 0 from delivered`

/** Queues every event for every endpoint, due now, as a long outage of all receivers would leave it. */
async function fillQueue({ sql, orgId }: Shop, events: number): Promise<void> {
  await sql(
    `with made as (
       insert into events (org_id, id, type, object_kind, object_id, object_version, occurred_at, recorded_at, body_sha256, seq, chain_hash)
       select $1, dunwell_uuidv7(), 'client.created', 'client', gen_random_uuid(), 1, now(), now(), '', 1000000 + n, '' from generate_series(1, $2) n returning id
     ) insert into event_bodies (org_id, event_id, body) select $1, id, '{}' from made`,
    orgId,
    events
  )
  await sql(
    `with made as (
       insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
       select $1, dunwell_uuidv7(), p.id, e.id, 'queued', 0, now(), now() from events e cross join webhook_endpoints p where e.seq > 1000000 returning id, endpoint_id, event_id
     ) insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
     select $1, id, endpoint_id, event_id, now() - random() * interval '1 hour', 0, 0 from made`,
    orgId
  )
}

type Reads = { scans: number; fetched: number; done: number }

/** What was read so far of the tables that deliveries are in, and for how many. Backends tell of both when they end, or after a second. */
async function readsOf({ sql }: Shop): Promise<Reads> {
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const [reads] = await sql<Reads>(
    `select sum(seq_scan) filter (where relname = 'webhook_queue')::int as scans, sum(idx_tup_fetch)::int as fetched, sum(n_tup_del) filter (where relname = 'webhook_queue')::int as done
     from pg_stat_user_tables where relname in ('webhook_queue', 'webhook_deliveries', 'events', 'event_bodies')`
  )
  return reads ?? { scans: 0, fetched: 0, done: 0 }
}

export type Read = Readonly<{ statistics: 'stale' | 'fresh'; scans: number; each: number }>

/**
 * Fault 27: a queue that became long while all plans were those of an empty one, then with fresh statistics. Counted while it works,
 * not guessed from one EXPLAIN: whatever plans there were, this is what they read.
 */
export async function workLongQueue({ events, least }: { events: number; least: number }): Promise<Read[]> {
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'api' })
  for (let made = 0; made < ENDPOINTS; made++) await shop.subscribe(`${ledger.url}/${made}`)
  await shop.sql('alter table webhook_queue set (autovacuum_enabled = false)')
  // Plans are made, and kept, while nothing of this organization is there; then it comes all at once.
  await shop.sql(strangers)
  await shop.sql('analyze')
  const worker = await startProcess(shop.url, { roles: 'worker', env: { DUNWELL_WEBHOOK_LEASE_MS: '60000' } })
  await shop.fire(5)
  await until('the plans are made', () => ledger.received.length === 5 * ENDPOINTS, 30_000)
  // Nothing may start while the queue fills.
  await shop.sql(closed)
  await fillQueue(shop, events)
  const found: Read[] = []
  for (const statistics of ['stale', 'fresh'] as const) {
    if (statistics === 'fresh') await shop.sql('vacuum analyze')
    const before = await readsOf(shop)
    const sentBefore = ledger.received.length
    await shop.sql(opened)
    await until('enough are sent', () => ledger.received.length - sentBefore > least, 60_000)
    await shop.sql(closed)
    if (statistics === 'fresh') await worker.stop()
    const after = await readsOf(shop)
    const done = after.done - before.done
    const each = (after.fetched - before.fetched) / done
    const scans = after.scans - before.scans
    process.stdout.write(
      `  27 ${events * ENDPOINTS} queued, ${statistics} statistics: ${done} sent, ${scans} sequential scans, ${each.toFixed(1)} rows read for each\n`
    )
    found.push({ statistics, scans, each })
  }
  return found
}

/** In the order in which workers lock them. */
const inOrder = `where endpoint_id in (select endpoint_id from webhook_endpoint_health order by endpoint_id for update)`
const closed = `update webhook_endpoint_health set open_until = now() + interval '1 hour' ${inOrder}`
const opened = `update webhook_endpoint_health set open_until = null, slow_start_limit = null, opens = 0, consecutive_failures = 0 ${inOrder}`
