import pg from 'pg'
import { expect, it } from 'vitest'
import { standardSchedule } from '../../../src/modules/webhooks/schedule.ts'
import { settlementOf } from '../../../src/modules/webhooks/settlement.ts'
import { openShop, type Shop, until } from '../../support/webhooks.ts'

const answered = { kind: 'response', status: 204, durationMs: 1, bodyExcerpt: '' } as const
const locksWaitedFor = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

/** One delivery under way, and another transaction that has changed its row in the queue and not committed yet. */
async function changedUnderWay(shop: Shop) {
  const endpoint = await shop.subscribe('http://127.0.0.1:9/never-asked')
  await shop.fire(1)
  const { database, services } = shop.parts
  const wanted = new Map([[endpoint.id, 1]])
  const [assignment] = await database.scoped(shop.orgId, (tx) =>
    services.dispatch.claim(tx, { wanted, leaseMs: 60_000, isAsked: true })
  )
  if (assignment === undefined) throw new Error('Nothing was claimed.')
  const other = new pg.Client({ connectionString: shop.url })
  await other.connect()
  await other.query('begin')
  await other.query('update webhook_queue set first_at = null where delivery_id = $1', [assignment.claimed.deliveryId])
  return { endpoint, assignment, other }
}

it('an outcome that waited for its row, which was changed meanwhile, is written whole', async () => {
  await using shop = await openShop({ roles: 'api' })
  const { assignment, other } = await changedUnderWay(shop)
  const settlement = settlementOf(assignment.claimed, {
    ...{ url: assignment.endpoint.url, outcome: answered, random: 0.5, schedule: standardSchedule }
  })
  const { database, services } = shop.parts
  const settling = database.scoped(shop.orgId, (tx) => services.dispatch.settle(tx, [settlement]))
  await until('it waits for the row', async () => (await shop.sql(locksWaitedFor)).length > 0)
  await other.query('commit')
  await other.end()
  expect((await settling).written).toBe(1)
  expect(await shop.sql('select from webhook_queue')).toEqual([])
  expect(await shop.sql('select status, attempts from webhook_deliveries')).toEqual([{ status: 'succeeded', attempts: 1 }])
  expect(await shop.sql('select succeeded from webhook_attempts')).toEqual([{ succeeded: true }])
})
