import { assert } from '../../kernel/assert.ts'
import { type BusinessCalendar, nextOpen, previousOpen } from '../../kernel/calendar.ts'
import { addDays, type Day, maxDay } from '../../kernel/day.ts'
import type { Policy, Stage } from './policy.ts'

/** The ladder in calendar days: where an obligation stands on it, when each rung opens, and which one a day would enter. */
export type Ladder = Readonly<{ policy: Policy; calendar: BusinessCalendar }>

/** An entry that counts: live and of the current cycle. Offset and grace are what they were when it was made. */
export type StageEntry = Readonly<{
  stage: string
  /** 1 for the first entry of a stage. */
  repetition: number
  enteredOn: Day
  offsetDays: number
  graceDays: number
}>

export type Standing = Readonly<{
  /** The due date, or the open day that takes its place. Offsets and days overdue count from it. */
  effectiveDueOn: Day
  /** Oldest first. */
  entries: readonly StageEntry[]
  /** Index of the highest stage entered in this cycle; −1 below the first. */
  position: number
  /** The code that the highest entry was made under, which an edited policy may no longer have. */
  stage: string | null
  last: StageEntry | undefined
  /** The earliest day that the last entry leaves open for another; null where there is none. */
  gateOn: Day | null
  /** Days that stood still under holds; they put off every stage that counts from the due date on. */
  shiftDays: number
}>

export type Choice = Readonly<{ stage: Stage; repetition: number; skipped: readonly string[] }>

export function effectiveDueOn(dueOn: Day, { policy, calendar }: Ladder): Day {
  return policy.dueOnClosedDay === 'next_open' ? nextOpen(calendar, dueOn) : dueOn
}

export function standingOf(
  entries: readonly StageEntry[],
  on: Readonly<{ effectiveDueOn: Day; policy: Policy; shiftDays: number }>
): Standing {
  const { policy, effectiveDueOn: dueOn, shiftDays } = on
  const last = entries.at(-1)
  let position = -1
  let stage: string | null = null
  for (const entry of entries) {
    const index = positionOf(entry, policy)
    if (index >= position) {
      position = index
      stage = entry.stage
    }
  }
  const gateOn = last === undefined ? null : gateAfter(last, policy)
  return { effectiveDueOn: dueOn, entries, position, stage, last, gateOn, shiftDays }
}

/** By code; a stage that an edited policy no longer has counts as the highest one that is not later than it was. */
function positionOf(entry: StageEntry, { stages }: Policy): number {
  const byCode = stages.findIndex((stage) => stage.code === entry.stage)
  return byCode === -1 ? stages.findLastIndex((stage) => stage.offsetDays <= entry.offsetDays) : byCode
}

/** After the entry's grace and the policy's spacing, and never on the same day. */
function gateAfter(entry: StageEntry, { minDaysBetween }: Policy): Day {
  return addDays(entry.enteredOn, Math.max(1, entry.graceDays, minDaysBetween))
}

/** The lowest rung that can come next: the one above, or the last one again where it repeats; `stages.length` at the end. */
export function firstCandidate({ position }: Standing, { stages }: Policy): number {
  if (position < stages.length - 1) return position + 1
  return stages.at(-1)?.repeatEveryDays === null ? stages.length : position
}

export function stageAt(index: number, { stages }: Policy): Stage {
  const stage = stages[index]
  assert(stage !== undefined, `The policy has no stage ${index}.`)
  return stage
}

/**
 * The day from which the stage may be entered: what it waits for, moved to an open day. A stage before the due date moves
 * back, but never to before what the last entry allows. Never falls as the index rises, which is what lets a search stop
 * at the first stage that is not open.
 */
export function opensOn(index: number, standing: Standing, { policy, calendar }: Ladder): Day {
  const unshiftedOn = waitsUntil(index, standing, policy)
  if (!policy.businessDays) return unshiftedOn
  if (stageAt(index, policy).offsetDays >= 0) return nextOpen(calendar, unshiftedOn)
  const earlierOn = previousOpen(calendar, unshiftedOn)
  const { gateOn } = standing
  return gateOn !== null && earlierOn < gateOn ? nextOpen(calendar, gateOn) : earlierOn
}

/**
 * The same before any shift: the latest of the stage's offset, the grace and the spacing of the entry before. A repetition
 * counts from the last entry instead of the due date.
 */
export function waitsUntil(index: number, standing: Standing, policy: Policy): Day {
  const stage = stageAt(index, policy)
  const { last, gateOn } = standing
  if (index !== standing.position) {
    const byAgeOn = ageOf(stage, standing)
    return gateOn === null ? byAgeOn : maxDay(byAgeOn, gateOn)
  }
  const { repeatEveryDays } = stage
  assert(
    last !== undefined && gateOn !== null && repeatEveryDays !== null,
    'Only a stage that was entered and repeats can come again.'
  )
  return maxDay(addDays(last.enteredOn, repeatEveryDays), gateOn)
}

/** The day that the age alone gives a stage. Before the due date no age has begun that could stand still. */
export function ageOf({ offsetDays }: Stage, { effectiveDueOn: dueOn, shiftDays }: Standing): Day {
  return addDays(dueOn, offsetDays < 0 ? offsetDays : offsetDays + shiftDays)
}

/** A stage before the due date can be entered until the due date; afterwards it is passed in silence. */
export function isEnterableOn(stage: Stage, { day, standing }: { day: Day; standing: Standing }): boolean {
  return stage.offsetDays >= 0 || day <= standing.effectiveDueOn
}

/** The entry that an open day makes at or after the time of sending; null where no stage is open. */
export function entryOn(day: Day, standing: Standing, ladder: Ladder): Choice | null {
  const { policy } = ladder
  const skipped: string[] = []
  let chosen = -1
  for (let index = firstCandidate(standing, policy); index < policy.stages.length; index += 1) {
    if (!isEnterableOn(stageAt(index, policy), { day, standing })) continue
    if (opensOn(index, standing, ladder) > day) break
    if (chosen !== -1) skipped.push(stageAt(chosen, policy).code)
    chosen = index
    if (policy.progression === 'sequential') break
  }
  if (chosen === -1) return null
  const stage = stageAt(chosen, policy)
  return { stage, repetition: chosen === standing.position ? timesEntered(stage, standing) + 1 : 1, skipped }
}

function timesEntered({ code }: Stage, { entries }: Standing): number {
  return entries.reduce((times, entry) => (entry.stage === code ? Math.max(times, entry.repetition) : times), 0)
}
