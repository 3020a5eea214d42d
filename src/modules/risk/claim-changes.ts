import type { ClaimOf, KnownClaim, LedgerFact } from './claim-repository.ts'
import { type AlikeLedger, type EpochDay, isLate, knownOn, ledgerAloneOf, withOutcome } from './invoice-facts.ts'
import type { Level } from './levels.ts'
import { addTerms, type DaySums } from './organization-days.ts'
import { organizationTerms } from './organization-state.ts'

/** What the states hold of an invoice, and what they are to hold; null for nothing. */
export type ClaimChange = Readonly<{ clientId: string; invoiceId: string; before: ClaimOf | null; after: ClaimOf | null }>

/** Where the ledger says otherwise than what is kept. */
export function changesOf(facts: readonly LedgerFact[], known: readonly ClaimOf[]): ClaimChange[] {
  const kept = new Map(known.map((claim) => [claim.invoiceId, claim]))
  return facts.flatMap(({ invoiceId, claim: after }) => {
    const before = kept.get(invoiceId) ?? null
    const clientId = (after ?? before)?.clientId
    return clientId === undefined || areEqual(before, after) ? [] : [{ clientId, invoiceId, before, after }]
  })
}

function areEqual(a: ClaimOf | null, b: ClaimOf | null): boolean {
  if (a === null || b === null) return a === b
  return (Object.keys(a) as (keyof ClaimOf)[]).every((key) => a[key] === b[key])
}

/** What the changes take out of a ledger, and what they put into it. */
export function ledgerOf(changes: readonly ClaimChange[]): Readonly<Record<'taken' | 'put', readonly AlikeLedger[]>> {
  return {
    taken: changes.flatMap(({ before }) => (before === null ? [] : [ledgerAloneOf(before, -1)])),
    put: changes.flatMap(({ after }) => (after === null ? [] : [ledgerAloneOf(after)]))
  }
}

/** Adds the change to the organization's sums. @returns the days whose sums it changed. */
export function countChange(
  days: Map<EpochDay, DaySums>,
  { before, after }: ClaimChange,
  thresholds: readonly number[]
): EpochDay[] {
  return (
    [
      [before, -1],
      [after, 1]
    ] as const
  ).flatMap(([claim, sign]) => {
    if (claim === null) return []
    const terms = organizationTerms(withOutcome(claim), thresholds)
    addTerms(days, terms, { sign, thresholds })
    return terms.map(({ day }) => day)
  })
}

export function withKnownDays(claim: ClaimOf, seriousDays: Level): KnownClaim {
  const known = withOutcome(claim)
  return { ...claim, lateKnownOn: knownOn(known, 0), seriousKnownOn: knownOn(known, seriousDays) }
}

/**
 * Whether weights that followed every outcome known by the start of a day took, or would have taken, another outcome of this invoice, or
 * the same at another place in the order.
 */
export function movesOutcomes(
  { before, after }: ClaimChange,
  { day, seriousDays }: { day: EpochDay; seriousDays: Level }
): boolean {
  return [0, seriousDays].some((level) => {
    const [taken, due] = [outcomeBy(before, { day, level }), outcomeBy(after, { day, level })]
    return taken?.knownOn !== due?.knownOn || taken?.isLate !== due?.isLate
  })
}

function outcomeBy(claim: ClaimOf | null, { day, level }: { day: EpochDay; level: Level }) {
  if (claim === null) return undefined
  const known = withOutcome(claim)
  const on = knownOn(known, level)
  return on > day ? undefined : { knownOn: on, isLate: isLate(known, level) }
}

/** What changes take out of the organization's sums, and what they put into them. Grows as more of them are counted. */
export type OtherTerms = Readonly<Record<'before' | 'after', Map<EpochDay, DaySums>>>

export function countOthers(others: OtherTerms, changes: readonly ClaimChange[], thresholds: readonly number[]): void {
  for (const change of changes) {
    for (const side of ['before', 'after'] as const) {
      const claim = change[side]
      if (claim !== null) addTerms(others[side], organizationTerms(withOutcome(claim), thresholds), { sign: 1, thresholds })
    }
  }
}
