import type { Currency } from '../../kernel/money.ts'
import { exponentOf } from '../../kernel/money.ts'
import { clipDelay, DELAY_DAYS_MAX } from './levels.ts'

/** Days since 1970-01-01. The score subtracts days all the time, so it takes them as whole numbers. */
export type EpochDay = number

/** An invoice as the score sees it. */
export type Claim = Readonly<{
  /** Unique in the organization; breaks ties between invoices of one day. */
  number: string
  issuedOn: EpochDay
  dueOn: EpochDay
  /** The total in whole currency units, zero or more, see `amountOf`. */
  amount: number
  currency: Currency
  disputed: boolean
}>

/** A claim that has ended: paid in full, or given up. */
export type Settled = Claim & Readonly<{ settledOn: EpochDay; delayDays: number }>

/** How an invoice stands in the ledger: `settledOn` null while it is open. */
export type LedgerClaim = Claim & Readonly<{ settledOn: EpochDay | null; isWrittenOff: boolean }>

/**
 * Claims that no score tells apart: of the same days and the same currency. `amount` is their sum. There are as many of these as days and terms,
 * however many invoices a client has.
 */
export type AlikeClaims = Readonly<{
  issuedOn: EpochDay
  dueOn: EpochDay
  currency: Currency
  count: number
  amount: number
  disputed: number
}>

/** The same of claims that ended on one day. */
export type AlikeSettled = AlikeClaims & Readonly<{ settledOn: EpochDay; delayDays: number }>

/** The same of claims as they stand in a ledger, ended or not. */
export type AlikeLedger = AlikeClaims & Partial<Pick<AlikeSettled, 'settledOn' | 'delayDays'>>

/** One claim, or one that is taken away. */
export function aloneOf({ issuedOn, dueOn, currency, amount, disputed }: Claim, sign: 1 | -1 = 1): AlikeClaims {
  return { issuedOn, dueOn, currency, count: sign, amount: sign * amount, disputed: disputed ? sign : 0 }
}

export function settledAloneOf(claim: Settled, sign: 1 | -1 = 1): AlikeSettled {
  return { ...aloneOf(claim, sign), settledOn: claim.settledOn, delayDays: claim.delayDays }
}

/** One invoice of a ledger, or one that is taken away. */
export function ledgerAloneOf(claim: LedgerClaim, sign: 1 | -1 = 1): AlikeLedger {
  const settled = settlementOf(claim)
  return settled === undefined ? aloneOf(claim, sign) : settledAloneOf(settled, sign)
}

/** Their issue, however they ended. */
export function issueOf({ issuedOn, dueOn, currency, count, amount, disputed }: AlikeClaims): AlikeClaims {
  return { issuedOn, dueOn, currency, count, amount, disputed }
}

export function isEnded(claims: AlikeLedger): claims is AlikeSettled {
  return claims.settledOn !== undefined
}

const keyOf = ({ issuedOn, dueOn, currency, settledOn, delayDays }: AlikeLedger) =>
  `${issuedOn} ${dueOn} ${currency} ${settledOn ?? ''} ${delayDays ?? ''}`

/** Sums what is alike, in the order of the first of each. O(claims). */
export function together<T extends AlikeClaims>(claims: Iterable<T>): T[] {
  const found = new Map<string, T>()
  for (const one of claims) {
    const key = keyOf(one)
    const known = found.get(key)
    if (known === undefined) found.set(key, one)
    else {
      const sum = { count: known.count + one.count, amount: known.amount + one.amount, disputed: known.disputed + one.disputed }
      found.set(key, { ...known, ...sum })
    }
  }
  return [...found.values()]
}

/** The claims with others added or taken away. What rounding left of an amount goes with the last claim. */
export function standing<T extends AlikeClaims>(claims: Iterable<T>): T[] {
  return together(claims).filter(({ count }) => count !== 0)
}

/** The score is a judgement and no book-keeping: here, once, minor units become a float. */
export function amountOf(minor: bigint, currency: Currency): number {
  return Math.max(0, Number(minor)) / 10 ** exponentOf(currency)
}

/**
 * The outcome of a claim, once it has ended. One that was written off is as late as can be, from the day on which it was given up.
 */
export function settlementOf({ settledOn, isWrittenOff, ...claim }: LedgerClaim): Settled | undefined {
  if (settledOn === null) return undefined
  return { ...claim, settledOn, delayDays: delayOf({ settledOn, isWrittenOff, dueOn: claim.dueOn }) }
}

export function delayOf({
  settledOn,
  dueOn,
  isWrittenOff
}: {
  settledOn: EpochDay
  dueOn: EpochDay
  isWrittenOff: boolean
}): number {
  return isWrittenOff ? DELAY_DAYS_MAX : clipDelay(settledOn - dueOn)
}

/** A claim with its outcome where it has one. */
export function withOutcome(ledger: LedgerClaim): Claim & Partial<Settled> {
  const { settledOn: _, ...claim } = ledger
  return settlementOf(ledger) ?? claim
}

/** The order in which invoices are taken wherever the order matters: by issue day, then by number. */
export function byIssue(a: Pick<Claim, 'issuedOn' | 'number'>, b: Pick<Claim, 'issuedOn' | 'number'>): number {
  if (a.issuedOn !== b.issuedOn) return a.issuedOn - b.issuedOn
  return a.number < b.number ? -1 : a.number > b.number ? 1 : 0
}

/** Days from issue to due. */
export function termsOf({ issuedOn, dueOn }: Pick<Claim, 'issuedOn' | 'dueOn'>): number {
  return dueOn - issuedOn
}

/** True when it ended late at the level, and as long as it has not ended: ask only from `knownOn` on. */
export function isLate({ delayDays }: Partial<Settled>, level: number): boolean {
  return delayDays === undefined || delayDays > level
}

/**
 * The day at whose start it is known whether a claim is late at a level: the day after it ended or, as long as it has not, the first
 * day on which no payment could make it otherwise. Nothing is known of it before the day after its issue.
 */
export function knownOn({ issuedOn, dueOn, settledOn }: Claim & Partial<Settled>, level: number): EpochDay {
  const lateFrom = dueOn + level + 1
  return Math.max(issuedOn + 1, settledOn === undefined ? lateFrom : Math.min(lateFrom, settledOn + 1))
}

const TERMS_DAYS_MAX = 365

/** Terms as the score compares them: a due date before the issue, or years after it, is a slip of the pen. */
export function clipTerms(days: number): number {
  return days < 0 ? 0 : days > TERMS_DAYS_MAX ? TERMS_DAYS_MAX : days
}
