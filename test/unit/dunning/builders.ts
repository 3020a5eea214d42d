import { type BusinessCalendar, businessCalendar, openEveryDay } from '../../../src/kernel/calendar.ts'
import { addDays, type Day, day, instantOn } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'
import { type Decision, decide, type Effect, type ObligationFacts } from '../../../src/modules/dunning/decide.ts'
import type { StageEntry } from '../../../src/modules/dunning/ladder.ts'
import { checkPolicy, type Policy, type Stage } from '../../../src/modules/dunning/policy.ts'

export const eur = currency('EUR')
export const jpy = currency('JPY')

/** Saturday and Sunday are closed. */
export const weekdays: BusinessCalendar = closedOn({ weekend: [6, 7] })

export function closedOn({
  weekend = [],
  days = []
}: {
  weekend?: readonly number[]
  days?: readonly string[]
}): BusinessCalendar {
  return businessCalendar({ version: 1, weekend, closedDays: days.map(day), isHoliday: () => false })
}

export function stage(code: string, offsetDays: number, rest: Partial<Stage> = {}): Stage {
  return { code, offsetDays, tone: 'firm', graceDays: 0, action: null, repeatEveryDays: null, audience: [], ...rest }
}

/** A jump policy without spacing, weekends or minimum, sent at 09:00, so that a test names only what it is about. */
export function policyOf(stages: readonly Stage[], rest: Partial<Policy> = {}): Policy {
  const policy: Policy = {
    name: 'Test',
    progression: 'jump',
    minDaysBetween: 0,
    minBalanceMinor: new Map(),
    businessDays: false,
    dueOnClosedDay: 'as_is',
    sendAt: '09:00',
    disputedPart: 'exclude',
    contactLimits: null,
    stages,
    ...rest
  }
  checkPolicy(policy)
  return policy
}

export function entry(stageCode: string, enteredOn: string, rest: Partial<StageEntry> = {}): StageEntry {
  return { stage: stageCode, repetition: 1, enteredOn: day(enteredOn), offsetDays: 0, graceDays: 0, ...rest }
}

/** 100.00 EUR, open, in UTC, never dunned. */
export function factsOf(dueOn: string, rest: Partial<ObligationFacts> = {}): ObligationFacts {
  return {
    dueOn: day(dueOn),
    currency: eur,
    balanceMinor: 10_000n,
    status: 'open',
    dunning: 'on',
    exemptUntilOn: null,
    isCollected: false,
    holds: [],
    creditMinor: 0n,
    earlierMinor: 0n,
    timeZone: 'UTC',
    overdueAnnounced: false,
    entries: [],
    ...rest
  }
}

/** The facts once the decision is carried out. */
export function applied(facts: ObligationFacts, { effect, overdue }: Decision): ObligationFacts {
  const entries = effect.kind === 'enter' ? [...facts.entries, entryOf(effect)] : facts.entries
  return { ...facts, entries, overdueAnnounced: facts.overdueAnnounced || overdue }
}

function entryOf({ stage: code, repetition, enteredOn, offsetDays, graceDays }: Effect & { kind: 'enter' }): StageEntry {
  return { stage: code, repetition, enteredOn, offsetDays, graceDays }
}

export type Run = Readonly<{ facts: ObligationFacts; policy: Policy; calendar?: BusinessCalendar }>

/** Decides at each instant in turn and carries every decision out; gives what happened as `2026-03-05 reminder`. */
export function sweepAt(instants: readonly Date[], run: Run): { log: string[]; facts: ObligationFacts } {
  const log: string[] = []
  let { facts } = run
  for (const asOf of instants) {
    const decision = decide(facts, { policy: run.policy, calendar: run.calendar ?? openEveryDay, asOf })
    if (decision.overdue) log.push(`${dayOf(asOf)} overdue`)
    if (decision.effect.kind === 'enter') log.push(lineOf(decision.effect))
    if (decision.effect.kind === 'clear') log.push(`${dayOf(asOf)} clear`)
    facts = applied(facts, decision)
  }
  return { log, facts }
}

/** A sweep a day at noon, from the first day through the last. */
export function sweepDaily({ from, days }: { from: string; days: number }, run: Run): { log: string[]; facts: ObligationFacts } {
  return sweepAt(
    Array.from({ length: days }, (_, index) => at(addDays(day(from), index), '12:00', run.facts.timeZone)),
    run
  )
}

export function at(on: string, time: string, timeZone = 'UTC'): Date {
  return instantOn(day(on), { time, timeZone })
}

function lineOf({ stage: code, repetition, enteredOn, skipped }: Effect & { kind: 'enter' }): string {
  return [enteredOn, code, repetition > 1 ? `#${repetition}` : '', skipped.length > 0 ? `(skipped ${skipped.join(', ')})` : '']
    .filter(Boolean)
    .join(' ')
}

function dayOf(instant: Date): Day {
  return day(instant.toISOString().slice(0, 10))
}
