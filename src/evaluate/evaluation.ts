import { createExpectations, createSeriousChances } from '../modules/risk/expectation.ts'
import { byIssue, type EpochDay, type Settled } from '../modules/risk/invoice-facts.ts'
import type { Level } from '../modules/risk/levels.ts'
import { type ModelVersion, models } from '../modules/risk/model.ts'
import { meanDelayDays } from '../modules/risk/organization-state.ts'
import { daysBeyondTerms } from '../modules/risk/payment-index.ts'
import type { Situation } from '../modules/risk/situation.ts'
import { auc, brier, type Decile, deciles, mean, type Prediction, prAuc } from './metrics.ts'
import { createRateBaseline, createScorer } from './protocol.ts'
import { type IssueTimeView, issueTimeViews, type ReplayedInvoice } from './replay.ts'

/** The part of the ledger, by number of invoices, that comes before the test. */
const LEARNED_SHARE = 0.6

/** Undefined is what cannot be said: of all on time, or of a baseline that is no probability. */
export type MethodResult = Readonly<{
  method: string
  auc: number | undefined
  prAuc: number | undefined
  brier: number | undefined
}>

/**
 * `deciles` are the chosen model's, with weights that follow outcomes. `tested` are the invoices of the test of which it is decided whether they
 * are late at the level; the others are open, and no more days overdue than the level.
 */
export type LevelResult = Readonly<{
  level: Level
  tested: number
  undecided: number
  lateShare: number | undefined
  methods: readonly MethodResult[]
  deciles: readonly Decile[]
}>

/** Of the invoices that were paid: of those that are open no day is known. */
export type PayDayResult = Readonly<{
  paid: number
  /** Mean absolute error of the expected pay day, in days. */
  maeDays: number
  /** The share of invoices that was paid within P10 to P90, and the mean length of that interval. */
  coverage: number
  intervalDays: number
}>

export type Evaluation = Readonly<{
  model: ModelVersion
  invoices: number
  clients: number
  firstOn: EpochDay
  /** The first day of the test, and the invoices issued from then on; ties of that day are in it. */
  testedFrom: EpochDay
  tested: number
  /** The day through which the ledger is complete: what is open then is as late as it is by then. */
  throughOn: EpochDay
  levels: readonly LevelResult[]
  payDay: PayDayResult | undefined
}>

export type EvaluationOptions = Readonly<{
  model: ModelVersion
  seriousDays: Level
  /** The ledger's last day, see `lastDayOf`, or a later one. */
  throughOn?: EpochDay
  onProgress?: (invoices: number) => void
}>

/** The last day on which the ledger issues or settles anything. */
export function lastDayOf(invoices: readonly ReplayedInvoice[]): EpochDay {
  return invoices.reduce(
    (last, { issuedOn, ended }) => Math.max(last, issuedOn, ended?.settledOn ?? issuedOn),
    Number.NEGATIVE_INFINITY
  )
}

/** Whether an invoice is late at a level; undefined as long as a payment can still decide it. */
function outcomeBy(throughOn: EpochDay, { ended, dueOn }: ReplayedInvoice, level: Level): boolean | undefined {
  if (ended !== undefined) return ended.delayDays > level
  return throughOn - dueOn > level ? true : undefined
}

/** The baselines that are one number for every level. Those in days are no probabilities. */
const baselinesInDays: Readonly<Record<string, (view: IssueTimeView) => number>> = {
  'mean days late': ({ situation: { client, organization } }) =>
    (client.settled.delayDays + 2 * meanDelayDays(organization)) / (client.settled.count + 2),
  'days late, weighted by money': ({ situation: { client, organization } }) =>
    daysBeyondTerms(client) ?? meanDelayDays(organization)
}

/**
 * Scores every invoice of a ledger as it would have been scored on the morning of its issue, and holds what was said of the last 40 %
 * against what came. Nothing is trained beforehand and nothing looks ahead. The ledger holds at least one invoice.
 */
export function evaluate(invoices: readonly ReplayedInvoice[], options: EvaluationOptions): Evaluation {
  const { model, seriousDays, throughOn = lastDayOf(invoices), onProgress } = options
  const ordered = invoices.toSorted(byIssue)
  const firstOn = ordered[0]?.issuedOn ?? 0
  const testedFrom = ordered[Math.floor(ordered.length * LEARNED_SHARE)]?.issuedOn ?? firstOn
  const contests = [0, seriousDays].map((level) => createContest(model, { level, throughOn }))
  const payDays = createPayDays(seriousDays)
  let [seen, tested] = [0, 0]
  for (const view of issueTimeViews(ordered, seriousDays)) {
    const { ended, issuedOn } = view.invoice
    const isTest = issuedOn >= testedFrom
    for (const contest of contests) contest.see(view, isTest)
    if (isTest && ended !== undefined) payDays.see(view, ended)
    if (isTest) tested += 1
    seen += 1
    onProgress?.(seen)
  }
  const clients = new Set(invoices.map(({ client }) => client)).size
  const levels = contests.map((contest) => contest.result())
  const span = { firstOn, testedFrom, throughOn }
  return { model, invoices: invoices.length, clients, ...span, tested, levels, payDay: payDays.result() }
}

/** One level: what each method says of the tested invoices. All of them see every invoice. */
function createContest(version: ModelVersion, { level, throughOn }: { level: Level; throughOn: EpochDay }) {
  const scorer = createScorer(models[version], level)
  const specified = createScorer(models.v1, level)
  const shrunkRate = createRateBaseline(level)
  const said = new Map<string, Prediction[]>()
  let undecided = 0

  return {
    see(view: IssueTimeView, isTest: boolean): void {
      const score = scorer(view)
      const values: Record<string, number> = {
        [`${version}, following outcomes`]: score.pFollowing,
        [`${version}, prior weights`]: score.pPrior,
        ...(version === 'v1' ? {} : { 'v1, following outcomes': specified(view).pFollowing }),
        'late rate': shrunkRate(view),
        'late rate, recent weighs more': score.clientRate
      }
      if (!isTest) return
      for (const [method, value] of Object.entries(baselinesInDays)) values[method] = value(view)
      const isLate = outcomeBy(throughOn, view.invoice, level)
      if (isLate === undefined) undecided += 1
      else for (const [method, p] of Object.entries(values)) listOf(said, method).push({ p, isLate })
    },
    result(): LevelResult {
      const [own = []] = said.values()
      const methods = [...said].map(([method, predictions]) => {
        const isProbability = !(method in baselinesInDays)
        const [ofRank, ofPrecision] = [auc(predictions), prAuc(predictions)]
        return { method, auc: ofRank, prAuc: ofPrecision, brier: isProbability ? brier(predictions) : undefined }
      })
      const lateShare = mean(own.map(({ isLate }) => Number(isLate)))
      return { level, tested: own.length, undecided, lateShare, methods, deciles: deciles(own) }
    }
  }
}

function createPayDays(seriousDays: Level) {
  const errors: number[] = []
  const lengths: number[] = []
  let within = 0
  const known = new WeakMap<Situation, ReturnType<typeof createExpectations>>()
  const expectationsOf = (morning: Situation) => {
    const expect = known.get(morning) ?? createExpectations(morning, createSeriousChances(morning, seriousDays))
    known.set(morning, expect)
    return expect
  }

  return {
    see({ invoice, morning }: IssueTimeView, ended: Settled): void {
      const { earlyOn, expectedOn, lateOn } = expectationsOf(morning)(invoice)
      errors.push(Math.abs(expectedOn - ended.settledOn))
      lengths.push(lateOn - earlyOn)
      if (earlyOn <= ended.settledOn && ended.settledOn <= lateOn) within += 1
    },
    result(): PayDayResult | undefined {
      const [maeDays, intervalDays] = [mean(errors), mean(lengths)]
      if (maeDays === undefined || intervalDays === undefined) return undefined
      return { paid: errors.length, maeDays, intervalDays, coverage: within / errors.length }
    }
  }
}

function listOf(lists: Map<string, Prediction[]>, name: string): Prediction[] {
  const list = lists.get(name) ?? []
  lists.set(name, list)
  return list
}
