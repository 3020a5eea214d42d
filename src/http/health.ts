import type { FastifyInstance } from 'fastify'

/** `/livez`: the process runs. `/readyz`: it can do its work. No key, and nothing about the inside. */
export function registerHealth(app: FastifyInstance, { ping }: { ping: () => Promise<void> }): void {
  app.get('/livez', { schema: { hide: true } }, () => ({ status: 'alive' }))
  app.get('/readyz', { schema: { hide: true } }, async () => {
    await ping()
    return { status: 'ready' }
  })
}
