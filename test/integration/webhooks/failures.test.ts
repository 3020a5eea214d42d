import { afterAll, describe, expect, it } from 'vitest'
import { keepLedger, type Ledger, openShop, until } from '../../support/webhooks.ts'
import { httpReceiver } from '../webhooks-transport/receivers.ts'

// The schedule in ten-thousandths: 0, 0.5, 30, 180, 720 ms …; a day of Retry-After is 8.6 s, the circuit's pause 3 to 90 ms.
const shop = await openShop()
afterAll(() => shop[Symbol.asyncDispose]())

async function failing(status: number, settings: object = {}): Promise<{ ledger: Ledger; id: string; path: string }> {
  const ledger = await keepLedger()
  const { id, secret } = await shop.subscribe(ledger.url, { event_types: ['client.created'], ...settings })
  ledger.trust(secret)
  ledger.answer(status)
  return { ledger, id, path: `/webhook-endpoints/${id}` }
}

type Told = {
  id: string
  status: string
  attempts: number
  log: { attempt: number; status: number | null; error: string | null }[]
}

async function told(endpointId: string): Promise<Told[]> {
  const { data } = (await shop.api('GET', `/webhook-deliveries?endpoint_id=${endpointId}`)).body as { data: Told[] }
  return Promise.all(data.map(async ({ id }) => (await shop.api('GET', `/webhook-deliveries/${id}`)).body as unknown as Told))
}

async function drop(path: string): Promise<void> {
  expect((await shop.api('DELETE', path)).status).toBe(204)
}

describe('an endpoint that fails', () => {
  it('is tried ten times by the schedule, each attempt logged, then no more until somebody says retry', async () => {
    const { ledger, id, path } = await failing(500)
    await shop.fire(1)
    await until('it failed', async () => (await told(id))[0]?.status === 'failed', 60_000)
    const [delivery] = await told(id)
    expect(delivery?.log.map(({ attempt, status }) => [attempt, status])).toEqual(
      Array.from({ length: 10 }, (_, i) => [i + 1, 500])
    )
    expect(ledger.received).toHaveLength(10)
    expect(ledger.ids().size).toBe(1)
    ledger.answer(200)
    expect((await shop.api('POST', `/webhook-deliveries/${delivery?.id}/retry`)).status).toBe(202)
    await until('it succeeded', async () => (await told(id))[0]?.status === 'succeeded')
    expect((await told(id))[0]).toMatchObject({ attempts: 11 })
    expect(ledger.received.every(({ verified }) => verified)).toBe(true)
    await drop(path)
  }, 90_000)

  it('opens its circuit after five in a row, uses up no attempt while it is open, and is probed by one', async () => {
    const { ledger, id, path } = await failing(500, { max_in_flight: 1 })
    const many = await shop.fire(8)
    const health = async () => (await shop.api('GET', path)).body['health'] as { state: string; consecutive_failures: number }
    await until('it is open', async () => (await health()).state === 'open')
    await shop.sql(`update webhook_endpoint_health set open_until = now() + interval '1 hour' where endpoint_id = $1`, id)
    await until(
      'nothing is under way',
      async () => (await shop.sql('select from webhook_queue where claimed_at is not null')).length === 0
    )
    const before = ledger.received.length
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(ledger.received).toHaveLength(before)
    ledger.answer(200)
    await shop.sql(`update webhook_endpoint_health set open_until = now() where endpoint_id = $1`, id)
    await until('all arrived', async () => (await told(id)).filter(({ status }) => status === 'succeeded').length === many.length)
    expect(await health()).toMatchObject({ state: 'closed', consecutive_failures: 0 })
    await drop(path)
  })

  it('is not asked again before its Retry-After, in seconds or as a date', async () => {
    const at: number[] = []
    await using receiver = await httpReceiver((response) => {
      at.push(Date.now())
      const later = { 'retry-after': at.length === 1 ? '1' : new Date(Date.now() + 2_000).toUTCString() }
      response.writeHead(at.length === 1 ? 429 : at.length === 2 ? 503 : 204, later).end()
    })
    const { id } = await shop.subscribe(receiver.url, { event_types: ['client.created'] })
    await shop.fire(1)
    await until('it succeeded', async () => (await told(id))[0]?.status === 'succeeded')
    const waits = at.slice(1).map((ms, index) => ms - (at[index] ?? 0))
    expect(waits[0]).toBeGreaterThanOrEqual(1_000)
    // A date has whole seconds: of two, more than one is left.
    expect(waits[1]).toBeGreaterThanOrEqual(1_000)
    await drop(`/webhook-endpoints/${id}`)
  })

  it('is disabled by 410, says so, gets nothing more, and goes on where it is enabled', async () => {
    const { ledger, id, path } = await failing(410)
    await shop.fire(1)
    await until('it is disabled', async () => (await shop.api('GET', path)).body['status'] === 'disabled')
    expect((await shop.api('GET', path)).body).toMatchObject({ disabled_reason: 'It answered 410 Gone.' })
    expect(await told(id)).toMatchObject([{ status: 'failed', attempts: 1 }])
    await shop.fire(3)
    expect(await told(id)).toHaveLength(1)
    ledger.answer(204)
    expect((await shop.api('POST', `${path}/test`)).body).toMatchObject({ code: 'endpoint_disabled' })
    const { body } = await shop.api('POST', `${path}/enable`, {})
    expect(body).toMatchObject({ status: 'enabled', disabled_reason: null, health: { state: 'closed' } })
    const [after = ''] = await shop.fire(1)
    await until('it gets what comes', () => ledger.ids().has(after))
    await drop(path)
  })
})

describe('an event that is too large for its endpoint', () => {
  it('fails at the first 413, while the endpoint stays unblemished; it goes out again by hand', async () => {
    const { ledger, id, path } = await failing(413)
    await shop.fire(8)
    await until('all have failed', async () => (await told(id)).filter(({ status }) => status === 'failed').length === 8)
    expect((await told(id)).map(({ attempts, log }) => [attempts, log.map(({ status }) => status)])).toEqual(
      Array.from({ length: 8 }, () => [1, [413]])
    )
    const unblemished = { state: 'closed', consecutive_failures: 0, last_failure: null, failing_since: null }
    expect((await shop.api('GET', path)).body).toMatchObject({ status: 'enabled', health: unblemished })
    ledger.answer(204)
    const [first] = await told(id)
    expect((await shop.api('POST', `/webhook-deliveries/${first?.id}/retry`)).status).toBe(202)
    await until('it succeeded', async () => (await told(id)).some(({ status }) => status === 'succeeded'))
    await drop(path)
  })

  it('goes to the new URL, where the endpoint moved meanwhile', async () => {
    const { ledger, id, path } = await failing(413)
    ledger.linger(500)
    await using next = await keepLedger()
    await shop.fire(1)
    await until('it is under way', () => ledger.received.length === 1)
    expect((await shop.api('PATCH', path, { url: next.url })).status).toBe(200)
    await until('it succeeded', async () => (await told(id))[0]?.status === 'succeeded')
    expect(next.received).toHaveLength(1)
    await drop(path)
  })
})

describe('what waits for an endpoint', () => {
  it('goes to the new URL, what was under way too, whatever the former URL still answers', async () => {
    const { ledger, id, path } = await failing(410)
    await using next = await keepLedger()
    ledger.linger(400)
    const fired = await shop.fire(3)
    await until('all are under way', () => ledger.received.length === 3)
    await shop.api('PATCH', path, { url: next.url })
    await until('all arrived', async () => (await told(id)).every(({ status }) => status === 'succeeded'))
    expect(next.ids()).toEqual(new Set(fired))
    expect((await shop.api('GET', path)).body).toMatchObject({ status: 'enabled', health: { last_failure: null } })
    await drop(path)
  })

  it('is kept while it is disabled, what was under way too, and is sent once it is enabled', async () => {
    const { ledger, id, path } = await failing(500)
    ledger.linger(400)
    const fired = await shop.fire(3)
    await until('all are under way', () => ledger.received.length === 3)
    const { database, services } = shop.parts
    await database.scoped(shop.orgId, (tx) => services.endpoints.disable(tx, { id, reason: 'A test wants it so.' }))
    await until('all have failed', async () => (await told(id)).every(({ attempts }) => attempts === 1))
    expect((await told(id)).map(({ status }) => status)).toEqual(['queued', 'queued', 'queued'])
    ledger.answer(204)
    await shop.api('POST', `${path}/enable`, {})
    await until('all arrived', async () => (await told(id)).every(({ status }) => status === 'succeeded'))
    expect(ledger.ids()).toEqual(new Set(fired))
    await drop(path)
  })

  it.each([
    ['continue', 'succeeded', 3],
    ['skip', 'cancelled', 0]
  ] as const)('is, with resume %s, %s', async (resume, status, arrived) => {
    const { ledger, id, path } = await failing(204)
    await shop.sql(`update webhook_endpoint_health set open_until = now() + interval '1 hour' where endpoint_id = $1`, id)
    await shop.fire(3)
    expect((await shop.api('POST', `${path}/enable`, { resume })).status).toBe(200)
    await until('all ended', async () => (await told(id)).every((delivery) => delivery.status === status))
    expect(ledger.received).toHaveLength(arrived)
    await drop(path)
  })

  it('is cancelled with the endpoint, and its log stays', async () => {
    const { ledger, id, path } = await failing(204)
    await shop.sql(`update webhook_endpoint_health set open_until = now() + interval '1 hour' where endpoint_id = $1`, id)
    await shop.fire(3)
    await drop(path)
    expect((await told(id)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(ledger.received).toHaveLength(0)
    expect(await shop.sql('select from webhook_queue where endpoint_id = $1', id)).toHaveLength(0)
  })
})

describe('a forbidden target', () => {
  it('is not connected to where a redirect leads, and the redirect is a failure', async () => {
    const victim = await keepLedger()
    await using receiver = await httpReceiver((response) => void response.writeHead(302, { location: victim.url }).end())
    const { id } = await shop.subscribe(receiver.url, { event_types: ['client.created'] })
    await shop.fire(1)
    await until('it was tried', async () => ((await told(id))[0]?.log.length ?? 0) > 1)
    expect((await told(id))[0]?.log[0]).toMatchObject({ status: 302, error: null })
    expect(victim.sockets).toHaveLength(0)
    await drop(`/webhook-endpoints/${id}`)
    await victim[Symbol.asyncDispose]()
  })

  it.each(['http://127.0.0.2', 'http://[::1]', 'http://localhost', 'http://2130706434', 'http://[::ffff:127.0.0.2]'])(
    'is not connected to though %s got past creation',
    async (origin) => {
      const { ledger, id, path } = await failing(204)
      await shop.sql('update webhook_endpoints set url = $2 where id = $1', id, `${origin}:${ledger.port}/hook`)
      await shop.sql('update webhook_endpoint_health set opens = 0 where endpoint_id = $1', id)
      await shop.fire(1)
      await until('it was tried', async () => ((await told(id))[0]?.log.length ?? 0) > 0)
      expect((await told(id))[0]?.log[0]?.error).toMatch(/^refused_address: /)
      expect(ledger.sockets).toHaveLength(0)
      await drop(path)
    }
  )
})

it('what cannot be signed waits, and is no failure of its endpoint', async () => {
  await using ledger = await keepLedger()
  const { id, secret } = await shop.subscribe(ledger.url, { event_types: ['client.created'] })
  ledger.trust(secret)
  const flip = 'update webhook_endpoint_secrets set sealed = reverse(sealed) where endpoint_id = $1'
  await shop.sql(flip, id)
  await shop.fire(1)
  const log = async () => (await told(id))[0]?.log ?? []
  await until('it was tried', async () => (await log()).length === 1)
  expect(await log()).toMatchObject([{ attempt: 1, status: null, error: expect.stringMatching(/^not_ready: /) }])
  const { body } = await shop.api('GET', `/webhook-endpoints/${id}`)
  expect(body).toMatchObject({ status: 'enabled', health: { state: 'closed', consecutive_failures: 0, last_failure: null } })
  const [row] = await shop.sql<{ waits: number; failures: number }>(
    'select extract(epoch from ready_at - now())::int as waits, failures from webhook_queue where endpoint_id = $1',
    id
  )
  expect(row?.failures).toBe(0)
  expect(row?.waits).toBeGreaterThan(40)
  await shop.sql(flip, id)
  await shop.sql('update webhook_queue set ready_at = now() where endpoint_id = $1', id)
  await until('it came', () => ledger.received.length === 1)
  expect(ledger.received[0]?.verified).toBe(true)
  await drop(`/webhook-endpoints/${id}`)
})
