import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

const ACCEPTED = /^[\w.:-]{1,128}$/

/** The caller's request id where it is a sane one, else a new one. */
export function requestIdFrom(newId: () => string) {
  return (request: Pick<IncomingMessage, 'headers'>): string => {
    const given = request.headers['request-id']
    return typeof given === 'string' && ACCEPTED.test(given) ? given : newId()
  }
}

export function registerRequestId(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('request-id', request.id)
    done()
  })
}
