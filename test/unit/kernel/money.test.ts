import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { activeCodes, exponents } from '../../../src/kernel/currencies.ts'
import { DomainError } from '../../../src/kernel/errors.ts'
import {
  allocate,
  currency,
  exponentOf,
  formatAmount,
  isActiveCurrency,
  parseAmount,
  share,
  storedCurrency
} from '../../../src/kernel/money.ts'

const eur = currency('EUR')
const anyCurrency = fc.constantFrom(...[...exponents.keys()].map(storedCurrency))
const anyMinor = fc.bigInt({ min: 0n, max: 10n ** 15n - 1n })

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof DomainError) return error.code
    throw error
  }
  return 'accepted'
}

describe('the currency table', () => {
  it('gives the decimals ISO 4217 gives, where guesses go wrong', () => {
    const given = Object.fromEntries(
      ['JPY', 'ISK', 'XAF', 'UGX', 'EUR', 'HUF', 'IRR', 'MGA', 'IQD', 'KWD', 'CLF'].map((c) => [c, exponents.get(c)])
    )
    expect(given).toEqual({ JPY: 0, ISK: 0, XAF: 0, UGX: 0, EUR: 2, HUF: 2, IRR: 2, MGA: 2, IQD: 3, KWD: 3, CLF: 4 })
  })

  it('holds each code once, in capitals, with 0, 2, 3 or 4 decimals', () => {
    expect(activeCodes.size).toBe(157)
    expect(exponents.size).toBe(157 + 14)
    for (const [code, exponent] of exponents) {
      expect(code).toMatch(/^[A-Z]{3}$/)
      expect([0, 2, 3, 4]).toContain(exponent)
    }
  })

  it.each(['eur', 'EURO', '', 'BGN', 'XAU', 'XTS', 'toString', 'EUR '])('refuses %j', (code) => {
    expect(isActiveCurrency(code)).toBe(false)
    expect(refusal(() => currency(code))).toBe('unknown_currency')
  })
})

describe('an amount in text', () => {
  it('means the same number of minor units in every currency it is read back in', () => {
    fc.assert(
      fc.property(anyCurrency, anyMinor, (of, minor) => {
        expect(parseAmount(formatAmount(minor, of), of)).toBe(minor)
      })
    )
  })

  it('may leave decimals out, and then means zeros', () => {
    expect(['1250', '1250.0', '1250.00', '0', '0.5', '0.05'].map((text) => parseAmount(text, eur))).toEqual([
      125000n,
      125000n,
      125000n,
      0n,
      50n,
      5n
    ])
    expect(parseAmount('1.5', currency('KWD'))).toBe(1500n)
    expect(parseAmount('999999999999999.9999', currency('CLF'))).toBe(9999999999999999999n)
  })

  it.each([
    '',
    ' ',
    '1,5',
    '-1',
    '+1',
    '1e3',
    '.5',
    '5.',
    '01',
    '00',
    '1.234',
    '1.2.3',
    '1 000',
    '0x1',
    'NaN',
    'Infinity',
    '1\n',
    ' 1',
    '1000000000000000',
    '١٢',
    '1_000',
    '1.00000'
  ])('%j is refused, never rounded or guessed at', (text) => {
    expect(refusal(() => parseAmount(text, eur))).toBe('invalid_amount')
  })

  it('has no decimals where the currency has none', () => {
    expect(refusal(() => parseAmount('12.0', currency('JPY')))).toBe('invalid_amount')
    expect(parseAmount('12', currency('JPY'))).toBe(12n)
  })

  it('is written with exactly the decimals of its currency, below one and below zero too', () => {
    const written = [formatAmount(125000n, eur), formatAmount(-300n, eur), formatAmount(-5n, eur), formatAmount(0n, eur)]
    expect(written).toEqual(['1250.00', '-3.00', '-0.05', '0.00'])
    expect([formatAmount(12n, currency('JPY')), formatAmount(-12n, currency('JPY'))]).toEqual(['12', '-12'])
    expect([formatAmount(7n, currency('KWD')), formatAmount(1n, currency('CLF'))]).toEqual(['0.007', '0.0001'])
  })

  it('that was stored in a currency that is retired since is written with its decimals, and with two in one that no list has', () => {
    const written = (['BGN', 'BYR', 'DEM'] as const).map((code) => formatAmount(12_345n, storedCurrency(code)))
    expect(written).toEqual(['123.45', '12345', '123.45'])
    expect(exponentOf(storedCurrency('BYR'))).toBe(0)
  })
})

describe('a split', () => {
  const anyWeights = fc
    .array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1, maxLength: 40 })
    .filter((weights) => weights.some((weight) => weight > 0n))

  it('sums to the whole, keeps every share within a unit of its exact part, and gives nothing for nothing', () => {
    fc.assert(
      fc.property(anyMinor, anyWeights, (minor, weights) => {
        const sum = weights.reduce((x, y) => x + y, 0n)
        const shares = allocate({ minor, currency: eur }, weights)
        expect(shares.reduce((x, y) => x + y.minor, 0n)).toBe(minor)
        expect(shares).toHaveLength(weights.length)
        for (const [index, weight] of weights.entries()) {
          const given = shares[index]?.minor ?? -1n
          const distance = given * sum - minor * weight
          expect(distance > -sum && distance < sum).toBe(true)
          if (weight === 0n) expect(given).toBe(0n)
        }
      })
    )
  })

  it('serves the largest remainders first, and of equal ones the earlier', () => {
    const minors = (minor: bigint, weights: bigint[]) => allocate({ minor, currency: eur }, weights).map((m) => m.minor)
    expect(minors(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n])
    expect(minors(10n, [1n, 5n, 3n])).toEqual([1n, 6n, 3n])
    expect(minors(1n, [0n, 1n, 1n])).toEqual([0n, 1n, 0n])
    expect(minors(0n, [1n, 2n])).toEqual([0n, 0n])
  })

  it('of less than nothing, or by no weight, is a bug and not a refusal', () => {
    expect(() => allocate({ minor: -1n, currency: eur }, [1n])).toThrow('zero or more')
    expect(() => allocate({ minor: 1n, currency: eur }, [])).toThrow('one of them positive')
    expect(() => allocate({ minor: 1n, currency: eur }, [0n, 0n])).toThrow('one of them positive')
    expect(() => allocate({ minor: 1n, currency: eur }, [2n, -1n])).toThrow('one of them positive')
  })
})

describe('a share', () => {
  it('is the nearest whole unit to the exact part, and of two equally near the one away from zero', () => {
    const signed = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n })
    fc.assert(
      fc.property(signed, signed, fc.bigInt({ min: 1n, max: 10n ** 12n }), (amount, numerator, denominator) => {
        const exact = amount * numerator
        const twiceOff = 2n * (share(amount, { numerator, denominator }) * denominator - exact)
        const off = twiceOff < 0n ? -twiceOff : twiceOff
        expect(off <= denominator).toBe(true)
        if (off === denominator) expect(twiceOff > 0n).toBe(exact > 0n)
      })
    )
  })

  it('rounds halves away from zero on both sides', () => {
    const half = { numerator: 1n, denominator: 2n }
    expect([1n, -1n, 3n, -3n, 2n, 0n].map((minor) => share(minor, half))).toEqual([1n, -1n, 2n, -2n, 1n, 0n])
  })

  it('is exact where a float is not: a quadrillion minor units at 8.25 % for a year of days', () => {
    const rate = { numerator: 825n * 364n, denominator: 10_000n * 365n }
    expect(share(999_999_999_999_999n, rate)).toBe(82_273_972_602_740n)
  })

  it('of nothing or less has no meaning', () => {
    expect(() => share(1n, { numerator: 1n, denominator: 0n })).toThrow('positive denominator')
  })
})
