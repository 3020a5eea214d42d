import type { Reader } from '../../db/client.ts'
import { type ClaimChange, changesOf, claimsWith, organizationWith, withChange } from './claim-changes.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import { type ClientState, lacksRecent, newClient, withRecent } from './client-state.ts'
import type { Ground } from './features-at-issue.ts'
import { type EpochDay, settlementOf } from './invoice-facts.ts'
import type { ClientRecord } from './situation.ts'
import { createWalk } from './walk.ts'

/** A client's record at the start of a day, the ground with what changed in it, and the score by which the client is ranked. */
export type CurrentRecord = ClientRecord & Readonly<{ ground: Ground; rankedBy: number | null }>

type Wanted = Readonly<{
  clientId: string
  day: EpochDay
  /** Before what is kept: answered along the client's ledger. */
  isBehind: boolean
  ground: Ground
  /** The last event that is in what is kept. */
  followedSeq: bigint
}>

/**
 * A client's record with every change that is committed. What is kept follows the events some seconds later; of the invoices that events
 * touched since, the ledger is compared with it here, as it will be then, and nothing is written. The reader sees one moment.
 */
export async function currentRecord(reader: Reader, wanted: Wanted): Promise<CurrentRecord> {
  const { clientId, day, isBehind, followedSeq } = wanted
  const [row, claims] = await Promise.all([
    clientRepository.findOne(reader, { clientId, followedSeq }),
    isBehind ? claimRepository.ofClients(reader, [clientId]) : claimRepository.openOfClients(reader, [clientId])
  ])
  const changes = row.unfollowed.length === 0 ? [] : await changesIn(reader, row.unfollowed)
  const ground = groundWith(wanted.ground, changes)
  const { thresholds } = ground
  const current = claimsWith(claims, changes)
  if (isBehind) return { ...createWalk(current, thresholds).on(day), ground, rankedBy: null }
  let state = row.state ?? newClient(day, thresholds)
  for (const change of changes) state = withChange(state, change, thresholds)
  if (lacksRecent(state)) state = await refilled(reader, state, { clientId, changes })
  const open = current.filter(({ settledOn }) => settledOn === null)
  return { state, open, ground, rankedBy: row.latest?.score ?? null }
}

async function changesIn(reader: Reader, invoiceIds: readonly string[]): Promise<ClaimChange[]> {
  const [facts, known] = await Promise.all([
    claimRepository.factsOf(reader, invoiceIds),
    claimRepository.ofInvoices(reader, invoiceIds)
  ])
  return changesOf(facts, known)
}

function groundWith(ground: Ground, changes: readonly ClaimChange[]): Ground {
  if (changes.length === 0) return ground
  return { ...ground, organizationOn: (day) => organizationWith(ground.organizationOn(day), changes, ground.thresholds) }
}

/** Where a payment that was one of the last ones is no more, an older one takes its place again. */
async function refilled(
  reader: Reader,
  state: ClientState,
  { clientId, changes }: { clientId: string; changes: readonly ClaimChange[] }
): Promise<ClientState> {
  const ledger = claimsWith(await claimRepository.ofClients(reader, [clientId]), changes)
  return withRecent(
    state,
    ledger.flatMap((claim) => settlementOf(claim) ?? [])
  )
}
