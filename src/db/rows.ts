import { and, desc, eq, getTableColumns, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { assert } from '../kernel/assert.ts'
import { type Columns, count, ifGiven, orNull, rowsOf } from './parameters.ts'
import { build, dialect, query } from './query.ts'

/**
 * Rows into a table from what was given or found. Columns that are not named get their defaults.
 * @param values by column, as places of parameters or columns of the source
 */
export function insertFrom<T extends PgTable>(
  table: T,
  values: { readonly [Key in keyof T['$inferInsert']]: SQLWrapper },
  source?: SQLWrapper
): SQL {
  const columns = Object.keys(values).map((key) => sql.identifier(nameOf((table as unknown as Columns)[key])))
  const from = source === undefined ? sql`` : sql` from ${source}`
  return sql`insert into ${table} (${sql.join(columns, sql`, `)}) select ${sql.join(Object.values<SQLWrapper>(values), sql`, `)}${from}`
}

/** The columns of a table but for these. */
export function columnsBut<T extends PgTable, Key extends keyof T['_']['columns'] & string>(
  table: T,
  ...keys: readonly Key[]
): Omit<T['_']['columns'], Key> {
  const entries = Object.entries(getTableColumns(table)).filter(([key]) => !keys.includes(key as Key))
  return Object.fromEntries(entries) as Omit<T['_']['columns'], Key>
}

/** The write of whole rows of a table, which the organization of the transaction completes. */
export function insertion<T extends PgTable & { orgId: PgColumn }>(name: string, table: T) {
  return query(name, { rows: rowsOf(columnsBut(table, 'orgId')) }, ({ orgId, rows }) =>
    insertFrom(table, { ...rows.columns, orgId } as never, rows.source)
  )
}

/** The write of these columns of rows that are there, by id. */
export function saving<T extends PgTable & { orgId: PgColumn; id: PgColumn }, const Key extends keyof T['_']['columns'] & string>(
  name: string,
  table: T,
  keys: readonly Key[]
) {
  const changed = Object.fromEntries(keys.map((key) => [key, table[key as keyof T]])) as unknown as Pick<T['_']['columns'], Key>
  return query(name, { rows: rowsOf({ id: table.id, ...changed }) }, ({ orgId, rows }) => {
    const { id, ...values } = rows.columns as unknown as Record<string, SQL> & { id: SQL }
    return build
      .update(table)
      .set(values as never)
      .from(rows.source)
      .where(and(eq(table.orgId, orgId), eq(table.id, id)))
  })
}

type Aged = PgTable & { createdAt: PgColumn; id: PgColumn }

/** The parameters of a page of what is listed newest first: how many, and after which. */
export const pageOf = <T extends Aged>({ createdAt, id }: T) =>
  ({ limit: count, afterAt: orNull(createdAt as T['createdAt']), afterId: orNull(id as T['id']) }) as const

/** Those before the last one of the page before. */
export const olderThan = ({ createdAt, id }: Aged, { afterAt, afterId }: { afterAt: SQL; afterId: SQL }) =>
  ifGiven(afterAt, sql`(${createdAt}, ${id}) < (${afterAt}, ${afterId})`)

export const newestFirst = ({ createdAt, id }: Aged) => [desc(createdAt), desc(id)]

/** Where a page begins, as its query takes it. */
export const begun = (after: { at: Date; id: string } | null) => ({ afterAt: after?.at ?? null, afterId: after?.id ?? null })

function nameOf(column: PgColumn | undefined): string {
  assert(column !== undefined, 'a column is of its table')
  return dialect.sqlToQuery(sql`${column}`).sql.split('"').at(-2) ?? ''
}
