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
  const inQuery = unstorableIn(request.query, '')
  if (inQuery !== undefined) throw new ParameterRefusal('invalid_request', 'Text holds no NUL character.', { pointer: inQuery })
}

/** @returns the JSON pointer of the first such text, or undefined. */
function unstorableIn(value: unknown, pointer: string): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : pointer
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const at = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const found = isStorable(key) ? unstorableIn(inner, at) : pointer
    if (found !== undefined) return found
  }
  return undefined
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
