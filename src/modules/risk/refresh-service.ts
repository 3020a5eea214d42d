import type { Tx } from '../../db/client.ts'
import { addDays, dayFromEpochDay, dayIn, epochDayOf, startOfDay } from '../../kernel/day.ts'
import { BEFORE_ALL_IDS } from '../../kernel/keyset.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventService } from '../events/service.ts'
import type { Books } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { movesOutcomes } from './claim-changes.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import { type Following, followClaims, followStates, scoreAtIssue, stateOf } from './follow-service.ts'
import { groundOf } from './ground.ts'
import type { EpochDay } from './invoice-facts.ts'
import type { Standing } from './organization-repository.ts'
import * as organizationRepository from './organization-repository.ts'
import { followOutcomes } from './outcome-service.ts'
import * as rankingRepository from './ranking-repository.ts'
import { rebuild } from './rebuild-service.ts'
import { type Batch, createRescoreService, loadBatch } from './rescore-service.ts'
import type { Scorable } from './rescoring.ts'
import { ensureStanding, weightsOf } from './standing-service.ts'

export type RefreshDeps = Readonly<{
  events: EventService
  clients: ClientService
  organizations: OrganizationService
}>

const EVENTS_PER_BATCH = 2_000
const CLIENTS_PER_PAGE = 500
/** After a longer outage it catches up with a month in a transaction. */
const DAYS_PER_BATCH = 31

type Refreshing = Readonly<{ books: Books; standing: Standing; following: Following }>

/** Keeps an organization's scores: follows its events, and passes into each new day once. */
export function createRefreshService({ events, clients, organizations }: RefreshDeps) {
  const { rescore } = createRescoreService({ events, clients })

  async function follow(tx: Tx, { books, standing, following }: Refreshing): Promise<{ standing: Standing; more: boolean }> {
    const from = { seq: standing.followedSeq, limit: EVENTS_PER_BATCH }
    const { seq, more, invoiceIds } = await claimRepository.touchedAfter(tx, from)
    const changes = invoiceIds.length === 0 ? [] : await followClaims(tx, invoiceIds, following)
    const clientIds = await followStates(tx, changes, following)
    const unseen = changes.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []))
    await scoreAtIssue(tx, unseen, following)
    const { day, ground } = following
    const isStale = standing.isStale || changes.some((change) => movesOutcomes(change, { day, seriousDays: ground.seriousDays }))
    const next = { ...standing, followedSeq: seq, isStale, state: ground.organizationOn(day) }
    await rescoreClients(tx, clientIds, { books, standing: next, following })
    return { standing: next, more }
  }

  async function rescoreClients(tx: Tx, clientIds: readonly string[], { books, standing, following }: Refreshing): Promise<void> {
    const rows = new Map((await clientRepository.find(tx, clientIds)).map((row) => [row.clientId, row]))
    const scorables = clientIds.map((clientId): Scorable => {
      return { clientId, state: stateOf(following, clientId), latest: rows.get(clientId)?.latest ?? null, isCounted: true }
    })
    const days = [following.day]
    const batch = await loadBatch(tx, scorables, { days, timeZone: books.organization.timeZone })
    await rescore(tx, batch, await rescoringOf(tx, { books, standing, following }, days))
  }

  async function rescoringOf(tx: Tx, { books, standing, following: { ground } }: Refreshing, days: readonly EpochDay[]) {
    const weightsOn = await weightsOf(tx, { standing, ground, days })
    return { organization: books.organization, settings: standing.settings, ground, weightsOn, days }
  }

  /** Into the next days: weights first, then every client. */
  async function pass(tx: Tx, refreshing: Refreshing, through: EpochDay): Promise<Standing> {
    const { books, standing, following } = refreshing
    const { settings } = standing
    const day = dayFromEpochDay(through)
    if (settings.followsOutcomes) await followOutcomes(tx, standing, { model: following.ground.model, through: day })
    const days = Array.from({ length: through - following.day }, (_, index) => following.day + 1 + index)
    const rescoring = await rescoringOf(tx, refreshing, days)
    const { timeZone } = books.organization
    for await (const batch of batchesOf(tx, { days, timeZone })) await rescore(tx, batch, rescoring)
    const isStale = standing.isStale && !settings.followsOutcomes
    return { ...standing, day, isStale, state: following.ground.organizationOn(through) }
  }

  return {
    /**
     * Does one batch of what is to be done for an organization. Today's facts count from tomorrow, so that it does not matter when in a
     * day they are followed, nor how late a day is passed into.
     * @returns whether there is more; not where another process is at it.
     */
    async refresh(tx: Tx): Promise<boolean> {
      if (!(await organizationRepository.isMine(tx))) return false
      const books = await organizations.books(tx)
      const former = await ensureStanding(tx, { books, now: books.now })
      const { model, seriousDays } = former.settings
      if (model !== former.model || seriousDays !== former.seriousDays) {
        const standing = await rebuild(tx, { books, standing: { ...former, model, seriousDays } }, { rescoreClients })
        await save(tx, standing, books)
        return true
      }
      const days = await organizationRepository.days(tx)
      const day = epochDayOf(former.day)
      const following = { ground: groundOf(former, days), day, states: new Map(), days, calendar: books.calendar }
      const { standing, more } = await follow(tx, { books, standing: former, following })
      const today = epochDayOf(dayIn(books.now, books.organization.timeZone))
      if (more || today <= day) {
        await save(tx, standing, books)
        return more
      }
      const through = Math.min(today, day + DAYS_PER_BATCH)
      await save(tx, await pass(tx, { books, standing, following }, through), books)
      return through < today
    },

    organizationsDue: organizationRepository.organizationsDue
  }

  /** Whatever asked for a look, a change of the settings or of the zone, has had it: the next is due with the next day. */
  async function save(tx: Tx, standing: Standing, { now: updatedAt, organization: { timeZone } }: Books): Promise<void> {
    const distribution = await rankingRepository.distribution(tx)
    const nextPassAt = startOfDay(addDays(standing.day, 1), timeZone)
    await organizationRepository.save(tx, { ...standing, distribution, nextPassAt, updatedAt })
  }
}

/** All clients in order of their ids. The database reads the next while the last are scored. */
async function* batchesOf(tx: Tx, of: Readonly<{ days: readonly EpochDay[]; timeZone: string }>): AsyncGenerator<Batch> {
  const batchAfter = async (after: string): Promise<Batch> => {
    const page = await clientRepository.pageById(tx, { after, limit: CLIENTS_PER_PAGE })
    return loadBatch(
      tx,
      page.map((row) => ({ ...row, isCounted: false })),
      of
    )
  }
  let ahead = batchAfter(BEFORE_ALL_IDS)
  for (;;) {
    const batch = await ahead
    const last = batch.scorables.at(-1)
    if (last === undefined) return
    ahead = batchAfter(last.clientId)
    // Whoever stops early has no use for it, nor for how it ended.
    ahead.catch(() => undefined)
    yield batch
  }
}

export type RefreshService = ReturnType<typeof createRefreshService>
