import pg from 'pg'

/** Each transaction runs as one of these. They belong to the cluster, so several databases of it share them. */
const ROLES = ['dunwell_app', 'dunwell_scheduler'] as const

type Standing = Readonly<{ role: string; exists: boolean; isOurs: boolean; user: string; major: number }>

/**
 * From 16 on, who creates a role may administer it and no more; whether a user may become it is an option of the membership. Before,
 * every member may.
 */
const selectStanding = `select n.role, r.oid is not null as "exists", current_user as user, v.major,
    coalesce(pg_has_role(current_user, r.oid, case when v.major >= 16 then 'SET' else 'MEMBER' end), false) as "isOurs"
  from (select current_setting('server_version_num')::int / 10000 as major) v, unnest($1::text[]) with ordinality n(role, place)
  left join pg_roles r on r.rolname = n.role order by n.place`

async function standingOf(client: pg.Client): Promise<Standing[]> {
  return (await client.query<Standing>(selectStanding, [ROLES])).rows
}

/** What makes the roles and lets the user become them. Where it may already, nothing. */
function statementsFor(standings: readonly Standing[]): string[] {
  const missing = standings.filter(({ exists }) => !exists)
  const notOurs = standings.filter(({ isOurs }) => !isOurs)
  const [any] = notOurs
  // LOGIN without a password lets nobody in over the network, and is what Citus needs to run a distributed statement under the role.
  const made = missing.map(({ role }) => `create role ${role} login;`)
  if (any === undefined) return made
  const option = any.major >= 16 ? ' with set true' : ''
  return [...made, `grant ${notOurs.map(({ role }) => role).join(', ')} to ${pg.escapeIdentifier(any.user)}${option};`]
}

/**
 * Makes the roles where they are missing, and lets the user of the connection become them, as far as it may.
 * @throws Error with the statements that somebody else must run.
 */
export async function ensureRoles(client: pg.Client): Promise<void> {
  const statements = statementsFor(await standingOf(client))
  if (statements.length === 0) return
  try {
    await client.query(['begin;', ...statements, 'commit;'].join('\n'))
  } catch (error) {
    await client.query('rollback')
    const isForbidden = error instanceof pg.DatabaseError && error.code === FORBIDDEN
    throw isForbidden ? refusal(await standingOf(client), error) : error
  }
}

/** Why the user of this connection cannot work under the roles; undefined where it can. */
export async function rolesRefusal(connectionString: string): Promise<Error | undefined> {
  const client = new pg.Client({ connectionString, application_name: 'dunwell' })
  await client.connect()
  try {
    const standings = await standingOf(client)
    return statementsFor(standings).length === 0 ? undefined : refusal(standings)
  } finally {
    await client.end()
  }
}

const FORBIDDEN = '42501'

function refusal(standings: readonly Standing[], cause?: unknown): Error {
  const statements = statementsFor(standings).map((statement) => `  ${statement}`)
  const sentence = `The database user ${standings[0]?.user} may not become the roles ${ROLES.join(', ')}. Run this as a superuser:`
  return new Error([sentence, ...statements].join('\n'), { cause })
}
