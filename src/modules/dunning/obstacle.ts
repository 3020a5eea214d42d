import { covers, type HoldFact } from '../../kernel/holding.ts'
import { formatAmount } from '../../kernel/money.ts'
import { askedOf, unheldOf } from './asked.ts'
import { type DecisionRule, type ObligationFacts, type Situation, wholeHolds } from './decide.ts'
import { effectiveDueOn } from './ladder.ts'
import type { Why } from './why.ts'

/** What keeps every stage shut, in words. */
export function obstacle(
  rule: Exclude<DecisionRule, 'entered' | 'waiting'>,
  situation: Situation
): Pick<Why, 'detail' | 'compared' | 'changedBy'> {
  const { facts, today } = situation
  switch (rule) {
    case 'closed': {
      const detail = 'Nothing is open, so it stands on no stage.'
      return { detail, compared: balanceOf(facts), changedBy: 'A reversal of what settled it.' }
    }
    case 'dunning_off':
      return { detail: 'Dunning is switched off for it.', compared: { dunning: facts.dunning }, changedBy: 'Switching it on.' }
    case 'held':
      return held(situation)
    case 'below_minimum': {
      const detail = `What is open is not above the policy's minimum of ${minimumOf(situation)} ${facts.currency}.`
      const compared = { ...balanceOf(facts), min_balance: minimumOf(situation) }
      return { detail, compared, changedBy: 'A higher balance or a lower minimum.' }
    }
    case 'held_in_part':
    case 'covered_by_credit':
      return leftOver(rule, situation)
    case 'exempt': {
      const untilOn = facts.exemptUntilOn ?? today
      const detail = `It is exempt from dunning through ${untilOn}.`
      return { detail, compared: { exempt_until_on: untilOn, today }, changedBy: 'An earlier end of the exemption.' }
    }
    case 'awaiting_collection': {
      const dueOn = effectiveDueOn(facts.dueOn, situation.context)
      const detail = `It is collected by autopay, so no reminder is due through its due date, ${dueOn}.`
      const compared = { collection_method: 'autopay', due_on: facts.dueOn, effective_due_on: dueOn, today }
      return { detail, compared, changedBy: 'A failed collection, or `collection_method: manual`.' }
    }
    case 'ladder_done': {
      const detail = 'The policy has no stage left for it.'
      return { detail, compared: {}, changedBy: 'A policy with a further stage, or a later due date.' }
    }
  }
}

/** Something takes so much from the balance that what is left is not dunned. */
function leftOver(
  rule: 'held_in_part' | 'covered_by_credit',
  situation: Situation
): Pick<Why, 'detail' | 'compared' | 'changedBy'> {
  const { detail, compared } = partsOf(situation)
  const minimum = minimumOf(situation)
  const changedBy =
    rule === 'held_in_part' ? 'The end of a hold over a part.' : 'Less credit, or an allocation of the credit to another invoice.'
  return {
    detail: `${detail} left is not above the minimum of ${minimum}.`,
    compared: { ...compared, min_balance: minimum },
    changedBy
  }
}

/** What holds over parts and credit take from the balance, and what they leave. */
function partsOf({ facts, today }: Situation): Pick<Why, 'detail' | 'compared'> {
  const { disputedMinor, creditMinor, announcedMinor, promisedMinor, askedMinor } = askedOf(facts, today)
  const text = (minor: bigint) => formatAmount(minor, facts.currency)
  const ends = (reason: string) => endOf(facts.holds.filter((hold) => hold.reason === reason && covers(hold, today)))
  const taken = [
    ...(disputedMinor > 0n ? [`${text(disputedMinor)} is disputed`] : []),
    ...(creditMinor > 0n ? [`${text(creditMinor)} is covered by credit that is not applied`] : []),
    ...(announcedMinor > 0n ? [`${text(announcedMinor)} is announced ${ends('payment_pending')}`] : []),
    ...(promisedMinor > 0n ? [`${text(promisedMinor)} is promised ${ends('promise')}`] : [])
  ].join(' and ')
  const figures = {
    ...(announcedMinor > 0n && { announced: text(announcedMinor) }),
    ...(promisedMinor > 0n && { promised: text(promisedMinor) }),
    ...{ disputed: text(disputedMinor), unapplied_credit: text(creditMinor), dunned: text(askedMinor) }
  }
  const detail = `Of ${text(facts.balanceMinor)} ${facts.currency}, ${taken}: the ${text(askedMinor)} ${facts.currency}`
  return { detail, compared: { ...balanceOf(facts), ...figures } }
}

function endOf(holds: readonly HoldFact[]): string {
  const last = holds.toSorted((a, b) => ((a.throughOn ?? '9999') < (b.throughOn ?? '9999') ? 1 : -1))[0]
  return last?.throughOn == null ? 'until it is released' : `through ${last.throughOn}`
}

/** Some of it is held, and the rest is dunned. */
export function heldInPart(situation: Situation): Why[] {
  const { facts, today } = situation
  if (unheldOf(facts, today) === facts.balanceMinor) return []
  const { detail, compared } = partsOf(situation)
  const changedBy = 'The end of a hold over a part.'
  return [{ rule: 'part_held', stage: null, detail: `${detail} left is dunned.`, compared, changedBy }]
}

function minimumOf({ facts, context }: Situation): string {
  return formatAmount(context.policy.minBalanceMinor.get(facts.currency) ?? 0n, facts.currency)
}

/** Every hold that covers today, the one that ends last or never first; those over parts with the amount. */
function held(situation: Situation): Pick<Why, 'detail' | 'compared' | 'changedBy'> {
  const { facts, today } = situation
  const whole = wholeHolds(situation).filter((hold) => covers(hold, today))
  const holds = (whole.length > 0 ? whole : facts.holds.filter((hold) => covers(hold, today))).toSorted((a, b) =>
    (a.throughOn ?? '9999') < (b.throughOn ?? '9999') ? 1 : -1
  )
  const names = holds.map((hold) => {
    const part = whole.length > 0 || hold.amountMinor === null ? '' : ` of ${formatAmount(hold.amountMinor, facts.currency)}`
    return `${hold.reason.replaceAll('_', ' ')}${part} ${endOf([hold])}`
  })
  const compared = Object.fromEntries(holds.map(({ id, reason, throughOn }) => [`${reason} ${id}`, throughOn ?? 'no end']))
  const review = holds.filter(({ reviewDueAt }) => reviewDueAt !== null).map(({ id }) => id)
  const asks = review.length === 0 ? '' : ` Nothing is open that ${review.join(', ')} was placed for: it waits to be released.`
  const detail = `It is held: ${names.join(', ')}.${asks}`
  return { detail, compared: { ...compared, today }, changedBy: 'The end of every hold over it.' }
}

function balanceOf({ status, balanceMinor, currency }: ObligationFacts): Record<string, string> {
  return { status, balance: formatAmount(balanceMinor, currency), currency }
}
