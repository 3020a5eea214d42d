import { addDays, type Day, dayIn, maxDay } from '../../kernel/day.ts'
import {
  type Decision,
  type DecisionContext,
  type DecisionRule,
  decide,
  type Effect,
  firstDay,
  type NextEntry,
  nextEntry,
  type ObligationFacts,
  type Situation,
  standingFor
} from './decide.ts'
import { ageOf, effectiveDueOn, opensOn, type Standing, stageAt, waitsUntil } from './ladder.ts'
import { heldInPart, obstacle } from './obstacle.ts'
import type { Why } from './why.ts'

type View = Readonly<{ standing: Standing; situation: Situation }>

/** The decision with its reasons, in the order in which they count. Costs several times what `decide` alone does. */
export function explain(facts: ObligationFacts, context: DecisionContext): Readonly<{ decision: Decision; why: readonly Why[] }> {
  const decision = decide(facts, context)
  const dueOn = effectiveDueOn(facts.dueOn, context)
  const situation = { facts, context, today: dayIn(context.asOf, facts.timeZone) }
  const before = standingFor(facts, context)
  const { effect } = decision
  const entries = effect.kind === 'enter' ? [...facts.entries, effect] : facts.entries
  const after = standingFor({ ...facts, entries }, context)
  const why = [
    ...(decision.overdue ? [overdue(dueOn, situation)] : []),
    ...(effect.kind === 'enter' ? entered(effect, { standing: before, situation }) : []),
    ...blocked(decision.rule, { standing: after, situation }),
    ...(decision.rule === 'entered' || decision.rule === 'waiting' ? heldInPart(situation) : []),
    ...(decision.rule === 'closed' ? [] : ahead(nextEntry(after, situation), { standing: after, situation }))
  ]
  return { decision, why }
}

function overdue(dueOn: Day, { facts, today }: Situation): Why {
  return {
    rule: 'overdue',
    stage: null,
    detail: `It was due on ${dueOn} and is overdue since ${addDays(dueOn, 1)}, whatever the policy says.`,
    compared: { due_on: facts.dueOn, effective_due_on: dueOn, today },
    changedBy: 'A later due date.'
  }
}

function entered(effect: Effect & { kind: 'enter' }, { standing, situation }: View): Why[] {
  const { context, today } = situation
  const { stages, sendAt, progression } = context.policy
  const openedOn = opensOn(
    stages.findIndex((stage) => stage.code === effect.stage),
    standing,
    context
  )
  const again = effect.repetition > 1 ? `, repetition ${effect.repetition}` : ''
  const entry: Why = {
    rule: 'stage_entered',
    stage: effect.stage,
    detail: `${effect.stage} is entered${again}: it opened on ${openedOn}, and entries are made from ${sendAt} on.`,
    compared: { opened_on: openedOn, today, send_at: sendAt },
    changedBy: 'Payment, a later due date or an exemption before the entry.'
  }
  if (effect.skipped.length === 0) return [entry]
  const skipped = effect.skipped.join(', ')
  const passedOver: Why = {
    rule: 'stages_skipped',
    stage: effect.stage,
    detail: `${skipped} had opened too and is passed over: the policy jumps to the stage that the age says.`,
    compared: { progression, skipped },
    changedBy: 'A sequential progression.'
  }
  return [entry, passedOver]
}

/** What keeps every stage shut, or that there is none left. */
function blocked(rule: DecisionRule, { standing, situation }: View): Why[] {
  if (rule === 'entered' || rule === 'waiting') return []
  return [{ rule, stage: standing.stage, ...obstacle(rule, situation) }]
}

/** What the next entry waits for: the rule that sets its day, then the open day, then the hour. */
function ahead(next: NextEntry | null, view: View): Why[] {
  return next === null ? [] : [...ended(next, view), binding(next, view), ...shifts(next, view)]
}

/** Stages before the due date that will be too late by the time of the next entry. */
function ended(next: NextEntry, { standing, situation }: View): Why[] {
  return situation.context.policy.stages.slice(standing.position + 1, next.index).map((stage) => ({
    rule: 'before_due_only',
    stage: stage.code,
    detail: `${stage.code} is for the time before the due date, which ends on ${standing.effectiveDueOn}.`,
    compared: { effective_due_on: standing.effectiveDueOn, next_entry_on: next.on },
    changedBy: 'A later due date.'
  }))
}

/** The latest of the days that the stage has to wait for, and the rule behind it. */
function binding({ index }: NextEntry, { standing, situation }: View): Why {
  const { today, context } = situation
  const stage = stageAt(index, context.policy)
  const { last, gateOn, effectiveDueOn: dueOn, shiftDays } = standing
  const byAgeOn = ageOf(stage, standing)
  if (last === undefined || gateOn === null || (index !== standing.position && gateOn <= byAgeOn)) {
    const stood = shiftDays > 0 && stage.offsetDays >= 0 ? `, not counting the ${shiftDays} days on hold` : ''
    return {
      rule: 'offset',
      stage: stage.code,
      detail: `${stage.code} is for ${byAgeOn}, ${distance(stage.offsetDays)} the due date ${dueOn}${stood}.`,
      compared: { effective_due_on: dueOn, opens_on: byAgeOn, today, ...(stood !== '' && { held_days: String(shiftDays) }) },
      changedBy: 'Another due date or policy.'
    }
  }
  const compared = { last_entered_on: last.enteredOn, today }
  const changedBy = 'Another policy.'
  if (index === standing.position) {
    const againOn = waitsUntil(index, standing, context.policy)
    const detail = `${stage.code} is repeated until paid, next on ${againOn}; its last entry was on ${last.enteredOn}.`
    return { rule: 'repeat', stage: stage.code, detail, compared: { ...compared, opens_on: againOn }, changedBy }
  }
  const apart = Math.max(1, context.policy.minDaysBetween)
  const isGrace = last.graceDays >= apart
  const detail = isGrace
    ? `${last.stage} of ${last.enteredOn} grants ${last.graceDays} days, until ${gateOn}; ${stage.code} waits for its end.`
    : `${stage.code} waits until ${gateOn}: two entries are at least ${apart} days apart, and the last was on ${last.enteredOn}.`
  const rule = isGrace ? 'grace' : 'min_days_between'
  return { rule, stage: stage.code, detail, compared: { ...compared, by_age_on: byAgeOn, opens_on: gateOn }, changedBy }
}

/** The way from that day to the entry: an open day, and the time of day. */
function shifts(next: NextEntry, { standing, situation }: View): Why[] {
  const { facts, context, today } = situation
  const { policy } = context
  const { code: stage } = stageAt(next.index, policy)
  const openingOn = opensOn(next.index, standing, context)
  const isShifted =
    openingOn !== waitsUntil(next.index, standing, policy) || next.on !== maxDay(openingOn, firstDay(situation) ?? openingOn)
  const why: Why[] = []
  if (policy.businessDays && isShifted) {
    const detail = `Entries are made on open days only, which makes it ${next.on}.`
    const changedBy = 'Another business calendar or policy.'
    why.push({ rule: 'business_days', stage, detail, compared: { open_on: next.on, today }, changedBy })
  }
  if (next.on === today) {
    const detail = `Entries are made from ${policy.sendAt} on in ${facts.timeZone}.`
    const compared = { send_at: policy.sendAt, time_zone: facts.timeZone, today }
    why.push({ rule: 'send_at', stage, detail, compared, changedBy: 'An earlier time of sending.' })
  }
  return why
}

function distance(offsetDays: number): string {
  if (offsetDays === 0) return 'on'
  return `${Math.abs(offsetDays)} days ${offsetDays < 0 ? 'before' : 'after'}`
}
