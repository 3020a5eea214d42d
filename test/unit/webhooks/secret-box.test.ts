import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSecretBox, NONCE_BYTES, parseSecretKey } from '../../../src/modules/webhooks/secret-box.ts'

const key = randomBytes(32)
const box = createSecretBox([key])
const context = 'org-1/endpoint-1'
const seal = (plaintext: string) => box.seal(plaintext, { nonce: randomBytes(NONCE_BYTES), context })

describe('a sealed secret', () => {
  it('opens to what was sealed, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (text, anyContext) => {
        const sealed = box.seal(text, { nonce: randomBytes(NONCE_BYTES), context: anyContext })
        expect(box.open(sealed, anyContext)).toBe(text)
      })
    )
  })

  it('shows nothing of it and differs each time', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    expect(seal(secret)).not.toContain('MfKQ9r8G')
    expect(seal(secret)).not.toBe(seal(secret))
  })

  it('moved to the row of another endpoint or organization does not open', () => {
    expect(() => box.open(seal('a'), 'org-2/endpoint-1')).toThrow()
  })

  it('with any one character changed is refused', () => {
    // 8 bytes beside nonce and tag make 36, so base64 leaves no spare bits that could change without meaning.
    const sealed = seal('8 bytes.')
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`
      expect(() => box.open(changed, context)).toThrow()
    }
  })

  it('cut short is refused', () => {
    expect(() => box.open(seal('a').slice(0, 20), context)).toThrow('too short')
    expect(() => box.open('', context)).toThrow('not configured')
  })

  it('does not open without its key, and the error names the key that is missing', () => {
    const other = createSecretBox([randomBytes(32)])
    expect(() => other.open(seal('a'), context)).toThrow(`sealed with key ${box.keyId}, which is not configured`)
  })

  it('survives a change of keys as long as the old one is given too', () => {
    const old = seal('a')
    const rotated = createSecretBox([randomBytes(32), key])
    expect(rotated.open(old, context)).toBe('a')
    const fresh = rotated.seal('a', { nonce: randomBytes(NONCE_BYTES), context })
    expect(fresh.startsWith(`${rotated.keyId}.`)).toBe(true)
    expect(() => box.open(fresh, context)).toThrow('not configured')
  })

  it('is refused a nonce of the wrong length', () => {
    expect(() => box.seal('a', { nonce: randomBytes(8), context })).toThrow('12 bytes')
  })
})

describe('DUNWELL_SECRET_KEY', () => {
  it.each(['hex', 'base64', 'base64url'] as const)('is read as %s', (encoding) => {
    for (let n = 0; n < 50; n += 1) {
      const bytes = randomBytes(32)
      expect(parseSecretKey(bytes.toString(encoding)).equals(bytes)).toBe(true)
    }
  })

  it.each([
    '',
    'changeme',
    randomBytes(16).toString('hex'),
    randomBytes(33).toString('base64'),
    `${'a'.repeat(63)}z`,
    ' '.repeat(44)
  ])('is refused as %j', (text) => expect(() => parseSecretKey(text)).toThrow(RangeError))

  it('is not repeated in the error', () => {
    expect(() => parseSecretKey('hunter2')).toThrow(/^(?!.*hunter2)/)
  })
})
