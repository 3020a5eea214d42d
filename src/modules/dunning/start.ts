import type { Day } from '../../kernel/day.ts'
import type { DunningStart } from '../invoices/invoice.ts'

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
