import { type Static, Type } from 'typebox'
import {
  Amount,
  CurrencyCode,
  closed,
  DayText,
  Id,
  InstantText,
  LongText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  updatedSince
} from '../../http/schemas.ts'
import { addDays, day } from '../../kernel/day.ts'
import { formatAmount } from '../../kernel/money.ts'
import { messageOutcomes } from '../interactions/interaction.ts'
import { InteractionSchema, toApi as interactionToApi } from '../interactions/schemas.ts'
import { EffectiveDueOn, PARTS_MAX } from '../invoices/schemas.ts'
import type { Explained, Explanation } from './explain-service.ts'
import { policyChoosers } from './facts.ts'
import type { EntryFilter } from './history-repository.ts'
import { channels, type EntryView, type OutcomeReport } from './outcome.ts'
import { policyLimits, stageActions } from './policy.ts'
import { DunningRunSchema } from './run-schemas.ts'
import type { Why } from './why.ts'

const PolicyRefSchema = closed({ id: Id, version: Type.Integer() })

export const DunningEntrySchema = named(
  'DunningEntry',
  closed(
    {
      id: Id,
      client_id: Id,
      invoice_id: Id,
      obligation_id: Id,
      cycle: Type.Integer({ description: 'Grows when the due date is moved; a stage is entered once in each' }),
      kind: oneOf(['entered', 'baseline'], { description: '`baseline`: where an import began, silently' }),
      stage: Type.String(),
      repetition: Type.Integer({ minimum: 1 }),
      skipped: Type.Array(Type.String(), {
        maxItems: policyLimits.stages,
        description: 'Stages that had opened too and were passed over'
      }),
      offset_days: Type.Integer(),
      grace_days: Type.Integer(),
      action: nullable(oneOf(stageActions, { description: 'What the stage asked for besides a message' })),
      deadline_on: nullable(DayText),
      policy: PolicyRefSchema,
      calendar_version: Type.Integer(),
      entered_at: InstantText,
      entered_on: DayText,
      due_on: Type.String({ format: 'date', description: 'The due date at the time of the entry' }),
      effective_due_on: EffectiveDueOn,
      days_overdue: Type.Integer({ description: 'On that day; negative before the due date' }),
      balance: Amount,
      currency: CurrencyCode,
      mistaken_at: nullable(InstantText),
      mistaken_reason: nullable(Type.String()),
      outcomes: Type.Array(
        closed({ outcome: oneOf(messageOutcomes), channel: oneOf(channels), occurred_at: InstantText, interaction_id: Id }),
        { description: 'What came of telling somebody, in the order in which it happened; empty where nobody reported it' }
      ),
      recorded_at: InstantText
    },
    { description: 'The fact that something due entered a stage, once. A mistaken one stays and no longer counts' }
  )
)

const WhySchema = closed({
  rule: Type.String({ description: 'For programs' }),
  stage: nullable(Type.String()),
  detail: Type.String({ description: 'For people' }),
  compared: Type.Record(Type.String(), Type.String(), { description: 'The days, times and amounts held against each other' }),
  changed_by: Type.String({ description: 'What would make it otherwise' })
})

const ENTRIES_SHOWN = 50

const ExplainedSchema = closed({
  obligation_id: Id,
  kind: oneOf(['invoice', 'part']),
  due_on: DayText,
  effective_due_on: EffectiveDueOn,
  cycle: Type.Integer(),
  balance: Amount,
  policy: PolicyRefSchema,
  policy_chosen_by: oneOf(policyChoosers, {
    description:
      'Whose `dunning_policy_id` it is; `first_entry`: nobody names it any more, and the ladder in flight goes on under it'
  }),
  is_policy_pinned: Type.Boolean({ description: 'By the first entry of the cycle; otherwise it is what applies now' }),
  stage: nullable(Type.String({ description: 'The stage it is in' })),
  decision: closed(
    {
      effect: oneOf(['enter', 'stay', 'clear']),
      rule: Type.String({ description: 'The rule that settled it' }),
      is_overdue_news: Type.Boolean({ description: 'It would say now that this is overdue' }),
      days_overdue: Type.Integer({ description: 'Since the due date; negative before it' }),
      stage: nullable(Type.String({ description: 'The stage after it' })),
      skipped: Type.Array(Type.String(), { maxItems: policyLimits.stages })
    },
    { description: 'What a sweep would do now' }
  ),
  next: closed({
    stage: nullable(Type.String({ description: 'The stage that is entered next if nothing changes; null if none is known' })),
    at: nullable(Type.String({ format: 'date-time', description: 'When `stage` is entered' })),
    overdue_at: nullable(
      Type.String({ format: 'date-time', description: 'When `invoice.overdue` is sent; null once it was, or if nothing is open' })
    )
  }),
  why: Type.Array(WhySchema),
  entries: Type.Array(ref(DunningEntrySchema), {
    maxItems: ENTRIES_SHOWN,
    description: `Of all cycles, the mistaken ones too, oldest first: the last ${ENTRIES_SHOWN}`
  }),
  entries_count: Type.Integer({ description: 'Number of entries of this obligation' }),
  entries_url: Type.String({ description: 'Path of the list of the invoice’s entries, newest first' })
})

export const DunningExplanationSchema = named(
  'DunningExplanation',
  closed({
    invoice_id: Id,
    as_of: InstantText,
    calendar_version: Type.Integer(),
    obligations: Type.Array(ExplainedSchema, { maxItems: PARTS_MAX })
  })
)

export const EntryQuery = closed({
  ...pageQuery,
  ...updatedSince,
  client_id: Type.Optional(Id),
  invoice_id: Type.Optional(Id),
  stage: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  from_on: Type.Optional(DayText),
  to_on: Type.Optional(DayText)
})

export const ReportOutcome = closed(
  {
    outcome: oneOf(messageOutcomes),
    channel: oneOf(channels),
    ...optional({
      occurred_at: Type.String({ format: 'date-time', description: 'Not in the future; now where it is not said' }),
      contact_id: Type.String({ format: 'uuid', description: 'Who was told: a contact of the client' }),
      note: LongText
    })
  },
  { examples: [{ outcome: 'delivered', channel: 'e_mail', occurred_at: '2026-02-01T09:00:04Z' }] }
)

/** What an outcome becomes. */
export { InteractionSchema, interactionToApi }

export const dunningSchemas = [DunningEntrySchema, DunningRunSchema, DunningExplanationSchema]

type WrittenEntryQuery = {
  client_id?: string
  invoice_id?: string
  stage?: string
  from_on?: string
  to_on?: string
  updated_since?: string
}

export function entryFilterFrom(query: WrittenEntryQuery): Omit<EntryFilter, 'limit' | 'after'> {
  return {
    clientId: query.client_id ?? null,
    invoiceId: query.invoice_id ?? null,
    stage: query.stage ?? null,
    fromOn: query.from_on === undefined ? null : day(query.from_on),
    toOn: query.to_on === undefined ? null : day(query.to_on),
    updatedSince: query.updated_since === undefined ? null : new Date(query.updated_since)
  }
}

export function reportFrom(body: Static<typeof ReportOutcome>): OutcomeReport {
  return {
    outcome: body.outcome,
    channel: body.channel,
    occurredAt: body.occurred_at === undefined ? null : new Date(body.occurred_at),
    contactId: body.contact_id ?? null,
    note: body.note ?? null
  }
}

export function entryToApi(entry: EntryView) {
  return {
    id: entry.id,
    client_id: entry.clientId,
    invoice_id: entry.invoiceId,
    obligation_id: entry.obligationId,
    cycle: entry.cycle,
    kind: entry.kind,
    stage: entry.stage,
    repetition: entry.repetition,
    skipped: [...entry.skipped],
    offset_days: entry.offsetDays,
    grace_days: entry.graceDays,
    action: entry.action,
    deadline_on: entry.graceDays > 0 ? addDays(entry.enteredOn, entry.graceDays) : null,
    policy: { id: entry.policy.policyId, version: entry.policy.version },
    calendar_version: entry.calendarVersion,
    entered_at: entry.enteredAt.toISOString(),
    entered_on: entry.enteredOn,
    due_on: entry.dueOn,
    effective_due_on: addDays(entry.enteredOn, -entry.daysOverdue),
    days_overdue: entry.daysOverdue,
    balance: formatAmount(entry.balanceMinor, entry.currency),
    currency: entry.currency,
    mistaken_at: entry.mistakenAt?.toISOString() ?? null,
    mistaken_reason: entry.mistakenReason,
    outcomes: entry.outcomes.map(({ outcome, channel, occurredAt, interactionId }) => ({
      ...{ outcome, channel },
      occurred_at: occurredAt.toISOString(),
      interaction_id: interactionId
    })),
    recorded_at: entry.recordedAt.toISOString()
  }
}

export function explanationToApi({ invoiceId, asOf, calendarVersion, obligations }: Explanation) {
  return {
    invoice_id: invoiceId,
    as_of: asOf.toISOString(),
    calendar_version: calendarVersion,
    obligations: obligations.map(explainedToApi)
  }
}

function explainedToApi({ found: { obligation }, effectiveOn, policy, chosenBy, isPinned, decision, why, entries }: Explained) {
  const { effect } = decision
  return {
    obligation_id: obligation.id,
    kind: obligation.kind,
    due_on: obligation.dueOn,
    effective_due_on: effectiveOn,
    cycle: obligation.cycle,
    balance: formatAmount(obligation.balanceMinor, obligation.currency),
    policy: { id: policy.policyId, version: policy.version },
    policy_chosen_by: chosenBy,
    is_policy_pinned: isPinned,
    stage: obligation.stageCode,
    decision: {
      effect: effect.kind,
      rule: decision.rule,
      is_overdue_news: decision.overdue,
      days_overdue: decision.daysOverdue,
      stage: decision.stage,
      skipped: effect.kind === 'enter' ? [...effect.skipped] : []
    },
    next: {
      stage: decision.nextStage,
      at: decision.nextEntryAt?.toISOString() ?? null,
      overdue_at: decision.overdueAt?.toISOString() ?? null
    },
    why: why.map(whyToApi),
    entries: entries.slice(-ENTRIES_SHOWN).map(entryToApi),
    entries_count: entries.length,
    entries_url: `/v1/dunning/entries?invoice_id=${obligation.invoiceId}`
  }
}

function whyToApi({ rule, stage, detail, compared, changedBy }: Why) {
  return { rule, stage, detail, compared: { ...compared }, changed_by: changedBy }
}
