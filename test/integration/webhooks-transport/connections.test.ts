import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { clockFrom } from '../../../src/kernel/clock.ts'
import { addressPolicy } from '../../../src/modules/webhooks/address-guard.ts'
import { createSender } from '../../../src/modules/webhooks/sender.ts'
import { body, connectionIsBack, eventually, httpReceiver, ok, rawReceiver, testSender } from './receivers.ts'

const succeeded = { kind: 'response', status: 200 }

describe('a kept connection', () => {
  it('is used again, so that a busy endpoint costs no handshakes', async () => {
    await using receiver = await rawReceiver((socket) => socket.write(ok))
    await using sender = testSender()
    for (let n = 0; n < 20; n += 1) {
      expect(await sender.post(receiver.url)).toMatchObject(succeeded)
      await connectionIsBack()
    }
    expect(receiver.sockets).toHaveLength(1)
  })

  it('that the receiver closed while it was idle is not a failure', async () => {
    await using receiver = await rawReceiver((socket) => socket.write(ok))
    await using sender = testSender()
    for (let n = 0; n < 5; n += 1) {
      expect(await sender.post(receiver.url)).toMatchObject(succeeded)
      for (const socket of receiver.sockets) socket.end()
      await eventually(() => receiver.open() === 0)
    }
    expect(receiver.requests).toHaveLength(5)
  })

  const endings: readonly (readonly [string, (socket: Socket) => void])[] = [
    ['a reset', (socket) => socket.resetAndDestroy()],
    ['an end', (socket) => socket.end()],
    ['a bare close', (socket) => socket.destroy()]
  ]

  it.each(endings)('that meets the next request with %s is replaced at once, within the same attempt', async (_what, close) => {
    await using receiver = await rawReceiver((socket, earlier) => {
      if (earlier === 0) socket.write(ok)
      else close(socket)
    })
    await using sender = testSender()
    expect(await sender.post(receiver.url)).toMatchObject(succeeded)
    await connectionIsBack()
    expect(await sender.post(receiver.url)).toMatchObject(succeeded)
    expect(receiver.sockets).toHaveLength(2)
    expect(receiver.requests).toHaveLength(3)
    expect(receiver.requests[2]?.body.equals(receiver.requests[1]?.body ?? body)).toBe(true)
  })

  it.each(endings)('when it is new and ends with %s, nothing is sent twice', async (_what, close) => {
    await using receiver = await rawReceiver(close)
    await using sender = testSender()
    expect(await sender.post(receiver.url)).toMatchObject({ kind: 'error', reason: 'connection' })
    expect(receiver.requests).toHaveLength(1)
  })

  it('is replaced by a new one, not by the next that is just as dead', async () => {
    await using receiver = await rawReceiver((socket, earlier) => {
      if (earlier > 0) socket.resetAndDestroy()
      else setTimeout(() => socket.write(ok), 50)
    })
    await using sender = testSender()
    await Promise.all(Array.from({ length: 4 }, () => sender.post(receiver.url)))
    expect(receiver.sockets).toHaveLength(4)
    await connectionIsBack()
    expect(await sender.post(receiver.url)).toMatchObject(succeeded)
    expect(receiver.sockets).toHaveLength(5)
    expect(receiver.requests).toHaveLength(6)
  })

  it('that broke after an answer had begun is not used to send twice', async () => {
    await using receiver = await rawReceiver((socket, earlier) => {
      if (earlier === 0) socket.write(ok)
      else socket.write('HTTP/1.1 200 O', () => setTimeout(() => socket.resetAndDestroy(), 30))
    })
    await using sender = testSender()
    expect(await sender.post(receiver.url)).toMatchObject(succeeded)
    await connectionIsBack()
    expect(await sender.post(receiver.url)).toMatchObject({ kind: 'error', reason: 'connection' })
    expect(receiver.requests).toHaveLength(2)
  })

  it('is not kept for ever, so that a receiver which moves by DNS is followed', async () => {
    await using receiver = await rawReceiver((socket) => socket.write(ok))
    await using sender = testSender({ limits: { connectionAgeMaxMs: 40 } })
    const until = performance.now() + 200
    while (performance.now() < until) {
      expect(await sender.post(receiver.url)).toMatchObject(succeeded)
      await connectionIsBack()
    }
    expect(receiver.sockets.length).toBeGreaterThanOrEqual(3)
    expect(receiver.requests.length).toBeGreaterThan(receiver.sockets.length)
    await eventually(() => receiver.open() <= 1)
  })
})

describe('a receiver that cannot be spoken to', () => {
  it('because nobody listens', async () => {
    const gone = await rawReceiver(() => {})
    await gone[Symbol.asyncDispose]()
    await using sender = testSender()
    const outcome = await sender.post(gone.url)
    expect(outcome).toMatchObject({ kind: 'error', reason: 'connection', detail: expect.stringContaining('ECONNREFUSED') })
  })

  it.each(['SSH-2.0-OpenSSH_9.6\r\n', '\x15\x03\x01\x00\x02\x02\x46', 'HTTP/1.1 banana\r\n\r\n'])(
    'because it says %j',
    async (greeting) => {
      await using receiver = await rawReceiver((socket) => socket.write(greeting))
      await using sender = testSender()
      expect(await sender.post(receiver.url, { timeoutMs: 500 })).toMatchObject({ kind: 'error', reason: 'connection' })
    }
  )

  it('because it wants to switch protocols', async () => {
    await using receiver = await rawReceiver((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
    )
    await using sender = testSender()
    expect(await sender.post(receiver.url, { timeoutMs: 500 })).toMatchObject({ kind: 'error' })
  })

  it('with a header that cannot be sent is an outcome and no exception', async () => {
    await using receiver = await rawReceiver((socket) => socket.write(ok))
    await using sender = testSender()
    const outcome = await sender.post(receiver.url, { headers: { 'x-a': 'b\r\nc: d' } })
    expect(outcome).toMatchObject({ kind: 'error', reason: 'connection' })
    expect(receiver.requests).toHaveLength(0)
  })
})

it('what is sent is what was stored, byte for byte, with the given headers', async () => {
  await using receiver = await httpReceiver((response) => response.end())
  await using sender = testSender()
  const bytes = Buffer.from(JSON.stringify({ note: 'Zażółć 🧾 \u2028', long: 'ü'.repeat(500_000) }))
  expect(await sender.post(`${receiver.url}?tenant=7&x=%C3%A4`, { body: bytes, headers: { 'webhook-id': 'a' } })).toMatchObject(
    succeeded
  )
  const [request] = receiver.requests
  expect(request?.body.equals(bytes)).toBe(true)
  expect(request?.path).toBe('/hook?tenant=7&x=%C3%A4')
  expect(request?.headers).toMatchObject({
    'webhook-id': 'a',
    host: `127.0.0.1:${receiver.port}`,
    'content-length': String(bytes.length)
  })
})

it('closing waits for the attempts under way and takes no new ones', async () => {
  await using receiver = await rawReceiver((socket) => setTimeout(() => socket.write(ok), 100))
  const sender = createSender({
    policy: addressPolicy({ allowLoopback: true }),
    connections: 4,
    clock: clockFrom(() => new Date())
  })
  const request = { url: receiver.url, headers: {}, body, timeoutMs: 1_000 }
  const underWay = sender.send(request)
  await eventually(() => receiver.requests.length === 1)
  await sender.close()
  expect(await underWay).toMatchObject(succeeded)
  expect(await sender.send(request)).toMatchObject({ kind: 'error', reason: 'aborted' })
  await eventually(() => receiver.open() === 0)
})
