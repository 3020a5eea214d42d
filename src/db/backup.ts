import pg from 'pg'

/** Obstacles to a whole dump, and the gaps that an incomplete restore leaves. */
export type BackupState = Readonly<{
  user: string
  /** Row-level security does not apply to the user: where it does, pg_dump fails, or is asked to leave out what it does not see. */
  seesAll: boolean
  /** Tables and sequences that the user may not read. */
  unreadable: readonly string[]
  /** Tables of organizations' rows. */
  tables: number
  /** Those of them that do not keep organizations apart, as after a restore without the roles. */
  unprotected: readonly string[]
}>

const selectState = `
  with relations as (
    select c.oid, c.oid::regclass::text as name, c.relkind, c.relrowsecurity and c.relforcerowsecurity as is_secured,
      exists (select from pg_policy p join pg_roles r on r.oid = any(p.polroles)
        where p.polrelid = c.oid and p.polname = 'organization_scope' and r.rolname = 'dunwell_app') as has_policy,
      c.relkind in ('r', 'p') and not c.relispartition and n.nspname <> 'drizzle'
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped) as is_organizations
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  )
  select current_user as user, (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) as "seesAll",
    array(select name from relations where not case relkind when 'S' then has_sequence_privilege(oid, 'select')
      else has_table_privilege(oid, 'select') end order by name) as unreadable,
    (select count(*)::int from relations where is_organizations) as tables,
    array(select name from relations where is_organizations and not (is_secured and has_policy) order by name) as unprotected`

export async function readBackupState(connectionString: string): Promise<BackupState> {
  const client = new pg.Client({ connectionString, application_name: 'dunwell backup-check' })
  await client.connect()
  try {
    const { rows } = await client.query<BackupState>(selectState)
    const [state] = rows
    if (state === undefined) throw new Error('The database said nothing of itself.')
    return state
  } finally {
    await client.end()
  }
}
