import { AddressRefused } from './address-guard.ts'
import { NameNotResolved } from './name-resolver.ts'

export type FailureReason = 'timeout' | 'refused_address' | 'connection' | 'tls' | 'dns' | 'aborted'
export type Failure = Readonly<{ reason: FailureReason; detail: string }>

const DETAIL_LENGTH_MAX = 300

/** Names, for the attempt log, why no answer came. Whatever undici, Node or OpenSSL threw finds a place; nothing is thrown here. */
export function failureOf(thrown: unknown): Failure {
  const error = firstOf(thrown)
  return { reason: reasonOf(error), detail: detailOf(error).slice(0, DETAIL_LENGTH_MAX) }
}

/** Node tries the addresses of a name in turn and throws all their errors together; the first one tells the most. */
function firstOf(thrown: unknown): unknown {
  return thrown instanceof AggregateError && thrown.errors.length > 0 ? thrown.errors[0] : thrown
}

function reasonOf(error: unknown): FailureReason {
  if (error instanceof AddressRefused) return 'refused_address'
  if (error instanceof NameNotResolved) return 'dns'
  const code = codeOf(error)
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout'
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') return 'aborted'
  return isTls(code, error) ? 'tls' : 'connection'
}

const CERTIFICATE_FAULT =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|EPROTO$)/

function isTls(code: string, error: unknown): boolean {
  return CERTIFICATE_FAULT.test(code) || (error instanceof Error && error.message.includes('before secure TLS connection'))
}

function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return 'The connection failed.'
  const code = codeOf(error)
  const text = error.message === '' ? 'The connection failed' : error.message
  return code === '' || text.includes(code) || error instanceof AddressRefused || error instanceof NameNotResolved
    ? text
    : `${text} (${code})`
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
