import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A certificate and its key as PEM, made on the spot, so that no private key lies in the repository. */
export type Credentials = Readonly<{ cert: string; key: string }>
export type Authority = Credentials & Readonly<{ issue: (leaf: Leaf) => Credentials }>
type Leaf = Readonly<{ host: string; notBefore?: Date; notAfter?: Date }>

const DAY_MS = 86_400_000

/** An authority that signs certificates for hosts (RFC 5280), with as little DER as that takes. */
export function createAuthority(): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const issue = (leaf: Leaf): Credentials => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    return {
      cert: certificate({ ...leaf, subject: leaf.host, of: pair.publicKey, by: privateKey, isAuthority: false }),
      key: pem(pair.privateKey)
    }
  }
  const cert = certificate({ host: 'none', subject: 'authority', of: publicKey, by: privateKey, isAuthority: true })
  return { cert, key: pem(privateKey), issue }
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

type Parts = Leaf & Readonly<{ subject: string; of: KeyObject; by: KeyObject; isAuthority: boolean }>

function certificate({ host, subject, of, by, isAuthority, ...validity }: Parts): string {
  const { notBefore = new Date(Date.now() - DAY_MS), notAfter = new Date(Date.now() + DAY_MS) } = validity
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const unsigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([isAuthority ? 1 : 2])),
    algorithm,
    name('authority'),
    sequence(time(notBefore), time(notAfter)),
    name(subject),
    of.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(isAuthority ? basicConstraints : alternativeName(host)))
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', unsigned, by))
  const base64 = sequence(unsigned, algorithm, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

const basicConstraints = sequence(
  oid(0x55, 0x1d, 0x13),
  der(0x01, Buffer.from([0xff])),
  der(0x04, sequence(der(0x01, Buffer.from([0xff]))))
)

function alternativeName(host: string): Buffer {
  return sequence(oid(0x55, 0x1d, 0x11), der(0x04, sequence(der(0x82, Buffer.from(host)))))
}

function name(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))))
}

function time(at: Date): Buffer {
  return der(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]|\..*/g, '')}Z`))
}

function oid(...bytes: number[]): Buffer {
  return der(0x06, Buffer.from(bytes))
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts)
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
