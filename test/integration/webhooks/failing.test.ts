import { afterAll, expect, it } from 'vitest'
import { keepLedger, openShop, until } from '../../support/webhooks.ts'

// Five days are four seconds here, and the longest pause of the circuit is 9 ms.
const shop = await openShop({ env: { DUNWELL_WEBHOOK_SCHEDULE_SCALE: '0.00001' } })
afterAll(() => shop[Symbol.asyncDispose]())

type Told = {
  type: string
  data: { object: { id: string; status: string; health: Record<string, unknown> }; context: { percent?: number } }
}

it('an endpoint that stays silent is announced to the others three times, then disabled, and none of it to itself', async () => {
  await using silent = await keepLedger()
  await using other = await keepLedger()
  silent.answer(500)
  const endpoint = await shop.subscribe(silent.url, { event_types: ['*'] })
  await shop.subscribe(other.url, { event_types: ['webhook_endpoint.*'] })
  const path = `/webhook-endpoints/${endpoint.id}`
  const isDisabled = async () => {
    await shop.fire(1)
    return (await shop.api('GET', path)).body['status'] === 'disabled'
  }
  await until('it is disabled', isDisabled, 25_000)
  await until('all is told', () => other.received.length >= 4)
  const told = other.received.map(({ request }) => JSON.parse(request.body.toString()) as Told)
  const lines = told.map(({ type, data }) => `${type} ${data.context.percent ?? data.object.status}`)
  expect(lines).toEqual([
    'webhook_endpoint.failing 50',
    'webhook_endpoint.failing 70',
    'webhook_endpoint.failing 90',
    'webhook_endpoint.disabled disabled'
  ])
  expect(told.every(({ data }) => data.object.id === endpoint.id)).toBe(true)
  const instant = expect.any(String) as string
  const announced = { failing_since: instant, disables_at: instant, announced_percent: 50, announced_at: instant }
  expect(told[0]?.data.object.health).toMatchObject(announced)
  const { body } = await shop.api('GET', path)
  expect(body['disabled_reason']).toMatch(/^It gave no 2xx for too long: \d{2,} attempts failed in a row\.$/)
  const own = await shop.sql(
    `select from webhook_deliveries d join events e on e.org_id = d.org_id and e.id = d.event_id
     where d.endpoint_id = $1 and e.type like 'webhook_endpoint.%'`,
    endpoint.id
  )
  expect(own).toHaveLength(0)
  silent.answer(204)
  const { body: enabled } = await shop.api('POST', `${path}/enable`, {})
  expect(enabled).toMatchObject({
    status: 'enabled',
    health: { failing_since: null, disables_at: null, announced_percent: 0, announced_at: null }
  })
}, 60_000)

it('one that answers again in time is not disabled', async () => {
  await using flaky = await keepLedger()
  flaky.answer(500)
  const endpoint = await shop.subscribe(flaky.url, { event_types: ['payment.*'] })
  await shop.fire(5, 'payment.settled')
  const healthOf = async () =>
    (await shop.api('GET', `/webhook-endpoints/${endpoint.id}`)).body['health'] as Record<string, unknown>
  await until('it fails', async () => (await healthOf())['failing_since'] !== null)
  flaky.answer(204)
  await shop.fire(1, 'payment.settled')
  await until('it answers again', async () => (await healthOf())['failing_since'] === null)
})
