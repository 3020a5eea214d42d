import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import { type Day, dayFromEpochDay, epochDayOf } from '../../kernel/day.ts'
import type { EpochDay } from './invoice-facts.ts'
import type { ModelVersion } from './model.ts'
import type { DaySums } from './organization-days.ts'
import type { OrganizationState } from './organization-state.ts'
import { bytesOf, doublesOf } from './outcome-repository.ts'
import type { RiskSettings } from './settings.ts'

/** Where an organization's scores stand, see `riskOrganizations`. */
export type Standing = Readonly<{
  settings: RiskSettings
  model: ModelVersion
  seriousDays: number
  day: Day
  nextPassAt: Date
  followedSeq: bigint
  state: OrganizationState
  distribution: readonly number[]
  resetOn: Day | null
  isStale: boolean
  version: number
  updatedAt: Date
}>

/** Row by row, at level 0 and at the serious level. */
export type Covariances = Readonly<{ late: ArrayLike<number>; serious: ArrayLike<number> }>

const columns = `settings, model, serious_days as "seriousDays", day, next_pass_at as "nextPassAt", followed_seq as "followedSeq", state,
  distribution, reset_on as "resetOn", is_stale as "isStale", version, updated_at as "updatedAt"`

const select = statement<Standing>('risk_organizations.find', `select ${columns} from risk_organizations where org_id = $1`)
const selectNewer = statement<Standing>(
  'risk_organizations.newer',
  `select ${columns} from risk_organizations where org_id = $1 and version <> $2`
)
const selectFirstEvent = statement<{ at: Date }>(
  'risk_organizations.first_event',
  'select occurred_at as at from events where org_id = $1 and seq is not null order by seq limit 1'
)

/** When the organization's first event happened, in its own time. */
export async function firstEventAt(reader: Reader): Promise<Date | undefined> {
  const [row] = await reader.run(selectFirstEvent, [reader.orgId])
  return row?.at
}

// Events get their ids as they are recorded, and their numbers in the order of their ids.
const selectUnfollowed = statement<{ since: Date | null }>(
  'risk_organizations.unfollowed_since',
  `select least(
     (select recorded_at from events where org_id = $1 and seq > $2 order by seq limit 1),
     (select recorded_at from events where org_id = $1 and seq is null order by id limit 1)) as since`
)

/** When the first event after a number was recorded, in real time; undefined where there is none. */
export async function unfollowedSince(reader: Reader, followedSeq: bigint): Promise<Date | undefined> {
  const [row] = await reader.run(selectUnfollowed, [reader.orgId, followedSeq])
  return row?.since ?? undefined
}

const tryLock = statement<{ isMine: boolean }>(
  'risk_organizations.try_lock',
  `select pg_try_advisory_xact_lock(hashtextextended('risk ' || $1::text, 0)) as "isMine"`
)

/** Takes an organization for this transaction, without waiting for another process that has it. */
export async function isMine(tx: Tx): Promise<boolean> {
  const [row] = await tx.run(tryLock, [tx.orgId])
  return row?.isMine === true
}

const selectForUpdate = statement<Standing>(
  'risk_organizations.lock',
  `select ${columns} from risk_organizations where org_id = $1 for no key update`
)

export async function find(reader: Reader): Promise<Standing | undefined> {
  const [row] = await reader.run(select, [reader.orgId])
  return row
}

/** Undefined where it is still of that version. */
export async function findNewer(reader: Reader, version: number): Promise<Standing | undefined> {
  const [row] = await reader.run(selectNewer, [reader.orgId, version])
  return row
}

export async function findForUpdate(tx: Tx): Promise<Standing | undefined> {
  const [row] = await tx.run(selectForUpdate, [tx.orgId])
  return row
}

/** From `settings` to `distribution`, in the order of the columns. */
function describedBy(s: Standing): unknown[] {
  const { settings, model, seriousDays, day, nextPassAt, followedSeq, state, distribution } = s
  return [settings, model, seriousDays, day, nextPassAt, followedSeq, state, JSON.stringify(distribution)]
}

const insertRow = statement<{ version: number }>(
  'risk_organizations.insert',
  `insert into risk_organizations (org_id, settings, model, serious_days, day, next_pass_at, followed_seq, state, distribution,
     late_covariance, serious_covariance, is_stale, version, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, 1, $12) on conflict (org_id) do nothing`
)

export async function insert(tx: Tx, s: Standing, { late, serious }: Covariances): Promise<void> {
  await tx.run(insertRow, [tx.orgId, ...describedBy(s), bytesOf(late), bytesOf(serious), s.updatedAt])
}

const updateRow = statement<{ version: number }>(
  'risk_organizations.save',
  `update risk_organizations set settings = $2, model = $3, serious_days = $4, day = $5, next_pass_at = $6, followed_seq = $7, state = $8,
     distribution = $9, reset_on = $10, is_stale = $11, version = version + 1, updated_at = $12 where org_id = $1`
)

export async function save(tx: Tx, s: Standing): Promise<void> {
  await tx.run(updateRow, [tx.orgId, ...describedBy(s), s.resetOn, s.isStale, s.updatedAt])
}

const selectCovariances = statement<{ late: Buffer; serious: Buffer }>(
  'risk_organizations.covariances',
  'select late_covariance as late, serious_covariance as serious from risk_organizations where org_id = $1'
)

export async function covariances(reader: Reader): Promise<Covariances | undefined> {
  const [row] = await reader.run(selectCovariances, [reader.orgId])
  return row && { late: doublesOf(row.late), serious: doublesOf(row.serious) }
}

const updateCovariances = statement<object>(
  'risk_organizations.save_covariances',
  'update risk_organizations set late_covariance = $2, serious_covariance = $3 where org_id = $1'
)

export async function saveCovariances(tx: Tx, { late, serious }: Covariances): Promise<void> {
  await tx.run(updateCovariances, [tx.orgId, bytesOf(late), bytesOf(serious)])
}

const selectDays = statement<{ day: Day; sums: DaySums }>('risk_days.all', 'select day, sums from risk_days where org_id = $1')

/** The sums of every day that has any. */
export async function days(reader: Reader): Promise<Map<EpochDay, DaySums>> {
  return new Map((await reader.run(selectDays, [reader.orgId])).map(({ day, sums }) => [epochDayOf(day), sums]))
}

const upsertDays = setStatement(
  'risk_days.save',
  `insert into risk_days (org_id, day, sums) select $1, day, sums::jsonb from unnest($2::date[], $3::text[]) as t(day, sums)
   on conflict (org_id, day) do update set sums = excluded.sums`
)

export async function saveDays(tx: Tx, changed: ReadonlyMap<EpochDay, DaySums>): Promise<void> {
  if (changed.size === 0) return
  const { statement: write, of } = setOf(upsertDays, [...changed])
  await tx.run(write, [tx.orgId, of('date', ([day]) => dayFromEpochDay(day)), of('text', ([, sums]) => JSON.stringify(sums))])
}

/** The weights of a day, and how many outcomes they followed. */
export type WeightsOfDay = Readonly<{
  day: Day
  late: ArrayLike<number>
  serious: ArrayLike<number>
  lateOutcomes: number
  seriousOutcomes: number
}>

type WeightsRow = Omit<WeightsOfDay, 'late' | 'serious'> & { late: Buffer; serious: Buffer }

const selectWeights = statement<WeightsRow>(
  'risk_weights.on',
  `select day, late, serious, late_outcomes as "lateOutcomes", serious_outcomes as "seriousOutcomes" from risk_weights
   where org_id = $1 and day <= $2 order by day desc limit 1`
)

/** The weights at the start of a day, or the last there are; undefined before any outcome was followed. */
export async function weightsOn(reader: Reader, day: Day | 'infinity'): Promise<WeightsOfDay | undefined> {
  const [row] = await reader.run(selectWeights, [reader.orgId, day])
  return row && { ...row, late: doublesOf(row.late), serious: doublesOf(row.serious) }
}

const upsertWeights = setStatement(
  'risk_weights.save',
  `insert into risk_weights (org_id, day, late, serious, late_outcomes, serious_outcomes)
   select $1, t.* from unnest($2::date[], $3::bytea[], $4::bytea[], $5::int[], $6::int[]) as t
   on conflict (org_id, day) do update set late = excluded.late, serious = excluded.serious, late_outcomes = excluded.late_outcomes,
     serious_outcomes = excluded.serious_outcomes`
)

export async function saveWeights(tx: Tx, rows: readonly WeightsOfDay[]): Promise<void> {
  if (rows.length === 0) return
  const { statement: write, of } = setOf(upsertWeights, rows)
  await tx.run(write, [
    tx.orgId,
    of('date', (row) => row.day),
    of('bytea', (row) => bytesOf(row.late)),
    of('bytea', (row) => bytesOf(row.serious)),
    of('int4', (row) => row.lateOutcomes),
    of('int4', (row) => row.seriousOutcomes)
  ])
}

const forgetWeights = statement<object>('risk_weights.forget', 'delete from risk_weights where org_id = $1 and day > $2')

/** Takes back the weights of all days after one; '-infinity' takes all. */
export async function removeWeightsAfter(tx: Tx, day: string): Promise<void> {
  await tx.run(forgetWeights, [tx.orgId, day])
}

const wipes = ['risk_days', 'risk_weights', 'risk_claims'].map((table) =>
  statement<object>(`${table}.wipe`, `delete from ${table} where org_id = $1`)
)

/** What is counted anew from the ledger. Clients keep their scores until they have others. */
export async function wipe(tx: Tx): Promise<void> {
  for (const one of wipes) await tx.run(one, [tx.orgId])
}

const selectDue = statement<{ orgId: string }>(
  'risk_organizations.due',
  `select o.org_id as "orgId" from organizations o
   left join event_chains c on c.org_id = o.org_id left join risk_organizations r on r.org_id = o.org_id
   where o.org_id > $2 and (c.last_seq > coalesce(r.followed_seq, 0) or r.next_pass_at <= coalesce(o.clock_at, $1))
   order by o.org_id limit $3`
)

/** Organizations with events to follow, or with a day to pass. Needs the scheduler's reader: it looks across organizations. */
export async function organizationsDue(
  scheduler: Reader,
  { now, after, limit }: { now: Date; after: string; limit: number }
): Promise<string[]> {
  return (await scheduler.run(selectDue, [now, after, limit])).map(({ orgId }) => orgId)
}
