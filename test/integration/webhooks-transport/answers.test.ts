import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { clockFrom } from '../../../src/kernel/clock.ts'
import { verdictOf } from '../../../src/modules/webhooks/health.ts'
import { headersFor } from '../../../src/modules/webhooks/signature.ts'
import { generateSecret } from '../../../src/modules/webhooks/signing-keys.ts'
import { body, httpReceiver, testSender } from './receivers.ts'

const now = new Date('2026-11-21T12:00:00Z')

async function answerOf(status: number, headers: Record<string, string | string[]> = {}, text: string | Buffer = '') {
  await using receiver = await httpReceiver((response) => {
    response.sendDate = false
    response.writeHead(status, headers).end(text)
  })
  await using sender = testSender({ clock: clockFrom(() => now) })
  return sender.post(receiver.url)
}

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('by %i is a failure and is not followed, least of all into this machine', async (status) => {
    await using victim = await httpReceiver((response) => response.end('secret'))
    await using receiver = await httpReceiver((response) => response.writeHead(status, { location: victim.url }).end('moved'))
    await using sender = testSender()
    const outcome = await sender.post(receiver.url)
    expect(outcome).toMatchObject({ kind: 'response', status, bodyExcerpt: 'moved' })
    expect(verdictOf(outcome)).toBe('failed')
    expect(victim.sockets).toHaveLength(0)
  })
})

describe('a status', () => {
  it.each([
    [200, 'succeeded'],
    [201, 'succeeded'],
    [204, 'succeeded'],
    [304, 'failed'],
    [400, 'failed'],
    [401, 'failed'],
    [410, 'gone'],
    [413, 'too_large'],
    [429, 'failed'],
    [500, 'failed'],
    [503, 'failed']
  ])('%i means %s', async (status, verdict) => {
    const outcome = await answerOf(status)
    expect(outcome).toMatchObject({ kind: 'response', status })
    expect(verdictOf(outcome)).toBe(verdict)
  })
})

describe('Retry-After', () => {
  const forms: readonly (readonly [string, number | undefined])[] = [
    ['120', 120_000],
    ['0', 0],
    ['Sat, 21 Nov 2026 12:01:00 GMT', 60_000],
    ['Saturday, 21-Nov-26 12:01:00 GMT', 60_000],
    ['Sat Nov 21 12:01:00 2026', 60_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['-1', undefined],
    ['soon', undefined],
    ['1.5', undefined],
    ['', undefined]
  ]

  describe.each([429, 503])('on %i', (status) => {
    it.each(forms)('%j is understood or ignored', async (value, retryAfterMs) => {
      const outcome = await answerOf(status, { 'retry-after': value })
      expect(outcome.kind === 'response' ? outcome.retryAfterMs : 'no response').toBe(retryAfterMs)
    })
  })

  it.each([200, 301, 500, 502])('on %i is nobody’s business', async (status) => {
    expect(await answerOf(status, { 'retry-after': '120' })).not.toHaveProperty('retryAfterMs')
  })

  it('as a date is measured against the receiver’s own clock, so that one that is wrong costs nothing', async () => {
    const headers = { date: 'Sat, 21 Nov 2020 12:00:00 GMT', 'retry-after': 'Sat, 21 Nov 2020 12:05:00 GMT' }
    expect(await answerOf(503, headers)).toMatchObject({ retryAfterMs: 300_000 })
    expect(await answerOf(503, { ...headers, date: 'yesterday' })).toMatchObject({ retryAfterMs: 0 })
  })

  it('given twice counts once', async () => {
    expect(await answerOf(503, { 'retry-after': ['60', '90'] })).toMatchObject({ kind: 'response', status: 503 })
  })
})

it('the stored answer can be stored: no NUL, no broken UTF-8, 1,024 characters', async () => {
  const outcome = await answerOf(500, {}, Buffer.concat([Buffer.from([0, 0xff]), Buffer.from('é'.repeat(5_000))]))
  expect(outcome).toMatchObject({ kind: 'response', bodyExcerpt: `\uFFFD\uFFFD${'é'.repeat(1_022)}` })
})

it('a receiver verifies what arrives with the library it already has', async () => {
  const secret = generateSecret(randomBytes)
  const verified: unknown[] = []
  await using receiver = await httpReceiver((response, request) => {
    verified.push(new Webhook(secret).verify(request.body, request.headers as Record<string, string>))
    response.writeHead(204).end()
  })
  await using sender = testSender()
  const headers = headersFor({ id: '0199aa01', timestampS: Math.floor(Date.now() / 1_000), body, secrets: [secret] })
  expect(await sender.post(receiver.url, { headers })).toMatchObject({ kind: 'response', status: 204 })
  expect(verified).toEqual([{ type: 'invoice.created' }])
})
