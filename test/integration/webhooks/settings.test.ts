import { createPublicKey, verify } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, expect, it } from 'vitest'
import { keepLedger, openShop, type Received, startProcess, until } from '../../support/webhooks.ts'

const shop = await openShop()
afterAll(() => shop[Symbol.asyncDispose]())

/** As a consumer does who has nothing but the public key that the endpoint shows. */
function isSignedBy(publicKey: string, { request: { headers, body } }: Received): boolean {
  const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const content = Buffer.concat([
    Buffer.from(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.`),
    Buffer.from(body)
  ])
  const signatures = String(headers['webhook-signature']).split(' ')
  return signatures.some((one) => one.startsWith('v1a,') && verify(null, content, key, Buffer.from(one.slice(4), 'base64')))
}

const pathOf = ({ id }: { id: string }) => `/webhook-endpoints/${id}`

it('an endpoint with a key pair shows the public key and no secret, and what it is sent verifies with that', async () => {
  await using ledger = await keepLedger()
  const made = await shop.subscribe(ledger.url, { signature: 'v1a' })
  expect(made).toMatchObject({ signature: 'v1a', secret: null, public_keys: [expect.stringMatching(/^whpk_.{44}$/)] })
  const { body } = await shop.api('GET', pathOf(made))
  await shop.fire(1)
  await until('it arrived', () => ledger.received.length === 1)
  const [publicKey = ''] = body['public_keys'] as string[]
  expect(ledger.received.map((received) => isSignedBy(publicKey, received))).toEqual([true])
  await shop.api('DELETE', pathOf(made))
})

it('goes over from a shared secret to a key pair and back, and whoever knows the former still verifies', async () => {
  await using ledger = await keepLedger()
  const made = await shop.subscribe(ledger.url)
  const rotated = await shop.api('POST', `${pathOf(made)}/rotate-secret`, { signature: 'v1a' })
  expect(rotated).toMatchObject({ status: 200, body: { signature: 'v1a', secret: null } })
  const [publicKey = ''] = rotated.body['public_keys'] as string[]
  await shop.fire(1)
  await until('it arrived', () => ledger.received.length === 1)
  const [first] = ledger.received
  const verifies = (secret: string, received: Received) =>
    new Webhook(secret).verify(received.request.body, received.request.headers as Record<string, string>)
  if (first === undefined) throw new Error('it arrived')
  expect(() => verifies(made.secret, first)).not.toThrow()
  expect(isSignedBy(publicKey, first)).toBe(true)
  const back = await shop.api('POST', `${pathOf(made)}/rotate-secret`, { signature: 'v1' })
  expect(back.body).toMatchObject({
    signature: 'v1',
    secret: expect.stringMatching(/^whsec_/) as string,
    public_keys: [publicKey]
  })
  await shop.fire(1)
  await until('it arrived too', () => ledger.received.length === 2)
  const second = ledger.received[1]
  if (second === undefined) throw new Error('it arrived')
  expect(() => verifies(String(back.body['secret']), second)).not.toThrow()
  // Its own day is not over either.
  expect(() => verifies(made.secret, second)).not.toThrow()
  expect(isSignedBy(publicKey, second)).toBe(true)
  await shop.api('DELETE', pathOf(made))
})

it('a thin payload says what it is about and nothing more; the event has the rest', async () => {
  await using ledger = await keepLedger()
  const made = await shop.subscribe(ledger.url, { payload: 'thin' })
  ledger.trust(made.secret)
  const { body: client } = await shop.api('POST', '/clients', { name: 'Private Person', external_refs: [] })
  await until('it arrived', () => ledger.received.length === 1)
  const [received] = ledger.received
  expect(received?.verified).toBe(true)
  const sent = JSON.parse(received?.request.body.toString() ?? '') as object
  expect(sent).toEqual({
    id: received?.id,
    type: 'client.created',
    timestamp: expect.any(String) as string,
    data: { organization_id: shop.orgId, object: { id: client['id'], version: 1 } }
  })
  const { body: event } = await shop.api('GET', `/events/${received?.id}`)
  expect(event['body']).toMatchObject({ data: { object: { name: 'Private Person' } } })
  await shop.api('DELETE', pathOf(made))
})

it('is sent no more a second than its rate, by however many workers', async () => {
  await using ledger = await keepLedger()
  const made = await shop.subscribe(ledger.url, { rate_per_second: 20 })
  const others = await Promise.all([1, 2].map(() => startProcess(shop.url, { roles: 'worker' })))
  const startedAt = performance.now()
  await shop.fire(50)
  await until('all arrived', () => ledger.ids().size === 50)
  const seconds = (performance.now() - startedAt) / 1_000
  const times = ledger.received.map(({ atMs }) => atMs).sort((a, b) => a - b)
  // 50 at 20 a second, of which two go at once.
  expect(seconds).toBeGreaterThan(2.3)
  const most = Math.max(...times.map((at) => times.filter((other) => other >= at && other < at + 1_000).length))
  expect(most).toBeLessThanOrEqual(23)
  for (const worker of others) await worker.stop()
  await shop.api('DELETE', pathOf(made))
})
