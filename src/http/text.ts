import type { FastifyRequest } from 'fastify'
import { DomainError } from '../kernel/errors.ts'
import { ParameterRefusal } from './fields.ts'

/**
 * A hook for after the validation, when the schema has bounded how deep a body goes: text that the database cannot keep, or
 * would keep as another, is refused by name. PostgreSQL takes no NUL, and half a surrogate pair is no character in UTF-8.
 */
export async function refuseUnstorableText(request: FastifyRequest): Promise<void> {
  const inBody = unstorableIn(request.body, '')
  if (inBody !== undefined) {
    throw new DomainError('invalid_request', 'Text holds no NUL character and no half of a surrogate pair.', { pointer: inBody })
  }
  for (const [place, values] of [['query', request.query] as const, ['path', request.params] as const]) {
    const pointer = unstorableIn(values, '')
    if (pointer !== undefined)
      throw new ParameterRefusal('invalid_request', 'Text holds no NUL character.', { pointer, in: place })
  }
}

/** @returns the JSON pointer of the first such text, or undefined. */
function unstorableIn(value: unknown, pointer: string): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : pointer
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const at = `${pointer}${stepTo(key)}`
    const found = isStorable(key) ? unstorableIn(inner, at) : pointer
    if (found !== undefined) return found
  }
  return undefined
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** A hook for before anything is read: what is no percent-encoding of UTF-8 would be taken literally, and found or kept as another text. */
export async function refuseMalformedQuery({ url }: FastifyRequest): Promise<void> {
  const start = url.indexOf('?')
  if (start === -1 || !url.includes('%', start)) return
  for (const pair of url.slice(start + 1).split('&')) {
    const [name = '', ...value] = pair.split('=')
    if (isEncoded(name) && isEncoded(value.join('='))) continue
    const where = isEncoded(name) ? { pointer: stepTo(decodeURIComponent(name)) } : {}
    throw new ParameterRefusal('invalid_request', 'This is no percent-encoding of UTF-8.', where)
  }
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** One step of a JSON pointer. */
function stepTo(key: string): string {
  return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
