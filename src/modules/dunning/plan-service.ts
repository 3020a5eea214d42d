import type { Tx } from '../../db/client.ts'
import type { Clock } from '../../kernel/clock.ts'
import { dayIn } from '../../kernel/day.ts'
import type { HoldFact, HoldsOf } from '../../kernel/holding.ts'
import type { DunningState, Obligation } from '../invoices/invoice.ts'
import type { InvoiceDraft, Planned } from '../invoices/ports.ts'
import type { Books } from '../organizations/organization.ts'
import { baselineStage, type DecisionContext, decide, type ObligationFacts } from './decide.ts'
import type { NewEntry } from './entry.ts'
import * as entryRepository from './entry-repository.ts'
import { currentPolicy, dunningOf, type PolicyRef, standstill, stateOf } from './facts.ts'
import type { PolicyService } from './policy-service.ts'

export type PlanDeps = Readonly<{ clock: Clock; newId: () => string; policies: PolicyService }>

type Start = Readonly<{ obligationId: string; state: DunningState; baseline: NewEntry | null }>
type Draft = Readonly<{
  draft: InvoiceDraft
  policy: PolicyRef
  context: DecisionContext
  timeZone: string
  holds: readonly HoldFact[]
}>

/** Where new obligations start on the ladder. */
export function createPlanService({ clock, newId, policies }: PlanDeps) {
  function startOf(obligation: Omit<Obligation, keyof DunningState>, { draft, policy, context, timeZone, holds }: Draft): Start {
    const facts = factsOfNew(obligation, { draft, timeZone, holds })
    const stage = draft.invoice.dunningStart === 'baseline' ? baselineStage(facts, context) : null
    const { daysOverdue } = decide(facts, context)
    // Who had it before has said that it is overdue.
    const overdueAnnounced = draft.invoice.dunningStart === 'baseline' && daysOverdue >= 1
    const { id: obligationId, invoiceId, clientId, cycle, dueOn, balanceMinor } = obligation
    const baseline: NewEntry | null = stage && {
      id: newId(),
      ...{ obligationId, invoiceId, clientId, cycle, dueOn, balanceMinor, daysOverdue, policy },
      ...{
        stage: stage.code,
        repetition: 1,
        offsetDays: stage.offsetDays,
        graceDays: stage.graceDays,
        skipped: [],
        action: null
      },
      enteredOn: dayIn(context.asOf, facts.timeZone)
    }
    const entries = baseline === null ? [] : [{ ...baseline, enteredAt: context.asOf }]
    const standing = standstill({ ...facts, overdueAnnounced, entries }, context)
    return { obligationId, baseline, state: stateOf(obligation, { standing, overdueAnnounced, entries, policy }, context) }
  }

  return {
    /**
     * `normal` waits for the first stage by age; `baseline` begins silently at the stage that the age says; `off` is only
     * ever told to be overdue.
     */
    async planDunning(
      tx: Tx,
      { books, drafts, holdsOf }: { books: Books; holdsOf: HoldsOf; drafts: readonly InvoiceDraft[] }
    ): Promise<Planned> {
      const refs = drafts.map(({ invoice, client }) =>
        currentPolicy({ invoicePolicyId: invoice.dunningPolicyId, clientPolicyId: client.dunningPolicyId }, books)
      )
      const policyAt = await policies.at(tx, refs)
      const starts = drafts.flatMap((draft, index) => {
        const policy = refs[index]
        if (policy === undefined) return []
        const context = { policy: policyAt(policy), calendar: books.calendar, asOf: books.now }
        const timeZone = draft.client.timeZone ?? books.organization.timeZone
        const holds = holdsOf({ clientId: draft.client.id, invoiceId: draft.invoice.id })
        return draft.obligations.map((obligation) => startOf(obligation, { draft, policy, context, timeZone, holds }))
      })
      const entries = starts.flatMap(({ baseline }) => (baseline === null ? [] : [baseline]))
      const made = { calendarVersion: books.calendar.version, enteredAt: books.now, recordedAt: clock.now() }
      return {
        states: new Map(starts.map(({ obligationId, state }) => [obligationId, state])),
        afterInsert: (writing) => entryRepository.insert(writing, entries, { kind: 'baseline', told: new Set(), ...made })
      }
    }
  }
}

export type PlanService = ReturnType<typeof createPlanService>

function factsOfNew(
  { dueOn, currency, balanceMinor }: Omit<Obligation, keyof DunningState>,
  { draft: { invoice, client }, timeZone, holds }: Pick<Draft, 'draft' | 'timeZone' | 'holds'>
): ObligationFacts {
  return {
    ...{ dueOn, currency, balanceMinor, timeZone, holds, creditMinor: 0n, earlierMinor: 0n },
    status: 'open',
    dunning: dunningOf(invoice),
    exemptUntilOn: client.dunningExemptUntilOn,
    overdueAnnounced: false,
    entries: []
  }
}
