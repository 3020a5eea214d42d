import { type Observation, observe } from '../modules/risk/features.ts'
import { isLate, knownOn } from '../modules/risk/invoice-facts.ts'
import { type Level, pseudoCount } from '../modules/risk/levels.ts'
import { sigmoid } from '../modules/risk/log-odds.ts'
import type { Model } from '../modules/risk/model.ts'
import { lateRate } from '../modules/risk/organization-state.ts'
import { followOutcome, logOddsOf, mutable, priorWeights } from '../modules/risk/weights.ts'
import { createAgenda } from './agenda.ts'
import type { IssueTimeView } from './replay.ts'

/** What a model says of an invoice on the morning of its issue, by the weights it starts from and by those that follow outcomes. */
export type IssueTimeScore = Observation & Readonly<{ pPrior: number; pFollowing: number }>

/**
 * Scores the views of a replay, in their order, at one level. Each outcome moves the weights once, on the day it becomes known and
 * before that day's invoices are scored.
 */
export function createScorer(model: Model, level: Level): (view: IssueTimeView) => IssueTimeScore {
  const prior = priorWeights(model, level)
  const weights = mutable(prior)
  const agenda = createAgenda<Observation & Readonly<{ isLate: boolean }>>()

  return ({ invoice, situation }) => {
    for (const outcome of agenda.through(invoice.issuedOn)) followOutcome(weights, outcome)
    const observation = observe(situation, { model, level })
    const claim = invoice.ended ?? invoice
    agenda.note(knownOn(claim, level), { ...observation, isLate: isLate(claim, level) })
    const pPrior = sigmoid(logOddsOf(observation, prior.values))
    return { ...observation, pPrior, pFollowing: sigmoid(logOddsOf(observation, weights.values)) }
  }
}

/** The simplest baseline: the client's share of late outcomes, all of one weight, shrunk to the organization's as in the model. */
export function createRateBaseline(level: Level): (view: IssueTimeView) => number {
  const clients = new Map<string, { known: number; late: number }>()
  const agenda = createAgenda<Readonly<{ client: string; isLate: boolean }>>()

  return ({ invoice, situation: { organization, thresholds } }) => {
    for (const outcome of agenda.through(invoice.issuedOn)) {
      const { known, late } = clients.get(outcome.client) ?? { known: 0, late: 0 }
      clients.set(outcome.client, { known: known + 1, late: late + (outcome.isLate ? 1 : 0) })
    }
    const claim = invoice.ended ?? invoice
    agenda.note(knownOn(claim, level), { client: invoice.client, isLate: isLate(claim, level) })
    const { known, late } = clients.get(invoice.client) ?? { known: 0, late: 0 }
    const m = pseudoCount(level)
    return (late + m * lateRate(organization, { level, thresholds })) / (known + m)
  }
}
