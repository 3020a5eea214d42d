import type { Reader } from '../../db/client.ts'
import { dayIn } from '../../kernel/day.ts'
import { without } from '../../kernel/holding.ts'
import type { DunningCase } from '../invoices/invoice.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { askedOf } from './asked.ts'
import { blockedAmong, pinnedOf } from './blocked.ts'
import { collectableOf } from './collection.ts'
import { collectedAmong } from './collection-repository.ts'
import type { CurrentNoticeDeps } from './current-notice-service.ts'
import * as entryRepository from './entry-repository.ts'
import { askedContext } from './event-context.ts'
import { factsOf } from './facts.ts'

export type CurrentStageDeps = CurrentNoticeDeps & Readonly<{ organizations: OrganizationService }>

export type CurrentStage = Readonly<{
  found: DunningCase
  /** It may not be dunned now. */
  isBlocked: boolean
  /** What is asked for by now. */
  amounts: ReturnType<typeof askedContext>['amounts']
}>

/**
 * How obligations that entered a stage stand now, by the same rules that the sweep goes by.
 * @param own holds that came with what is told, and keep nothing of it back.
 */
export function createCurrentStages({ organizations, invoices, holds, policies, creditCovering }: CurrentStageDeps) {
  return async (
    reader: Reader,
    { ids, own }: { ids: readonly string[]; own: ReadonlySet<string> }
  ): Promise<ReadonlyMap<string, CurrentStage>> => {
    if (ids.length === 0) return new Map()
    const books = await organizations.books(reader)
    const cases = (await invoices.casesOf(reader, ids)).filter(({ obligation }) => pinnedOf(obligation).length > 0)
    const entered = cases.map(({ obligation }) => obligation)
    const clientIds = [...new Set(entered.map(({ clientId }) => clientId))]
    const [creditOf, allHoldsOf, policyAt, liveOf, collectedOf] = await Promise.all([
      creditCovering(reader, clientIds),
      holds.factsOf(reader, clientIds),
      policies.at(reader, entered.flatMap(pinnedOf)),
      entryRepository.live(reader, entered),
      collectedAmong(reader, cases.map(collectableOf))
    ])
    const holdsOf = without(allHoldsOf, own)
    const blocked = blockedAmong(cases, { entered, books, creditOf, holdsOf, collectedOf, policyAt, liveOf })
    const stageOf = (found: DunningCase): CurrentStage => {
      const { obligation } = found
      const [entries, creditMinor] = [liveOf(obligation.id), creditOf(obligation.id)]
      const facts = factsOf(found, { entries, holds: holdsOf(obligation), creditMinor, collectedOf, books })
      const asked = askedOf(facts, dayIn(books.now, facts.timeZone))
      return { found, isBlocked: blocked.has(obligation.id), amounts: askedContext(obligation, asked).amounts }
    }
    return new Map(cases.map((found) => [found.obligation.id, stageOf(found)]))
  }
}

export type CurrentStages = ReturnType<typeof createCurrentStages>
