import type { Day } from '../../kernel/day.ts'
import { type HeldParts, type HoldFact, heldPartsOf } from '../../kernel/holding.ts'

/**
 * What is asked for of an obligation: what is open, less what is disputed, covered by credit, announced and promised, in this order. In
 * minor units; no figure is more than what those before it leave of the balance, but for credit.
 */
export type Asked = HeldParts & Readonly<{ creditMinor: bigint; askedMinor: bigint }>

type Claim = Readonly<{
  balanceMinor: bigint
  /** What is open of the same invoice in parts that fall due earlier: what is held in part concerns those first. */
  earlierMinor: bigint
  creditMinor: bigint
  holds: readonly HoldFact[]
}>

export function askedOf(claim: Claim, day: Day): Asked {
  const { balanceMinor, creditMinor, holds } = claim
  const parts = heldPartsOf(claim, { holds, day })
  const { disputedMinor } = parts
  const afterCredit = atLeastNothing(balanceMinor - disputedMinor - creditMinor)
  const announcedMinor = least(parts.announcedMinor, afterCredit)
  const promisedMinor = least(parts.promisedMinor, afterCredit - announcedMinor)
  return { disputedMinor, creditMinor, announcedMinor, promisedMinor, askedMinor: afterCredit - announcedMinor - promisedMinor }
}

/** What the holds over parts leave of the balance, before credit. */
export function unheldOf(claim: Omit<Claim, 'creditMinor'>, day: Day): bigint {
  const { disputedMinor, announcedMinor, promisedMinor } = heldPartsOf(claim, { holds: claim.holds, day })
  return claim.balanceMinor - disputedMinor - announcedMinor - promisedMinor
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function atLeastNothing(minor: bigint): bigint {
  return minor > 0n ? minor : 0n
}
