import { nextOpen } from '../../kernel/calendar.ts'
import { addDays, type Day, dayIn, daysBetween, instantOn, maxDay, startOfDay } from '../../kernel/day.ts'
import { covers, firstFreeDay, type HoldFact, shiftedDays } from '../../kernel/holding.ts'
import type { Currency } from '../../kernel/money.ts'
import { askedOf, unheldOf } from './asked.ts'
import { awaitsCollection } from './collection.ts'
import {
  effectiveDueOn,
  entryOn,
  firstCandidate,
  isEnterableOn,
  type Ladder,
  opensOn,
  type StageEntry,
  type Standing,
  stageAt,
  standingOf
} from './ladder.ts'
import type { Stage } from './policy.ts'

/** What a decision rests on, read in the transaction that decides. */
export type ObligationFacts = Readonly<{
  dueOn: Day
  currency: Currency
  /** What remains open, in minor units. */
  balanceMinor: bigint
  /** What is open of the same invoice in parts that fall due earlier: what is held of the invoice in part concerns those first. */
  earlierMinor: bigint
  /** What of that is covered by the client's credit that is not applied. */
  creditMinor: bigint
  /** `closed`: paid, void, written off. A balance of 0 or less is closed too. */
  status: 'open' | 'closed'
  dunning: 'on' | 'off'
  /** The last day of the exemption; null for none. */
  exemptUntilOn: Day | null
  /** It is paid by autopay, and no collection of it failed. */
  isCollected: boolean
  /** Whatever holds or held it, released ones too. */
  holds: readonly HoldFact[]
  /** The client's zone where it has one, else the organization's. */
  timeZone: string
  /** That it is overdue was said in this cycle. */
  overdueAnnounced: boolean
  /** The live entries of the current cycle, oldest first, baseline entries included. */
  entries: readonly StageEntry[]
}>

export type DecisionContext = Ladder & Readonly<{ asOf: Date }>

/** The rule that settled the effect; `explain` turns it into sentences. */
export type DecisionRule =
  | 'closed'
  | 'dunning_off'
  | 'held'
  | 'below_minimum'
  | 'held_in_part'
  | 'covered_by_credit'
  | 'exempt'
  | 'awaiting_collection'
  | 'entered'
  | 'waiting'
  | 'ladder_done'

export type Effect =
  | (StageEntry &
      Readonly<{
        kind: 'enter'
        /** Codes passed over that could still have been entered; always empty in `sequential`. */
        skipped: readonly string[]
        /** The end of the grace that the stage grants; null where it grants none. */
        deadlineOn: Day | null
      }>)
  | Readonly<{ kind: 'stay' }>
  /** Nothing is open: the obligation stands on no stage. Its entries stay, so that a reversal does not make them again. */
  | Readonly<{ kind: 'clear' }>

export type Decision = Readonly<{
  effect: Effect
  rule: DecisionRule
  /** Say now that it is overdue; once per cycle. */
  overdue: boolean
  /** A hold keeps every stage shut today. */
  isHeld: boolean
  /** Calendar days since the effective due date; 0 on it, negative before. */
  daysOverdue: number
  /** The stage after the effect. */
  stage: string | null
  /** After the effect: before this instant nothing happens unless the facts change, and at it something does. Null for never. */
  nextAt: Date | null
  /** The start of the first overdue day, as long as `overdue` is still to come; else null. */
  overdueAt: Date | null
  /** The next entry alone, without the overdue boundary, and the stage that it would enter. */
  nextEntryAt: Date | null
  nextStage: string | null
}>

/** An exemption through such a day is meant for ever; the days after it may not be days any more. */
const endless = '9000-01-01'

const stay: Effect = { kind: 'stay' }
const clear: Effect = { kind: 'clear' }

/**
 * The only place with rules: the same facts under the same policy at the same instant give the same decision, and
 * deciding again once the effect is applied changes nothing. Takes what the policy's check let through.
 */
export function decide(facts: ObligationFacts, context: DecisionContext): Decision {
  const today = dayIn(context.asOf, facts.timeZone)
  const dueOn = effectiveDueOn(facts.dueOn, context)
  const daysOverdue = daysBetween(dueOn, today)
  if (isClosed(facts)) return closed(facts, daysOverdue)
  const overdue = !facts.overdueAnnounced && daysOverdue >= 1
  const standing = standingFor(facts, context)
  const situation = { facts, context, today }
  const next = nextEntry(standing, situation)
  const choice = next !== null && next.at <= context.asOf ? entryOn(today, standing, context) : null
  if (choice === null) {
    const rule = blockOf(situation) ?? (next === null ? 'ladder_done' : 'waiting')
    return {
      effect: stay,
      rule,
      overdue,
      isHeld: isHeld(situation),
      daysOverdue,
      stage: standing.stage,
      ...outlook(standing, { ...situation, overdue, next })
    }
  }
  const { stage, repetition, skipped } = choice
  const entry = { stage: stage.code, repetition, enteredOn: today, offsetDays: stage.offsetDays, graceDays: stage.graceDays }
  const effect: Effect = { kind: 'enter', ...entry, skipped, deadlineOn: deadlineOf(stage, today) }
  const after = standingFor({ ...facts, entries: [...facts.entries, entry] }, context)
  const ahead = outlook(after, { ...situation, overdue, next: nextEntry(after, situation) })
  return { effect, rule: 'entered', overdue, isHeld: false, daysOverdue, stage: stage.code, ...ahead }
}

/**
 * What comes next, for a caller that changes the facts without deciding. `nextAt` is the first instant at which `decide` makes an
 * entry or announces that it is overdue; it has passed if that is due already.
 */
export function whatIsNext(facts: ObligationFacts, context: DecisionContext): Outlook {
  if (isClosed(facts)) return nothingAhead
  const today = dayIn(context.asOf, facts.timeZone)
  const standing = standingFor(facts, context)
  const situation = { facts, context, today }
  return outlook(standing, { ...situation, overdue: false, next: nextEntry(standing, situation) })
}

/**
 * The stage that an import starts from: the highest one whose offset the age has reached, whatever the calendar, the
 * spacing, the minimum and the exemption say. Null below the first, once closed, while a collection is awaited, and for a stage before
 * the due date that the due date has ended.
 */
export function baselineStage(facts: ObligationFacts, context: DecisionContext): Stage | null {
  if (isClosed(facts)) return null
  const [dueOn, today] = [effectiveDueOn(facts.dueOn, context), dayIn(context.asOf, facts.timeZone)]
  if (awaitsCollection(facts, { dueOn, today })) return null
  const daysOverdue = daysBetween(dueOn, today)
  const reached = context.policy.stages.findLast((stage) => stage.offsetDays <= daysOverdue)
  return reached === undefined || (reached.offsetDays < 0 && daysOverdue > 0) ? null : reached
}

export function standingFor(
  { dueOn: writtenDueOn, entries, holds }: Pick<ObligationFacts, 'dueOn' | 'entries' | 'holds'>,
  ladder: Ladder
): Standing {
  const dueOn = effectiveDueOn(writtenDueOn, ladder)
  return standingOf(entries, { effectiveDueOn: dueOn, policy: ladder.policy, shiftDays: shiftedDays(holds, { dueOn }) })
}

export function isClosed({ status, balanceMinor }: Pick<ObligationFacts, 'status' | 'balanceMinor'>): boolean {
  return status === 'closed' || balanceMinor <= 0n
}

/** At or below the policy's minimum for the currency. */
export function isBelowMinimum(
  { balanceMinor, currency }: Pick<ObligationFacts, 'balanceMinor' | 'currency'>,
  { policy }: Ladder
): boolean {
  return balanceMinor <= (policy.minBalanceMinor.get(currency) ?? 0n)
}

/** The holds that keep every stage shut: those over all of it, and disputes of a part where the policy says so. */
export function wholeHolds({ facts, context }: Pick<Situation, 'facts' | 'context'>): readonly HoldFact[] {
  const isWhole = ({ amountMinor, reason }: HoldFact) =>
    amountMinor === null || (reason === 'dispute' && context.policy.disputedPart === 'hold_invoice')
  return facts.holds.filter(isWhole)
}

/** The rule that keeps every stage shut now; null where none does. */
export function blockedBy(facts: ObligationFacts, context: DecisionContext): DecisionRule | null {
  if (isClosed(facts)) return 'closed'
  return blockOf({ facts, context, today: dayIn(context.asOf, facts.timeZone) })
}

export type Situation = Readonly<{ facts: ObligationFacts; context: DecisionContext; today: Day }>
export type NextEntry = Readonly<{ index: number; on: Day; at: Date }>

/**
 * The first entry that can be made today or later, as the facts stand: its instant is past or present exactly when `decide`
 * enters a stage now. The lowest rung decides, because no higher one opens earlier.
 */
export function nextEntry(standing: Standing, situation: Situation): NextEntry | null {
  const { facts, context } = situation
  if (facts.dunning === 'off') return null
  const { policy } = context
  const fromOn = firstDay(situation)
  if (fromOn === null) return null
  for (let index = firstCandidate(standing, policy); index < policy.stages.length; index += 1) {
    const stage = stageAt(index, policy)
    if (!isEnterableOn(stage, { day: fromOn, standing })) continue
    const sending = firstSending(maxDay(opensOn(index, standing, context), fromOn), situation)
    if (isEnterableOn(stage, { day: sending.on, standing })) return { index, ...sending }
  }
  return null
}

/**
 * Today, or the first day after the exemption and the awaited collection on which holds leave enough; null if one has no end.
 */
export function firstDay(situation: Situation): Day | null {
  const { facts, context, today } = situation
  if (facts.exemptUntilOn !== null && facts.exemptUntilOn >= endless) return null
  const collectedOn = isAwaited(situation) ? addDays(effectiveDueOn(facts.dueOn, context), 1) : today
  const from = isExempt(facts, today) ? maxDay(addDays(facts.exemptUntilOn, 1), collectedOn) : collectedOn
  return firstFreeDay(
    facts.holds,
    from,
    (day) => isHeld({ ...situation, today: day }) || tooLittle({ ...situation, today: day }) !== null
  )
}

function isExempt(facts: ObligationFacts, today: Day): facts is ObligationFacts & { exemptUntilOn: Day } {
  return facts.exemptUntilOn !== null && facts.exemptUntilOn >= today
}

function isAwaited({ facts, context, today }: Situation): boolean {
  return awaitsCollection(facts, { dueOn: effectiveDueOn(facts.dueOn, context), today })
}

/** The first day from the given one that is open and has the time of sending at all: a zone may skip it, or the whole day. */
function firstSending(fromOn: Day, { facts, context }: Situation): { on: Day; at: Date } {
  const { policy, calendar } = context
  const { timeZone } = facts
  for (let day = fromOn; ; day = addDays(day, 1)) {
    const on = policy.businessDays ? nextOpen(calendar, day) : day
    const at = instantOn(on, { time: policy.sendAt, timeZone })
    if (dayIn(at, timeZone) === on) return { on, at }
    day = on
  }
}

function blockOf(situation: Situation): DecisionRule | null {
  const { facts, today } = situation
  if (facts.dunning === 'off') return 'dunning_off'
  if (isHeld(situation)) return 'held'
  return tooLittle(situation) ?? (isExempt(facts, today) ? 'exempt' : isAwaited(situation) ? 'awaiting_collection' : null)
}

/** The rule that leaves nothing to dun: the balance is too small itself, or what holds of parts and then credit take from it leaves too little. */
function tooLittle({ facts, context, today }: Situation): DecisionRule | null {
  const isTooLittle = (balanceMinor: bigint) => isBelowMinimum({ ...facts, balanceMinor }, context)
  if (!isTooLittle(askedOf(facts, today).askedMinor)) return null
  if (isTooLittle(facts.balanceMinor)) return 'below_minimum'
  return isTooLittle(unheldOf(facts, today)) ? 'held_in_part' : 'covered_by_credit'
}

function isHeld(situation: Situation): boolean {
  const { facts, today } = situation
  return wholeHolds(situation).some((hold) => covers(hold, today)) || unheldOf(facts, today) <= 0n
}

function closed(facts: ObligationFacts, daysOverdue: number): Decision {
  const effect = facts.entries.length === 0 ? stay : clear
  return {
    ...{ effect, rule: 'closed', overdue: false, isHeld: false, daysOverdue },
    ...{ stage: null, ...nothingAhead }
  }
}

export type Outlook = Pick<Decision, 'nextAt' | 'overdueAt' | 'nextEntryAt' | 'nextStage'>

const nothingAhead: Outlook = { nextAt: null, overdueAt: null, nextEntryAt: null, nextStage: null }

/** What comes after the decision: the next entry, and the start of the first overdue day as long as that was not announced. */
function outlook(standing: Standing, ahead: Situation & Readonly<{ overdue: boolean; next: NextEntry | null }>): Outlook {
  const { facts, context, next } = ahead
  const choice = next === null ? null : entryOn(next.on, standing, context)
  const [nextEntryAt, nextStage] = next === null || choice === null ? [null, null] : [next.at, choice.stage.code]
  if (facts.overdueAnnounced || ahead.overdue) return { nextAt: nextEntryAt, overdueAt: null, nextEntryAt, nextStage }
  const overdueAt = startOfDay(addDays(standing.effectiveDueOn, 1), facts.timeZone)
  const nextAt = nextEntryAt !== null && nextEntryAt < overdueAt ? nextEntryAt : overdueAt
  return { nextAt, overdueAt, nextEntryAt, nextStage }
}

function deadlineOf({ graceDays }: Stage, enteredOn: Day): Day | null {
  return graceDays > 0 ? addDays(enteredOn, graceDays) : null
}
