import { DELAY_DAYS_MAX, DELAY_DAYS_MIN, EDGES } from './levels.ts'
import type { OpenPosition } from './open-position.ts'
import type { OrganizationState } from './organization-state.ts'
import type { Situation } from './situation.ts'

/**
 * The share of invoices paid more than so many days after they were due, at each of `EDGES`; it never rises. Before the first edge
 * it comes from 1 at −60 days, after the last it falls to 0 at 120, linear between.
 */
export type DelayCurve = readonly number[]

/** The curve before an organization has outcomes of its own: an assumption, through the prior rates of the levels. */
const PRIOR_CURVE: DelayCurve = [
  0.97, 0.93, 0.82, 0.65, 0.48, 0.3, 0.28, 0.24, 0.2, 0.17, 0.14, 0.1, 0.09, 0.08, 0.06, 0.05, 0.04
]
const PRIOR_OUTCOMES = 20

/** Pseudo-counts of the organization's curve in a client's: for probabilities, and for quantiles, which follow the client sooner. */
export const CURVE_PSEUDO_COUNT = 8
export const QUANTILE_PSEUDO_COUNT = 2

/** T(e): the outcomes of the organization's window at each edge, those of open invoices included as soon as they are certain. */
export function organizationCurve({ known, late }: OrganizationState, thresholds: readonly number[]): DelayCurve {
  let below = 1
  return EDGES.map((edge, at) => {
    const index = thresholds.indexOf(edge)
    const share = ((late[index] ?? 0) + PRIOR_OUTCOMES * (PRIOR_CURVE[at] ?? 0)) / ((known[index] ?? 0) + PRIOR_OUTCOMES)
    // An edge is known of other invoices than its neighbour, so that the shares may cross by a little.
    below = Math.min(below, share)
    return below
  })
}

/**
 * S_c(e): the client's own curve, shrunk to the organization's. An overdue invoice of age a counts as later than every e < a, and beyond
 * that as the organization's invoices go on that were unpaid at that age.
 */
export function clientCurve(
  { client, position, thresholds }: Pick<Situation, 'client' | 'position' | 'thresholds'>,
  { organization, pseudoCount }: { organization: DelayCurve; pseudoCount: number }
): DelayCurve {
  const open = overdueShares(position, organization)
  const total = client.settled.weight + position.overdueCount + pseudoCount
  return EDGES.map((edge, at) => {
    const late = client.settled.lateWeights[thresholds.indexOf(edge)] ?? 0
    return Math.min(1, (late + (open[at] ?? 0) + pseudoCount * (organization[at] ?? 0)) / total)
  })
}

function overdueShares({ overdue }: OpenPosition, organization: DelayCurve): number[] {
  const shares = EDGES.map(() => 0)
  for (const { days: age, count } of overdue) {
    const unpaid = shareUnpaid(organization, age)
    for (const [at, edge] of EDGES.entries()) {
      shares[at] = (shares[at] ?? 0) + count * chanceOf(organization[at] ?? 0, { days: edge, age, unpaid })
    }
  }
  return shares
}

/** The share paid more than `days` after they were due, 0 to 1. */
export function shareLater(curve: DelayCurve, days: number): number {
  let [fromDays, from]: [number, number] = [DELAY_DAYS_MIN, 1]
  if (days <= fromDays) return 1
  for (const [at, edge] of EDGES.entries()) {
    const share = curve[at] ?? 0
    if (days <= edge) return from + ((share - from) * (days - fromDays)) / (edge - fromDays)
    fromDays = edge
    from = share
  }
  return days >= DELAY_DAYS_MAX ? 0 : (from * (DELAY_DAYS_MAX - days)) / (DELAY_DAYS_MAX - fromDays)
}

/**
 * The share of invoices that are unpaid at the start of the day `age` days after they were due. Each of them can still be paid on that
 * day, so they are those that are paid more than `age − 1` days late.
 */
export function shareUnpaid(curve: DelayCurve, age: number): number {
  return shareLater(curve, age - 1)
}

/** P(later than `days` | unpaid at the start of day `age`): both in days after the due date. 1 once the age exceeds the days. */
export function chanceLater(curve: DelayCurve, { days, age }: { days: number; age: number }): number {
  return chanceOf(shareLater(curve, days), { days, age, unpaid: shareUnpaid(curve, age) })
}

/** @param later the share paid more than `days` after they were due. */
function chanceOf(later: number, { days, age, unpaid }: { days: number; age: number; unpaid: number }): number {
  return age > days || unpaid === 0 ? 1 : Math.min(1, later / unpaid)
}

/**
 * The delay in days that a share `q` (0 to 1) of the invoices that are unpaid at the start of day `age` does not exceed. Not below the
 * age, and at most 120 unless the age is more.
 */
export function delayQuantile(curve: DelayCurve, { q, age }: { q: number; age: number }): number {
  const wanted = (1 - q) * shareUnpaid(curve, age)
  let [fromDays, from]: [number, number] = [DELAY_DAYS_MIN, 1]
  for (const [at, edge] of [...EDGES.entries(), [EDGES.length, DELAY_DAYS_MAX] as const]) {
    const share = curve[at] ?? 0
    if (share <= wanted) {
      const days = from === share ? fromDays : fromDays + ((from - wanted) / (from - share)) * (edge - fromDays)
      return Math.max(age, days)
    }
    fromDays = edge
    from = share
  }
  return Math.max(age, DELAY_DAYS_MAX)
}
