import type { BusinessCalendar } from '../../kernel/calendar.ts'
import { dayFromEpochDay } from '../../kernel/day.ts'
import type { ClaimOf } from './claim-repository.ts'
import { dueDayFacts } from './due-day.ts'
import { observe } from './features.ts'
import { byIssue, type Claim, type EpochDay } from './invoice-facts.ts'
import type { Level } from './levels.ts'
import type { Model } from './model.ts'
import type { OrganizationState } from './organization-state.ts'
import type { Scored } from './outcome-repository.ts'
import { type ClientRecord, type ScoredInvoice, situationOn } from './situation.ts'
import { createWalk } from './walk.ts'

/** What every score of one organization shares. */
export type Ground = Readonly<{
  model: Model
  seriousDays: Level
  thresholds: readonly number[]
  /** At the start of a day. */
  organizationOn: (day: EpochDay) => OrganizationState
}>

export function scoredInvoice(claim: Claim, calendar: BusinessCalendar): ScoredInvoice {
  return { ...claim, ...dueDayFacts(dayFromEpochDay(claim.dueOn), calendar) }
}

type AtIssue = Readonly<{
  record: ClientRecord
  /** All of the client's claims; asked for only where the record is too late. */
  ledger: () => Promise<readonly ClaimOf[]>
  ground: Ground
  calendar: BusinessCalendar
}>

/**
 * The features that a client's new invoices had on the morning of their issue. Where that is not before the record's day, the record has
 * them; who hears of an invoice later walks through the client's ledger again.
 */
export async function featuresAtIssue(
  claims: readonly ClaimOf[],
  { record, ledger, ground, calendar }: AtIssue
): Promise<Scored[]> {
  const ordered = claims.toSorted(byIssue)
  const late = ordered.filter(({ issuedOn }) => issuedOn < record.state.day)
  const walk = late.length === 0 ? undefined : createWalk(await ledger(), ground.thresholds)
  return ordered.map((claim) => {
    const day = claim.issuedOn
    const known = walk !== undefined && day < record.state.day ? walk.on(day) : record
    const facts = { day, organization: ground.organizationOn(day), thresholds: ground.thresholds }
    const situation = situationOn(known, { ...facts, invoice: scoredInvoice(claim, calendar) })
    const at = (level: Level) => {
      const { offset, x } = observe(situation, { model: ground.model, level })
      return { offset, x }
    }
    return { invoiceId: claim.invoiceId, late: at(0), serious: at(ground.seriousDays) }
  })
}
