import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { type Backend, openBackend } from './pooler-backend.ts'
import { cells, frontend, type Message, message, reader, startup } from './pooler-messages.ts'

export type PoolerOptions = Readonly<{
  /** Takes a statement that a client prepared to whichever connection it gets next, as PgBouncer does from 1.21 on. */
  keepsStatements?: boolean
  connections?: number
}>

export type Pooler = AsyncDisposable &
  Readonly<{
    url: string
    transactions: () => number
    /** What transactions left behind on the connection that they had. */
    leaks: () => ReadonlySet<string>
  }>

/** What PgBouncer takes of a client that connects. */
const PARAMETERS = [
  'user',
  'database',
  'application_name',
  'client_encoding',
  'datestyle',
  'timezone',
  'standard_conforming_strings'
]

/**
 * A pooler in transaction mode, where none is installed: each transaction gets the connection that has rested longest, so another
 * than the one before, and when it is over, the connection is asked what is left of it.
 */
export async function startPooler(databaseUrl: string, options: PoolerOptions = {}): Promise<Pooler> {
  const { keepsStatements = true, connections = 3 } = options
  const leaks = new Set<string>()
  const free: Backend[] = []
  const waiting: ((backend: Backend) => void)[] = []
  const clients = new Set<Socket>()
  let transactions = 0
  for (let n = 0; n < connections; n++) free.push(await openBackend(databaseUrl))

  const take = () => {
    const first = free.shift()
    return first === undefined ? new Promise<Backend>((taken) => waiting.push(taken)) : Promise.resolve(first)
  }
  const give = (backend: Backend) => {
    const next = waiting.shift()
    if (next === undefined) free.push(backend)
    else next(backend)
  }
  async function giveClean(backend: Backend): Promise<void> {
    transactions += 1
    for (const leak of await backend.leftovers()) leaks.add(leak)
    give(backend)
  }

  let clientsSoFar = 0
  async function serve(socket: Socket): Promise<void> {
    const messages = reader(socket, 0)
    const parameters = await greeting(socket, messages)
    if (parameters === undefined) return
    const owner = keepsStatements ? `client ${++clientsSoFar} ` : undefined
    const known = new Map<string, Message>()
    let held: Backend | undefined
    let packet: Message[] = []
    try {
      for await (const next of messages) {
        if (next.type === 'X') break
        packet.push(next)
        if (next.type !== 'S' && next.type !== 'Q') continue
        held ??= await take()
        const isOver = await held.run(frontend(packet, { owner, known, has: held.has }), (bytes) => socket.write(bytes))
        packet = []
        if (!isOver) continue
        const backend = held
        held = undefined
        await giveClean(backend)
      }
    } finally {
      if (held !== undefined) {
        await held.end()
        give(await openBackend(databaseUrl))
      }
      socket.end()
    }
  }

  const server = createServer({ noDelay: true }, (socket) => {
    clients.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => clients.delete(socket))
    void serve(socket).catch(() => socket.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    transactions: () => transactions,
    leaks: () => leaks,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy()
      await new Promise<void>((closed) => server.close(() => closed()))
      await Promise.all(free.map(({ end }) => end()))
    }
  }
}

/** Lets a client in without asking who it is. @returns undefined where it asks for what no pooler passes on. */
async function greeting(socket: Socket, messages: AsyncGenerator<Message>): Promise<true | undefined> {
  const { value } = (await messages.next()) as { value: Message | undefined }
  if (value === undefined) return undefined
  const names = startup(value)
  const unknown = names.find((name) => !PARAMETERS.includes(name.toLowerCase()))
  if (unknown !== undefined) {
    const fields = `SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: ${unknown}\0\0`
    socket.end(message('E', Buffer.from(fields)))
    return undefined
  }
  const settings = { server_version: '15.0', client_encoding: 'UTF8', integer_datetimes: 'on', standard_conforming_strings: 'on' }
  socket.write(
    Buffer.concat([
      message('R', Buffer.alloc(4)),
      ...Object.entries(settings).map(([name, value]) => message('S', cells(name, value))),
      // A pooler makes up the process and the secret by which it is asked to cancel.
      message('K', Buffer.from('01e240c501e240c5', 'hex')),
      message('Z', Buffer.from('I'))
    ])
  )
  return true
}
