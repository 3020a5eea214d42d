import type { Answer, Call } from '../support/app.ts'
import type { Operation } from './document.ts'

/** What fills an operation's template. */
export type Request = Readonly<{
  params?: Readonly<Record<string, string>>
  query?: Readonly<Record<string, string>>
  body?: unknown
  headers?: Readonly<Record<string, string>>
  /** Another key than that of the tenant whose call sends it. */
  key?: string | null
}>

export function urlOf({ path }: Pick<Operation, 'path'>, { params = {}, query = {} }: Request): string {
  const filled = path.replace(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? 'missing'))
  const search = new URLSearchParams(query).toString()
  return search === '' ? filled : `${filled}?${search}`
}

export function send(call: Call, operation: Operation, request: Request): Promise<Answer<unknown>> {
  const { body, headers, key } = request
  const given = {
    ...(body !== undefined && { body }),
    ...(headers !== undefined && { headers }),
    ...(key !== undefined && { key })
  }
  return call(operation.method, urlOf(operation, request), given)
}

const NOBODY = '01900000-0000-7000-8000-000000000000'

/** The same request about an object that nobody has. */
export function aboutNothing(operation: Operation, request: Request): Request {
  const ids = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => [name, NOBODY] as const)
  const isByRef = operation.path.endsWith('/by-ref')
  return {
    ...request,
    params: { ...request.params, ...Object.fromEntries(ids) },
    ...(isByRef && { query: { ...request.query, source: 'nobody', id: 'nothing' } })
  }
}
