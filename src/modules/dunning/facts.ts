import { assert } from '../../kernel/assert.ts'
import { addDays } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { earlierOpen } from '../../kernel/holding.ts'
import type { DunningCase, DunningState, Invoice, Obligation } from '../invoices/invoice.ts'
import type { Books } from '../organizations/organization.ts'
import { type CollectedOf, collectableOf } from './collection.ts'
import { type Decision, type DecisionContext, decide, isClosed, type ObligationFacts, standingFor, whatIsNext } from './decide.ts'
import { effectiveDueOn, type StageEntry } from './ladder.ts'
import type { StageAction } from './policy.ts'

/** One version of one policy. */
export type PolicyRef = Readonly<{ policyId: string; version: number }>

/** A live entry of the current cycle with when it was made and what it was decided under. */
export type LiveEntry = StageEntry &
  Readonly<{
    id: string
    obligationId: string
    kind: 'entered' | 'baseline'
    enteredAt: Date
    policy: PolicyRef
    calendarVersion: number
    /** What the stage asks for besides a message. */
    action: StageAction | null
    /** When a notice told the client of it. */
    toldAt: Date | null
  }>

type Choosing = Readonly<{ invoicePolicyId: string | null; clientPolicyId: string | null }>

/**
 * The current version of what applies: the invoice's own policy, else the client's, else the organization's.
 * @throws DomainError `reference_not_found` for an invoice whose own policy is not there.
 */
export function currentPolicy({ invoicePolicyId, clientPolicyId }: Choosing, { organization }: Books): PolicyRef {
  const policyId = invoicePolicyId ?? clientPolicyId ?? organization.defaultDunningPolicyId
  assert(policyId !== null, 'an organization has a default policy')
  const version = organization.policyVersions.get(policyId)
  if (version === undefined) {
    throw new DomainError('reference_not_found', 'There is no such dunning policy.', { pointer: '/dunning_policy_id' })
  }
  return { policyId, version }
}

type Choice = Readonly<{
  entries: readonly StageEntry[]
  books: Books
  /** Its invoice has another policy, which is for what is in flight too. */
  movesPolicy?: true | undefined
}>

/** The version that the cycle's first entry pinned, else the current one of what applies. */
export function policyOf({ obligation, view, client }: DunningCase, { entries, books, movesPolicy }: Choice): PolicyRef {
  const { policyId, policyVersion: version } = obligation
  const current = () =>
    currentPolicy({ invoicePolicyId: view.invoice.dunningPolicyId, clientPolicyId: client.dunningPolicyId }, books)
  if (entries.length === 0 || policyId === null || version === null) return current()
  const pinned = { policyId, version }
  if (movesPolicy !== true) return pinned
  const applying = current()
  return applying.policyId === policyId ? pinned : applying
}

export const policyChoosers = ['invoice', 'client', 'organization', 'first_entry'] as const
export type PolicyChooser = (typeof policyChoosers)[number]

/** Who names the policy now; `first_entry` where nobody does any more, and the ladder in flight goes on under it. */
export function chooserOf({ view, client }: DunningCase, { policyId }: PolicyRef, { organization }: Books): PolicyChooser {
  const { dunningPolicyId: own } = view.invoice
  const applies = own ?? client.dunningPolicyId ?? organization.defaultDunningPolicyId
  if (applies !== policyId) return 'first_entry'
  if (own !== null) return 'invoice'
  return client.dunningPolicyId === null ? 'organization' : 'client'
}

export function factsOf(
  found: DunningCase,
  {
    entries,
    holds,
    creditMinor,
    collectedOf,
    books
  }: Pick<ObligationFacts, 'entries' | 'holds' | 'creditMinor'> & { collectedOf: CollectedOf; books: Books }
): ObligationFacts {
  const { obligation, view, client } = found
  return {
    dueOn: obligation.dueOn,
    currency: obligation.currency,
    balanceMinor: obligation.balanceMinor,
    creditMinor,
    earlierMinor: earlierOpen(obligation, view.obligations),
    status: view.invoice.status === 'open' ? 'open' : 'closed',
    dunning: dunningOf(view.invoice),
    exemptUntilOn: client.dunningExemptUntilOn,
    isCollected: collectedOf(collectableOf(found)),
    holds,
    timeZone: view.timeZone ?? books.organization.timeZone,
    overdueAnnounced: obligation.overdueAnnounced,
    entries
  }
}

export function dunningOf({ dunningStart }: Pick<Invoice, 'dunningStart'>): 'on' | 'off' {
  return dunningStart === 'off' ? 'off' : 'on'
}

type StandingStill = Pick<Decision, 'stage' | 'nextAt' | 'nextEntryAt' | 'nextStage' | 'isHeld'>

/**
 * How things stand without entering anything, for whoever changed the facts: only the sweep enters. What is due already
 * has an instant that is past, so that the next sweep finds it.
 */
export function standstill(facts: ObligationFacts, context: DecisionContext): StandingStill {
  const { isHeld } = decide(facts, context)
  return { stage: isClosed(facts) ? null : standingFor(facts, context).stage, ...whatIsNext(facts, context), isHeld }
}

type Outcome = Readonly<{
  /** What a decision, or standing still, says of the obligation. */
  standing: StandingStill
  overdueAnnounced: boolean
  /** Entries that count afterwards, those just made included. */
  entries: readonly Pick<LiveEntry, 'stage' | 'enteredAt'>[]
  policy: PolicyRef
}>

/** What is kept on the obligation from now on. The policy is pinned as long as an entry counts. */
export function stateOf(
  { dueOn }: Pick<Obligation, 'dueOn'>,
  { standing, overdueAnnounced, entries, policy }: Outcome,
  context: DecisionContext
): DunningState {
  const { stage, nextAt, nextEntryAt, nextStage, isHeld } = standing
  const pinned = entries.length > 0
  return {
    overdueFromOn: addDays(effectiveDueOn(dueOn, context), 1),
    overdueAnnounced,
    stageCode: stage,
    stageEnteredAt: stage === null ? null : (entries.findLast((entry) => entry.stage === stage)?.enteredAt ?? null),
    nextStageCode: nextStage,
    nextEntryAt,
    nextAt,
    isHeld,
    policyId: pinned ? policy.policyId : null,
    policyVersion: pinned ? policy.version : null
  }
}

/** Whether the two differ at all: when to look again is not shown, and is kept all the same. */
export function differ(before: DunningState, after: DunningState): boolean {
  return differVisibly(before, after) || before.nextAt?.getTime() !== after.nextAt?.getTime()
}

/** Whether the two differ in what an invoice shows of them. */
export function differVisibly(before: DunningState, after: DunningState): boolean {
  return (
    before.overdueFromOn !== after.overdueFromOn ||
    before.stageCode !== after.stageCode ||
    before.nextStageCode !== after.nextStageCode ||
    before.isHeld !== after.isHeld ||
    before.policyId !== after.policyId ||
    before.policyVersion !== after.policyVersion ||
    before.stageEnteredAt?.getTime() !== after.stageEnteredAt?.getTime() ||
    before.nextEntryAt?.getTime() !== after.nextEntryAt?.getTime()
  )
}
