import { Webhook as Verifier } from 'standardwebhooks'
import { Webhook } from 'svix'
import { afterAll, describe, expect, it } from 'vitest'
import { checkBooks } from '../../../src/checks/books.ts'
import { isSigned, keepLedger, type Ledger, openShop, type Shop, until } from '../../support/webhooks.ts'

const shop = await openShop()
afterAll(() => shop[Symbol.asyncDispose]())

/** @returns a receiver of its own with its endpoint. */
async function subscribed(settings: object = {}): Promise<{ ledger: Ledger; id: string; secret: string }> {
  const ledger = await keepLedger()
  const { id, secret } = await shop.subscribe(ledger.url, settings)
  ledger.trust(secret)
  return { ledger, id, secret }
}

async function deliveriesOf({ api }: Shop, query: string): Promise<Record<string, unknown>[]> {
  return (await api('GET', `/webhook-deliveries?${query}`)).body['data'] as Record<string, unknown>[]
}

describe('an event', () => {
  it('goes to every endpoint that takes its type, the object’s or all, and to no other', async () => {
    const takes = [['client.created'], ['client.*'], ['*'], ['invoice.*', 'client.updated']]
    const ends = await Promise.all(takes.map((types) => subscribed({ event_types: types })))
    const [first] = await shop.fire(1, 'client.created')
    const [second] = await shop.fire(1, 'payment.settled')
    await until('all arrived', () => ends.map(({ ledger }) => ledger.received.length).join() === '1,1,2,0')
    expect(ends.map(({ ledger }) => ledger.ids().has(first ?? ''))).toEqual([true, true, true, false])
    expect([...(ends[2]?.ledger.ids() ?? [])]).toContain(second)
    for (const { ledger } of ends) await ledger[Symbol.asyncDispose]()
    for (const { id } of ends) await shop.api('DELETE', `/webhook-endpoints/${id}`)
  })

  it('is signed over its exact bytes, verifies with svix too, and carries the trace that caused it', async () => {
    const { ledger, id, secret } = await subscribed({ headers: { 'x-team': 'dunning' } })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const [eventId = ''] = await shop.fire(1, 'client.created', traceparent)
    await until('it arrived', () => ledger.received.length === 1)
    const [received] = ledger.received
    expect(received).toMatchObject({ id: eventId, verified: true, request: { headers: { traceparent, 'x-team': 'dunning' } } })
    const headers = received?.request.headers as Record<string, string>
    const text = received?.request.body.toString() ?? ''
    expect(() => new Webhook(secret).verify(text, headers)).not.toThrow()
    expect(JSON.parse(text)).toMatchObject({ id: eventId, type: 'client.created' })
    expect(() => new Webhook(secret).verify(text.replace('Ünïcödé', 'Unicode'), headers)).toThrow()
    const [stored] = await shop.sql<{ body: string }>('select body from event_bodies where event_id = $1', eventId)
    expect(stored?.body).toBe(text)
    await ledger[Symbol.asyncDispose]()
    await shop.api('DELETE', `/webhook-endpoints/${id}`)
  })

  it('leaves a log of its delivery: one attempt, 204', async () => {
    const { ledger, id } = await subscribed()
    const [eventId = ''] = await shop.fire(1)
    await until('it is told', async () => (await deliveriesOf(shop, `event_id=${eventId}`))[0]?.['status'] === 'succeeded')
    const [delivery] = await deliveriesOf(shop, `endpoint_id=${id}&status=succeeded`)
    expect(delivery).toMatchObject({ event_id: eventId, event_type: 'client.created', attempts: 1, next_attempt_at: null })
    const { body } = await shop.api('GET', `/webhook-deliveries/${String(delivery?.['id'])}`)
    expect(body['log']).toEqual([
      {
        ...{ attempt: 1, succeeded: true, status: 204, error: null, answer: '' },
        ...{ started_at: expect.any(String) as string, duration_ms: expect.any(Number) as number }
      }
    ])
    expect((await shop.api('POST', `/webhook-deliveries/${String(delivery?.['id'])}/retry`)).body).toMatchObject({
      code: 'delivery_not_retryable'
    })
    await ledger[Symbol.asyncDispose]()
    await shop.api('DELETE', `/webhook-endpoints/${id}`)
  })

  it('can be pulled by its number instead, none missing, and the chain of all is whole', async () => {
    const fired = await shop.fire(25)
    await until('all are sealed', async () => {
      const [row] = await shop.sql<{ n: number }>('select count(*)::int as n from events where seq is null')
      return row?.n === 0
    })
    const pulled: { id: string; seq: number }[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await shop.api('GET', `/events?limit=10${cursor === '' ? '' : `&cursor=${cursor}`}`)
      pulled.push(...(body['data'] as typeof pulled))
      cursor = body['next_cursor'] as string | null
    }
    expect(pulled.map(({ seq }) => Number(seq))).toEqual(pulled.map((_, index) => index + 1))
    expect(pulled.slice(-25).map(({ id }) => id)).toEqual(fired)
    const broken = (await shop.parts.database.reading(shop.orgId, checkBooks)).filter((check) => check.broken.length > 0)
    expect(broken).toEqual([])
  })
})

describe('a rotated secret', () => {
  it('signs at once beside the old one, which signs for a day and then no longer', async () => {
    const { ledger, id, secret } = await subscribed()
    const { status, body } = await shop.api('POST', `/webhook-endpoints/${id}/rotate-secret`)
    expect(status).toBe(200)
    const [row] = await shop.sql<{ hours: number }>(
      `select extract(epoch from expires_at - now()) / 3600 as hours from webhook_endpoint_secrets where endpoint_id = $1 and expires_at is not null`,
      id
    )
    expect(Number(row?.hours)).toBeCloseTo(24, 1)
    await shop.fire(1)
    await until('it arrived', () => ledger.received.length === 1)
    const during = ledger.received[0]?.request
    const verify =
      (by: unknown, request = during) =>
      () =>
        new Webhook(String(by)).verify(request?.body.toString() ?? '', request?.headers as Record<string, string>)
    expect(verify(secret)).not.toThrow()
    expect(verify(body['secret'])).not.toThrow()
    await shop.sql(`update webhook_endpoint_secrets set expires_at = now() where endpoint_id = $1 and expires_at is not null`, id)
    await shop.fire(1)
    await until('the next arrived', () => ledger.received.length === 2)
    const after = ledger.received[1]?.request
    expect(verify(body['secret'], after)).not.toThrow()
    expect(verify(secret, after)).toThrow()
    await ledger[Symbol.asyncDispose]()
    await shop.api('DELETE', `/webhook-endpoints/${id}`)
  })
})

describe('secrets that are rotated within a day', () => {
  it('each sign until their own day is over, the newest five of them', async () => {
    const { ledger, id, secret } = await subscribed()
    const secrets = [secret]
    const rotate = async () => {
      const { body } = await shop.api('POST', `/webhook-endpoints/${id}/rotate-secret`)
      secrets.unshift(String(body['secret']))
    }
    const signing = async () => {
      const before = ledger.received.length
      await shop.fire(1)
      await until('it arrived', () => ledger.received.length > before)
      const request = ledger.received[before]?.request
      return secrets.map((one) => request !== undefined && isSigned(new Verifier(one), request))
    }
    const end = 'update webhook_endpoint_secrets set expires_at = now() where endpoint_id = $1 and expires_at is not null'
    for (let times = 0; times < 2; times++) await rotate()
    expect(await signing()).toEqual([true, true, true])
    for (let times = 0; times < 3; times++) await rotate()
    expect(await signing()).toEqual([true, true, true, true, true, false])
    await shop.sql(end, id)
    await rotate()
    expect(await signing()).toEqual([true, true, false, false, false, false, false])
    expect(await shop.sql('select from webhook_endpoint_secrets where endpoint_id = $1', id)).toHaveLength(2)
    await ledger[Symbol.asyncDispose]()
    await shop.api('DELETE', `/webhook-endpoints/${id}`)
  })
})

describe('the test event', () => {
  it('goes to the endpoint that asked, whatever it takes, once, and to no endpoint that did not', async () => {
    const asked = await subscribed({ event_types: ['invoice.created'] })
    const all = await subscribed()
    expect((await shop.api('POST', `/webhook-endpoints/${asked.id}/test`)).status).toBe(202)
    expect((await shop.api('POST', `/webhook-endpoints/${all.id}/test`)).status).toBe(202)
    await until('both arrived', () => asked.ledger.received.length > 0 && all.ledger.received.length > 0)
    await until('nothing waits', async () => (await shop.sql('select from webhook_queue')).length === 0)
    expect([asked, all].map(({ ledger }) => ledger.received.length)).toEqual([1, 1])
    expect(JSON.parse(asked.ledger.received[0]?.request.body.toString() ?? '')).toMatchObject({ type: 'webhook_endpoint.test' })
    for (const { ledger } of [asked, all]) await ledger[Symbol.asyncDispose]()
  })
})
