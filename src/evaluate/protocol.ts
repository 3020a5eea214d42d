import { type Observation, observe } from '../modules/risk/features.ts'
import { type EpochDay, isLate, knownOn } from '../modules/risk/invoice-facts.ts'
import type { Level } from '../modules/risk/levels.ts'
import { sigmoid } from '../modules/risk/log-odds.ts'
import type { Model } from '../modules/risk/model.ts'
import { followOutcome, logOddsOf, mutable, priorWeights } from '../modules/risk/weights.ts'
import { type IssueTimeView } from './replay.ts'

/** What a model says of an invoice on the morning of its issue, by the weights it starts from and by those that follow outcomes. */
export type IssueTimeScore = Observation & Readonly<{ pPrior: number; pFollowing: number }>

type AwaitedOutcome = Observation & Readonly<{ isLate: boolean }>

/**
 * Scores the views of a replay, in their order, at one level. Each outcome moves the weights once, on the day it becomes known and
 * before that day's invoices are scored.
 */
export function createScorer(model: Model, level: Level) {
  const prior = priorWeights(model)
  const weights = mutable(prior)
  const awaited = new Map<EpochDay, AwaitedOutcome[]>()
  let followedThrough = Number.NaN

  return {
    weights,
    score({ invoice, situation }: IssueTimeView): IssueTimeScore {
      const day = invoice.issuedOn
      for (let known = Number.isNaN(followedThrough) ? day : followedThrough + 1; known <= day; known += 1) {
        for (const outcome of awaited.get(known) ?? []) followOutcome(weights, outcome)
        awaited.delete(known)
      }
      followedThrough = day
      const observation = observe(situation, { model, level })
      const claim = invoice.ended ?? invoice
      const known = knownOn(claim, level)
      const outcome = { ...observation, isLate: isLate(claim, level) }
      const others = awaited.get(known)
      if (others === undefined) awaited.set(known, [outcome])
      else others.push(outcome)
      const pPrior = sigmoid(logOddsOf(observation, prior.values))
      return { ...observation, pPrior, pFollowing: sigmoid(logOddsOf(observation, weights.values)) }
    }
  }
}
