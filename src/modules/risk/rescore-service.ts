import type { Tx } from '../../db/client.ts'
import { dayFromEpochDay, startOfDay } from '../../kernel/day.ts'
import { clientContext } from '../clients/client-context.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventDraft } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import type { Organization } from '../organizations/organization.ts'
import type { Signals } from './assumptions.ts'
import * as claimRepository from './claim-repository.ts'
import type { ClientRow, OpenInvoice } from './client-repository.ts'
import * as clientRepository from './client-repository.ts'
import { type ClientState, clientOn } from './client-state.ts'
import { createExpectations } from './expectation.ts'
import { exposuresOf } from './exposure.ts'
import type { Ground } from './features-at-issue.ts'
import type { EpochDay } from './invoice-facts.ts'
import { bandContext } from './schemas.ts'
import { type Score, scoreOf } from './score.ts'
import type { ClientExposure, DayScore } from './score-repository.ts'
import * as scoreRepository from './score-repository.ts'
import type { RiskSettings } from './settings.ts'
import { signalsOf } from './signal-repository.ts'
import { situationOn } from './situation.ts'

export type RescoreDeps = Readonly<{ events: EventService; clients: ClientService }>

/** The values of the weights at the start of a day, at level 0 and at the serious level. */
export type WeightsOn = (day: EpochDay) => Readonly<{ late: ArrayLike<number>; seriouslyLate: ArrayLike<number> }>

export type Rescoring = Readonly<{
  organization: Organization
  settings: RiskSettings
  ground: Ground
  weightsOn: WeightsOn
  /** In order, the last being the day that the states are to be of. */
  days: readonly EpochDay[]
}>

/** A client before it is scored; `former` is null for who never was. */
export type Scorable = Readonly<{ clientId: string; state: ClientState; former: ClientRow | null }>

type Rescored = Readonly<{ row: ClientRow; history: readonly DayScore[]; moves: readonly BandMove[] }>
type BandMove = Readonly<{ clientId: string; day: EpochDay; from: string; score: Score }>

/** Scores clients on one day after the other, keeps what changed, and tells of whoever moved into another band. */
export function createRescoreService({ events, clients }: RescoreDeps) {
  async function tell(tx: Tx, { organization }: Rescoring, moves: readonly BandMove[]): Promise<void> {
    if (moves.length === 0) return
    const known = await clients.getMany(tx, [...new Set(moves.map(({ clientId }) => clientId))])
    for (const [day, ofDay] of [...Map.groupBy(moves, (move) => move.day)].toSorted(([a], [b]) => a - b)) {
      const drafts = ofDay.flatMap(({ clientId, from, score }): EventDraft[] => {
        const client = known.get(clientId)
        if (client === undefined) return []
        const context = {
          client: clientContext(client, organization),
          former_band: from,
          ...bandContext(score, dayFromEpochDay(day))
        }
        return [clients.eventAbout('client.risk_band_changed', client, context)]
      })
      await events.append(tx, { occurredAt: startOfDay(dayFromEpochDay(day), organization.timeZone), drafts })
    }
  }

  return {
    /** @returns each client's score on the last of the days. */
    async rescore(tx: Tx, scorables: readonly Scorable[], rescoring: Rescoring): Promise<number[]> {
      const clientIds = scorables.map(({ clientId }) => clientId)
      const today = rescoring.days.at(-1)
      if (today === undefined || clientIds.length === 0) return []
      const [claims, open, former, signals] = await Promise.all([
        claimRepository.openOfClients(tx, clientIds),
        clientRepository.openInvoices(tx, { clientIds, day: today }),
        scoreRepository.exposures(tx, clientIds),
        Promise.all(rescoring.days.map((day) => signalsOf(tx, { clientIds, day })))
      ])
      const claimsBy = Map.groupBy(claims, ({ clientId }) => clientId)
      const openBy = Map.groupBy(open, ({ clientId }) => clientId)
      const formerBy = Map.groupBy(former, ({ clientId }) => clientId)
      const [rescored, exposures]: [Rescored[], { changed: ClientExposure[]; gone: ClientExposure[] }] = [
        [],
        { changed: [], gone: [] }
      ]
      for (const scorable of scorables) {
        const { clientId } = scorable
        const facts = { open: claimsBy.get(clientId) ?? [], signals }
        rescored.push(rescoredClient(scorable, { ...rescoring, ...facts }))
        const now = exposuresOn(today, scorable, { ...rescoring, ...facts, invoices: openBy.get(clientId) ?? [] })
        const before = formerBy.get(clientId) ?? []
        exposures.changed.push(...now.filter((one) => !before.some((other) => areEqual(one, other))))
        exposures.gone.push(...before.filter(({ currency }) => !now.some((one) => one.currency === currency)))
      }
      await clientRepository.save(
        tx,
        rescored.filter((one, index) => isChanged(one, scorables[index])).map(({ row }) => row)
      )
      await scoreRepository.save(
        tx,
        rescored.flatMap(({ history }) => history)
      )
      await scoreRepository.saveExposures(tx, exposures)
      await tell(
        tx,
        rescoring,
        rescored.flatMap(({ moves }) => moves)
      )
      return rescored.map(({ row }) => row.score)
    }
  }
}

export type RescoreService = ReturnType<typeof createRescoreService>

type Facts = Rescoring &
  Readonly<{ open: readonly claimRepository.ClaimOf[]; signals: readonly ((clientId: string) => Signals)[] }>

function rescoredClient({ clientId, state, former }: Scorable, facts: Facts): Rescored {
  const [history, moves]: [DayScore[], BandMove[]] = [[], []]
  let last = former === null ? undefined : { score: former.score, band: former.band }
  let row: ClientRow | undefined
  for (const [index, day] of facts.days.entries()) {
    const score = scoreOn(day, { state, open: facts.open }, { ...facts, signals: facts.signals[index]?.(clientId) })
    const { band, late, seriouslyLate } = score
    const on = dayFromEpochDay(day)
    const chances = { score: score.score, band, late, seriouslyLate }
    if (last?.score !== score.score || last.band !== band) history.push({ clientId, day: on, ...chances })
    if (last !== undefined && last.band !== band) moves.push({ clientId, day, from: last.band, score })
    last = chances
    row = { clientId, state, scoredOn: on, ...chances }
  }
  const today = facts.days.at(-1) ?? state.day
  const of = clientOn(state, { day: Math.max(today, state.day), thresholds: facts.ground.thresholds })
  return { row: { ...(row as ClientRow), state: of }, history, moves }
}

type Known = Readonly<{ state: ClientState; open: readonly claimRepository.ClaimOf[] }>

/** A client's own score at the start of a day that is not before its state's. */
export function scoreOn(
  day: EpochDay,
  known: Known,
  {
    settings,
    ground,
    weightsOn,
    signals
  }: Pick<Rescoring, 'settings' | 'ground' | 'weightsOn'> & { signals: Signals | undefined }
): Score {
  const { model, seriousDays, thresholds } = ground
  const situation = situationOn(known, { day, organization: ground.organizationOn(day), thresholds })
  const { bandLimits: limits, assumed } = settings
  return scoreOf(situation, { model, seriousDays, weights: weightsOn(day), assumed, limits, ...(signals && { signals }) })
}

function exposuresOn(
  day: EpochDay,
  { clientId, state }: Scorable,
  { ground, open, invoices }: Facts & { invoices: readonly OpenInvoice[] }
): ClientExposure[] {
  if (invoices.length === 0) return []
  const { thresholds, seriousDays } = ground
  const situation = situationOn({ state, open }, { day, organization: ground.organizationOn(day), thresholds })
  return exposuresOf(invoices, createExpectations(situation, seriousDays)).map((exposure) => ({ clientId, ...exposure }))
}

function areEqual(a: ClientExposure, b: ClientExposure): boolean {
  if (a.currency !== b.currency || a.openMinor !== b.openMinor) return false
  return a.overdueMinor === b.overdueMinor && a.expectedBadMinor === b.expectedBadMinor
}

/** A state that only aged is not written: it ages as well when it is read. */
function isChanged({ row, history }: Rescored, before: Scorable | undefined): boolean {
  if (before === undefined || before.former === null || history.length > 0 || before.state !== before.former.state) return true
  return before.state.waiting.issued.length + before.state.waiting.settled.length > 0 && row.state !== before.state
}
