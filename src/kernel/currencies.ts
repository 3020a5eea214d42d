/**
 * The active codes of ISO 4217 (list one, as amended through the euro's adoption by Bulgaria on 2026-01-01) by the number
 * of decimals the standard gives them. It is written out because `Intl` follows CLDR, which counts the decimals people
 * still use (none for the Iraqi dinar's three or the Hungarian forint's two) and changes under a running service.
 *
 * Left out: metals, test codes, and units no invoice is written in (BOV, CHE, CHW, COU, MXV, USN, UYI, XAD, XDR, XSU, XUA).
 * Kept: CLF and UYW, the indexed units that Chilean and Uruguayan contracts do name.
 */
const codesByExponent: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF',
  2: `
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
    CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
    KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY
    TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW'
}

/**
 * Codes that the standard has withdrawn. What was recorded in one stays readable, is dunned and is paid; no new invoice
 * is issued in it. A code that is
 * retired moves here from the list above and never leaves: books may hold it.
 */
const retiredByExponent: Readonly<Record<number, string>> = {
  0: 'BYR',
  2: 'ANG BGN CUC EEK HRK LTL LVL MRO SLL STD VEF ZMK ZWL'
}

function codesIn(lists: Readonly<Record<number, string>>): Map<string, number> {
  return new Map(
    Object.entries(lists).flatMap(([exponent, codes]) =>
      codes
        .trim()
        .split(/\s+/)
        .map((code): [string, number] => [code, Number(exponent)])
    )
  )
}

const active = codesIn(codesByExponent)
const retired = codesIn(retiredByExponent)

/** ISO 4217 code → decimals of its minor unit, retired codes too. The one place an exponent comes from. */
export const exponents: ReadonlyMap<string, number> = new Map([...active, ...retired])

/** Those that new invoices may take. */
export const activeCodes: ReadonlySet<string> = new Set(active.keys())
