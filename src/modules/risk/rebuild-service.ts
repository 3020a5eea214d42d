import type { Tx } from '../../db/client.ts'
import { inParts } from '../../db/parts.ts'
import { dayFromEpochDay, epochDayOf } from '../../kernel/day.ts'
import { BEFORE_ALL_IDS } from '../../kernel/keyset.ts'
import type { Books } from '../organizations/organization.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import { countedOf, newClient, withCounted } from './client-state.ts'
import { type Following, followClaims, scoreAtIssue } from './follow-service.ts'
import { groundOf } from './ground.ts'
import type { EpochDay } from './invoice-facts.ts'
import type { DaySums } from './organization-days.ts'
import type { Standing } from './organization-repository.ts'
import * as organizationRepository from './organization-repository.ts'
import { followOutcomes } from './outcome-service.ts'

const CLIENTS_PER_PAGE = 500

type Rebuilding = Readonly<{ books: Books; standing: Standing }>
type Rescore = (tx: Tx, clientIds: readonly string[], refreshing: Rebuilding & { following: Following }) => Promise<void>

/**
 * Counts everything of an organization anew, from the ledger alone, by the model and the serious level of the standing: first all
 * invoices, for the features of one rest on what is known of all; then their features, the weights that follow them, and the scores.
 */
export async function rebuild(
  tx: Tx,
  { books, standing }: Rebuilding,
  { rescoreClients }: { rescoreClients: Rescore }
): Promise<Standing> {
  const days = new Map<EpochDay, DaySums>()
  const day = epochDayOf(standing.day)
  const following = { ground: groundOf(standing, days), day, states: new Map(), days, calendar: books.calendar }
  await organizationRepository.wipe(tx)
  for await (const clientIds of invoicedPages(tx))
    await followClaims(tx, await claimRepository.invoicesOf(tx, clientIds), following)
  for await (const clientIds of invoicedPages(tx)) {
    await loadFromLedger(tx, clientIds, following)
    await scoreAtIssue(tx, await claimRepository.ofClients(tx, clientIds), following)
  }
  if (standing.settings.followsOutcomes) {
    await followOutcomes(tx, { ...standing, isStale: true }, { model: following.ground.model, through: dayFromEpochDay(day) })
  }
  for await (const clientIds of invoicedPages(tx)) {
    await loadFromLedger(tx, clientIds, following)
    await rescoreClients(tx, clientIds, { books, standing, following })
  }
  return { ...standing, isStale: false, state: following.ground.organizationOn(day) }
}

/** Puts the clients' states in place of the former ones. */
async function loadFromLedger(tx: Tx, clientIds: readonly string[], { states, day, ground }: Following): Promise<void> {
  const { thresholds } = ground
  states.clear()
  for await (const part of inParts(await claimRepository.ledgersOf(tx, clientIds))) {
    for (const [id, own] of Map.groupBy(part, ({ clientId }) => clientId)) {
      states.set(id, withCounted(states.get(id) ?? newClient(day, thresholds), countedOf(own), thresholds))
    }
  }
}

async function* invoicedPages(tx: Tx): AsyncGenerator<string[]> {
  for (let after: string | undefined = BEFORE_ALL_IDS; after !== undefined; ) {
    const page: string[] = await clientRepository.invoiced(tx, { after, limit: CLIENTS_PER_PAGE })
    if (page.length > 0) yield page
    after = page.at(-1)
  }
}
