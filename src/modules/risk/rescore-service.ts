import type { Tx } from '../../db/client.ts'
import { dayFromEpochDay, startOfDay } from '../../kernel/day.ts'
import { clientContext } from '../clients/client-context.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventDraft } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import type { Organization } from '../organizations/organization.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import type { Exposure } from './exposure.ts'
import { type BandMove, type Rescored, type Rescoring, rescored, type Scorable } from './rescoring.ts'
import { bandContext } from './schemas.ts'
import type { ClientExposure } from './score-repository.ts'
import * as scoreRepository from './score-repository.ts'
import { signalsOf } from './signal-repository.ts'

export type RescoreDeps = Readonly<{ events: EventService; clients: ClientService }>

/** Scores clients on one day after the other, keeps what changed, and tells of whoever moved into another band. */
export function createRescoreService({ events, clients }: RescoreDeps) {
  async function tell(tx: Tx, moves: readonly BandMove[], organization: Organization): Promise<void> {
    if (moves.length === 0) return
    const known = await clients.getMany(tx, [...new Set(moves.map(({ clientId }) => clientId))])
    for (const [day, ofDay] of [...Map.groupBy(moves, (move) => move.day)].toSorted(([a], [b]) => a - b)) {
      const on = dayFromEpochDay(day)
      const drafts = ofDay.flatMap(({ clientId, from, score }): EventDraft[] => {
        const client = known.get(clientId)
        if (client === undefined) return []
        const context = { client: clientContext(client, organization), former_band: from, ...bandContext(score, on) }
        return [clients.eventAbout('client.risk_band_changed', client, context)]
      })
      await events.append(tx, { occurredAt: startOfDay(on, organization.timeZone), drafts })
    }
  }

  return {
    async rescore(
      tx: Tx,
      batch: Batch,
      { organization, ...rescoring }: Rescoring & { organization: Organization }
    ): Promise<void> {
      const { scorables, claims, open, former, signals } = batch
      const claimsBy = Map.groupBy(claims, ({ clientId }) => clientId)
      const openBy = Map.groupBy(open, ({ clientId }) => clientId)
      const found = scorables.map((scorable) => {
        const { clientId } = scorable
        const of = { open: claimsBy.get(clientId) ?? [], owed: openBy.get(clientId) ?? [] }
        return { clientId, ...rescored(scorable, { ...rescoring, ...of, signals: signals.map((ofDay) => ofDay(clientId)) }) }
      })
      await keep(tx, found, former)
      await tell(
        tx,
        found.flatMap(({ moves }) => moves),
        organization
      )
    }
  }
}

/** Clients with all that is read to score them. */
export type Batch = Awaited<ReturnType<typeof loadBatch>>

export async function loadBatch(
  tx: Tx,
  scorables: readonly Scorable[],
  { days, timeZone }: { days: Rescoring['days']; timeZone: string }
) {
  const clientIds = scorables.map(({ clientId }) => clientId)
  const [claims, open, former, signals] = await Promise.all([
    claimRepository.openOfClients(tx, clientIds),
    clientRepository.openParts(tx, { clientIds, day: days.at(-1) ?? 0 }),
    scoreRepository.exposures(tx, clientIds),
    Promise.all(days.map((day) => signalsOf(tx, { clientIds, day, timeZone })))
  ])
  return { scorables, claims, open, former, signals }
}

export type RescoreService = ReturnType<typeof createRescoreService>

type Found = Rescored & Readonly<{ clientId: string }>

async function keep(tx: Tx, found: readonly Found[], former: readonly ClientExposure[]): Promise<void> {
  const formerBy = Map.groupBy(former, ({ clientId }) => clientId)
  const [changed, gone]: [ClientExposure[], ClientExposure[]] = [[], []]
  for (const { clientId, exposures } of found) {
    const before = formerBy.get(clientId) ?? []
    for (const one of exposures) if (!before.some((other) => areEqual(one, other))) changed.push({ clientId, ...one })
    gone.push(...before.filter(({ currency }) => !exposures.some((one) => one.currency === currency)))
  }
  await clientRepository.save(
    tx,
    found.flatMap(({ clientId, state }) => (state === null ? [] : [{ clientId, state }]))
  )
  await scoreRepository.save(
    tx,
    found.flatMap(({ history }) => history.map((score) => ({ ...score, day: dayFromEpochDay(score.day) })))
  )
  await scoreRepository.saveExposures(tx, { changed, gone })
}

function areEqual(a: Exposure, b: Exposure): boolean {
  if (a.currency !== b.currency || a.openMinor !== b.openMinor) return false
  return a.overdueMinor === b.overdueMinor && a.expectedBadMinor === b.expectedBadMinor
}
