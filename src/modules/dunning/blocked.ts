import { assert } from '../../kernel/assert.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import type { DunningCase, DunningState } from '../invoices/invoice.ts'
import type { Books } from '../organizations/organization.ts'
import { blockedBy } from './decide.ts'
import { factsOf, type LiveEntry, type PolicyRef } from './facts.ts'
import type { CreditOf } from './netting.ts'
import type { Policy } from './policy.ts'

export type BlockGrounds = Readonly<{
  books: Books
  creditOf: CreditOf
  holdsOf: HoldsOf
  policyAt: (ref: PolicyRef) => Policy
  liveOf: (obligationId: string) => readonly LiveEntry[]
}>

/** The policy version that an obligation is dunned by, once it has entered a stage. */
export function pinnedOf({ policyId, policyVersion: version }: DunningState): PolicyRef[] {
  return policyId === null || version === null ? [] : [{ policyId, version }]
}

/** What may not be dunned, though it was entered: it is paid, held, exempt, too little, disputed or covered by now. */
export function blockedAmong(cases: readonly DunningCase[], grounds: BlockGrounds): Set<string> {
  return new Set(cases.filter((found) => isBlocked(found, grounds)).map(({ obligation }) => obligation.id))
}

function isBlocked(found: DunningCase, { books, creditOf, holdsOf, policyAt, liveOf }: BlockGrounds): boolean {
  const { obligation } = found
  const [ref] = pinnedOf(obligation)
  assert(ref !== undefined, 'what was entered has a policy')
  const facts = factsOf(found, {
    entries: liveOf(obligation.id),
    holds: holdsOf(obligation),
    creditMinor: creditOf(obligation.id),
    books
  })
  return blockedBy(facts, { policy: policyAt(ref), calendar: books.calendar, asOf: books.now }) !== null
}
