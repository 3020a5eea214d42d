import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { assert } from '../../kernel/assert.ts'

const SECRET_PREFIX = 'whsec_'
const SECRET_BYTES_MIN = 24
const SECRET_BYTES_MAX = 64
const GENERATED_BYTES = 32

/** What the receiver's library needs to verify: the id stays through retries, the time and the signatures are the attempt's. */
export type SignedContent = Readonly<{
  /** The event's id. It may hold no dot, because dots part the signed content. */
  id: string
  /** Seconds since 1970, of this attempt. */
  timestampS: number
  /** The exact bytes that will be sent; text is taken as UTF-8. */
  body: Buffer | string
  /** One, or two while a rotation's grace lasts; each signs. */
  secrets: readonly string[]
}>

/** A new secret of 32 bytes in Standard Webhooks' form. The source of randomness is handed in, `node:crypto`'s in production. */
export function generateSecret(randomBytes: (size: number) => Buffer): string {
  return SECRET_PREFIX + randomBytes(GENERATED_BYTES).toString('base64')
}

/** Whether the text is `whsec_` and canonical base64 of 24 to 64 bytes, as Standard Webhooks asks. */
export function isSecret(text: string): boolean {
  return findBytes(text) !== undefined
}

/**
 * The value of `webhook-signature`: one `v1,…` for each secret, in their order, parted by spaces. HMAC-SHA256 over
 * `id.timestamp.body`, see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
 * A malformed secret is a bug, because only sealed ones of our own making get here.
 */
export function sign({ id, timestampS, body, secrets }: SignedContent): string {
  assert(secrets.length > 0, 'An attempt is signed with at least one secret.')
  assert(id.length > 0 && !id.includes('.'), 'The id of a signed event is not empty and holds no dot.')
  assert(Number.isSafeInteger(timestampS) && timestampS >= 0, 'The time of a signature is whole seconds since 1970.')
  return secrets.map((secret) => `v1,${digest(secret, `${id}.${timestampS}.`, body)}`).join(' ')
}

function digest(secret: string, prefix: string, body: Buffer | string): string {
  return createHmac('sha256', keyOf(secret)).update(prefix).update(body).digest('base64')
}

const REMEMBERED_MAX = 4_096
/** Making OpenSSL's key object takes four times as long as signing a kilobyte with it, and an endpoint's secret signs often. */
const rememberedKeys = new Map<string, KeyObject>()

function keyOf(secret: string): KeyObject {
  const remembered = rememberedKeys.get(secret)
  if (remembered !== undefined) return remembered
  const bytes = findBytes(secret)
  assert(bytes !== undefined, 'A signing secret is whsec_ and base64 of 24 to 64 bytes.')
  const key = createSecretKey(bytes)
  if (rememberedKeys.size >= REMEMBERED_MAX) rememberedKeys.clear()
  rememberedKeys.set(secret, key)
  return key
}

function findBytes(secret: string): Buffer | undefined {
  if (!secret.startsWith(SECRET_PREFIX)) return undefined
  const encoded = secret.slice(SECRET_PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64')
  // Node skips what is not base64; a receiver's library may not, and would then verify with another key.
  if (bytes.toString('base64') !== encoded) return undefined
  return bytes.length >= SECRET_BYTES_MIN && bytes.length <= SECRET_BYTES_MAX ? bytes : undefined
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
// answer that was asked for compressed could not be shown.
const RESERVED = new Set(
  (
    'accept-encoding connection content-encoding content-length content-type expect host keep-alive proxy-authenticate ' +
    'proxy-authorization proxy-connection te trailer transfer-encoding upgrade user-agent'
  ).split(' ')
)
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/i
const HEADER_VALUE = /^[\t\x20-\x7e]{0,1024}$/

/** Why an endpoint may not set this header, as a sentence; undefined when it may. */
export function headerFault(name: string, value: string): string | undefined {
  if (!HEADER_NAME.test(name)) return 'A header name is 1 to 64 token characters.'
  const lower = name.toLowerCase()
  if (RESERVED.has(lower) || lower.startsWith('webhook-')) return `The header ${lower} is set by the service.`
  if (!HEADER_VALUE.test(value)) return `The value of ${lower} is at most 1024 printable ASCII characters.`
  return undefined
}
