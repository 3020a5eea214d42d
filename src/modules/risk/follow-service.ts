import type { Tx } from '../../db/client.ts'
import { inParts, nextTurn } from '../../db/parts.ts'
import type { BusinessCalendar } from '../../kernel/calendar.ts'
import { type ClaimChange, changesOf, countChange, ledgerOf, withKnownDays } from './claim-changes.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import { type ClientState, countedOf, lacksRecent, newClient, withCounted, withRecent } from './client-state.ts'
import { featuresOn, type Ground } from './features-at-issue.ts'
import type { EpochDay } from './invoice-facts.ts'
import type { DaySums } from './organization-days.ts'
import * as organizationRepository from './organization-repository.ts'
import * as outcomeRepository from './outcome-repository.ts'
import type { ClientRecord } from './situation.ts'
import { createWalk } from './walk.ts'

const FEATURES_PER_WRITE = 1_000

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
export async function followClaims(tx: Tx, invoiceIds: readonly string[], following: Following): Promise<ClaimChange[]> {
  const { ground, days } = following
  const changes: ClaimChange[] = []
  const touched = new Set<EpochDay>()
  for await (const ids of inParts(invoiceIds)) {
    const [facts, known] = await Promise.all([claimRepository.factsOf(tx, ids), claimRepository.ofInvoices(tx, ids)])
    const found = changesOf(facts, known)
    for (const change of found) for (const day of countChange(days, change, ground.thresholds)) touched.add(day)
    const kept = found.flatMap(({ after }) => (after === null ? [] : [withKnownDays(after, ground.seriousDays)]))
    const gone = found.flatMap(({ invoiceId, after }) => (after === null ? [invoiceId] : []))
    await claimRepository.save(tx, kept)
    await claimRepository.remove(tx, gone)
    changes.push(...found)
  }
  ground.recount()
  await organizationRepository.saveDays(tx, new Map([...days].filter(([day]) => touched.has(day))))
  return changes
}

/** The same for the states of clients. @returns the clients. */
export async function followStates(tx: Tx, changes: readonly ClaimChange[], following: Following): Promise<string[]> {
  const byClient = Map.groupBy(changes, ({ clientId }) => clientId)
  const clientIds = [...byClient.keys()]
  await loadStates(tx, clientIds, following)
  const { thresholds } = following.ground
  for await (const clients of inParts([...byClient])) {
    for (const [clientId, own] of clients) {
      const { taken, put } = ledgerOf(own)
      const counted = countedOf([...taken, ...put])
      following.states.set(clientId, withCounted(stateOf(following, clientId), counted, thresholds))
    }
  }
  await refillRecent(tx, clientIds, following)
  return clientIds
}

/** Gives invoices that have none yet the features of their issue days. Their clients are being followed. */
export async function scoreAtIssue(tx: Tx, claims: readonly claimRepository.ClaimOf[], following: Following): Promise<void> {
  const byClient = Map.groupBy(claims, ({ clientId }) => clientId)
  const clientIds = [...byClient.keys()]
  await loadStates(tx, clientIds, following)
  const open = Map.groupBy(await claimRepository.openOfClients(tx, clientIds), ({ clientId }) => clientId)
  const found: outcomeRepository.Scored[] = []
  for (const [clientId, own] of byClient) {
    const record = { state: stateOf(following, clientId), open: open.get(clientId) ?? [] }
    for await (const scored of featuresAtIssue(tx, { clientId, claims: own, record }, following)) {
      found.push(...scored)
      if (found.length >= FEATURES_PER_WRITE) await outcomeRepository.saveFeatures(tx, found.splice(0))
    }
  }
  await outcomeRepository.saveFeatures(tx, found)
}

type New = Readonly<{ clientId: string; claims: readonly claimRepository.ClaimOf[]; record: ClientRecord }>

/** Of an issue that is not before the record's day, the record knows the morning; of an earlier one the client's ledger does. */
async function* featuresAtIssue(tx: Tx, { clientId, claims, record }: New, { ground, calendar }: Following) {
  const days = [...Map.groupBy(claims, ({ issuedOn }) => issuedOn)].toSorted(([a], [b]) => a - b)
  const isLate = days.some(([day]) => day < record.state.day)
  const walk = isLate ? createWalk(await claimRepository.ledgersOf(tx, [clientId]), ground.thresholds) : undefined
  for (const [day, ofDay] of days) {
    const isBefore = walk !== undefined && day < record.state.day
    while (isBefore && !walk.step(day)) await nextTurn()
    const known = isBefore ? walk.on(day) : record
    for await (const some of inParts(ofDay)) yield featuresOn(known, some, { day, ground, calendar })
  }
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
  const clients = lacking.map((clientId) => ({ clientId, day: stateOf(following, clientId).day }))
  const payments = await claimRepository.recentPaymentsOf(tx, { clients, without: [] })
  for (const clientId of lacking) {
    following.states.set(clientId, withRecent(stateOf(following, clientId), payments.get(clientId) ?? []))
  }
}
