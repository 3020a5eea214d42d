import { createPublicKey, randomBytes, verify } from 'node:crypto'
import fc from 'fast-check'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { describe, expect, it } from 'vitest'
import { headerFault, headersFault, headersFor, sign } from '../../../src/modules/webhooks/signature.ts'
import { generateKeyPair, generateSecret, isSecret } from '../../../src/modules/webhooks/signing-keys.ts'

const id = '0199aa01-7c1e-7d3a-8f00-000000000001'
const nowS = () => Math.floor(Date.now() / 1000)

describe('a receiver verifies with the library it already has', () => {
  const secret = generateSecret(randomBytes)

  it('standardwebhooks and svix take what we send, and give back the parsed body', () => {
    const body = JSON.stringify({ type: 'invoice.created', data: { note: 'Zahlungserinnerung für Łódź 🧾' } })
    const headers = headersFor({ id, timestampS: nowS(), body: Buffer.from(body), secrets: [secret] })
    expect(new StandardWebhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
    expect(() => new SvixWebhook(secret).verify(body, headers)).not.toThrow()
  })

  it('any text of any length verifies, as bytes and as text alike', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const body = JSON.stringify({ text })
        const timestampS = nowS()
        const fromBytes = headersFor({ id, timestampS, body: Buffer.from(body), secrets: [secret] })
        const fromText = headersFor({ id, timestampS, body, secrets: [secret] })
        expect(fromBytes).toEqual(fromText)
        new StandardWebhook(secret).verify(body, fromBytes)
      })
    )
  })

  it('a single changed byte, id or second is refused', () => {
    const timestampS = nowS()
    const headers = headersFor({ id, timestampS, body: '{"a":1}', secrets: [secret] })
    const verify = (body: string, changed = {}) => new StandardWebhook(secret).verify(body, { ...headers, ...changed })
    expect(() => verify('{"a":2}')).toThrow('No matching signature')
    expect(() => verify('{"a":1}', { 'webhook-id': `${id}x` })).toThrow('No matching signature')
    expect(() => verify('{"a":1}', { 'webhook-timestamp': String(timestampS + 1) })).toThrow('No matching signature')
  })

  it('during a rotation holders of the old and of the new secret both verify', () => {
    const secrets = [generateSecret(randomBytes), generateSecret(randomBytes)]
    const headers = headersFor({ id, timestampS: nowS(), body: '{}', secrets })
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2)
    for (const one of secrets) {
      expect(new StandardWebhook(one).verify('{}', headers)).toEqual({})
      expect(() => new SvixWebhook(one).verify('{}', headers)).not.toThrow()
    }
    expect(() => new StandardWebhook(generateSecret(randomBytes)).verify('{}', headers)).toThrow('No matching signature')
  })

  it('a receiver with the public key verifies what the private one signed, and nothing else', () => {
    const pair = generateKeyPair(randomBytes)
    const [timestampS, body] = [nowS(), '{"n":"Łódź"}']
    const signature = sign({ id, timestampS, body, secrets: [pair.secret] })
    const key = publicKeyOf(pair.publicKey)
    const isSigned = (text: string, by = key) =>
      verify(null, Buffer.from(`${id}.${timestampS}.${text}`), by, Buffer.from(signature.slice('v1a,'.length), 'base64'))
    expect(signature).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/)
    expect(isSigned(body)).toBe(true)
    expect(isSigned('{"n":"Lodz"}')).toBe(false)
    expect(isSigned(body, publicKeyOf(generateKeyPair(randomBytes).publicKey))).toBe(false)
  })

  it('a consumer that only knows the shared secret verifies while the endpoint goes over to a key pair', () => {
    const secret = generateSecret(randomBytes)
    const headers = headersFor({ id, timestampS: nowS(), body: '{}', secrets: [generateKeyPair(randomBytes).secret, secret] })
    expect(headers['webhook-signature']).toMatch(/^v1a,\S+ v1,\S+$/)
    expect(new StandardWebhook(secret).verify('{}', headers)).toEqual({})
  })

  it("the specification's own example gives the specification's signature", () => {
    // From the tests of standard-webhooks and svix: secret, id, time and body are fixed, so the signature is.
    const signature = sign({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestampS: 1_614_265_330,
      body: '{"test": 2432232314}',
      secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']
    })
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })
})

describe('a secret', () => {
  const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`

  it('is made of 32 bytes of the given randomness and of nothing else', () => {
    expect(generateSecret((size) => Buffer.alloc(size, 7))).toBe(`whsec_${Buffer.alloc(32, 7).toString('base64')}`)
  })

  it('outside 24 to 64 bytes is none', () => {
    expect([23, 24, 64, 65].map((bytes) => isSecret(secretOf(bytes)))).toEqual([false, true, true, false])
  })

  it('that other libraries could read as other bytes is none', () => {
    const good = secretOf(24)
    expect(isSecret(good)).toBe(true)
    expect(isSecret(good.slice('whsec_'.length))).toBe(false)
    expect(isSecret(`${good}\n`)).toBe(false)
    expect(isSecret(`whsec_${Buffer.alloc(24, 255).toString('base64').replaceAll('/', '_')}`)).toBe(false)
    expect(isSecret(`whsec_ ${good.slice(6)}`)).toBe(false)
  })

  it('that is malformed signs nothing', () => {
    expect(() => sign({ id, timestampS: 1, body: '', secrets: ['whsec_short'] })).toThrow('24 to 64 bytes')
    expect(() => sign({ id, timestampS: 1, body: '', secrets: [] })).toThrow('at least one secret')
    expect(() => sign({ id: 'a.b', timestampS: 1, body: '', secrets: [secretOf(24)] })).toThrow('no dot')
    expect(() => sign({ id, timestampS: 1.5, body: '', secrets: [secretOf(24)] })).toThrow('whole seconds')
  })
})

describe("an endpoint's own headers", () => {
  const content = { id, timestampS: 1, body: '{}', secrets: [generateSecret(randomBytes)] }

  it('travel along', () => {
    expect(headersFor({ ...content, custom: { Authorization: 'Bearer x' } })).toMatchObject({ authorization: 'Bearer x' })
  })

  it('never replace what the service sets, in any spelling', () => {
    const plain = headersFor(content)
    const custom = {
      'Webhook-Signature': 'v1,forged',
      HOST: 'other.example',
      'Content-Length': '0',
      'Transfer-Encoding': 'chunked'
    }
    expect(headersFor({ ...content, custom })).toEqual(plain)
    for (const [name, value] of Object.entries(custom)) expect(headerFault(name, value)).toContain('set by the service')
  })

  it('cannot smuggle a second header or request', () => {
    expect(headerFault('x-a', 'b\r\nhost: c')).toBeDefined()
    expect(headerFault('x-a: b\r\nc', '')).toBeDefined()
    expect(headerFault('x-a', 'é')).toBeDefined()
    expect(headerFault('x-a', 'b'.repeat(1_025))).toBeDefined()
    expect(headerFault('x-a', 'b\tc d')).toBeUndefined()
  })

  it('are one header where only case tells them apart', () => {
    expect(headersFault({ 'X-A': '1', 'x-b': '2' })).toBeUndefined()
    expect(headersFault({ 'X-A': '1', 'x-a': '2' })).toMatch(/x-a is there twice/)
  })
})

/** As Standard Webhooks writes it: `whpk_` and the 32 bytes of the key, which JWK has as `x`. */
function publicKeyOf(text: string) {
  const x = Buffer.from(text.slice('whpk_'.length), 'base64').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
