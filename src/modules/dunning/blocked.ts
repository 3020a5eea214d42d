import { assert } from '../../kernel/assert.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import type { DunningCase, DunningState } from '../invoices/invoice.ts'
import type { Books } from '../organizations/organization.ts'
import type { CollectedOf } from './collection.ts'
import { blockedBy } from './decide.ts'
import { factsOf, type LiveEntry, type PolicyRef } from './facts.ts'
import type { CreditOf } from './netting.ts'
import type { Policy } from './policy.ts'

export type BlockGrounds = Readonly<{
  books: Books
  creditOf: CreditOf
  holdsOf: HoldsOf
  collectedOf: CollectedOf
  policyAt: (ref: PolicyRef) => Policy
  liveOf: (obligationId: string) => readonly LiveEntry[]
}>

/** The policy version that an obligation is dunned by, once it has entered a stage. */
export function pinnedOf({ policyId, policyVersion: version }: DunningState): PolicyRef[] {
  return policyId === null || version === null ? [] : [{ policyId, version }]
}

/**
 * What may not be dunned, though it was entered: it is paid, held, exempt, too little, disputed, covered or collected by now.
 * @param entered each with its pinned policy; a sweep has pinned what is not written yet, so that the cases do not say it.
 */
export function blockedAmong(
  cases: readonly DunningCase[],
  { entered, ...grounds }: BlockGrounds & Readonly<{ entered: readonly (DunningState & Readonly<{ id: string }>)[] }>
): Set<string> {
  const pinned = new Map(entered.flatMap((one) => pinnedOf(one).map((ref) => [one.id, ref] as const)))
  const isBlocked = (found: DunningCase) => isBlockedUnder(pinned.get(found.obligation.id), { found, ...grounds })
  return new Set(cases.filter(isBlocked).map(({ obligation }) => obligation.id))
}

function isBlockedUnder(
  ref: PolicyRef | undefined,
  { found, books, creditOf, holdsOf, collectedOf, policyAt, liveOf }: BlockGrounds & Readonly<{ found: DunningCase }>
): boolean {
  assert(ref !== undefined, 'what was entered has a policy')
  const { obligation } = found
  const facts = factsOf(found, {
    entries: liveOf(obligation.id),
    holds: holdsOf(obligation),
    creditMinor: creditOf(obligation.id),
    collectedOf,
    books
  })
  return blockedBy(facts, { policy: policyAt(ref), calendar: books.calendar, asOf: books.now }) !== null
}
