import { Pool } from 'undici'

/** An answer that is not 2xx. Its message names the request, the code and what the problem document says. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal'
  readonly status: number
  readonly code: string
  /** The sentence of the problem document, with the field where one is named. */
  readonly detail: string

  constructor(request: string, { status, problem }: { status: number; problem: Problem }) {
    const detail = sentenceOf(problem)
    super(`${request} answered ${status} ${problem.code ?? ''}: ${detail}`)
    this.status = status
    this.code = problem.code ?? ''
    this.detail = detail
  }
}

export type Problem = Readonly<{
  code?: string
  detail?: string
  errors?: readonly Readonly<{ pointer: string; detail: string }>[]
}>

export type Page<T> = Readonly<{ data: readonly T[]; next_cursor: string | null }>

/** The service over HTTP, with one key. Every call throws ApiRefusal for an answer that is not 2xx. */
export type Api = Readonly<{
  get: <T>(path: string) => Promise<T>
  post: <T>(path: string, body: object) => Promise<T>
  put: <T>(path: string, body: object) => Promise<T>
  /** All pages of a list, page by page. `path` holds the filters and no limit. */
  pages: <T>(path: string) => AsyncGenerator<readonly T[]>
  close: () => Promise<void>
}>

const PAGE_LIMIT = 200

/** @param connections how many requests may be on their way at a time; further ones wait. */
export function connectApi(url: string, { token, connections = 8 }: { token: string; connections?: number }): Api {
  const pool = new Pool(url, { connections, pipelining: 1 })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }

  async function call<T>(method: 'GET' | 'POST' | 'PUT', path: string, body: object | undefined): Promise<T> {
    const answer = await pool.request({ method, path, headers, body: body === undefined ? null : JSON.stringify(body) })
    const text = await answer.body.text()
    const { statusCode: status } = answer
    if (status >= 300) throw new ApiRefusal(`${method} ${path}`, { status, problem: problemFrom(text) })
    return JSON.parse(text) as T
  }

  async function* pages<T>(path: string): AsyncGenerator<readonly T[]> {
    const separator = path.includes('?') ? '&' : '?'
    for (let cursor: string | null = ''; cursor !== null; ) {
      const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: Page<T> = await call('GET', `${path}${separator}limit=${PAGE_LIMIT}${after}`, undefined)
      yield page.data
      cursor = page.next_cursor
    }
  }

  return {
    get: (path) => call('GET', path, undefined),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    pages,
    close: () => pool.close()
  }
}

export function sentenceOf({ detail, errors = [] }: Problem): string {
  const [first] = errors
  return first === undefined ? (detail ?? 'no reason was given') : `${first.pointer}: ${first.detail}`
}

function problemFrom(text: string): Problem {
  try {
    return JSON.parse(text) as Problem
  } catch {
    return { detail: text.slice(0, 200) }
  }
}
