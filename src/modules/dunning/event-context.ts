import type { Day } from '../../kernel/day.ts'
import type { HoldFact } from '../../kernel/holding.ts'
import { formatAmount } from '../../kernel/money.ts'
import { effectiveDueOn, type Obligation } from '../invoices/invoice.ts'
import type { Asked } from './asked.ts'
import type { NewEntry } from './entry.ts'
import type { LiveEntry, PolicyRef } from './facts.ts'
import type { Stage } from './policy.ts'

/** Of the obligation that an event is about: an invoice may have several. */
export function obligationContext(obligation: Obligation) {
  const { id, kind, dueOn, cycle, currency, amountMinor, balanceMinor } = obligation
  const effectiveOn = effectiveDueOn(obligation)
  return {
    obligation: { id, kind, due_on: dueOn, effective_due_on: effectiveOn, cycle },
    amounts: { currency, total: formatAmount(amountMinor, currency), balance: formatAmount(balanceMinor, currency) }
  }
}

export type Blocked = Readonly<{
  client: object
  obligation: Obligation
  daysOverdue: number
  policy: PolicyRef
  calendarVersion: number
  by: readonly HoldFact[]
}>

/** Of `invoice.dunning_blocked`: what is overdue, and the holds that keep it from being dunned. */
export function blockedContext({ client, obligation, daysOverdue, policy, calendarVersion, by }: Blocked) {
  return {
    client,
    ...obligationContext(obligation),
    days_overdue: daysOverdue,
    ...groundsContext(policy, calendarVersion),
    holds: by.map(({ id, reason }) => ({ id, reason }))
  }
}

/** The same of one that is asked for, with what is not asked for of it, under the names that a notice has for them. */
export function askedContext(obligation: Obligation, asked: Asked) {
  const { obligation: named, amounts } = obligationContext(obligation)
  const text = (minor: bigint) => formatAmount(minor, obligation.currency)
  const parts = {
    unapplied_credit: text(asked.creditMinor),
    disputed: text(asked.disputedMinor),
    announced: text(asked.announcedMinor),
    promised: text(asked.promisedMinor),
    net_total: text(asked.askedMinor)
  }
  return { obligation: named, amounts: { ...amounts, ...parts } }
}

export function groundsContext(policy: PolicyRef, calendarVersion: number) {
  return { policy: { id: policy.policyId, version: policy.version }, calendar_version: calendarVersion }
}

/** `deadlineOn` is the end of the grace that the stage grants, null where it grants none. */
export function stageContext(entry: NewEntry, { stage, deadlineOn }: { stage: Stage; deadlineOn: Day | null }) {
  return {
    entry_id: entry.id,
    stage: {
      code: entry.stage,
      offset_days: entry.offsetDays,
      tone: stage.tone,
      action: stage.action,
      grace_days: entry.graceDays,
      deadline_on: deadlineOn,
      repetition: entry.repetition,
      skipped: [...entry.skipped]
    }
  }
}

/** Entries that turned out mistaken, for an apology: what was said, and when. */
export function retractedContext(entries: readonly LiveEntry[], reason: string) {
  return {
    reason,
    entries: entries.map((entry) => ({
      id: entry.id,
      kind: entry.kind,
      stage: entry.stage,
      repetition: entry.repetition,
      entered_at: entry.enteredAt.toISOString(),
      entered_on: entry.enteredOn
    }))
  }
}
