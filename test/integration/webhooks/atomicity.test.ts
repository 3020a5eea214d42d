import { expect, it } from 'vitest'
import { openShop } from '../../support/webhooks.ts'

it('a change exists with its event and its delivery, or not at all, wherever its connection breaks', async () => {
  await using shop = await openShop({ roles: 'api' })
  await shop.subscribe('http://127.0.0.1:9/nobody')
  const statuses = new Map<number, number>()
  let isOver = false
  const cut = async () => {
    while (!isOver) {
      // Only those that are in the middle of something.
      await shop.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'dunwell'
           and xact_start is not null order by random() limit 1`
      )
    }
  }
  const cutting = cut()
  for (let round = 0; round < 15; round++) {
    const names = Array.from({ length: 20 }, (_, index) => ({ name: `${round} ${index}` }))
    const answers = await Promise.all(names.map((body) => shop.api('POST', '/clients', body)))
    for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  isOver = true
  await cutting
  const [row] = await shop.sql<{ clients: number; whole: number; events: number; queued: number }>(
    `select (select count(*)::int from clients) as clients, (select count(*)::int from events) as events, (select count(*)::int from webhook_queue) as queued,
       (select count(*)::int from clients c join events e on e.object_id = c.id and e.type = 'client.created'
          join event_bodies b on b.event_id = e.id join webhook_deliveries d on d.event_id = e.id
          join webhook_queue q on q.delivery_id = d.id) as whole`
  )
  process.stdout.write(
    `  6 a crash between change and event: ${JSON.stringify(Object.fromEntries(statuses))}, ${row?.clients} clients\n`
  )
  expect(row).toEqual({ clients: row?.clients, events: row?.clients, queued: row?.clients, whole: row?.clients })
  // What was answered as done is there; an answer that was lost may be as well.
  expect(row?.clients).toBeGreaterThanOrEqual(statuses.get(201) ?? 0)
  expect([...statuses.keys()].every((status) => status === 201 || status === 503)).toBe(true)
  expect(statuses.get(503)).toBeGreaterThan(0)
}, 120_000)
