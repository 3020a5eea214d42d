import type { Signals } from './assumptions.ts'
import { type ClientState, clientOn } from './client-state.ts'
import { createSeriousChances } from './expectation.ts'
import { type Exposure, exposuresOf, type OpenPart } from './exposure.ts'
import type { Ground } from './features-at-issue.ts'
import type { AlikeClaims, EpochDay } from './invoice-facts.ts'
import { type Band, type Score, type Scoring, scoreOf, verdictOf } from './score.ts'
import type { RiskSettings } from './settings.ts'
import { type Situation, situationOn } from './situation.ts'

/** The values of the weights at the start of a day, at level 0 and at the serious level. */
export type WeightsOn = (day: EpochDay) => Scoring['weights']

/** What all clients of an organization are scored by. */
export type Rescoring = Readonly<{
  settings: RiskSettings
  ground: Ground
  weightsOn: WeightsOn
  /** In order; none is before the states' own. */
  days: readonly EpochDay[]
}>

/** A client before it is scored; `latest` is null for who never was. */
export type Scorable = Readonly<{
  clientId: string
  state: ClientState
  latest: Readonly<{ score: number; band: Band }> | null
  /** Something was counted in the state that is not kept yet. */
  isCounted: boolean
}>

/** What is known of the client besides its state: `signals` of each of the days, and what it owes now. */
export type Beside = Readonly<{ open: readonly AlikeClaims[]; signals: readonly Signals[]; owed: readonly OpenPart[] }>

export type DayScore = Readonly<{
  clientId: string
  day: EpochDay
  score: number
  band: Band
  late: number
  seriouslyLate: number
}>
export type BandMove = Readonly<{ clientId: string; day: EpochDay; from: Band; score: Score }>
export type Rescored = Readonly<{
  /** Of each day on which the score or the band was another than before. */
  history: readonly DayScore[]
  moves: readonly BandMove[]
  exposures: readonly Exposure[]
  /** To be kept; null where the one that is kept says as much, for it ages as well when it is read. */
  state: ClientState | null
}>

export function rescored(scorable: Scorable, { open, signals, owed, ...rescoring }: Rescoring & Beside): Rescored {
  const { clientId, state } = scorable
  const { ground, days, settings, weightsOn } = rescoring
  const { model, seriousDays, thresholds } = ground
  const [history, moves]: [DayScore[], BandMove[]] = [[], []]
  let { latest } = scorable
  let exposures: readonly Exposure[] = []
  for (const [index, day] of days.entries()) {
    const situation = situationOn({ state, open }, { day, organization: ground.organizationOn(day), thresholds })
    const isLast = index === days.length - 1
    if (isLast && owed.length > 0) exposures = exposuresOf(owed, createSeriousChances(situation, seriousDays))
    if (latest === null && !isInvoiced(situation)) continue
    const ofDay = signals[index]
    const { bandRule, assumed } = settings
    const scoring = { model, seriousDays, weights: weightsOn(day), assumed, bandRule, ...(ofDay && { signals: ofDay }) }
    const verdict = verdictOf(situation, scoring)
    if (latest?.score !== verdict.score || latest.band !== verdict.band) history.push({ clientId, day, ...verdict })
    if (latest !== null && latest.band !== verdict.band) {
      moves.push({ clientId, day, from: latest.band, score: scoreOf(situation, scoring) })
    }
    latest = verdict
  }
  return { history, moves, exposures, state: stateToKeep(scorable, { today: days.at(-1) ?? state.day, thresholds }) }
}

/** Scores begin on the day of the first issue: who catches up hears of it while still at a day on which nobody could. */
function isInvoiced({ client: { day, issued, waiting } }: Situation): boolean {
  return issued.count > 0 || waiting.issued.some(({ issuedOn }) => issuedOn <= day)
}

function stateToKeep(
  { state, isCounted }: Scorable,
  { today, thresholds }: { today: EpochDay; thresholds: readonly number[] }
): ClientState | null {
  const { issued, settled } = state.waiting
  const isDue = issued.some(({ issuedOn }) => issuedOn < today) || settled.some(({ settledOn }) => settledOn < today)
  return isCounted || isDue ? clientOn(state, { day: Math.max(today, state.day), thresholds }) : null
}
