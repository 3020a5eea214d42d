import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client'
import { DomainError } from '../kernel/errors.ts'
import type { WrongAttempts } from './limits.ts'

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

export type MetricsOptions = Readonly<{ registry: Registry; token: string; version: string }>

/** Measures every request by route and status, and shows the registry to who has the token. */
export function registerMetrics(app: FastifyInstance, { registry, token, version }: MetricsOptions, wrong: WrongAttempts): void {
  collectDefaultMetrics({ register: registry })
  const labelNames = ['version', 'node'] as const
  const build = new Gauge({ name: 'dunwell_build_info', help: 'What runs; always 1', labelNames, registers: [registry] })
  build.set({ version, node: process.version }, 1)
  const seconds = new Histogram({
    name: 'dunwell_http_request_seconds',
    help: 'How long requests took, by route and status',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: BUCKETS_S,
    registers: [registry]
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })
  const expected = Buffer.from(`Bearer ${token}`)
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    wrong.check(request, reply)
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      wrong.count(request)
      throw new DomainError('unauthorized', 'Metrics need the token in DUNWELL_METRICS_TOKEN.')
    }
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}
