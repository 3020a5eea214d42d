import type { Reader } from '../../db/client.ts'
import { inParts, nextTurn } from '../../db/parts.ts'
import { changesOf, countOthers, ledgerOf, type OtherTerms } from './claim-changes.ts'
import * as claimRepository from './claim-repository.ts'
import * as clientRepository from './client-repository.ts'
import { type ClientState, countedOf, lacksRecent, newClient, withCounted, withRecent } from './client-state.ts'
import type { Ground } from './features-at-issue.ts'
import { type AlikeLedger, type EpochDay, isEnded, standing, together } from './invoice-facts.ts'
import { withOtherTerms } from './organization-days.ts'
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
  const { clientId, day, isBehind, followedSeq, ground } = wanted
  const { thresholds } = ground
  const [row, kept] = await Promise.all([
    clientRepository.findOne(reader, { clientId, followedSeq }),
    isBehind ? claimRepository.ledgersOf(reader, [clientId]) : claimRepository.openOfClients(reader, [clientId])
  ])
  const unfollowed = await unfollowedOf(reader, row.unfollowed, thresholds)
  const changed = { ground: groundWith(ground, unfollowed.terms) }
  if (isBehind) {
    const walk = createWalk(standing([...kept, ...unfollowed.taken, ...unfollowed.put]), thresholds)
    while (!walk.step(day)) await nextTurn()
    return { ...walk.on(day), ...changed, rankedBy: null }
  }
  const ledger = [...unfollowed.taken, ...unfollowed.put]
  const counted = withCounted(row.state ?? newClient(day, thresholds), countedOf(ledger), thresholds)
  const state = lacksRecent(counted) ? await refilled(reader, counted, { clientId, unfollowed }) : counted
  const open = standing([...kept, ...ledger.filter((claims) => !isEnded(claims))])
  return { state, open, ...changed, rankedBy: row.latest?.score ?? null }
}

/** What changed in a ledger since it was followed, what is alike together. */
type Unfollowed = ReturnType<typeof ledgerOf> & Readonly<{ invoiceIds: readonly string[]; terms: OtherTerms }>

async function unfollowedOf(reader: Reader, touched: readonly string[], thresholds: readonly number[]): Promise<Unfollowed> {
  const terms: OtherTerms = { before: new Map(), after: new Map() }
  const invoiceIds: string[] = []
  let [taken, put]: [AlikeLedger[], AlikeLedger[]] = [[], []]
  for await (const ids of inParts(touched)) {
    const [facts, known] = await Promise.all([claimRepository.factsOf(reader, ids), claimRepository.ofInvoices(reader, ids)])
    const changes = changesOf(facts, known)
    countOthers(terms, changes, thresholds)
    const changed = ledgerOf(changes)
    taken = together([...taken, ...changed.taken])
    put = together([...put, ...changed.put])
    invoiceIds.push(...changes.map(({ invoiceId }) => invoiceId))
  }
  return { invoiceIds, taken, put, terms }
}

function groundWith(ground: Ground, terms: OtherTerms): Ground {
  if (terms.before.size + terms.after.size === 0) return ground
  return { ...ground, organizationOn: (day) => withOtherTerms(ground.organizationOn(day), terms, ground.thresholds) }
}

/** Where a payment that was one of the last ones is no more, an older one takes its place again. */
async function refilled(
  reader: Reader,
  state: ClientState,
  { clientId, unfollowed }: { clientId: string; unfollowed: Unfollowed }
): Promise<ClientState> {
  const of = { clients: [{ clientId, day: state.day }], without: unfollowed.invoiceIds }
  const payments = await claimRepository.recentPaymentsOf(reader, of)
  return withRecent(state, payments.get(clientId) ?? [], unfollowed.put.filter(isEnded))
}
