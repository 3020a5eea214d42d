import type { BusinessCalendar } from '../../kernel/calendar.ts'
import { dayFromEpochDay } from '../../kernel/day.ts'
import type { ClaimOf } from './claim-repository.ts'
import { dueDayFacts } from './due-day.ts'
import { observe } from './features.ts'
import type { Claim, EpochDay } from './invoice-facts.ts'
import type { Level } from './levels.ts'
import type { Model } from './model.ts'
import type { OrganizationState } from './organization-state.ts'
import type { Scored } from './outcome-repository.ts'
import { type ClientRecord, type ScoredInvoice, situationOn } from './situation.ts'

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

export type FeaturesAtIssue = Readonly<{ ground: Ground; calendar: BusinessCalendar }>

/**
 * The features that new invoices of one client had on the morning of their issue. Nothing of a day is in what is known on its morning, so that all
 * invoices of a day share it: each costs the same however many the client has.
 */
export function featuresOn(
  record: ClientRecord,
  claims: readonly ClaimOf[],
  { day, ground, calendar }: FeaturesAtIssue & { day: EpochDay }
): Scored[] {
  const facts = { day, organization: ground.organizationOn(day), thresholds: ground.thresholds }
  const morning = situationOn(record, facts)
  return claims.map((claim) => {
    const situation = { ...morning, invoice: scoredInvoice(claim, calendar) }
    const at = (level: Level) => {
      const { offset, x } = observe(situation, { model: ground.model, level })
      return { offset, x }
    }
    return { invoiceId: claim.invoiceId, late: at(0), serious: at(ground.seriousDays) }
  })
}
