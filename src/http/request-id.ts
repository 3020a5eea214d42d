import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'

const ACCEPTED = /^[\w.:-]{1,128}$/

/** The caller's request id where it is a sane one, else a new one. */
export function requestIdFrom(newId: () => string) {
  return (request: Pick<IncomingMessage, 'headers'>): string => {
    const given = request.headers['request-id']
    return typeof given === 'string' && ACCEPTED.test(given) ? given : newId()
  }
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?$/

/**
 * The caller's W3C trace context, or null: what is not of its form is nobody's trace, and goes no further. A later version begins as this
 * one does and may go on; it is passed on as version 00.
 */
export function traceparentOf(request: Pick<FastifyRequest, 'headers'>): string | null {
  const given = request.headers['traceparent']
  const [, version, trace, more] = (typeof given === 'string' && TRACEPARENT.exec(given)) || []
  return trace === undefined || (version === '00' && more !== undefined) ? null : `00-${trace}`
}

/** Of every answer: it names its request, is kept by nobody between, for it holds what one key may see, and is of the type that it names. */
export function headersOfAnswer(requestId: string): Readonly<Record<string, string>> {
  return { 'request-id': requestId, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
}

export function registerRequestId(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headersOfAnswer(request.id))
    done()
  })
}
