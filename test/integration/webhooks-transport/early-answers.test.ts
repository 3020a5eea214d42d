import { once } from 'node:events'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressPolicy } from '../../../src/modules/webhooks/address-guard.ts'
import { createAuthority } from './certificates.ts'
import { testSender } from './receivers.ts'

const authority = createAuthority()
const system = getCACertificates('default')
beforeAll(() => setDefaultCACertificates([...system, authority.cert]))
afterAll(() => setDefaultCACertificates([...system]))

/** In a thread of its own: it answers while the request is still being written. */
const thread = `
const { parentPort, workerData: { status, connection, credentials, isSilent } } = require('node:worker_threads')
const answer = 'HTTP/1.1 ' + status + ' Early\\r\\nconnection: ' + connection + '\\r\\ncontent-length: 5\\r\\n\\r\\nearly'
const receive = (socket) => {
  socket.on('error', () => {})
  socket.once('data', () => {
    socket.pause()
    socket.write(isSilent ? '' : answer, () => socket.destroy())
  })
}
const server = credentials ? require('node:tls').createServer(credentials, receive) : require('node:net').createServer(receive)
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

type Early = Readonly<{ status?: number; connection?: string; credentials?: object; isSilent?: boolean }>

async function earlyReceiver({ status = 200, connection = 'close', ...more }: Early) {
  const worker = new Worker(thread, { eval: true, workerData: { status, connection, ...more } })
  const [port] = (await once(worker, 'message')) as [number]
  return { port, [Symbol.asyncDispose]: async () => void (await worker.terminate()) }
}

/** Takes long to write: of so many, about half are still being written when the receiver closes. */
const large = Buffer.alloc(8_000_000, 'x')
const TIMES = 50

describe('an answer that arrives before the request is written, from a receiver that then closes, is the outcome', () => {
  it.each([
    { status: 200, connection: 'close' },
    { status: 200, connection: 'keep-alive' },
    { status: 413, connection: 'close' },
    { status: 413, connection: 'keep-alive' }
  ])('$status, $connection', async ({ status, connection }) => {
    await using receiver = await earlyReceiver({ status, connection })
    await using sender = testSender()
    for (let n = 0; n < TIMES; n += 1) {
      const outcome = await sender.post(`http://127.0.0.1:${receiver.port}/`, { body: large })
      expect(outcome).toMatchObject({ kind: 'response', status, bodyExcerpt: 'early' })
    }
  })

  it('over TLS too', async () => {
    await using receiver = await earlyReceiver({ status: 413, credentials: authority.issue({ host: 'receiver.test' }) })
    await using sender = testSender({
      policy: addressPolicy({ ports: [receiver.port], allowedCidrs: ['127.0.0.1/32'] }),
      resolve: async () => [{ address: '127.0.0.1', family: 4 }]
    })
    for (let n = 0; n < TIMES; n += 1) {
      const outcome = await sender.post(`https://receiver.test:${receiver.port}/`, { body: large })
      expect(outcome).toMatchObject({ kind: 'response', status: 413, bodyExcerpt: 'early' })
    }
  })
})

it('a receiver that closes without an answer is a failed connection, at once and not at the deadline', async () => {
  await using receiver = await earlyReceiver({ isSilent: true })
  await using sender = testSender()
  for (let n = 0; n < TIMES; n += 1) {
    const outcome = await sender.post(`http://127.0.0.1:${receiver.port}/`, { body: large })
    expect(outcome).toMatchObject({ kind: 'error', reason: 'connection' })
    expect(outcome.durationMs).toBeLessThan(1_000)
  }
})
