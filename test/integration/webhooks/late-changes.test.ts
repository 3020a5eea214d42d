import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, it } from 'vitest'
import type { Assignment } from '../../../src/modules/webhooks/dispatch-service.ts'
import { standardSchedule } from '../../../src/modules/webhooks/schedule.ts'
import { settlementOf } from '../../../src/modules/webhooks/settlement.ts'
import { openShop, queueAgain, type Shop, until } from '../../support/webhooks.ts'

const answered = { kind: 'response', status: 204, durationMs: 1, bodyExcerpt: '' } as const
const nowhere = 'http://127.0.0.1:9/never-asked'
const locksWaitedFor = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

type Health = Readonly<{ last_success_at: string | null; state: string; slow_start_limit: number | null; in_flight: number }>
type Endpoint = Readonly<{ id: string; url: string }>

async function claimOne({ parts: { database, services }, orgId }: Shop, { id }: Endpoint): Promise<Assignment> {
  const claiming = { wanted: new Map([[id, 1]]), leaseMs: 60_000, isAsked: true }
  const [assignment] = await database.scoped(orgId, (tx) => services.dispatch.claim(tx, claiming))
  if (assignment === undefined) throw new Error('Nothing was claimed.')
  return assignment
}

/** What its endpoint answered. */
const settle = ({ parts: { database, services }, orgId }: Shop, { claimed, endpoint: { url } }: Assignment, status = 204) => {
  const outcome = { ...answered, status }
  const settlement = settlementOf(claimed, { url, outcome, random: 0.5, schedule: standardSchedule })
  return database.scoped(orgId, (tx) => services.dispatch.settle(tx, [settlement]))
}

/** One delivery under way, and another transaction that has changed its row in the queue and not committed yet. */
async function changedUnderWay(shop: Shop) {
  const endpoint = { ...(await shop.subscribe(nowhere)), url: nowhere }
  await shop.fire(1)
  const assignment = await claimOne(shop, endpoint)
  const other = new pg.Client({ connectionString: shop.url })
  await other.connect()
  await other.query('begin')
  await other.query('update webhook_queue set first_at = null where delivery_id = $1', [assignment.claimed.deliveryId])
  return { endpoint, assignment, other }
}

it('an outcome that waited for its row, which was changed meanwhile, is written whole', async () => {
  await using shop = await openShop({ roles: 'api' })
  const { assignment, other } = await changedUnderWay(shop)
  const settling = settle(shop, assignment)
  await until('it waits for the row', async () => (await shop.sql(locksWaitedFor)).length > 0)
  await other.query('commit')
  await other.end()
  expect((await settling).written).toBe(1)
  expect(await shop.sql('select from webhook_queue')).toEqual([])
  expect(await shop.sql('select status, attempts from webhook_deliveries')).toEqual([{ status: 'succeeded', attempts: 1 }])
  expect(await shop.sql('select succeeded from webhook_attempts')).toEqual([{ succeeded: true }])
})

it('of an endpoint that answers well more is claimed while an outcome is written', async () => {
  await using shop = await openShop({ roles: 'api' })
  const { assignment, endpoint, other } = await changedUnderWay(shop)
  await shop.fire(1)
  const settling = settle(shop, assignment)
  await until('it waits for the row', async () => (await shop.sql(locksWaitedFor)).length > 0)
  expect((await claimOne(shop, endpoint)).claimed.attempt).toBe(1)
  await other.query('commit')
  await other.end()
  expect((await settling).written).toBe(1)
})

it('an endpoint shows when it last answered well, and not what its former URL answered', async () => {
  await using shop = await openShop({ roles: 'api' })
  const endpoint = { ...(await shop.subscribe(nowhere)), url: nowhere }
  const path = `/webhook-endpoints/${endpoint.id}`
  const lastSuccess = async () => ((await shop.api('GET', path)).body['health'] as Health).last_success_at
  await shop.fire(4)
  await settle(shop, await claimOne(shop, endpoint), 500)
  expect(await lastSuccess()).toBeNull()
  const before = new Date()
  await settle(shop, await claimOne(shop, endpoint))
  const first = await lastSuccess()
  expect(new Date(first ?? 0).getTime()).toBeGreaterThanOrEqual(before.getTime() - 1)
  await shop.sql(`update webhook_endpoint_successes set last_at = last_at - interval '1 hour'`)
  const underWay = await claimOne(shop, endpoint)
  await shop.api('PATCH', path, { url: `${nowhere}/moved` })
  await settle(shop, underWay)
  expect(new Date((await lastSuccess()) ?? 0).getTime()).toBeLessThan(before.getTime() - 3_000_000)
  await settle(shop, await claimOne(shop, endpoint))
  expect(new Date((await lastSuccess()) ?? 0).getTime()).toBeGreaterThanOrEqual(before.getTime() - 1)
})

it('what is skipped is not sent again when it fails under way, and what had succeeded before stays so', async () => {
  await using shop = await openShop({ roles: 'api' })
  const endpoint = { ...(await shop.subscribe(nowhere)), url: nowhere }
  await shop.fire(1)
  await settle(shop, await claimOne(shop, endpoint))
  await queueAgain(shop, endpoint)
  await shop.fire(1)
  const [again, underWay] = [await claimOne(shop, endpoint), await claimOne(shop, endpoint)]
  await shop.fire(1)
  await shop.sql('update webhook_queue set claimed_at = null, ready_at = now() where delivery_id = $1', again.claimed.deliveryId)
  await shop.api('POST', `/webhook-endpoints/${endpoint.id}/enable`, { resume: 'skip' })
  await settle(shop, underWay, 500)
  expect(await shop.sql('select from webhook_queue')).toEqual([])
  const ended = await shop.sql<{ status: string }>('select status from webhook_deliveries order by id')
  expect(ended.map(({ status }) => status)).toEqual(['succeeded', 'cancelled', 'cancelled'])
  await shop.fire(1)
  await settle(shop, await claimOne(shop, endpoint), 500)
  expect(await shop.sql('select from webhook_queue')).toHaveLength(1)
})

it('an endpoint shows how many are under way, and how many it gets at a time while it proves itself again', async () => {
  await using shop = await openShop({ roles: 'api' })
  const endpoint = { ...(await shop.subscribe(nowhere)), url: nowhere }
  const health = async () => (await shop.api('GET', `/webhook-endpoints/${endpoint.id}`)).body['health'] as Health
  await shop.fire(4)
  const [first, lost] = [await claimOne(shop, endpoint), await claimOne(shop, endpoint)]
  expect(await health()).toMatchObject({ state: 'closed', slow_start_limit: null, queued: 4, in_flight: 2 })
  await shop.sql('update webhook_queue set ready_at = now() where delivery_id = $1', lost.claimed.deliveryId)
  expect(await health()).toMatchObject({ queued: 4, in_flight: 1 })
  await shop.sql('update webhook_endpoint_health set open_until = now(), opens = 1')
  await settle(shop, first)
  expect(await health()).toMatchObject({ state: 'slow_start', slow_start_limit: 1, queued: 3, in_flight: 0 })
})

it('a delivery tells when it may be sent next: not while it is under way, nor before its endpoint is asked again', async () => {
  await using shop = await openShop({ roles: 'api' })
  const endpoint = { ...(await shop.subscribe(nowhere)), url: nowhere }
  await shop.fire(1)
  const { claimed } = await claimOne(shop, endpoint)
  const next = async () => {
    const { body } = await shop.api('GET', `/webhook-deliveries/${claimed.deliveryId}`)
    expect((await shop.api('GET', '/webhook-deliveries')).body['data']).toMatchObject([
      { next_attempt_at: body['next_attempt_at'] }
    ])
    return body['next_attempt_at']
  }
  expect(await next()).toBeNull()
  const [due, openUntil] = [new Date(Date.now() + 60_000), new Date(Date.now() + 120_000)]
  await shop.sql('update webhook_queue set claimed_at = null, ready_at = $1', due)
  expect(await next()).toBe(due.toISOString())
  await shop.sql('update webhook_endpoint_health set open_until = $1, failing_since = now(), disables_at = $1', openUntil)
  expect(await next()).toBe(openUntil.toISOString())
  const { database, services } = shop.parts
  await database.scoped(shop.orgId, (tx) => services.endpoints.disable(tx, { id: endpoint.id, reason: 'A test wants it so.' }))
  expect(await next()).toBeNull()
  const { body } = await shop.api('GET', `/webhook-endpoints/${endpoint.id}`)
  expect(body).toMatchObject({ status: 'disabled', health: { state: 'disabled', disables_at: null } })
})

it('what is no longer true is closed without using up the rate of its endpoint', async () => {
  await using shop = await openShop({ roles: 'api' })
  const endpoint = { ...(await shop.subscribe(nowhere, { rate_per_second: 1 })), url: nowhere }
  const notices = await shop.fire(3, 'client.dunning_notice_due')
  // Nothing is owed of what it lists.
  const told = { id: randomUUID(), balance: '1.00', due_on: '2026-01-05', stage: null }
  const body = {
    timestamp: new Date(),
    data: { object: { id: randomUUID() }, context: { currency: 'EUR', obligations: [told] } }
  }
  await shop.sql('update event_bodies set body = $1 where event_id = any($2)', JSON.stringify(body), notices)
  for (const _ of notices) expect((await claimOne(shop, endpoint)).outdated).toEqual(expect.any(String))
  await shop.fire(2)
  expect((await claimOne(shop, endpoint)).outdated).toBeNull()
  await expect(claimOne(shop, endpoint)).rejects.toThrow('Nothing was claimed.')
})
