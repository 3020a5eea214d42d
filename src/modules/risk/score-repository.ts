import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import type { Exposure } from './exposure.ts'
import type { Band } from './score.ts'

/** A client's score as of the start of a day. */
export type DayScore = Readonly<{
  clientId: string
  day: Day
  score: number
  band: Band
  late: number
  seriouslyLate: number
}>

const upsert = setStatement(
  'risk_scores.save',
  `with input as (
     select * from unnest($2::uuid[], $3::date[], $4::int[], $5::text[], $6::float8[], $7::float8[])
       as t(client_id, day, score, band, late, serious)
   ), kept as (
     insert into risk_scores (org_id, client_id, day, score, band, late, seriously_late)
     select $1, client_id, day, score, band, late, serious from input
     on conflict (org_id, client_id, day) do update set score = excluded.score, band = excluded.band, late = excluded.late,
       seriously_late = excluded.seriously_late
   )
   insert into risk_rankings (org_id, client_id, scored_on, score, band, late, seriously_late)
   select distinct on (client_id) $1::uuid, client_id, day, score, band, late, serious from input order by client_id, day desc
   on conflict (org_id, client_id) do update set scored_on = excluded.scored_on, score = excluded.score, band = excluded.band,
     late = excluded.late, seriously_late = excluded.seriously_late`
)

/** Adds to the history; the latest of each client is its standing in the ranking. */
export async function save(tx: Tx, scores: readonly DayScore[]): Promise<void> {
  if (scores.length === 0) return
  const { statement: write, of } = setOf(upsert, scores)
  await tx.run(write, [
    tx.orgId,
    of('uuid', (s) => s.clientId),
    of('date', (s) => s.day),
    of('int4', (s) => s.score),
    of('text', (s) => s.band),
    of('float8', (s) => s.late),
    of('float8', (s) => s.seriouslyLate)
  ])
}

const columns = `client_id as "clientId", day, score, band, late, seriously_late as "seriouslyLate"`

const selectHistory = statement<DayScore>(
  'risk_scores.of_client',
  `select ${columns} from risk_scores where org_id = $1 and client_id = $2 and day < $3 order by day desc limit $4`
)

/** A client's scores before a day, the latest first; one for each day on which it changed. */
export function history(
  reader: Reader,
  { clientId, before, limit }: { clientId: string; before: string; limit: number }
): Promise<DayScore[]> {
  return reader.run(selectHistory, [reader.orgId, clientId, before, limit])
}

const selectBelow = statement<{ below: number; others: number }>(
  'risk_scores.below',
  `select count(*) filter (where score < $4)::int as below, count(*)::int as others from (
     select distinct on (client_id) score from risk_scores where org_id = $1 and day <= $2 and client_id <> $3 order by client_id, day desc
   ) as latest`
)

/** How many other clients had a lower score on a day, and of how many. */
export async function below(
  reader: Reader,
  { day, clientId, score }: { day: Day; clientId: string; score: number }
): Promise<{ below: number; others: number }> {
  const [row] = await reader.run(selectBelow, [reader.orgId, day, clientId, score])
  return row ?? { below: 0, others: 0 }
}

export type ClientExposure = Exposure & Readonly<{ clientId: string }>

const selectExposures = statement<ClientExposure>(
  'risk_exposures.of_clients',
  `select client_id as "clientId", currency, open_minor as "openMinor", overdue_minor as "overdueMinor", expected_bad_minor as "expectedBadMinor"
   from risk_exposures where org_id = $1 and client_id = any($2::uuid[]) order by client_id, currency`
)

export function exposures(reader: Reader, clientIds: readonly string[]): Promise<ClientExposure[]> {
  return reader.run(selectExposures, [reader.orgId, clientIds])
}

const upsertExposures = setStatement(
  'risk_exposures.save',
  `insert into risk_exposures (org_id, client_id, currency, open_minor, overdue_minor, expected_bad_minor)
   select $1, t.* from unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) as t
   on conflict (org_id, client_id, currency) do update set open_minor = excluded.open_minor, overdue_minor = excluded.overdue_minor,
     expected_bad_minor = excluded.expected_bad_minor`
)
const removeExposures = statement<object>(
  'risk_exposures.remove',
  `delete from risk_exposures e using unnest($2::uuid[], $3::text[]) as gone(client_id, currency)
   where e.org_id = $1 and e.client_id = gone.client_id and e.currency = gone.currency`
)

/** Keeps what changed since the last pass. */
export async function saveExposures(
  tx: Tx,
  { changed, gone }: { changed: readonly ClientExposure[]; gone: readonly ClientExposure[] }
): Promise<void> {
  if (gone.length > 0) {
    await tx.run(removeExposures, [tx.orgId, gone.map(({ clientId }) => clientId), gone.map(({ currency }) => currency)])
  }
  if (changed.length === 0) return
  const { statement: write, of } = setOf(upsertExposures, changed)
  await tx.run(write, [
    tx.orgId,
    of('uuid', (e) => e.clientId),
    of('text', (e) => e.currency),
    of('int8', (e) => e.openMinor),
    of('int8', (e) => e.overdueMinor),
    of('int8', (e) => e.expectedBadMinor)
  ])
}
