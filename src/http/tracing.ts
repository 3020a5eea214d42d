import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Span, Tracing } from '../kernel/tracing.ts'
import { traceparentOf } from './request-id.ts'
import { SILENT } from './request-log.ts'

type Traced = Readonly<{ span: Span; enter: <T>(work: () => T) => T; end: () => void }>

/** Traces every request by method, route and status, never by its URL, whose path and query may name people. Probes are silent. */
export function registerTracing(app: FastifyInstance, tracing: Tracing): void {
  const underWay = new WeakMap<FastifyRequest, Traced>()
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, routeOptions } = request
    const { url: route } = routeOptions
    if (route !== undefined && SILENT.has(route)) return done()
    const attributes = { 'http.request.method': method, ...(route !== undefined && { 'http.route': route }) }
    const name = route === undefined ? method : `${method} ${route}`
    void tracing.follow({ name, kind: 'server', from: traceparentOf(request), attributes }, (span) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      underWay.set(request, { span, enter: AsyncLocalStorage.snapshot(), end: resolve })
      done()
      return promise
    })
  })
  // What is read of a body comes from the socket, which belongs to no request.
  app.addHook('preValidation', (request, _reply, done) => {
    const traced = underWay.get(request)
    if (traced === undefined) done()
    else traced.enter(done)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const traced = underWay.get(request)
    traced?.span.set({ 'http.response.status_code': reply.statusCode })
    if (reply.statusCode >= 500) traced?.span.fail(String(reply.statusCode))
    traced?.end()
    done()
  })
}
