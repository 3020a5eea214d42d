import { createHash } from 'node:crypto'

export const scopes = ['read', 'write', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** Items a minute that the operator has set instead of the setting of all; null where there is none. */
export type OwnLimits = Readonly<{ itemsPerKey: number | null; itemsPerOrganization: number | null }>

export const standardLimits: OwnLimits = { itemsPerKey: null, itemsPerOrganization: null }

export type Principal = Readonly<{ orgId: string; keyId: string; scopes: readonly Scope[]; limits: OwnLimits }>

/** The operator acts for no organization; what must be kept of that is kept under this one's name. */
export const OPERATOR_ORG_ID = '00000000-0000-0000-0000-000000000000'

export type Mode = 'live' | 'test'

const PREFIX_LENGTH = 14

/** @param random 32 random bytes. The mode stands in the key, so that a live one is known on sight. */
export function keyText(mode: Mode, random: Buffer): string {
  return `dw_${mode}_${random.toString('base64url')}`
}

/** A fast hash is enough: the key is 256 random bits, so there is nothing to guess. */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

export function prefixOf(key: string): string {
  return key.slice(0, PREFIX_LENGTH)
}
