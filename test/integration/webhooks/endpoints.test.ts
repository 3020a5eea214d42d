import { afterAll, describe, expect, it } from 'vitest'
import { openShop } from '../../support/webhooks.ts'

const shop = await openShop({
  roles: 'api',
  env: { DUNWELL_ALLOW_HTTP_WEBHOOKS: 'false', DUNWELL_WEBHOOK_ALLOW: '', DUNWELL_WEBHOOK_PORTS: '443' }
})
afterAll(() => shop[Symbol.asyncDispose]())

const wanted = { url: 'https://receiver.example/hook', event_types: ['invoice.*', 'payment.settled'] }

describe('an endpoint', () => {
  it('is made, found, listed, changed under its version and deleted', async () => {
    const made = await shop.api('POST', '/webhook-endpoints', { ...wanted, headers: { 'x-team': 'dunning' }, max_in_flight: 3 })
    expect(made.status).toBe(201)
    const { secret, ...document } = made.body
    const path = `/webhook-endpoints/${String(document['id'])}`
    expect(await shop.api('GET', path)).toEqual({ status: 200, body: document })
    expect((await shop.api('GET', '/webhook-endpoints')).body['data']).toContainEqual(document)
    const changed = await shop.api('PATCH', path, { event_types: ['*'], timeout_ms: 500 }, { 'if-match': '"1"' })
    expect(changed).toMatchObject({ status: 200, body: { version: 2, event_types: ['*'], timeout_ms: 500, max_in_flight: 3 } })
    expect((await shop.api('PATCH', path, { timeout_ms: 600 }, { 'if-match': '"1"' })).status).toBe(412)
    expect(await shop.api('DELETE', path, null, { 'if-match': '"1"' })).toMatchObject({ body: { code: 'version_conflict' } })
    expect((await shop.api('DELETE', path, null, { 'if-match': '"2"' })).status).toBe(204)
    expect((await shop.api('GET', path)).status).toBe(404)
    expect(secret).toMatch(/^whsec_/)
  })

  it('shows its secret once, the same to a repeated request, and keeps it sealed', async () => {
    const key = { 'idempotency-key': 'once' }
    const first = await shop.api('POST', '/webhook-endpoints', wanted, key)
    const again = await shop.api('POST', '/webhook-endpoints', wanted, key)
    expect(again).toEqual(first)
    const { id, secret } = first.body as { id: string; secret: string }
    expect((await shop.api('GET', `/webhook-endpoints/${id}`)).body).not.toHaveProperty('secret')
    const [count] = await shop.sql<{ n: number }>(
      'select count(*)::int as n from webhook_endpoint_secrets where endpoint_id = $1',
      id
    )
    expect(count).toEqual({ n: 1 })
    const kept = await shop.sql(
      `select sealed as text from webhook_endpoint_secrets union all select k::text from idempotency_keys k`
    )
    expect(JSON.stringify(kept)).not.toContain(secret.slice('whsec_'.length))
  })

  it('is one of a hundred at most, however many are made at once', async () => {
    await using other = await openShop({ roles: 'api' })
    await other.sql(
      `insert into webhook_endpoints (org_id, id, url, event_types, headers, max_in_flight, timeout_ms, status, version, created_at, updated_at)
       select $1, gen_random_uuid(), 'http://127.0.0.1:9/', '{*}', '{}', 1, 1000, 'enabled', 1, now(), now() from generate_series(1, 97)`,
      other.orgId
    )
    const one = { url: 'http://127.0.0.1:9/', event_types: ['*'] }
    const answers = await Promise.all(Array.from({ length: 12 }, () => other.api('POST', '/webhook-endpoints', one)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
    expect(answers.filter(({ body }) => body['code'] === 'limit_reached')).toHaveLength(9)
  })

  it('sends no header that the service or the transport sets', async () => {
    for (const name of ['webhook-id', 'Host', 'content-length', 'Transfer-Encoding', 'traceparent', 'TraceState']) {
      const { status, body } = await shop.api('POST', '/webhook-endpoints', { ...wanted, headers: { [name]: 'x' } })
      expect({ status, body }, name).toMatchObject({ status: 400, body: { errors: [{ pointer: '/headers' }] } })
    }
  })
})

it('a header that cannot be is refused by name, with the rule', async () => {
  for (const name of ['a b', 'ä', '', 'a\nb', 'x'.repeat(65)]) {
    const { status, body } = await shop.api('POST', '/webhook-endpoints', { ...wanted, headers: { [name]: 'x' } })
    const rule = expect.stringMatching(/^The name of a header is 1 to 64 letters, digits, /) as string
    expect({ status, body }, name).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: `/headers/${name}`, detail: rule }] }
    })
  }
})

describe('an endpoint is refused, at creation and at change,', () => {
  const urls = [
    'http://receiver.example/hook',
    'https://127.0.0.1/hook',
    'https://2130706433/hook',
    'https://0x7f.1/hook',
    'https://[::1]/hook',
    'https://[::ffff:127.0.0.1]/hook',
    'https://[64:ff9b::7f00:1]/hook',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.8/hook',
    'https://localhost/hook',
    'https://receiver.example:22/hook',
    'https://user:secret@receiver.example/hook',
    'https://receiver.example./hook',
    'ftp://receiver.example/hook',
    'receiver.example'
  ]
  it.each(urls)('with %s', async (url) => {
    const refusal = { body: { code: 'endpoint_url_refused', errors: [{ pointer: '/url' }] } }
    expect(await shop.api('POST', '/webhook-endpoints', { ...wanted, url })).toMatchObject(refusal)
    const { body } = await shop.api('POST', '/webhook-endpoints', wanted)
    expect(await shop.api('PATCH', `/webhook-endpoints/${String(body['id'])}`, { url })).toMatchObject(refusal)
  })
})
