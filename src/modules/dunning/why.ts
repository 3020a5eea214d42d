import type { DecisionRule } from './decide.ts'

export type WhyRule =
  | Exclude<DecisionRule, 'entered' | 'waiting'>
  | 'overdue'
  | 'silent_start'
  | 'stage_entered'
  | 'stages_skipped'
  | 'part_held'
  | 'before_due_only'
  | 'offset'
  | 'grace'
  | 'min_days_between'
  | 'repeat'
  | 'business_days'
  | 'send_at'

/** One rule that had a say, for a person (`detail`, `changedBy`) and for a program (`rule`, `stage`, `compared`). */
export type Why = Readonly<{
  rule: WhyRule
  /** The stage it speaks of; null where it speaks of the obligation. */
  stage: string | null
  detail: string
  /** The days, times and amounts that were held against each other, by name. */
  compared: Readonly<Record<string, string>>
  /** What would make it otherwise. */
  changedBy: string
}>
