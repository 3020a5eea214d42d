import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { assert } from '../../kernel/assert.ts'

const KEY_BYTES = 32
/** The nonce length that GCM takes without hashing, NIST SP 800-38D, section 8.2. */
export const NONCE_BYTES = 12
const TAG_BYTES = 16
const ALGORITHM = 'aes-256-gcm'

export type SecretBox = Readonly<{
  /** The id of the key that seals; what is sealed under another one can be found by its prefix and sealed anew. */
  keyId: string
  /** `keyId.base64url(nonce ‖ ciphertext ‖ tag)`. The nonce is 12 random bytes, never used twice. */
  seal: (plaintext: string, sealing: Readonly<{ nonce: Buffer; context: string }>) => string
  /** Throws when the key is missing, the text was altered, or it was sealed in another context. */
  open: (sealed: string, context: string) => string
}>

/** Reads `DUNWELL_SECRET_KEY`: 32 bytes as 64 hexadecimal digits or as base64. Throws RangeError otherwise, and never repeats the text. */
export function parseSecretKey(text: string): Buffer {
  const hexadecimal = /^[0-9a-f]{64}$/i.test(text)
  // 43 characters of base64, plain or URL-safe, are 32 bytes and two spare bits; Node takes both alphabets.
  if (!hexadecimal && !/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) {
    throw new RangeError('The secret key must be 32 bytes, written as 64 hexadecimal digits or as base64.')
  }
  return Buffer.from(text, hexadecimal ? 'hex' : 'base64')
}

/**
 * Keeps small secrets in the database so that a dump of it alone signs nothing. The first key seals, each opens. The
 * context (such as `org_id/endpoint_id`) is authenticated: a sealed secret moved to another row does not open there.
 */
export function createSecretBox(keys: readonly [Buffer, ...Buffer[]]): SecretBox {
  const byId = new Map(keys.map((key) => [idOf(key), key]))
  const [sealingKey] = keys
  const keyId = idOf(sealingKey)
  return {
    keyId,
    seal(plaintext, { nonce, context }) {
      assert(nonce.length === NONCE_BYTES, 'A nonce has 12 bytes.')
      const cipher = createCipheriv(ALGORITHM, sealingKey, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([nonce, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${keyId}.${sealed.toString('base64url')}`
    },
    open(sealed, context) {
      const [id = '', encoded = ''] = sealed.split('.')
      const key = byId.get(id)
      if (key === undefined) throw new Error(`The secret was sealed with key ${id}, which is not configured.`)
      const bytes = Buffer.from(encoded, 'base64url')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('The sealed secret is too short.')
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES))
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    }
  }
}

/** Eight hexadecimal digits of a hash: names a key without telling anything about it. */
function idOf(key: Buffer): string {
  assert(key.length === KEY_BYTES, 'A sealing key has 32 bytes.')
  return createHash('sha256').update('dunwell secret key id').update(key).digest('hex').slice(0, 8)
}
