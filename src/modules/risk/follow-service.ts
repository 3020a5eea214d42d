import type { Tx } from '../../db/client.ts'
import type { BusinessCalendar } from '../../kernel/calendar.ts'
import { type ClaimChange, changesOf, countChange, withChange, withKnownDays } from './claim-changes.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import { type ClientState, lacksRecent, newClient, withRecent } from './client-state.ts'
import { featuresAtIssue, type Ground } from './features-at-issue.ts'
import { type EpochDay, settlementOf } from './invoice-facts.ts'
import type { DaySums } from './organization-days.ts'
import * as organizationRepository from './organization-repository.ts'
import * as outcomeRepository from './outcome-repository.ts'

/** What is being followed: the states of clients by id, and the organization's sums of all days. */
export type Following = Readonly<{
  ground: Ground & Readonly<{ recount: () => void }>
  /** No state of a client is of a later day: what happens from then on waits in it. */
  day: EpochDay
  states: Map<string, ClientState>
  days: Map<EpochDay, DaySums>
  /** By which due days are closed. */
  calendar: BusinessCalendar
}>

/** Brings what is kept of invoices to what the ledger says. @returns where it said otherwise. The organization is locked. */
export async function followClaims(tx: Tx, invoiceIds: readonly string[], { ground, days }: Following): Promise<ClaimChange[]> {
  const { thresholds, seriousDays } = ground
  const [facts, known] = await Promise.all([claimRepository.factsOf(tx, invoiceIds), claimRepository.ofInvoices(tx, invoiceIds)])
  const changes = changesOf(facts, known)
  const touched = new Set(changes.flatMap((change) => countChange(days, change, thresholds)))
  ground.recount()
  const kept = changes.flatMap(({ after }) => (after === null ? [] : [withKnownDays(after, seriousDays)]))
  const gone = changes.flatMap(({ invoiceId, after }) => (after === null ? [invoiceId] : []))
  await claimRepository.save(tx, kept)
  await claimRepository.remove(tx, gone)
  await organizationRepository.saveDays(tx, new Map([...days].filter(([day]) => touched.has(day))))
  return changes
}

/** The same for the states of clients. @returns the clients. */
export async function followStates(tx: Tx, changes: readonly ClaimChange[], following: Following): Promise<string[]> {
  const clientIds = [...new Set(changes.map(({ clientId }) => clientId))]
  await loadStates(tx, clientIds, following)
  for (const change of changes) {
    following.states.set(change.clientId, withChange(stateOf(following, change.clientId), change, following.ground.thresholds))
  }
  await refillRecent(tx, clientIds, following)
  return clientIds
}

/** Gives invoices that have none yet the features of their issue days. Their clients are being followed. */
export async function scoreAtIssue(tx: Tx, claims: readonly claimRepository.ClaimOf[], following: Following): Promise<void> {
  const clientIds = [...new Set(claims.map(({ clientId }) => clientId))]
  await loadStates(tx, clientIds, following)
  const open = Map.groupBy(await claimRepository.openOfClients(tx, clientIds), ({ clientId }) => clientId)
  const { ground, calendar } = following
  const found: outcomeRepository.Scored[] = []
  for (const [clientId, own] of Map.groupBy(claims, (claim) => claim.clientId)) {
    const record = { state: stateOf(following, clientId), open: open.get(clientId) ?? [] }
    const ledger = () => claimRepository.ofClients(tx, [clientId])
    found.push(...(await featuresAtIssue(own, { record, ledger, ground, calendar })))
  }
  await outcomeRepository.saveFeatures(tx, found)
}

export function stateOf({ states, day, ground }: Following, clientId: string): ClientState {
  return states.get(clientId) ?? newClient(day, ground.thresholds)
}

async function loadStates(tx: Tx, clientIds: readonly string[], { states }: Following): Promise<void> {
  const missing = clientIds.filter((id) => !states.has(id))
  if (missing.length === 0) return
  for (const { clientId, state } of await clientRepository.find(tx, missing)) states.set(clientId, state)
}

/** Where a payment that was one of the last ones is no more, an older one takes its place again. */
async function refillRecent(tx: Tx, clientIds: readonly string[], following: Following): Promise<void> {
  const lacking = clientIds.filter((id) => lacksRecent(stateOf(following, id)))
  if (lacking.length === 0) return
  const ledgers = Map.groupBy(await claimRepository.ofClients(tx, lacking), ({ clientId }) => clientId)
  for (const clientId of lacking) {
    const settled = (ledgers.get(clientId) ?? []).flatMap((claim) => settlementOf(claim) ?? [])
    following.states.set(clientId, withRecent(stateOf(following, clientId), settled))
  }
}
