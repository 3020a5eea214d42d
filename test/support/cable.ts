import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** A line to a TCP server that can be cut and mended while both ends live. */
export type Cable = AsyncDisposable &
  Readonly<{
    port: number
    /** Ends what is connected and refuses what comes, as a server that is gone does. */
    cut: () => void
    /**
     * Forwards nothing more and closes nothing, as a firewall that has forgotten its connections: those that are open stay so, at
     * both ends, for good; new ones are taken and lead nowhere until it is mended.
     */
    stall: () => void
    mend: () => void
  }>

export async function layCable(to: { host: string; port: number }): Promise<Cable> {
  let state: 'whole' | 'cut' | 'stalled' = 'whole'
  const sockets = new Set<Socket>()
  const stalled = new WeakSet<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // Nobody else has to hear of it.
    socket.on('error', () => undefined)
  }
  const server = createServer((near) => {
    if (state === 'cut') return void near.destroy()
    if (state === 'stalled') return void keep(near)
    const far = connect(to)
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ] as const) {
      keep(socket)
      // What breaks on one side breaks on the other, unless nothing gets through any more.
      socket.on('close', () => stalled.has(socket) || other.destroy())
      socket.pipe(other)
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const cut = () => {
    state = 'cut'
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    stall: () => {
      state = 'stalled'
      for (const socket of sockets) {
        stalled.add(socket)
        socket.unpipe().pause()
      }
    },
    mend: () => {
      state = 'whole'
    },
    [Symbol.asyncDispose]: async () => {
      cut()
      await new Promise<void>((closed) => server.close(() => closed()))
    }
  }
}

/** The same database through a cable. */
export async function cableTo(databaseUrl: string): Promise<{ cable: Cable; url: string }> {
  const url = new URL(databaseUrl)
  const cable = await layCable({ host: url.hostname, port: Number(url.port || 5432) })
  url.hostname = '127.0.0.1'
  url.port = String(cable.port)
  return { cable, url: url.href }
}
