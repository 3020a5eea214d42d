import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Band } from './score.ts'
import type { DayScore } from './score-repository.ts'

const selectDistribution = statement<{ score: number; clients: number }>(
  'risk_rankings.distribution',
  'select score, count(*)::int as clients from risk_rankings where org_id = $1 group by score'
)

/** How many clients have each score, from 0 to the highest there is. */
export async function distribution(reader: Reader): Promise<number[]> {
  const found = new Map((await reader.run(selectDistribution, [reader.orgId])).map(({ score, clients }) => [score, clients]))
  return Array.from({ length: Math.max(-1, ...found.keys()) + 1 }, (_, score) => found.get(score) ?? 0)
}

export type RankingFilter = Readonly<{
  sort: 'risk' | 'expected_bad'
  band: Band | null
  /** Whose amounts `expected_bad` sorts by. */
  currency: string | null
  /** Where the page before ended: the score or the amount, and the client. */
  after: Readonly<{ rank: bigint; id: string }> | null
  limit: number
}>

export type Ranked = DayScore & Readonly<{ rank: bigint }>

const rankedColumns = `c.client_id as "clientId", c.scored_on as day, c.score, c.band, c.late, c.seriously_late as "seriouslyLate"`
// One comparison also for the first page: it is a bound of the index, of the table whose order it is, so that no page reads those before.
const afterPage = (rank: string, clientId: string) =>
  `(${rank}, ${clientId}) < (coalesce($3::bigint, 9223372036854775807), coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))`

const selectByRisk = statement<Ranked>(
  'risk_rankings.by_risk',
  `select ${rankedColumns}, c.score::bigint as rank from risk_rankings c
   where c.org_id = $1 and ($2::text is null or c.band = $2) and ${afterPage('c.score', 'c.client_id')}
   order by c.score desc, c.client_id desc limit $5`
)
const selectByExpectedBad = statement<Ranked>(
  'risk_rankings.by_expected_bad',
  `select ${rankedColumns}, e.expected_bad_minor as rank from risk_exposures e
   join risk_rankings c on c.org_id = e.org_id and c.client_id = e.client_id
   where e.org_id = $1 and e.currency = $6 and ($2::text is null or c.band = $2) and ${afterPage('e.expected_bad_minor', 'e.client_id')}
   order by e.expected_bad_minor desc, e.client_id desc limit $5`
)

/** By score or by expected loss, the highest first. Those who owe nothing in the currency are in no list of losses. */
export function ranking(reader: Reader, { sort, band, currency, after, limit }: RankingFilter): Promise<Ranked[]> {
  const parameters = [reader.orgId, band, after?.rank ?? null, after?.id ?? null, limit]
  return sort === 'risk' ? reader.run(selectByRisk, parameters) : reader.run(selectByExpectedBad, [...parameters, currency])
}
