import { type ClientState, clientOn, withoutIssued } from './client-state.ts'
import { type AlikeClaims, aloneOf, type Claim, type EpochDay, standing } from './invoice-facts.ts'
import { type OpenPosition, openPosition } from './open-position.ts'
import type { OrganizationState } from './organization-state.ts'

/** An invoice that is scored, and what the organization's calendar says of its due day. */
export type ScoredInvoice = Claim & Readonly<{ isDueOnClosedDay: boolean; isDueAtMonthEnd: boolean }>

/** What a score rests on, all of it as of the start of one day. Without an invoice it is the client's own score. */
export type Situation = Readonly<{
  client: ClientState
  position: OpenPosition
  organization: OrganizationState
  thresholds: readonly number[]
  invoice?: ScoredInvoice
}>

/** What is kept of a client: the state, and its open invoices as the ledger has them now, the scored one among them or not. */
export type ClientRecord = Readonly<{ state: ClientState; open: readonly AlikeClaims[] }>

/**
 * The situation at the start of a day, which is not before the state's. An invoice that is part of the record is measured against the
 * others: it is taken out of its own history. One that was not followed yet, or that is only issued now, is in none.
 */
export function situationOn(
  { state, open }: ClientRecord,
  facts: Readonly<{ day: EpochDay; organization: OrganizationState; thresholds: readonly number[]; invoice?: ScoredInvoice }>
): Situation {
  const { day, organization, thresholds, invoice } = facts
  const today = clientOn(state, { day, thresholds })
  if (invoice === undefined)
    return { client: today, position: openPosition(today, { open, thresholds }), organization, thresholds }
  const isHeld = invoice.issuedOn < day && open.some((claims) => areAlike(claims, invoice))
  const client = isHeld ? withoutIssued(today, invoice) : today
  const others = isHeld ? standing([...open, aloneOf(invoice, -1)]) : open
  return { client, position: openPosition(client, { open: others, thresholds }), organization, thresholds, invoice }
}

function areAlike(a: AlikeClaims, b: Claim): boolean {
  return a.issuedOn === b.issuedOn && a.dueOn === b.dueOn && a.currency === b.currency
}
