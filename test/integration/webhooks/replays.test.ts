import { afterAll, expect, it } from 'vitest'
import { createOrganization } from '../../../src/commands/organization.ts'
import { createReplayJob } from '../../../src/jobs/webhook-replay.ts'
import { fire, keepLedger, type Ledger, openShop, until } from '../../support/webhooks.ts'

const shop = await openShop()
afterAll(() => shop[Symbol.asyncDispose]())

const before = new Date(Date.now() - 60_000).toISOString()
const pathOf = ({ id }: { id: string }) => `/webhook-endpoints/${id}`

async function replay(endpoint: { id: string }, body: object): Promise<string> {
  const { status, body: made } = await shop.api('POST', `${pathOf(endpoint)}/replay`, body)
  expect(status).toBe(202)
  return String(made['id'])
}

const timesOf = (ledger: Ledger) => {
  const times = new Map<string, number>()
  for (const { id } of ledger.received) times.set(id, (times.get(id) ?? 0) + 1)
  return times
}
const sealed = () =>
  until('all have their numbers', async () => (await shop.sql('select from events where seq is null limit 1')).length === 0)
/** Everything that it found at its end; it looks on for a while for what commits late. */
const looked = (id: string) =>
  until('the replay has looked at all', async () => {
    const [row] = await shop.sql(
      'select from webhook_replays r where id = $1 and after_seq >= (select max(seq) from events where org_id = r.org_id)',
      id
    )
    return row !== undefined
  })

it('an endpoint that is enabled again gets what it missed since then, once, from before and after it was disabled', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['payment.*'] })
  ledger.answer(410)
  const refused = await shop.fire(1, 'payment.settled')
  await until('it is disabled', async () => (await shop.api('GET', pathOf(endpoint))).body['status'] === 'disabled')
  const missed = [...(await shop.fire(30, 'payment.settled')), ...refused]
  await shop.fire(5, 'invoice.created')
  ledger.answer(204)
  const since = ledger.received.length
  await sealed()
  const { status } = await shop.api('POST', `${pathOf(endpoint)}/enable`, { resume: 'skip', replay_since: before })
  expect(status).toBe(200)
  await until('all arrived', () => ledger.received.length - since >= missed.length)
  expect(new Set(ledger.received.slice(since).map(({ id }) => id))).toEqual(new Set(missed))
  expect(ledger.received.length - since).toBe(missed.length)
  await shop.api('DELETE', pathOf(endpoint))
})

it('what waits for an endpoint that is enabled again is sent, though the time for its attempts was over', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['payment.*'] })
  await shop.sql(`update webhook_endpoint_health set open_until = now() + interval '1 hour' where endpoint_id = $1`, endpoint.id)
  const fired = await shop.fire(3, 'payment.settled')
  await shop.sql(
    `update webhook_queue set first_at = now() - interval '8 days', attempt = 3, failures = 3 where endpoint_id = $1`,
    endpoint.id
  )
  await shop.api('POST', `${pathOf(endpoint)}/enable`, { replay_since: before })
  await until('all arrived', () => fired.every((id) => ledger.ids().has(id)))
  await shop.api('DELETE', pathOf(endpoint))
})

it('what happens while an endpoint is being enabled belongs to what it missed', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['payment.*'] })
  const { database, services } = shop.parts
  const [id, reason] = [endpoint.id, 'A test wants it so.']
  await database.scoped(shop.orgId, (tx) => services.endpoints.disable(tx, { id, reason }))
  const fired = await database.scoped(shop.orgId, async (tx) => {
    await services.endpoints.enable(tx, { id, resume: 'continue', replaySince: new Date(before) })
    return shop.fire(2, 'payment.settled')
  })
  await until('all arrived', () => fired.every((one) => ledger.ids().has(one)))
  await shop.api('DELETE', pathOf(endpoint))
})

it('a span is sent again by type, client and state, and twice the same asks for nothing twice', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['client.*'] })
  const from = new Date().toISOString()
  const clients = await Promise.all(['A', 'B'].map(async (name) => (await shop.api('POST', '/clients', { name })).body['id']))
  const fired = await shop.fire(40, 'client.updated')
  await until('all arrived', () => ledger.received.length === 42)
  await sealed()
  // What arrived is in no state that is asked for.
  for (const id of [await replay(endpoint, { from }), await replay(endpoint, { from })]) {
    await looked(id)
    expect((await shop.api('GET', `/webhook-replays/${id}`)).body).toMatchObject({ queued: 0 })
  }
  const ofClient = await replay(endpoint, { from, client_id: clients[0], states: ['succeeded'] })
  await looked(ofClient)
  await until('one came again', () => ledger.received.length === 43)
  const ofType = await replay(endpoint, { from, event_types: ['client.updated'], states: ['succeeded'] })
  await looked(ofType)
  await until('forty came again', () => ledger.received.length === 83)
  expect((await shop.api('GET', `/webhook-replays/${ofType}`)).body).toMatchObject({ queued: 40, status: 'running' })
  const times = timesOf(ledger)
  expect(fired.map((id) => times.get(id))).toEqual(fired.map(() => 2))
  await until('all is written', async () => (await shop.sql('select from webhook_queue limit 1')).length === 0)
  const { body } = await shop.api('GET', `/webhook-deliveries?event_id=${fired[0]}`)
  expect(body['data']).toMatchObject([{ status: 'succeeded', attempts: 2 }])
  await shop.api('DELETE', pathOf(endpoint))
})

it('two replays of one span at once queue each event once', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['promise.*'] })
  const from = new Date(Date.now() - 5_000).toISOString()
  // Failed for good, as after ten attempts.
  await shop.api('PATCH', pathOf(endpoint), { timeout_ms: 200 })
  const fired = await shop.fire(700, 'promise.made')
  await until('all arrived', () => ledger.received.length >= 700)
  await until('all is written', async () => (await shop.sql('select from webhook_queue limit 1')).length === 0)
  await shop.sql(`update webhook_deliveries set status = 'failed' where endpoint_id = $1`, endpoint.id)
  await sealed()
  const since = ledger.received.length
  const ids = await Promise.all([replay(endpoint, { from }), replay(endpoint, { from })])
  for (const id of ids) await looked(id)
  await until('all came again', () => ledger.received.length - since >= 700)
  await until('all is written', async () => (await shop.sql('select from webhook_queue limit 1')).length === 0)
  expect(ledger.received.length - since).toBe(fired.length)
  const queued = await Promise.all(ids.map(async (id) => (await shop.api('GET', `/webhook-replays/${id}`)).body['queued']))
  expect(queued.map(Number).reduce((a, b) => a + b)).toBe(700)
  await shop.api('DELETE', pathOf(endpoint))
})

it('a replay can be stopped, is refused for a span that is none, and for an endpoint that is disabled', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['promise.*'] })
  const id = await replay(endpoint, { from: before })
  expect(await shop.api('POST', `/webhook-replays/${id}/cancel`)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  const now = Date.now()
  const at = (ms: number) => new Date(now + ms).toISOString()
  const [future, order] = [/^It lies in the past: /, /^It begins before it ends/]
  const spans = [
    ['replay', { from: at(-1_000), to: at(60_000) }, '/to', /^It ends now at the latest/],
    ['replay', { from: at(-1_000), to: at(-2_000) }, '/from', order],
    ['replay', { from: at(60_000) }, '/from', future],
    ['enable', { replay_since: at(60_000) }, '/replay_since', future]
  ] as const
  for (const [action, span, pointer, rule] of spans) {
    const detail = expect.stringMatching(rule) as string
    const refusal = { status: 400, body: { errors: [{ pointer, detail }] } }
    expect(await shop.api('POST', `${pathOf(endpoint)}/${action}`, span)).toMatchObject(refusal)
  }
  await shop.sql(`update webhook_endpoints set status = 'disabled' where id = $1`, endpoint.id)
  expect((await shop.api('POST', `${pathOf(endpoint)}/replay`, { from: before })).status).toBe(409)
})

it('ten replays run at a time, however many are asked for at once, and those of a disabled endpoint take no place', async () => {
  await using quiet = await openShop({ roles: 'api' })
  const [one, other] = [await quiet.subscribe('http://127.0.0.1:9/one'), await quiet.subscribe('http://127.0.0.1:9/other')]
  const ask = (endpoint: { id: string }) => quiet.api('POST', `${pathOf(endpoint)}/replay`, { from: before })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(index % 2 === 0 ? one : other)))
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(10)
  expect(answers.filter(({ body }) => body['code'] === 'limit_reached')).toHaveLength(10)
  await quiet.sql(`update webhook_replays set endpoint_id = $1`, one.id)
  await quiet.sql(`update webhook_endpoints set status = 'disabled' where id = $1`, one.id)
  expect((await ask(other)).status).toBe(202)
  expect((await quiet.api('POST', `${pathOf(one)}/enable`, { replay_since: before })).status).toBe(200)
  expect((await ask(other)).body).toMatchObject({ code: 'limit_reached' })
})

it('an endpoint that is enabled again is not told that it was disabled; what happened to another one it is', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['webhook_endpoint.*'] })
  const other = await shop.subscribe(ledger.url, { event_types: ['promise.*'] })
  const { database, services } = shop.parts
  const reason = 'A test wants it so.'
  for (const { id } of [endpoint, other])
    await database.scoped(shop.orgId, (tx) => services.endpoints.disable(tx, { id, reason }))
  await sealed()
  await shop.api('POST', `${pathOf(endpoint)}/enable`, { replay_since: before })
  const [replayed] = await shop.sql<{ id: string }>('select id from webhook_replays where endpoint_id = $1', endpoint.id)
  await looked(replayed?.id ?? '')
  const told = () =>
    ledger.received.map(({ request }) => JSON.parse(request.body.toString()) as { data: { object: { id: string } } })
  const waiting = 'select from webhook_queue where endpoint_id = $1'
  await until('nothing waits', async () => (await shop.sql(waiting, endpoint.id)).length === 0)
  expect(told().map(({ data }) => data.object.id)).toContain(other.id)
  expect(told().map(({ data }) => data.object.id)).not.toContain(endpoint.id)
  for (const one of [endpoint, other]) await shop.api('DELETE', pathOf(one))
})

it('a replay from the beginning of time begins with the first event', async () => {
  await using ledger = await keepLedger()
  const [first = ''] = await shop.fire(1, 'hold.placed')
  await shop.fire(5_200, 'promise.made')
  await sealed()
  const endpoint = await shop.subscribe(ledger.url, { event_types: ['hold.placed'] })
  await looked(await replay(endpoint, { from: '1900-01-01T00:00:00Z' }))
  await until('it arrived', () => ledger.ids().has(first))
  await shop.api('DELETE', pathOf(endpoint))
})

it('any number of replays to endpoints that take nothing hold back no other organization’s', async () => {
  await using ledger = await keepLedger()
  const { database, services } = shop.parts
  const settings = { eventTypes: ['promise.*'], description: null, headers: {}, maxInFlight: 1, timeoutMs: 1_000 } as const
  const newEndpoint = async () => {
    const { id: orgId } = await createOrganization(shop.parts, { name: 'B', mode: 'live', timeZone: 'UTC', currency: 'EUR' })
    const all = { ...settings, url: ledger.url, ratePerSecond: null, payload: 'full', supersede: true } as const
    const { view } = await database.scoped(orgId, (tx) => services.endpoints.create(tx, { settings: all, signature: 'v1' }))
    await database.scoped(orgId, (tx) => services.endpoints.disable(tx, { id: view.id, reason: 'A test wants it so.' }))
    return { orgId, id: view.id }
  }
  const [stuck, other] = [await newEndpoint(), await newEndpoint()]
  await shop.sql(
    `insert into webhook_replays (org_id, id, endpoint_id, from_at, to_at, states, status, after_seq, queued, created_at, updated_at)
     select $1, gen_random_uuid(), $2, now(), now() + interval '1 hour', '{missing}', 'running', 0, 0, now(), now() from generate_series(1, 300)`,
    stuck.orgId,
    stuck.id
  )
  await fire(shop.parts, { orgId: other.orgId, count: 3, type: 'promise.made' })
  const enabling = { id: other.id, resume: 'continue', replaySince: new Date(before) } as const
  await database.scoped(other.orgId, (tx) => services.endpoints.enable(tx, enabling))
  await until('it gets what it missed', () => ledger.ids().size === 3)
  await shop.sql(`update webhook_replays set status = 'cancelled', finished_at = now() where org_id = $1`, stuck.orgId)
})

it('a replay whose step fails is failed, logged and not tried again; the others go on, and it can be asked for anew', async () => {
  // Nothing else works on replays here: a shop without workers.
  await using quiet = await openShop({ roles: 'api' })
  await using ledger = await keepLedger()
  const { services, database } = quiet.parts
  const endpoint = await quiet.subscribe(ledger.url, { event_types: ['payment.*'] })
  await quiet.fire(3, 'payment.settled')
  await database.scoped(quiet.orgId, (tx) => services.events.seal(tx))
  const ask = async () => {
    const { body } = await quiet.api('POST', `${pathOf(endpoint)}/replay`, { from: before, states: ['missing'] })
    return String(body['id'])
  }
  const statusOf = async (id: string) => (await quiet.api('GET', `/webhook-replays/${id}`)).body['status']
  const [failing, going] = [await ask(), await ask()]
  const logged: string[] = []
  let tries = 0
  const log = { info: () => {}, warn: () => {}, error: (_: object, message: string) => void logged.push(message) }
  const replays: typeof services.replays = {
    ...services.replays,
    step: (tx, id) => {
      if (id !== failing) return services.replays.step(tx, id)
      tries += 1
      throw new Error('A step that fails.')
    }
  }
  const { replayAll } = createReplayJob({ replays, database, log })
  await replayAll()
  await replayAll()
  expect([tries, logged]).toEqual([1, ['a replay failed']])
  expect(await statusOf(failing)).toBe('failed')
  expect(await statusOf(going)).toBe('running')
  expect(await statusOf(await ask())).toBe('running')
})
