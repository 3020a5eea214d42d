import { createHmac } from 'node:crypto'
import { assert } from '../../kernel/assert.ts'
import { isPrivateKey, secretKeyOf, signWithPrivateKey } from './signing-keys.ts'

/** What the receiver's library needs to verify: the id stays through retries, the time and the signatures are the attempt's. */
export type SignedContent = Readonly<{
  /** The event's id. It may hold no dot, because dots part the signed content. */
  id: string
  /** Seconds since 1970, of this attempt. */
  timestampS: number
  /** The exact bytes that will be sent; text is taken as UTF-8. */
  body: Buffer | string
  /** The newest, and former ones while their grace lasts; each signs. */
  secrets: readonly string[]
}>

/**
 * The value of `webhook-signature`, one for each secret, in their order, parted by spaces: `v1,…` of a shared secret, HMAC-SHA256
 * over `id.timestamp.body`, and `v1a,…` of a private key, ed25519 over the same, see
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
 * A malformed secret is a bug, because only sealed ones of our own making get here.
 */
export function sign({ id, timestampS, body, secrets }: SignedContent): string {
  assert(secrets.length > 0, 'An attempt is signed with at least one secret.')
  assert(id.length > 0 && !id.includes('.'), 'The id of a signed event is not empty and holds no dot.')
  assert(Number.isSafeInteger(timestampS) && timestampS >= 0, 'The time of a signature is whole seconds since 1970.')
  const prefix = `${id}.${timestampS}.`
  return secrets.map((secret) => signatureOf(secret, prefix, body)).join(' ')
}

function signatureOf(secret: string, prefix: string, body: Buffer | string): string {
  if (isPrivateKey(secret)) return `v1a,${signWithPrivateKey(secret, Buffer.concat([Buffer.from(prefix), Buffer.from(body)]))}`
  return `v1,${createHmac('sha256', secretKeyOf(secret)).update(prefix).update(body).digest('base64')}`
}

/**
 * The headers of one attempt: the endpoint's own, then ours, which win. Names come out in lower case. Reserved names
 * among the endpoint's are left out here as well, so that a row from before a rule was made can break nothing.
 */
export function headersFor({
  custom = {},
  ...content
}: SignedContent & { custom?: Readonly<Record<string, string>> }): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(custom)) {
    if (headerFault(name, value) === undefined) headers[name.toLowerCase()] = value
  }
  headers['content-type'] = 'application/json'
  headers['user-agent'] = 'Dunwell-Webhooks'
  headers['webhook-id'] = content.id
  headers['webhook-timestamp'] = String(content.timestampS)
  headers['webhook-signature'] = sign(content)
  return headers
}

// `host` also chooses the server name of TLS in undici, the framing headers would make two requests of one, and an
// answer that was asked for compressed could not be shown. The trace is that of the cause.
const RESERVED = new Set(
  (
    'accept-encoding connection content-encoding content-length content-type expect host keep-alive proxy-authenticate ' +
    'proxy-authorization proxy-connection te traceparent tracestate trailer transfer-encoding upgrade user-agent'
  ).split(' ')
)
export const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const HEADER_VALUE = /^[\t\x20-\x7e]{0,1024}$/

/** Why an endpoint may not have these headers sent, as a sentence; undefined when it may. */
export function headersFault(headers: Readonly<Record<string, string>>): string | undefined {
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(headers)) {
    const fault = headerFault(name, value)
    if (fault !== undefined) return fault
    const lower = name.toLowerCase()
    if (seen.has(lower)) return `The header ${lower} is there twice: case tells no two headers apart.`
    seen.add(lower)
  }
  return undefined
}

/** The same of one header. */
export function headerFault(name: string, value: string): string | undefined {
  if (!HEADER_NAME.test(name)) return 'A header name is 1 to 64 token characters.'
  const lower = name.toLowerCase()
  if (RESERVED.has(lower) || lower.startsWith('webhook-')) return `The header ${lower} is set by the service.`
  if (!HEADER_VALUE.test(value)) return `The value of ${lower} is at most 1024 printable ASCII characters.`
  return undefined
}
