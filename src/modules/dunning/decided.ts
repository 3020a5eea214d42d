import { assert } from '../../kernel/assert.ts'
import { type Day, dayIn } from '../../kernel/day.ts'
import type { HoldFact, HoldsOf } from '../../kernel/holding.ts'
import type { DunningCase, DunningState, InvoiceView } from '../invoices/invoice.ts'
import type { Books } from '../organizations/organization.ts'
import { type Asked, askedOf } from './asked.ts'
import type { CollectedOf } from './collection.ts'
import { type Decision, decide } from './decide.ts'
import type { NewEntry } from './entry.ts'
import { differVisibly, factsOf, type LiveEntry, type PolicyRef, policyOf, stateOf } from './facts.ts'
import type { CreditOf } from './netting.ts'
import type { Policy, Stage } from './policy.ts'

/** A due obligation with what was decided of it. */
export type Decided = Readonly<{
  found: DunningCase
  policy: PolicyRef
  decision: Decision
  /** What held or holds it. */
  holds: readonly HoldFact[]
  asked: Asked
  state: DunningState
  entered: Readonly<{ entry: NewEntry; stage: Stage; deadlineOn: Day | null }> | null
}>

export type Deciding = Readonly<{
  books: Books
  entriesOf: (obligationId: string) => readonly LiveEntry[]
  holdsOf: HoldsOf
  creditOf: CreditOf
  collectedOf: CollectedOf
  policyAt: (ref: PolicyRef) => Policy
  newId: () => string
}>

export function decideCase(
  found: DunningCase,
  { books, entriesOf, holdsOf, creditOf, collectedOf, policyAt, newId }: Deciding
): Decided {
  const { obligation } = found
  const entries = entriesOf(obligation.id)
  const ref = policyOf(found, { entries, books })
  const policy = policyAt(ref)
  const context = { policy, calendar: books.calendar, asOf: books.now }
  const holds = holdsOf(obligation)
  const facts = factsOf(found, { entries, holds, creditMinor: creditOf(obligation.id), collectedOf, books })
  const decision = decide(facts, context)
  const asked = askedOf(facts, dayIn(books.now, facts.timeZone))
  const entered = enteredBy(decision, { found, ref, policy, id: newId })
  const after = entered === null ? entries : [...entries, { stage: entered.entry.stage, enteredAt: books.now }]
  const overdueAnnounced = obligation.overdueAnnounced || decision.overdue
  const state = stateOf(obligation, { standing: decision, overdueAnnounced, entries: after, policy: ref }, context)
  return { found, policy: ref, decision, holds, asked, state, entered }
}

function enteredBy(
  { effect, daysOverdue }: Decision,
  by: Readonly<{ found: DunningCase; ref: PolicyRef; policy: Policy; id: () => string }>
): Decided['entered'] {
  if (effect.kind !== 'enter') return null
  const { id: obligationId, invoiceId, clientId, cycle, dueOn, balanceMinor } = by.found.obligation
  const stage = by.policy.stages.find(({ code }) => code === effect.stage)
  assert(stage !== undefined, 'a stage that is entered is one of the policy')
  const { repetition, enteredOn, offsetDays, graceDays, skipped, deadlineOn } = effect
  const entry: NewEntry = {
    id: by.id(),
    ...{ obligationId, invoiceId, clientId, cycle, dueOn, balanceMinor, daysOverdue, policy: by.ref },
    ...{ stage: stage.code, repetition, enteredOn, offsetDays, graceDays, skipped, action: stage.action }
  }
  return { entry, stage, deadlineOn }
}

/** An invoice with what changed on its obligations: as it was, and as GET returns it once that is written, which raises its version or not. */
export type Change<Of> = Readonly<{ before: InvoiceView; after: InvoiceView; of: readonly Of[]; raises: boolean }>

type Changed = Readonly<{ found: DunningCase; state: DunningState }>

/**
 * Puts what belongs to one invoice together: several of its obligations raise its version once.
 * @param how.tells whether an event will say so, which is a visible change too.
 * @param how.isRaised whether the transaction raised the invoice's version before.
 */
export function byInvoice<Of extends Changed>(changed: readonly Of[], how: How<Of>): Change<Of>[] {
  const groups = Map.groupBy(changed, ({ found }) => found.view.invoice.id)
  return [...groups.values()].map((of) => changeOf(of, how))
}

type How<Of> = Readonly<{ at: Date; tells: (of: Of) => boolean; isRaised: (view: InvoiceView) => boolean }>

function changeOf<Of extends Changed>(of: readonly Of[], { at, tells, isRaised }: How<Of>): Change<Of> {
  const [first] = of
  assert(first !== undefined, 'a group has a member')
  const before = first.found.view
  const raises = !isRaised(before) && of.some((one) => tells(one) || differVisibly(one.found.obligation, one.state))
  const states = new Map(of.map(({ found, state }) => [found.obligation.id, state]))
  const obligations = before.obligations.map((obligation) => ({ ...obligation, ...states.get(obligation.id) }))
  const invoice = raises ? { ...before.invoice, version: before.invoice.version + 1, updatedAt: at } : before.invoice
  return { before, after: { ...before, invoice, obligations }, of, raises }
}
