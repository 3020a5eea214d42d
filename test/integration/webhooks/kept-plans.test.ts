import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { openShop, type Shop } from '../../support/webhooks.ts'

const EVENTS = 5_000

/** Of another connection, which tells of its reads a second late. */
async function readsOf({ sql }: Shop): Promise<number> {
  await pause(1_500)
  const [row] = await sql<{ reads: number }>(
    `select sum(idx_tup_read)::int as reads from pg_stat_user_indexes where relname in ('webhook_queue', 'webhook_deliveries', 'events', 'event_bodies')`
  )
  return row?.reads ?? 0
}

it('a claim whose plan was made while there were no events reads what it takes when there are many', async () => {
  await using shop = await openShop({ roles: 'api' })
  const { id } = await shop.subscribe('http://127.0.0.1:9/never-asked', { max_in_flight: 1_000 })
  const { database, services } = shop.parts
  const claim = (count: number) =>
    database.scoped(
      shop.orgId,
      (tx) => services.dispatch.claim(tx, { wanted: new Map([[id, count]]), leaseMs: 60_000, isAsked: true }),
      { isSmall: true }
    )
  for (const table of ['webhook_queue', 'webhook_deliveries', 'events', 'event_bodies'])
    await shop.sql(`alter table ${table} set (autovacuum_enabled = false)`)
  await shop.fire(10)
  for (let made = 0; made < 10; made++) await claim(1)
  await shop.sql(
    `with made as (
       insert into events (org_id, id, type, object_kind, object_id, object_version, occurred_at, recorded_at, body_sha256, seq, chain_hash)
       select $1, dunwell_uuidv7(), 'client.created', 'client', gen_random_uuid(), 1, now(), now(), '', 1000000 + n, '' from generate_series(1, $3) n
       returning id
     ), bodies as (
       insert into event_bodies (org_id, event_id, body) select $1, id, '{}' from made
     ), delivered as (
       insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
       select $1, dunwell_uuidv7(), $2, id, 'queued', 0, now(), now() from made returning id, event_id
     ) insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
     select $1, id, $2, event_id, now(), 0, 0 from delivered`,
    ...[shop.orgId, id, EVENTS]
  )
  const before = await readsOf(shop)
  expect(await claim(100)).toHaveLength(100)
  // With what filling the tables counted late. It was a quarter of a million.
  expect((await readsOf(shop)) - before).toBeLessThan(30_000)
})
