import type { Database } from '../db/client.ts'
import { sqlStateOf } from '../db/errors.ts'
import { type Applied, firstMissing, type Migration, unknownTo } from '../db/migrate.ts'
import { createPoolerCheck, forgetfulnessIn } from '../db/pooler.ts'
import { rolesRefusal } from '../db/roles.ts'
import { statement } from '../db/statement.ts'
import { OPERATOR_ORG_ID } from '../modules/organizations/api-key.ts'
import { secretContext } from '../modules/webhooks/endpoint-service.ts'
import type { SecretBox } from '../modules/webhooks/secret-box.ts'

export type FitnessDeps = Readonly<{
  database: Database
  /** Of that database, for finding out why it refuses. */
  url: string
  secretBox: SecretBox
  /** Those of this release. */
  migrations: readonly Migration[]
}>

type State = {
  applied: readonly Applied[] | null
  oldest: number
  orgId: string | null
  endpointId: string | null
  sealed: string | null
}

const selectState = statement<State>(
  'check.fitness',
  `select m.applied, dunwell_oldest_release() as oldest, s.org_id as "orgId", s.endpoint_id as "endpointId", s.sealed
   from (select json_agg(json_build_object('at', created_at::text, 'hash', hash)) as applied from drizzle.__drizzle_migrations) m
   left join (select org_id, endpoint_id, sealed from webhook_endpoint_secrets order by org_id, id limit 1) s on true`
)
const selectAsApp = statement<object>('check.fitness_app', 'select org_id from organizations where org_id = $1')

/**
 * Whether this process fits the database: a pooler lets it work, it may do so under both roles, the schema has every migration of this
 * release and none that takes away what the release uses, and the key opens what is sealed there, of which it tries the oldest.
 * @returns what asks. It resolves to how many migrations of later releases the schema has. It rejects with what an operator does about
 * it, or with the error of a database that does not answer.
 */
export function createFitness({ database, url, secretBox, migrations }: FitnessDeps): () => Promise<{ later: number }> {
  const passPooler = createPoolerCheck(url)
  return async () => {
    await passPooler()
    const [[state]] = await Promise.all([
      database.scheduling((scheduler) => scheduler.run(selectState, [])),
      database.reading(OPERATOR_ORG_ID, (reader) => reader.run(selectAsApp, [reader.orgId]))
    ]).catch(async (error: unknown) => {
      throw await explained(error, url)
    })
    if (state === undefined || firstMissing(migrations, state.applied ?? []) !== undefined) throw new Error(OUTDATED)
    if (state.oldest > migrations.length) throw new Error(contracted(state.oldest, migrations.length))
    open(state, secretBox)
    return { later: unknownTo(migrations, state.applied ?? []).length }
  }
}

function contracted(oldest: number, own: number): string {
  return (
    `The schema is of a later release and takes those with ${oldest} migrations or more. This one has ${own}: use the later release, ` +
    'or restore a backup from before its migrations.'
  )
}

function open({ orgId, endpointId, sealed }: State, secretBox: SecretBox): void {
  if (orgId === null || endpointId === null || sealed === null) return
  try {
    secretBox.open(sealed, secretContext(orgId, endpointId))
  } catch (cause) {
    throw new Error(
      `DUNWELL_SECRET_KEY is not the key of this database. ${cause instanceof Error ? cause.message : ''} ${TWO_KEYS}`,
      {
        cause
      }
    )
  }
}

const TWO_KEYS =
  'Use the key that the database was used with. To change it, name the other one in DUNWELL_OTHER_SECRET_KEYS and run dunwell reseal.'
const OUTDATED = 'The schema is older than this release. Run dunwell migrate as the owner of the database.'
const RESTORED = 'A database that was restored without its roles lacks its policies and grants: restore it again, roles first.'

async function explained(error: unknown, url: string): Promise<unknown> {
  const forgetfulness = forgetfulnessIn(error, url)
  if (forgetfulness !== undefined) return forgetfulness
  const state = sqlStateOf(error)
  if (state === NO_ROLE || state === FORBIDDEN) {
    const refusal = await rolesRefusal(url)
    if (refusal !== undefined) return refusal
  }
  const isUnknown = state === FORBIDDEN || state === NO_TABLE || state === NO_SCHEMA || state === NO_FUNCTION
  return isUnknown ? new Error(`${OUTDATED} ${RESTORED}`, { cause: error }) : error
}

const [NO_ROLE, FORBIDDEN, NO_TABLE, NO_SCHEMA, NO_FUNCTION] = ['22023', '42501', '42P01', '3F000', '42883']
