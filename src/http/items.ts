import type { FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The list of the body that a batch is of: limits count its items. */
    items?: string
  }
}

/** How many objects a request asks for; 1 unless it is a batch. */
export function itemsOf({ routeOptions, body }: FastifyRequest): number {
  const { items } = routeOptions.config
  const list = items === undefined ? undefined : (body as Record<string, unknown>)[items]
  return Array.isArray(list) ? list.length : 1
}
