import pg from 'pg'

/** Every row of an organization, by table. When a key was last used is left out: it is noted beside the requests. */
export type Rows = Readonly<Record<string, readonly string[]>>

export type RowReader = AsyncDisposable &
  Readonly<{ of: (orgId: string) => Promise<Rows>; client: pg.Client; tables: readonly string[] }>

/** Looks past row-level security, with a connection of its own. @param url a superuser's */
export async function openRows(url: string): Promise<RowReader> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows: found } = await client.query<{ name: string }>(
    `select table_name as name from information_schema.columns
     where table_schema = 'public' and column_name = 'org_id' order by table_name`
  )
  const tables = found.map(({ name }) => name)
  const each = tables.map(
    (name) => `select '${name}' as name, (to_jsonb(t) - 'last_used_at')::text as row from "${name}" t where org_id = $1`
  )
  const all = `${each.join(' union all ')} order by name, row`
  return {
    tables,
    client,
    of: async (orgId) => {
      const { rows } = await client.query<{ name: string; row: string }>(all, [orgId])
      return Object.fromEntries(tables.map((table) => [table, rows.flatMap(({ name, row }) => (name === table ? [row] : []))]))
    },
    [Symbol.asyncDispose]: () => client.end()
  }
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** Every id of ours in a text. */
export function idsIn(text: string): Set<string> {
  return new Set(text.match(UUID))
}
