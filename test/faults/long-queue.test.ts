import { expect, it } from 'vitest'
import { keepLedger, openShop, type Shop, startProcess, until } from '../support/webhooks.ts'

const EVENTS = 10_000
const ENDPOINTS = 20

/** Queues every event for every endpoint, due now, as a long outage of all receivers would leave it. */
async function fillQueue({ sql, orgId }: Shop): Promise<void> {
  await sql(
    `with made as (
       insert into events (org_id, id, type, object_kind, object_id, object_version, occurred_at, recorded_at, body_sha256, seq, chain_hash)
       select $1, dunwell_uuidv7(), 'client.created', 'client', gen_random_uuid(), 1, now(), now(), '', 1000000 + n, '' from generate_series(1, $2) n returning id
     ) insert into event_bodies (org_id, event_id, body) select $1, id, '{}' from made`,
    orgId,
    EVENTS
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

type Reads = { scans: number; scanned: number; fetched: number }

/** What was read of the queue so far. Backends tell when they end, or after a second. */
async function readsOf({ sql }: Shop): Promise<Reads> {
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const [reads] = await sql<Reads>(
    `select seq_scan::int as scans, seq_tup_read::int as scanned, idx_tup_fetch::int as fetched
     from pg_stat_user_tables where relname = 'webhook_queue'`
  )
  return reads ?? { scans: 0, scanned: 0, fetched: 0 }
}

// Counted while it works, not guessed from one EXPLAIN: whatever plans there were, this is what they read.
it('a long queue is never read from end to end, by looks, claims or outcomes, however old the statistics are', async () => {
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'api' })
  for (let made = 0; made < ENDPOINTS; made++) await shop.subscribe(`${ledger.url}/${made}`)
  await shop.sql('alter table webhook_queue set (autovacuum_enabled = false)')
  // Plans are made, and kept, while the queue is empty; then it fills.
  await shop.sql('analyze')
  const env = { DUNWELL_WEBHOOK_LEASE_MS: '60000' }
  const early = await startProcess(shop.url, { roles: 'worker', env })
  await shop.fire(5)
  await until('the plans are made', () => ledger.received.length === 5 * ENDPOINTS, 30_000)
  // Nothing may start while the queue fills.
  await shop.sql(`update webhook_endpoint_health set open_until = now() + interval '1 hour'`)
  await fillQueue(shop)
  for (const statistics of ['stale', 'fresh'] as const) {
    if (statistics === 'fresh') await shop.sql('vacuum analyze webhook_queue')
    const before = await readsOf(shop)
    const sentBefore = ledger.received.length
    await shop.sql(
      'update webhook_endpoint_health set open_until = null, slow_start_limit = null, opens = 0, consecutive_failures = 0'
    )
    await until('a thousand are sent', () => ledger.received.length - sentBefore > 1_000, 60_000)
    await shop.sql(`update webhook_endpoint_health set open_until = now() + interval '1 hour'`)
    if (statistics === 'fresh') await early.stop()
    const after = await readsOf(shop)
    const sent = ledger.received.length - sentBefore
    const each = (after.fetched - before.fetched) / sent
    process.stdout.write(
      `  27 ${EVENTS * ENDPOINTS} queued, ${statistics} statistics: ${sent} sent, ${after.scans - before.scans} sequential scans, ${each.toFixed(1)} rows read for each\n`
    )
    expect(after.scans - before.scans).toBe(0)
    expect(each).toBeLessThan(100)
  }
}, 180_000)
