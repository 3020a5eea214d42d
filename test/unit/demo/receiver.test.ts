import { Webhook } from 'standardwebhooks'
import { Agent, request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Receiver, startReceiver } from '../../../src/demo/receiver.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU'
const otherSecret = 'whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0'
const entered = {
  type: 'invoice.dunning_stage_entered',
  timestamp: '2025-02-02T19:00:00.000Z',
  data: {
    object: { id: '0198', number: 'S-00001' },
    context: {
      client: { time_zone: 'Pacific/Kiritimati' },
      entry_id: '0199',
      stage: { code: 'reminder', repetition: 1, skipped: ['courtesy'] }
    }
  }
}

let receiver: Receiver

beforeEach(async () => {
  receiver = await startReceiver({ maxBodyBytes: 4_096 })
})

afterEach(() => receiver.close())

type Sent = { id?: string; body?: string; key?: string; tamper?: string; method?: 'POST' | 'GET'; agedSeconds?: number }

async function send({
  id = 'evt_1',
  body = JSON.stringify(entered),
  key = secret,
  tamper = '',
  method = 'POST',
  agedSeconds = 0
}: Sent = {}) {
  const at = new Date(Date.now() - agedSeconds * 1_000)
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(key).sign(id, at, body)
  }
  const answer = await request(receiver.url, { method, headers, body: method === 'GET' ? null : body + tamper })
  await answer.body.dump()
  return answer.statusCode
}

describe('the receiver of the demo', () => {
  it('keeps of a verified event what the check compares', async () => {
    await receiver.trust(secret)
    expect(await send()).toBe(204)
    expect(receiver.events()).toEqual([
      {
        id: 'evt_1',
        type: 'invoice.dunning_stage_entered',
        timestamp: '2025-02-02T19:00:00.000Z',
        objectId: '0198',
        invoice: 'S-00001',
        entryId: '0199',
        stage: 'reminder',
        repetition: 1,
        on: '2025-02-03',
        skipped: ['courtesy'],
        clientId: null,
        data: null
      }
    ])
  })

  it('counts an event that comes twice once, and says that it was a duplicate', async () => {
    await receiver.trust(secret)
    expect([await send(), await send(), await send({ id: 'evt_2' })]).toEqual([204, 204, 204])
    expect(receiver.counts()).toEqual({ verified: 2, rejected: 0, duplicates: 1 })
    expect(receiver.events()).toHaveLength(2)
  })

  it('believes nothing that is not signed with the secret, over these very bytes, just now', async () => {
    expect(await send()).toBe(401)
    await receiver.trust(secret)
    expect(await send({ key: otherSecret })).toBe(401)
    expect(await send({ tamper: ' ' })).toBe(401)
    expect(await send({ agedSeconds: 3_600 })).toBe(401)
    expect(await send({ body: 'x'.repeat(5_000) })).toBe(413)
    expect(await send({ method: 'GET' })).toBe(405)
    expect(receiver.counts()).toEqual({ verified: 0, rejected: 6, duplicates: 0 })
    expect(receiver.lastRejection()).toBe('the method is GET')
  })

  it('accepts the old and the new secret while they are rotated', async () => {
    await receiver.trust(secret)
    await receiver.trust(otherSecret)
    expect([await send(), await send({ id: 'evt_2', key: otherSecret })]).toEqual([204, 204])
  })

  it('says when all awaited events are there, and how many came when they are not', async () => {
    await receiver.trust(secret)
    const both = receiver.waitFor(2)
    await send()
    await send({ id: 'evt_2' })
    await both
    await receiver.waitFor(1)
    await send({ id: 'evt_3', tamper: '!' })
    await expect(receiver.waitFor(3, { timeoutMs: 20 })).rejects.toThrow(
      '2 of 3 webhooks arrived within 20 ms; 1 were refused, the last because No matching signature found.'
    )
  })

  it('loses none of two thousand that come over sixteen connections at once', async () => {
    await receiver.trust(secret)
    const agent = new Agent({ connections: 16, pipelining: 1 })
    const body = JSON.stringify({ ...entered, data: { ...entered.data, padding: 'x'.repeat(1_500) } })
    const at = new Date()
    const signed = Array.from({ length: 2_000 }, (_, index) => ({
      'webhook-id': `evt_${index}`,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(`evt_${index}`, at, body)
    }))
    await Promise.all(
      signed.map(async (headers) => {
        const answer = await request(receiver.url, { method: 'POST', headers, body, dispatcher: agent })
        await answer.body.dump()
      })
    )
    expect(receiver.counts()).toEqual({ verified: 2_000, rejected: 0, duplicates: 0 })
    await agent.close()
  })
})
