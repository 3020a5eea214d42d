import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { addressPolicy } from '../../../src/modules/webhooks/address-guard.ts'
import { type AttemptOutcome, createSender, type SenderOptions } from '../../../src/modules/webhooks/sender.ts'

export type Request = Readonly<{ headers: Readonly<Record<string, string | string[] | undefined>>; path: string; body: Buffer }>

export type Receiver = AsyncDisposable &
  Readonly<{
    port: number
    url: string
    /** Every connection that was ever accepted, in order. */
    sockets: readonly Socket[]
    requests: readonly Request[]
    open: () => number
  }>

const whole = '{"received":true}'
/** The shortest answer that keeps the connection. */
export const ok = `HTTP/1.1 200 OK\r\ncontent-length: ${whole.length}\r\n\r\n${whole}`

/** A receiver that speaks bytes: `onRequest` is called for each complete request with how many its socket had before. */
export function rawReceiver(onRequest: (socket: Socket, earlier: number) => void, host = '127.0.0.1'): Promise<Receiver> {
  const requests: Request[] = []
  const server = createServer((socket) => {
    let earlier = 0
    let pending = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      for (let end = requestEnd(pending); end !== undefined && end <= pending.length; end = requestEnd(pending)) {
        requests.push({ headers: {}, path: '', body: pending.subarray(0, end) })
        pending = pending.subarray(end)
        onRequest(socket, earlier)
        earlier += 1
      }
    })
  })
  return listen(server, { host, requests })
}

function requestEnd(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1] ?? '0'
  return headEnd + 4 + Number(length)
}

/** A receiver that speaks HTTP as a framework would. */
export function httpReceiver(
  answer: (response: ServerResponse, request: Request) => void,
  host = '127.0.0.1'
): Promise<Receiver> {
  const requests: Request[] = []
  const server = createHttpServer((incoming: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const request = { headers: incoming.headers, path: incoming.url ?? '', body: Buffer.concat(chunks) }
      requests.push(request)
      answer(response, request)
    })
  })
  return listen(server, { host, requests })
}

export async function listen(
  server: Server,
  { host, requests }: { host: string; requests: readonly Request[] }
): Promise<Receiver> {
  const sockets: Socket[] = []
  server.on('connection', (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/hook`,
    sockets,
    requests,
    open: () => sockets.filter((socket) => !socket.destroyed).length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

export const body = Buffer.from('{"type":"invoice.created"}')

export type TestSender = AsyncDisposable & Readonly<{ post: (url: string, changed?: PostOptions) => Promise<AttemptOutcome> }>
type PostOptions = { timeoutMs?: number; body?: Buffer; headers?: Record<string, string>; signal?: AbortSignal }

/** A sender as in development, with limits short enough for a test. */
export function testSender(changed: Partial<SenderOptions> = {}): TestSender {
  const sender = createSender({
    policy: addressPolicy({ allowLoopback: true }),
    connections: 16,
    clock: { now: () => new Date() },
    limits: { bodyTimeoutMs: 150 },
    ...changed
  })
  return {
    post: (url, { timeoutMs = 2_000, ...rest } = {}) => sender.send({ url, body, headers: {}, timeoutMs, ...rest }),
    [Symbol.asyncDispose]: sender.close
  }
}

/** undici takes a connection back one turn of the event loop after its answer; only then the next request can use it. */
export async function connectionIsBack(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits until something is so, for what the other side of a connection sees a moment later. */
export async function eventually(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 3_000
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`It did not become so: ${isSo}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
