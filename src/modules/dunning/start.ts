import type { Day } from '../../kernel/day.ts'
import type { DunningStart } from '../invoices/invoice.ts'
import type { Why } from './why.ts'

type Arrival = Readonly<{
  dueOn: Day
  /** At its arrival, from the effective due date. */
  daysOverdue: number
  /** The organization's. */
  dunningFromOn: Day
}>

/**
 * Whether something that falls due starts silently: at the stage of its age, without events and actions. If its invoice does not state
 * how it starts, it does if it arrives overdue and fell due before the organization's dunning began.
 */
export function startsSilently(stated: DunningStart | null, { dueOn, daysOverdue, dunningFromOn }: Arrival): boolean {
  return stated === null ? daysOverdue >= 1 && dueOn < dunningFromOn : stated === 'baseline'
}

/** How an invoice starts, by what it states and what its obligations do. */
export function startOf(stated: DunningStart | null, areSilent: readonly boolean[]): DunningStart {
  return stated ?? (areSilent.includes(true) ? 'baseline' : 'normal')
}

type Started = Readonly<{
  dunningStart: DunningStart
  /** The stage that it began at in silence in its current cycle; null if none. */
  stage: string | null
  cycle: number
  effectiveDueOn: Day
  arrivedOn: Day
  dunningFromOn: Day
}>

/** That it started silently, as a reason for what was not sent; none for what started normally, or anew since. */
export function silentStart({ dunningStart, stage, cycle, effectiveDueOn, arrivedOn, dunningFromOn }: Started): Why[] {
  if (stage === null && (dunningStart !== 'baseline' || cycle > 1 || effectiveDueOn >= arrivedOn)) return []
  const at = stage === null ? 'before the first stage' : `at ${stage}`
  const unsent = stage === null ? 'that it is overdue was not sent' : `what comes up to ${stage} was neither sent nor done`
  return [
    {
      rule: 'silent_start',
      stage,
      detail: `It started silently on ${arrivedOn}, ${at}, by its age since ${effectiveDueOn}: ${unsent}.`,
      compared: {
        dunning_start: dunningStart,
        effective_due_on: effectiveDueOn,
        arrived_on: arrivedOn,
        dunning_from_on: dunningFromOn
      },
      changedBy: '`dunning_start: normal`, or an earlier `dunning_from_on`, when an invoice is issued.'
    }
  ]
}
