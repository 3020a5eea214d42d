import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify'
import { DomainError } from '../kernel/errors.ts'
import { keepReceived } from './fingerprint.ts'
import { shownBy } from './names.ts'
import { closed, type Refusal, refusals } from './schemas.ts'

/** Of DELETE no body is read, as of GET: what would come in it has no meaning here. */
const BODYLESS: readonly string[] = ['GET', 'HEAD', 'DELETE']

/**
 * What holds for every route of the scope that it is called on, said once: a parameter that no route knows is refused, an
 * absent body is an empty one, and the refusals that follow from scope and method alone stand in the document by themselves.
 * A route adds those of its own.
 */
export function registerContract(app: FastifyInstance): void {
  // Fastify takes plain text too, where nothing here does, and reads what is no UTF-8 as question marks.
  app.removeContentTypeParser('text/plain')
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // Many clients say that it is JSON even where they send nothing.
    if (!isUtf8Charset(request)) return done(new DomainError('unsupported_media_type', OTHER_CHARSET))
    if (body.length === 0) return done(null, undefined)
    if (!isUtf8(body)) return done(new DomainError('invalid_request', 'JSON is UTF-8, and this body is not.'))
    const text = body.toString().replace(/^\ufeff/, '')
    keepReceived(request, text)
    void parse(request, text, done)
  })
  app.addHttpMethod('DELETE', { hasBody: false, overrideExisting: true })
  app.addHook('onRoute', (route) => {
    const { schema = {}, config, method } = route
    const methods = [method].flat()
    const shown = shownBy(app, route)
    if (shown.length > 0) route.config = { ...config, shown }
    route.schema = {
      ...schema,
      querystring: schema.querystring ?? closed({}),
      ...(methods.some((one) => !BODYLESS.includes(one)) && { body: schema.body ?? closed({}) }),
      response: { ...refusals(...refusalsOf(methods, config?.scope)), ...(schema.response as object | undefined) }
    }
  })
  app.addHook('preValidation', async (request: FastifyRequest) => {
    if (request.body === undefined && !BODYLESS.includes(request.method)) request.body = {}
  })
}

const OTHER_CHARSET = 'JSON is UTF-8 here. Encode the body in UTF-8 and send content-type application/json without a charset.'

/** Whether the content type names no charset, or UTF-8. */
function isUtf8Charset({ headers }: FastifyRequest): boolean {
  const [, charset = 'utf-8'] = /;\s*charset="?([^";\s]*)/i.exec(headers['content-type'] ?? '') ?? []
  return /^utf-?8$/i.test(charset)
}

/** A read scope is the least there is, so no key lacks it; a write can find what it needs locked; a POST can reuse a key. */
function refusalsOf(methods: readonly HTTPMethods[], scope: string | undefined): Refusal[] {
  const [method = 'GET'] = methods
  const reads = method === 'GET' || method === 'HEAD'
  return [
    ...([400, 401, 429, 503] as const),
    ...(scope === 'read' ? [] : ([403] as const)),
    ...(reads ? [] : ([409] as const)),
    ...(BODYLESS.includes(method) ? [] : ([413, 415] as const)),
    ...(method === 'POST' ? ([422] as const) : [])
  ]
}
