import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { openShop } from '../support/webhooks.ts'

const shop = await openShop({ roles: 'api' })
afterAll(() => shop[Symbol.asyncDispose]())

const at = (path: string, init: RequestInit = {}) => fetch(`${shop.parts.url}${path}`, init)
const key = { authorization: `Bearer ${shop.key}` }

describe('no answer is kept by whoever is between, or read as another type than it names', () => {
  const answers: readonly (readonly [string, () => Promise<Response>])[] = [
    ['an object', () => at('/v1/organization', { headers: key })],
    ['a list', () => at('/v1/clients', { headers: key })],
    ['a refusal for want of a key', () => at('/v1/clients')],
    ['a path that does not exist', () => at('/nowhere')],
    ['a path that does not decode', () => at('/v1/%ff')],
    ['a probe', () => at('/livez')],
    ['the document', () => at('/openapi.json')],
    ['its pages', () => at('/docs/')]
  ]
  it.each(answers)('%s', async (_what, ask) => {
    const { headers } = await ask()
    expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
  })

  it('nor the refusal of what is no HTTP', async () => {
    const socket = connect(Number(new URL(shop.parts.url ?? '').port), '127.0.0.1')
    socket.write('this is no HTTP\r\n\r\n')
    const answer = await text(socket)
    expect(answer).toMatch(/\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n/i)
  })
})

it('where DUNWELL_DOCS is false there are no pages at /docs; the document stays', async () => {
  await using closed = await openShop({ roles: 'api', env: { DUNWELL_DOCS: 'false' } })
  for (const path of ['/docs', '/docs/', '/docs/static/index.html', '/docs/json'])
    expect((await fetch(`${closed.parts.url}${path}`)).status, path).toBe(404)
  expect((await fetch(`${closed.parts.url}/openapi.json`)).status).toBe(200)
})
