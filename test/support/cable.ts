import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** A line to a TCP server that can be cut and mended while both ends live. */
export type Cable = AsyncDisposable &
  Readonly<{
    port: number
    /** Ends what is connected and refuses what comes, as a server that is gone does. */
    cut: () => void
    mend: () => void
  }>

export async function layCable(to: { host: string; port: number }): Promise<Cable> {
  let whole = true
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    if (!whole) return void near.destroy()
    const far = connect(to)
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(socket)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      // What breaks on one side breaks on the other; nobody else has to hear of it.
      socket.on('error', () => undefined)
      socket.pipe(other)
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const cut = () => {
    whole = false
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => {
      whole = true
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
