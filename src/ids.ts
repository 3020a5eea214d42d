import * as crypto from 'node:crypto'

// Node has its own from 24.16 on, and the service runs on any 24.
const own: Readonly<{ randomUUIDv7?: () => string }> = crypto

let last = ''

/**
 * A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then chance. Ids of one process rise, within a millisecond too
 * (section 6.2): what a transaction tells one after the other is numbered in that order, and primary keys stay dense. Handed in
 * wherever ids are made, like the clock.
 */
export function newId(): string {
  const fresh = own.randomUUIDv7?.() ?? uuidV7(Date.now(), crypto.randomBytes(10))
  last = fresh > last ? fresh : following(last)
  return last
}

const TAIL_DIGITS = 12

/** The next greater id by its last 48 bits, which are chance; where these are at their end, the id begins anew by the clock. */
export function following(id: string): string {
  const tail = Number.parseInt(id.slice(-TAIL_DIGITS), 16) + 1
  if (tail >= 2 ** 48) return uuidV7(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) + 1, crypto.randomBytes(10))
  return id.slice(0, -TAIL_DIGITS) + tail.toString(16).padStart(TAIL_DIGITS, '0')
}

/** Lays the fields out by hand. @param random 10 random bytes, of which six bits are overwritten by version and variant. */
export function uuidV7(unixMs: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(unixMs, 0, 6)
  bytes.set(random, 6)
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
