import { hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's text as it came, of a request with an Idempotency-Key. */
    received?: string
  }
}

/** Keeps what the fingerprint needs: validation adds defaults to the parsed body, and these change from release to release. */
export function keepReceived(request: FastifyRequest, text: string): void {
  if (request.headers['idempotency-key'] !== undefined) request.received = text
}

/**
 * Two requests are the same if their method, path, query and body are: the body as received, in the canonical form of RFC 8785.
 * Headers, white space, escapes and the order of members do not count. Call it after the validation, which bounds how deep a body goes.
 */
export function fingerprintOf({ method, routeOptions, params, query, received }: FastifyRequest): string {
  const body: unknown = received === undefined ? {} : JSON.parse(received)
  return hash('sha256', canonicalJson([method, routeOptions.url ?? '', params, query, body]))
}

/**
 * RFC 8785 of a value that came from JSON. ECMAScript's JSON.stringify writes numbers and strings as the RFC wants them, and sort
 * compares UTF-16 code units, so the order of members is all that is left to do.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`).join(',')}}`
}
