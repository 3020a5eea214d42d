import { assert } from './assert.ts'
import { activeCodes, exponents } from './currencies.ts'
import { DomainError } from './errors.ts'

/** An ISO 4217 code, upper case. New invoices take active codes; whatever concerns objects that exist takes retired codes too. */
export type Currency = string & { readonly __brand: 'Currency' }

/** An amount in whole minor units (cents, fils, yen). Amounts of different currencies are never added. */
export type Money = Readonly<{ minor: bigint; currency: Currency }>

/** A factor as a fraction, so that rates and day counts stay exact until the one rounding at the end. */
export type Fraction = Readonly<{ numerator: bigint; denominator: bigint }>

/** What a caller may send: a sign, an exponent, a bare point or a padded zero has no place in an amount owed. */
const amountPattern = /^(0|[1-9]\d{0,14})(?:\.(\d{1,4}))?$/

export function isActiveCurrency(code: string): code is Currency {
  return activeCodes.has(code)
}

/** Whether the standard has, or once had, the code. */
export function isCurrency(code: string): code is Currency {
  return exponents.has(code)
}

/** Throws `unknown_currency` unless the text is an ISO 4217 code in upper case, active or retired. */
export function knownCurrency(code: string): Currency {
  if (!isCurrency(code)) throw new DomainError('unknown_currency', 'The currency is not an ISO 4217 code.')
  return code
}

/** Throws `unknown_currency` unless the text is an active ISO 4217 code in upper case. */
export function currency(code: string): Currency {
  if (!isActiveCurrency(code)) throw new DomainError('unknown_currency', 'The currency is not an active ISO 4217 code.')
  return code
}

/** What a row holds was checked when it was written, and is read whatever has become of the code since. */
export function storedCurrency(code: string): Currency {
  return code as Currency
}

/** What the standard gives nearly every currency, for a code that no list of it ever had. */
const COMMON_EXPONENT = 2

/** The largest amount that the database keeps, in minor units. Only currencies with four decimals have amounts beyond it. */
export const keptMinorMax = 2n ** 63n - 1n

/** Decimals of the currency's minor unit, 0 to 4. */
export function exponentOf(of: Currency): number {
  return exponents.get(of) ?? COMMON_EXPONENT
}

/**
 * Reads a decimal amount of zero or more into minor units: at most 15 digits before the point and at most the currency's
 * decimals after it. More decimals are refused, never rounded, so that nobody is billed another amount than was sent.
 * Throws `invalid_amount`.
 */
export function parseAmount(text: string, of: Currency): bigint {
  const exponent = exponentOf(of)
  const match = amountPattern.exec(text)
  if (match === null) {
    throw new DomainError(
      'invalid_amount',
      'An amount is a decimal string such as "1250.00", with at most 15 digits before the point.'
    )
  }
  const [, whole = '', decimals = ''] = match
  if (decimals.length > exponent) throw new DomainError('invalid_amount', `An amount in ${of} has at most ${exponent} decimals.`)
  return BigInt(whole + decimals.padEnd(exponent, '0'))
}

/** Writes minor units with exactly the currency's decimals: `"1250.00"`, `"-3.00"`, in yen `"12"`. */
export function formatAmount(minor: bigint, of: Currency): string {
  const exponent = exponentOf(of)
  if (exponent === 0) return minor.toString()
  const sign = minor < 0n ? '-' : ''
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0')
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

/**
 * Splits a total of zero or more by weights without losing a unit: every share is within one unit of its exact part, the
 * shares sum to the total, and a weight of zero gets nothing. Largest-remainder (Hamilton's) method; of equal remainders
 * the earlier weight is served first, so that the same split always comes out the same.
 */
export function allocate(total: Money, weights: readonly bigint[]): Money[] {
  const sum = weights.reduce((x, y) => x + y, 0n)
  assert(total.minor >= 0n, 'Only a total of zero or more can be split.')
  assert(sum > 0n && weights.every((weight) => weight >= 0n), 'A split needs weights of zero or more, one of them positive.')
  const parts = weights.map((weight, index) => {
    const product = total.minor * weight
    return { index, share: product / sum, rest: product % sum }
  })
  const left = total.minor - parts.reduce((x, part) => x + part.share, 0n)
  const served = parts
    .toSorted((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest < b.rest ? 1 : -1))
    .slice(0, Number(left))
  const roundedUp = new Set(served.map((part) => part.index))
  return parts.map(({ index, share: floor }) => ({
    minor: roundedUp.has(index) ? floor + 1n : floor,
    currency: total.currency
  }))
}

/** An amount in minor units times a fraction with a positive denominator, rounded once, half away from zero. */
export function share(amountMinor: bigint, { numerator, denominator }: Fraction): bigint {
  assert(denominator > 0n, 'A share needs a positive denominator.')
  const product = amountMinor * numerator
  const magnitude = product < 0n ? -product : product
  const rounded = (2n * magnitude + denominator) / (2n * denominator)
  return product < 0n ? -rounded : rounded
}
