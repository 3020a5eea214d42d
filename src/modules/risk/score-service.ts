import { isDeepStrictEqual } from 'node:util'
import type { Reader, Tx } from '../../db/client.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type Day, dayFromEpochDay, dayIn, epochDayOf } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ClientService } from '../clients/service.ts'
import type { Present } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { refuseStale } from '../organizations/service.ts'
import type { Signals } from './assumptions.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import { createExpectations, createSeriousChances } from './expectation.ts'
import { exposuresOf, type OpenPart } from './exposure.ts'
import { type Ground, scoredInvoice } from './features-at-issue.ts'
import { groundOf, groundOfStanding } from './ground.ts'
import type { EpochDay } from './invoice-facts.ts'
import { type ModelView, modelView } from './model-view.ts'
import type { Standing, WeightsOfDay } from './organization-repository.ts'
import * as organizationRepository from './organization-repository.ts'
import { daysBeyondTerms, paymentIndex } from './payment-index.ts'
import * as rankingRepository from './ranking-repository.ts'
import { type CurrentRecord, currentRecord } from './record-service.ts'
import { scoreOf } from './score.ts'
import type { Basis, ClientScore, InvoiceScore, RankedClient } from './score-answer.ts'
import * as scoreRepository from './score-repository.ts'
import type { RiskSettings } from './settings.ts'
import { signalsOf } from './signal-repository.ts'
import { type ScoredInvoice, type Situation, situationOn } from './situation.ts'
import { createStandingCache, type Kept } from './standing-cache-service.ts'
import { ensureStanding, firstStanding, priorCovariances } from './standing-service.ts'
import { priorValues } from './weights.ts'

export type ScoreDeps = Readonly<{ clock: Clock; clients: ClientService; organizations: OrganizationService }>

/** What scores of one day rest on, beside the client. */
type Morning = Readonly<{
  /** Real time: every change of the client that was acknowledged before is read. */
  computedThroughAt: Date
  kept: Kept | undefined
  standing: Standing
  day: EpochDay
  isPast: boolean
  /** Before what is kept, and so answered along the ledger: a past day or, where the zone moved west, a day that was passed already. */
  isBehind: boolean
  timeZone: string
  ground: Ground
  weights: WeightsOfDay | undefined
}>

/** Of an invoice that is issued now: far enough ahead that its age says nothing yet. */
const FRESH_DUE_DAYS = 365

/** Answers what a client's or an invoice's risk is, from the states that are kept, or for a past day from the ledger. */
export function createScoreService({ clock, clients, organizations }: ScoreDeps) {
  const cache = createStandingCache()

  async function standingOf(reader: Reader, books: Present): Promise<Standing> {
    return (await organizationRepository.find(reader)) ?? firstStanding(books, books.now)
  }

  /** @throws DomainError `invalid_request` for a day that has not begun. */
  async function morningOf(reader: Reader, asOf: Day | null): Promise<Morning> {
    const computedThroughAt = clock.now()
    const [present, kept] = await Promise.all([organizations.present(reader), cache.latest(reader)])
    const today = dayIn(present.now, present.organization.timeZone)
    const on = asOf ?? today
    if (on > today)
      throw new DomainError('invalid_request', `It is ${today}: there is no score of a day to come.`, { pointer: '/as_of' })
    const standing = kept?.standing ?? firstStanding(present, present.now)
    const isPast = on < today
    const isBehind = isPast || on < standing.day
    const ofDay = on === standing.day ? groundOfStanding(standing) : undefined
    const ground = ofDay ?? groundOf(standing, await organizationRepository.days(reader))
    // No weights are of a later day than the last pass.
    const weights = isBehind ? await organizationRepository.weightsOn(reader, on) : kept?.weights
    const followed = standing.settings.followsOutcomes ? weights : undefined
    const { timeZone } = present.organization
    return { computedThroughAt, kept, standing, day: epochDayOf(on), isPast, isBehind, timeZone, ground, weights: followed }
  }

  function recordOf(reader: Reader, clientId: string, { standing, day, isBehind, ground }: Morning): Promise<CurrentRecord> {
    return currentRecord(reader, { clientId, day, isBehind, ground, followedSeq: standing.followedSeq })
  }

  function openOf(reader: Reader, clientId: string, { day, isPast }: Morning): Promise<OpenPart[]> {
    return isPast
      ? clientRepository.openPartsOn(reader, { clientId, day })
      : clientRepository.openParts(reader, { clientIds: [clientId], day })
  }

  function basisOf(
    situation: Situation,
    { standing, computedThroughAt, day, ground, weights }: Morning,
    signals: Signals
  ): Basis {
    const { model, seriousDays } = ground
    const { bandRule, assumed } = standing.settings
    const values = {
      late: weights?.late ?? priorValues(model),
      seriouslyLate: weights?.serious ?? priorValues(model)
    }
    const score = scoreOf(situation, { model, seriousDays, weights: values, signals, assumed, bandRule })
    const made = { seriousDays, model: model.version, weightsOf: weights?.day ?? null }
    return { asOf: dayFromEpochDay(day), computedThroughAt, score, ...made }
  }

  function situationOf({ ground, ...record }: CurrentRecord, { day }: Morning, invoice?: ScoredInvoice): Situation {
    const facts = { day, organization: ground.organizationOn(day), thresholds: ground.thresholds }
    return situationOn(record, invoice === undefined ? facts : { ...facts, invoice })
  }

  async function percentileOf(
    reader: Reader,
    { clientId, score, rankedBy }: { clientId: string; score: number; rankedBy: number | null },
    morning: Morning
  ): Promise<number | null> {
    const { kept } = morning
    if (!morning.isBehind && kept !== undefined) {
      // The others are ranked as of the last pass, and the client itself among them, by a score that may be another than today's.
      const own = rankedBy === null ? 0 : 1
      const below = (kept.below[score] ?? kept.clients) - (rankedBy !== null && rankedBy < score ? own : 0)
      return percentile({ below, others: kept.clients - own })
    }
    return percentile(await scoreRepository.below(reader, { day: dayFromEpochDay(morning.day), clientId, score }))
  }

  return {
    /** @throws DomainError `not_found`. */
    async ofClient(reader: Reader, { clientId, asOf }: { clientId: string; asOf: Day | null }): Promise<ClientScore> {
      const morning = await morningOf(reader, asOf)
      const { day, ground } = morning
      const [record, open, signals] = await Promise.all([
        recordOf(reader, clientId, morning),
        openOf(reader, clientId, morning),
        signalsOf(reader, { clientIds: [clientId], day, timeZone: morning.timeZone })
      ])
      // Who has no record may not be there at all.
      if (record.state.issued.count === 0) await clients.get(reader, clientId)
      const situation = situationOf(record, morning)
      const basis = basisOf(situation, morning, signals(clientId))
      const seriousChance = createSeriousChances(situation, ground.seriousDays)
      const expect = createExpectations(situation, seriousChance)
      const dueOn = day + FRESH_DUE_DAYS
      const fresh = expect({ dueOn })
      const beyond = daysBeyondTerms(situation.client)
      return {
        ...{ ...basis, clientId, exposures: exposuresOf(open, seriousChance) },
        expectedDaysLate: { p10: fresh.earlyOn - dueOn, p50: fresh.expectedOn - dueOn, p90: fresh.lateOn - dueOn },
        percentile: await percentileOf(reader, { clientId, score: basis.score.score, rankedBy: record.rankedBy }, morning),
        index: beyond === undefined ? null : { daysBeyondTerms: beyond, index: paymentIndex(beyond) }
      }
    },

    /** An open invoice as it stands today. @throws DomainError `not_found`, `invoice_not_open`. */
    async ofInvoice(reader: Reader, invoiceId: string): Promise<InvoiceScore> {
      const [[fact], { calendar }, morning] = await Promise.all([
        claimRepository.factsOf(reader, [invoiceId]),
        organizations.books(reader),
        morningOf(reader, null)
      ])
      if (fact === undefined) throw new DomainError('not_found', 'There is no such invoice.')
      const { claim } = fact
      if (claim === null || claim.settledOn !== null) throw new DomainError('invoice_not_open', 'Nothing of the invoice is open.')
      const { clientId } = claim
      const [record, open, signals, hasOpenDispute] = await Promise.all([
        recordOf(reader, clientId, morning),
        clientRepository.openPartsOf(reader, { invoiceId, day: morning.day }),
        signalsOf(reader, { clientIds: [clientId], day: morning.day, timeZone: morning.timeZone }),
        claimRepository.isDisputedNow(reader, invoiceId)
      ])
      const situation = situationOf(record, morning, scoredInvoice(claim, calendar))
      const seriousChance = createSeriousChances(situation, morning.ground.seriousDays)
      const expect = createExpectations(situation, seriousChance)
      const { earlyOn, expectedOn, lateOn, seriouslyLate } = expect(claim)
      const [exposure] = exposuresOf(open, seriousChance)
      if (exposure === undefined) throw new DomainError('invoice_not_open', 'Nothing of the invoice is open.')
      return {
        ...basisOf(situation, morning, { ...signals(clientId), hasOpenDispute }),
        ...{ invoiceId, clientId, exposure, endsSeriouslyLate: seriouslyLate },
        ...{ earlyOn: dayFromEpochDay(earlyOn), expectedOn: dayFromEpochDay(expectedOn), lateOn: dayFromEpochDay(lateOn) }
      }
    },

    /** @throws DomainError `not_found`. */
    async history(reader: Reader, input: Parameters<typeof scoreRepository.history>[1]): Promise<scoreRepository.DayScore[]> {
      const [, scores] = await Promise.all([clients.get(reader, input.clientId), scoreRepository.history(reader, input)])
      return scores
    },

    /** Clients by their last score, or by what is expected to be lost in a currency; the highest first. */
    async ranking(reader: Reader, input: rankingRepository.RankingFilter): Promise<RankedClient[]> {
      const now = clock.now()
      const books = await organizations.books(reader)
      const { defaultCurrency } = books.organization
      const rows = await rankingRepository.ranking(reader, { ...input, currency: input.currency ?? defaultCurrency })
      const exposures = await scoreRepository.exposures(
        reader,
        rows.map(({ clientId }) => clientId)
      )
      const byClient = Map.groupBy(exposures, ({ clientId }) => clientId)
      const { day, followedSeq } = await standingOf(reader, books)
      const computedThroughAt = (await organizationRepository.unfollowedSince(reader, followedSeq)) ?? now
      return rows.map((row) => ({ ...row, day, computedThroughAt, exposures: byClient.get(row.clientId) ?? [] }))
    },

    async model(reader: Reader): Promise<ModelView> {
      const standing = await standingOf(reader, await organizations.present(reader))
      return viewOf(reader, standing)
    },

    /** Another model or serious level takes effect when everything is counted anew, which is done at once, in the background. */
    async updateModel(
      tx: Tx,
      { change, expectedVersion }: { change: ModelChange; expectedVersion: number | undefined }
    ): Promise<ModelView> {
      const books = await organizations.books(tx)
      const standing = await ensureStanding(tx, { books, now: books.now })
      refuseStale(standing.version, expectedVersion)
      const { assumed, bandRule, ...rest } = change
      const before = standing.settings
      const settings = {
        ...{ ...before, ...rest },
        ...{ assumed: { ...before.assumed, ...assumed }, bandRule: { ...before.bandRule, ...bandRule } }
      }
      if (isDeepStrictEqual(settings, before)) return viewOf(tx, standing)
      // What became known while the weights stood still is still to be followed.
      const isStale = standing.isStale || (settings.followsOutcomes && !standing.settings.followsOutcomes)
      return viewOf(tx, await saved(tx, { ...standing, settings, isStale, nextPassAt: books.now, updatedAt: books.now }))
    },

    /** Sets the weights back to where they start. They follow what becomes known from now on. */
    async resetModel(tx: Tx, expectedVersion: number | undefined): Promise<ModelView> {
      const books = await organizations.books(tx)
      const standing = await ensureStanding(tx, { books, now: books.now })
      refuseStale(standing.version, expectedVersion)
      const ground = groundOf(standing, new Map())
      const values = {
        late: priorValues(ground.model),
        serious: priorValues(ground.model)
      }
      await organizationRepository.saveWeights(tx, [{ day: standing.day, ...values, lateOutcomes: 0, seriousOutcomes: 0 }])
      await organizationRepository.saveCovariances(tx, priorCovariances(standing))
      return viewOf(tx, await saved(tx, { ...standing, resetOn: standing.day, isStale: false, updatedAt: books.now }))
    }
  }

  async function saved(tx: Tx, standing: Standing): Promise<Standing> {
    await organizationRepository.save(tx, standing)
    return (await organizationRepository.findForUpdate(tx)) ?? standing
  }

  async function viewOf(reader: Reader, standing: Standing): Promise<ModelView> {
    const { followsOutcomes } = standing.settings
    const followed = followsOutcomes ? await organizationRepository.weightsOn(reader, standing.day) : undefined
    return modelView(standing, followed)
  }
}

export type ModelChange = Partial<Omit<RiskSettings, 'assumed' | 'bandRule'>> & {
  assumed?: Partial<RiskSettings['assumed']>
  bandRule?: Partial<RiskSettings['bandRule']>
}
export type ScoreService = ReturnType<typeof createScoreService>

function percentile({ below, others }: { below: number; others: number }): number | null {
  // What is kept in memory may be a moment older than the client's own rank.
  return others > 0 ? Math.round((100 * Math.max(0, Math.min(below, others))) / others) : null
}
