import { STATUS_CODES } from 'node:http'
import type { Writable } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLockTimeout, isPassing, isStatementTimeout, isUnavailable, withoutQueries } from '../db/errors.ts'
import { DomainError, type ErrorCode } from '../kernel/errors.ts'
import { type AjvError, type FieldError, fieldError, fieldErrors, nameOf } from './field-errors.ts'
import { ParameterRefusal } from './fields.ts'
import type { WrongAttempts } from './limits.ts'
import { namesOf } from './names.ts'
import { headersOfAnswer } from './request-id.ts'

/** One table for the whole service: a new code without a status does not compile. */
export const statusOf = {
  invalid_request: 400,
  invalid_amount: 400,
  invalid_date: 400,
  invalid_policy: 400,
  invalid_cursor: 400,
  unknown_currency: 400,
  unknown_region: 400,
  endpoint_url_refused: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  concurrent_request: 409,
  duplicate_reference: 409,
  client_archived: 409,
  client_offboarding: 409,
  client_has_ledger: 409,
  client_has_children: 409,
  invoice_not_open: 409,
  invoice_has_payments: 409,
  payment_not_pending: 409,
  payment_not_settled: 409,
  policy_in_use: 409,
  hold_released: 409,
  promise_not_pending: 409,
  invoice_planned: 409,
  plan_ended: 409,
  plan_expired: 409,
  plan_stale: 409,
  invoice_promised: 409,
  hold_has_origin: 409,
  dispute_not_open: 409,
  last_admin_key: 409,
  limit_reached: 409,
  not_a_test_organization: 409,
  clock_is_advancing: 409,
  delivery_not_retryable: 409,
  endpoint_disabled: 409,
  position_lost: 410,
  version_conflict: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  reference_not_found: 422,
  nested_parent: 422,
  idempotency_key_reused: 422,
  payment_exceeds_balance: 422,
  exceeds_balance: 422,
  currency_mismatch: 422,
  clock_moves_forward_only: 422,
  clock_passes_due_work: 422,
  clock_advance_too_long: 422,
  rate_limited: 429,
  internal_error: 500,
  unavailable: 503
} as const satisfies Record<ErrorCode, number>

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is malformed',
  401: 'No valid key',
  403: 'The key may not do this',
  404: 'Not found',
  409: 'The state forbids it',
  410: 'Gone',
  412: 'Changed in the meantime',
  413: 'Too large',
  415: 'Not JSON',
  422: 'Refused',
  429: 'Too many requests',
  500: 'An error on our side',
  503: 'Not available now'
}

const RETRY_AFTER_S = 2

export type Problem = Readonly<{
  type: string
  title: string
  status: number
  detail: string
  instance: string
  code: ErrorCode
  errors?: readonly FieldError[]
  existing_id?: string
}>

export function problem(
  code: ErrorCode,
  detail: string,
  more: { instance: string; errors?: readonly FieldError[]; existingId?: string | undefined }
): Problem {
  const status = statusOf[code]
  return {
    type: `urn:dunwell:problem:${code}`,
    title: TITLES[status] ?? 'Refused',
    status,
    detail,
    instance: `urn:dunwell:request:${more.instance}`,
    code,
    ...(more.errors !== undefined && more.errors.length > 0 && { errors: more.errors }),
    ...(more.existingId !== undefined && { existing_id: more.existingId })
  }
}

/** For what Fastify refuses before it has a route: a path that does not decode, or is too long. No hook has run then. */
export function refuseUnrouted(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  void send(reply.headers(headersOfAnswer(request.id)), problemOf(error, request))
}

const OUR_WORDS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The headers are too large.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request took too long to arrive.'
}

/** For what is no HTTP that could be read: there is no request then, only a socket. */
export function refuseUnreadable(newId: () => string) {
  return (error: { code?: string }, socket: Writable): void => {
    if (!socket.writable) return
    const id = newId()
    const detail = OUR_WORDS[error.code ?? ''] ?? 'This is not HTTP as it should be.'
    endWith(socket, problem('invalid_request', detail, { instance: id }), id)
  }
}

/** Answers a socket on which no request was read, and ends it. */
export function endWith(socket: Writable, body: Problem, id: string): void {
  const text = JSON.stringify(body)
  const headers = {
    ...headersOfAnswer(id),
    ...(isWorthAnotherTry(body) && { 'retry-after': String(RETRY_AFTER_S) }),
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close'
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}\r\n${lines.join('')}\r\n${text}`)
}

export function registerProblems(app: FastifyInstance, wrong: WrongAttempts): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => send(reply, problemOf(error, request)))
  app.setNotFoundHandler((request, reply) => {
    wrong.check(request, reply)
    wrong.count(request)
    const sentence = `There is nothing at ${request.method} ${request.url.split('?', 1)[0]}.`
    return send(reply, problem('not_found', sentence, { instance: request.id }))
  })
}

function isWorthAnotherTry({ status, code }: Problem): boolean {
  return status === 503 || status === 429 || code === 'concurrent_request'
}

function send(reply: FastifyReply, body: Problem): FastifyReply {
  if (isWorthAnotherTry(body) && !reply.hasHeader('retry-after')) void reply.header('retry-after', RETRY_AFTER_S)
  if (body.status === 401) void reply.header('www-authenticate', 'Bearer')
  return reply.code(body.status).header('content-type', 'application/problem+json').serializer(JSON.stringify).send(body)
}

function problemOf(error: FastifyError | DomainError | Error, request: FastifyRequest): Problem {
  const instance = request.id
  if (error instanceof DomainError) {
    const place = error instanceof ParameterRefusal ? error.in : 'body'
    const errors = error.pointer === undefined ? [] : [fieldError(place, error.pointer, error.message)]
    return problem(error.code, error.message, { instance, errors, existingId: error.existingId })
  }
  if ('validation' in error) {
    const errors = fieldErrors(error.validation as readonly AjvError[], error.validationContext, namesOf(request))
    return problem('invalid_request', summaryOf(errors), { instance, errors })
  }
  if (isUnavailable(error)) {
    request.log.warn({ err: withoutQueries(error) }, 'the database does not answer')
    return problem('unavailable', 'The database does not answer. Try again shortly.', { instance })
  }
  if (isLockTimeout(error))
    return problem('concurrent_request', 'Another request holds what this one needs. Try again as Retry-After says.', {
      instance
    })
  if (isPassing(error) || isStatementTimeout(error)) {
    request.log.error({ err: withoutQueries(error) }, 'the database cannot do this now')
    return problem('unavailable', 'The database cannot do this now. Try again shortly.', { instance })
  }
  return problemOfFastify(error, request)
}

/** The first error whole, and how many follow: for who reads only this. */
function summaryOf([first, ...more]: readonly FieldError[]): string {
  if (first === undefined) return 'The request is malformed.'
  const others = more.length === 0 ? '' : ` ${more.length} more ${more.length === 1 ? 'is' : 'are'} in \`errors\`.`
  return `${nameOf(first)}: ${first.detail}${others}`
}

/** Fastify's own refusals by status; anything else is a bug, logged whole and told as one fixed sentence. */
function problemOfFastify(error: FastifyError | Error, request: FastifyRequest): Problem {
  const instance = request.id
  const status = 'statusCode' in error ? error.statusCode : undefined
  if (status === 413) return problem('payload_too_large', 'The body is larger than this service takes.', { instance })
  if (status === 415)
    return problem('unsupported_media_type', 'Bodies are JSON: send content-type application/json.', { instance })
  if (status !== undefined && status >= 400 && status < 500) return problem('invalid_request', error.message, { instance })
  request.log.error({ err: withoutQueries(error) }, 'the request failed')
  return problem('internal_error', 'An error on our side. It was logged under this request id.', { instance })
}
