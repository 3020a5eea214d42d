import { createServer as createPlainServer } from 'node:net'
import { createServer, getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressPolicy } from '../../../src/modules/webhooks/address-guard.ts'
import { type Credentials, createAuthority } from './certificates.ts'
import { connectionIsBack, listen, ok, type Receiver, rawReceiver, testSender } from './receivers.ts'

const DAY_MS = 86_400_000
const authority = createAuthority()
const good = authority.issue({ host: 'receiver.test' })
const system = getCACertificates('default')

beforeAll(() => setDefaultCACertificates([...system, authority.cert]))
afterAll(() => setDefaultCACertificates([...system]))

function tlsReceiver({ cert, key }: Credentials, onRequest: (socket: TLSSocket, earlier: number) => void): Promise<Receiver> {
  const server = createServer({ cert, key }, (socket) => {
    let earlier = 0
    socket.on('error', () => {})
    socket.on('data', () => {
      onRequest(socket, earlier)
      earlier += 1
    })
  })
  server.on('tlsClientError', () => {})
  return listen(server, { host: '127.0.0.1', requests: [] })
}

function senderTo(port: number) {
  return testSender({
    policy: addressPolicy({ ports: [port], allowedCidrs: ['127.0.0.1/32'] }),
    resolve: async () => [{ address: '127.0.0.1', family: 4 }]
  })
}

describe('https', () => {
  it('reaches a receiver whose certificate is sound, over one kept connection', async () => {
    await using receiver = await tlsReceiver(good, (socket) => socket.write(ok))
    await using sender = senderTo(receiver.port)
    for (let n = 0; n < 5; n += 1) {
      expect(await sender.post(`https://receiver.test:${receiver.port}/`)).toMatchObject({ kind: 'response', status: 200 })
      await connectionIsBack()
    }
    expect(receiver.sockets).toHaveLength(1)
  })

  const expired = authority.issue({
    host: 'receiver.test',
    notBefore: new Date(Date.now() - 9 * DAY_MS),
    notAfter: new Date(Date.now() - DAY_MS)
  })
  const unsound: readonly (readonly [string, Credentials, string])[] = [
    ['has expired', expired, 'CERT_HAS_EXPIRED'],
    ['is another host’s', authority.issue({ host: 'other.test' }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [
      'nobody trusts',
      createAuthority().issue({ host: 'receiver.test' }),
      'CERT_SIGNATURE_FAILURE|UNABLE_TO_VERIFY_LEAF_SIGNATURE'
    ]
  ]

  it.each(unsound)('sends nothing to a receiver whose certificate %s', async (_what, credentials, code) => {
    let received = 0
    await using receiver = await tlsReceiver(credentials, () => {
      received += 1
    })
    await using sender = senderTo(receiver.port)
    const outcome = await sender.post(`https://receiver.test:${receiver.port}/`)
    expect(outcome).toMatchObject({ kind: 'error', reason: 'tls', detail: expect.stringMatching(code) })
    expect(received).toBe(0)
  })

  it('to a receiver that speaks plain HTTP is a failure of TLS', async () => {
    const plain = createPlainServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await using receiver = await listen(plain, { host: '127.0.0.1', requests: [] })
    await using sender = senderTo(receiver.port)
    expect(await sender.post(`https://receiver.test:${receiver.port}/`)).toMatchObject({ kind: 'error', reason: 'tls' })
  })

  it('to a receiver that hangs up in the handshake is a failure of TLS', async () => {
    const rude = createPlainServer((socket) => socket.on('data', () => socket.end()))
    await using receiver = await listen(rude, { host: '127.0.0.1', requests: [] })
    await using sender = senderTo(receiver.port)
    expect(await sender.post(`https://receiver.test:${receiver.port}/`)).toMatchObject({ kind: 'error', reason: 'tls' })
  })

  it('to a receiver that never shakes hands ends at the deadline', async () => {
    await using receiver = await rawReceiver(() => {}, '127.0.0.1')
    await using sender = senderTo(receiver.port)
    const outcome = await sender.post(`https://receiver.test:${receiver.port}/`, { timeoutMs: 200 })
    expect(outcome).toMatchObject({ kind: 'error', reason: 'timeout', detail: 'No connection within 200 ms.' })
    expect(outcome.durationMs).toBeLessThan(600)
    for (const socket of receiver.sockets) socket.destroy()
  })

  it('tells a kept connection that was found closed from a new one that was reset', async () => {
    await using receiver = await tlsReceiver(good, (socket, earlier) => {
      if (earlier === 0 && receiver.sockets.length < 3) socket.write(ok)
      else socket.destroy()
    })
    await using sender = senderTo(receiver.port)
    const url = `https://receiver.test:${receiver.port}/`
    expect(await sender.post(url)).toMatchObject({ kind: 'response', status: 200 })
    await connectionIsBack()
    expect(await sender.post(url)).toMatchObject({ kind: 'response', status: 200 })
    expect(receiver.sockets).toHaveLength(2)
    await connectionIsBack()
    expect(await sender.post(url)).toMatchObject({ kind: 'error', reason: 'connection' })
    expect(receiver.sockets).toHaveLength(3)
  })
})
