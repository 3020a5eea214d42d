import { hash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { foreignCursor } from './cursor.ts'

const MARK_LENGTH = 16
const NOT_ASKED: ReadonlySet<string> = new Set(['cursor', 'limit'])

/**
 * Binds the cursors of every list of the scope to the question that they continue: the list, the object it is under, its filters
 * and sort, and the organization. Handlers see positions only. `limit` may change from page to page.
 */
export function registerCursors(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (!takesCursor(route)) return
    const before = [route.preHandler ?? []].flat()
    // A HEAD route inherits the hooks of its GET route and passes here a second time.
    if (before.includes(openCursor)) return
    route.preHandler = [...before, openCursor]
    route.preSerialization = [...[route.preSerialization ?? []].flat(), markNextCursor]
  })
}

function takesCursor({ schema }: RouteOptions): boolean {
  const { properties = {} } = (schema?.querystring ?? {}) as { properties?: object }
  return 'cursor' in properties
}

async function openCursor(request: FastifyRequest): Promise<void> {
  const query = request.query as { cursor?: string }
  if (query.cursor === undefined) return
  if (query.cursor.slice(0, MARK_LENGTH) !== questionOf(request)) throw foreignCursor()
  query.cursor = query.cursor.slice(MARK_LENGTH)
}

async function markNextCursor(request: FastifyRequest, _reply: unknown, payload: unknown): Promise<unknown> {
  const { next_cursor: next } = payload as { next_cursor?: string | null }
  return typeof next === 'string' ? { ...(payload as object), next_cursor: questionOf(request) + next } : payload
}

/** A short digest. It keeps callers from mistakes, not from forging: the rows behind a cursor are those of the key anyway. */
function questionOf({ principal, routeOptions, params, query }: FastifyRequest): string {
  const asked = Object.entries(query as object).filter(([name]) => !NOT_ASKED.has(name))
  const question = [principal.orgId, routeOptions.url, params, asked.sort(([one], [other]) => (one < other ? -1 : 1))]
  return hash('sha256', JSON.stringify(question), 'base64url').slice(0, MARK_LENGTH)
}
