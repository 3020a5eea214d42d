import type { ClaimOf, KnownClaim, LedgerFact } from './claim-repository.ts'
import { type ClientState, withIssued, withoutIssued, withoutSettled, withSettled } from './client-state.ts'
import { type EpochDay, isLate, knownOn, settlementOf, withOutcome } from './invoice-facts.ts'
import type { Level } from './levels.ts'
import { addTerms, type DaySums, withOtherTerms } from './organization-days.ts'
import { type OrganizationState, organizationTerms } from './organization-state.ts'

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

/** The client's state with the change, in O(1). */
export function withChange(state: ClientState, { before, after }: ClaimChange, thresholds: readonly number[]): ClientState {
  let next = state
  if (before !== null) {
    const settled = settlementOf(before)
    if (settled !== undefined) next = withoutSettled(next, { claim: settled, thresholds })
    next = withoutIssued(next, before)
  }
  if (after !== null) {
    next = withIssued(next, after)
    const settled = settlementOf(after)
    if (settled !== undefined) next = withSettled(next, { claim: settled, thresholds })
  }
  return next
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

/** The claims with the changes in place of what is kept of them. */
export function claimsWith(kept: readonly ClaimOf[], changes: readonly ClaimChange[]): ClaimOf[] {
  const changed = new Set(changes.map(({ invoiceId }) => invoiceId))
  return [...kept.filter(({ invoiceId }) => !changed.has(invoiceId)), ...changes.flatMap(({ after }) => after ?? [])]
}

/** The organization's state as if the changes had been counted. */
export function organizationWith(
  state: OrganizationState,
  changes: readonly ClaimChange[],
  thresholds: readonly number[]
): OrganizationState {
  if (changes.length === 0) return state
  const termsOf = (claims: readonly (ClaimOf | null)[]) =>
    claims.flatMap((claim) => (claim === null ? [] : organizationTerms(withOutcome(claim), thresholds)))
  const before = termsOf(changes.map((change) => change.before))
  return withOtherTerms(state, { before, after: termsOf(changes.map((change) => change.after)) }, thresholds)
}
