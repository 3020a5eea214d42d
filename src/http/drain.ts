import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '../kernel/errors.ts'
import { endWith, problem } from './problem.ts'

/** A request whose head has come may look as if nothing had: what has come by now is read first. */
const UNREAD_MS = 100
const LOOK_EVERY_MS = 50
/** For how long the rest of a request is waited for, or somebody who does not read the answer. */
const SLOW_AFTER_MS = 5_000

const SENTENCE = 'This process is stopping. Send it again: another one answers.'

type Exchange = Readonly<{ request: FastifyRequest; reply: FastifyReply }>

/**
 * How a service stops. What has come is answered, what comes on a connection that is open is told to come again, and every connection is
 * closed as it falls idle. Work is waited for; a client that is slow to send, or to read, is not.
 */
export function registerDrain(app: FastifyInstance, newId: () => string): void {
  const sockets = new Set<Socket>()
  const exchanges = new WeakMap<Socket, Exchange>()
  let state: 'open' | 'stopping' | 'refusing' = 'open'

  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })

  app.addHook('onRequest', async (request, reply) => {
    exchanges.set(request.raw.socket, { request, reply })
    const { url } = request.routeOptions
    if (url === '/livez') return
    if (state === 'refusing' || (state === 'stopping' && url === '/readyz')) throw new DomainError('unavailable', SENTENCE)
  })

  app.addHook('preClose', async () => {
    state = 'stopping'
    if (!app.server.listening) return
    await pause(UNREAD_MS)
    state = 'refusing'
    const slowAt = performance.now() + SLOW_AFTER_MS
    const looking = setInterval(() => {
      app.server.closeIdleConnections()
      for (const socket of sockets) {
        if (socket.bytesRead === 0) socket.destroy()
        else if (performance.now() > slowAt) endIfSlow(socket)
      }
    }, LOOK_EVERY_MS)
    app.server.once('close', () => clearInterval(looking))
  })

  function endIfSlow(socket: Socket): void {
    // It was told, and does not go.
    if (!socket.writable) return void socket.destroy()
    const exchange = exchanges.get(socket)
    if (exchange === undefined || exchange.reply.raw.writableFinished) {
      const id = newId()
      endWith(socket, problem('unavailable', SENTENCE, { instance: id }), id)
      return
    }
    const { request, reply } = exchange
    if (reply.raw.writableEnded) socket.destroy()
    else if (!request.raw.complete) void reply.header('connection', 'close').send(new DomainError('unavailable', SENTENCE))
  }
}
