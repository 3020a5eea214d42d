import type { FastifyInstance } from 'fastify'
import type { Principal } from '../modules/organizations/api-key.ts'

/** Asked every few seconds by whoever runs the service; what is wrong is in their answers. */
export const SILENT: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics'])

/** One line for each request, once it was answered: what was asked by whom, with its outcome. Never the URL, whose query may name people. */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? null
    if (route === null || !SILENT.has(route)) {
      // Outside of /v1 nobody says who asks, and of a key that is refused it is not known.
      const principal = request.principal as Principal | null | undefined
      request.log.info(
        {
          method: request.method,
          route,
          organization: principal?.orgId ?? null,
          key: principal?.keyId ?? null,
          status: reply.statusCode,
          ms: Math.round(reply.elapsedTime)
        },
        'request'
      )
    }
    done()
  })
}
