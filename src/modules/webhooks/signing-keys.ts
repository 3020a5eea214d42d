import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject, sign } from 'node:crypto'
import { assert } from '../../kernel/assert.ts'
import { BoundedMap } from '../../kernel/bounded-map.ts'

/** `v1` is an HMAC with a secret that both sides hold; `v1a` is ed25519, whose receivers hold nothing that signs. */
export type SignatureKind = 'v1' | 'v1a'

const SECRET_PREFIX = 'whsec_'
const PRIVATE_PREFIX = 'whsk_'
const PUBLIC_PREFIX = 'whpk_'
const SECRET_BYTES_MIN = 24
const SECRET_BYTES_MAX = 64
const GENERATED_BYTES = 32
/** What stands before the 32 bytes of an ed25519 key in its PKCS #8 and SPKI forms (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_HEAD_BYTES = 12

/** A new secret of 32 bytes in Standard Webhooks' form. The source of randomness is handed in, `node:crypto`'s in production. */
export function generateSecret(randomBytes: (size: number) => Buffer): string {
  return SECRET_PREFIX + randomBytes(GENERATED_BYTES).toString('base64')
}

/** A new key pair: what signs stays here, what verifies is for anybody. */
export function generateKeyPair(randomBytes: (size: number) => Buffer): Readonly<{ secret: string; publicKey: string }> {
  const secret = PRIVATE_PREFIX + randomBytes(GENERATED_BYTES).toString('base64')
  const spki = createPublicKey(privateKeyOf(secret)).export({ format: 'der', type: 'spki' })
  return { secret, publicKey: PUBLIC_PREFIX + spki.subarray(SPKI_HEAD_BYTES).toString('base64') }
}

/** Whether the text is `whsec_` and canonical base64 of 24 to 64 bytes, as Standard Webhooks asks. */
export function isSecret(text: string): boolean {
  return bytesOf(text, SECRET_PREFIX) !== undefined
}

export function isPrivateKey(text: string): boolean {
  return text.startsWith(PRIVATE_PREFIX)
}

/** @returns the signature in base64. */
export function signWithPrivateKey(secret: string, content: Buffer): string {
  return sign(null, content, rememberedKeys.getOrMake(secret, privateKeyOf)).toString('base64')
}

export function secretKeyOf(secret: string): KeyObject {
  return rememberedKeys.getOrMake(secret, (text) => {
    const bytes = bytesOf(text, SECRET_PREFIX)
    assert(bytes !== undefined, 'A signing secret is whsec_ and base64 of 24 to 64 bytes.')
    return createSecretKey(bytes)
  })
}

function privateKeyOf(secret: string): KeyObject {
  const seed = bytesOf(secret, PRIVATE_PREFIX)
  assert(seed?.length === GENERATED_BYTES, 'A private key is whsk_ and base64 of 32 bytes.')
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' })
}

const REMEMBERED_MAX = 4_096
/** Making OpenSSL's key object takes four times as long as signing a kilobyte with it, and an endpoint's secret signs often. */
const rememberedKeys = new BoundedMap<string, KeyObject>(REMEMBERED_MAX)

function bytesOf(text: string, prefix: string): Buffer | undefined {
  if (!text.startsWith(prefix)) return undefined
  const encoded = text.slice(prefix.length)
  const bytes = Buffer.from(encoded, 'base64')
  // Node skips what is not base64; a receiver's library may not, and would then verify with another key.
  if (bytes.toString('base64') !== encoded) return undefined
  return bytes.length >= SECRET_BYTES_MIN && bytes.length <= SECRET_BYTES_MAX ? bytes : undefined
}
