import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import pg from 'pg'
import { DatabaseUnavailable, isLockTimeout, isRetryable } from './errors.ts'
import { inLockOrder, locksOf } from './migration-locks.ts'
import { watchWaits } from './migration-waits.ts'
import { ensureRoles } from './roles.ts'

export type MigrationOptions = Readonly<{
  connectionString: string
  migrationsFolder: string
  /** Told what a migration waits for. */
  log?: (line: string) => void
  /** How long one migration is tried for in vain. */
  patienceMs?: number
  /** Ends the wait for the next try. */
  signal?: AbortSignal
}>

export type Migration = Readonly<{ name: string; when: number; hash: string; statements: readonly string[] }>

/** An arbitrary number that only Dunwell's migrations lock. */
const MIGRATION_LOCK = 7_230_411
/** Behind a lock that waits, every request on the table waits. */
const LOCK_TIMEOUT_MS = 2_000
const PAUSE_MS = { least: 500, most: 5_000 } as const
const PATIENCE_MS = 10 * 60_000

/** Drizzle's own table, so that databases that its migrator has brought up go on from where they are. */
const createHistory = `create schema if not exists drizzle;
  create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`

/**
 * Brings the database at `connectionString` up to the last migration in `migrationsFolder`; doing so again changes nothing.
 *
 * Each migration is a transaction, and takes its locks before it changes anything, in the order of the transactions it meets. Where it
 * does not get one within two seconds it gives back those it has, lets the others by and tries again. All that it sets, and the lock
 * that keeps two migrators apart, ends with the transaction, so that a migrator that is killed leaves nothing behind, nor does one
 * behind a pooler.
 */
export async function runMigrations(options: MigrationOptions): Promise<void> {
  const { connectionString, migrationsFolder, log = () => undefined, patienceMs = PATIENCE_MS, signal } = options
  const migrations = await readMigrations(migrationsFolder)
  const client = new pg.Client({ connectionString, application_name: 'dunwell migrate' })
  // A connection that breaks fails its queries. Without a listener the process would end.
  client.on('error', () => undefined)
  await client.connect().catch((error: unknown) => Promise.reject(new DatabaseUnavailable(error)))
  const waits = watchWaits({ connectionString, log })
  try {
    // Before anything else: a database that was restored into another cluster has its tables and not its roles.
    await persist('Making the roles', patienceMs, () => ensureRoles(client))
    for (let next = await nextOf(client, migrations); next !== undefined; next = await nextOf(client, migrations)) {
      await persist(`Migration ${next.name}`, patienceMs, () => apply(client, { migrations, next, waits }))
    }
  } finally {
    await Promise.all([client.end(), waits.end()])
  }

  async function persist(what: string, forMs: number, work: () => Promise<void>): Promise<void> {
    const until = performance.now() + forMs
    for (let tries = 1; ; tries++) {
      try {
        return await work()
      } catch (error) {
        if (!isWorthAnotherTry(error) || performance.now() > until || signal?.aborted === true) throw failed(what, error)
        log(`${what} is tried again: ${messageOf(error)}.`)
        const ms = Math.min(PAUSE_MS.least * tries, PAUSE_MS.most) * (1 + Math.random() / 2)
        await pause(ms, undefined, { signal }).catch(() => Promise.reject(failed(what, error)))
      }
    }
  }
}

export async function readMigrations(migrationsFolder: string): Promise<Migration[]> {
  const journal = JSON.parse(await readFile(join(migrationsFolder, 'meta', '_journal.json'), 'utf8')) as {
    entries: { tag: string }[]
  }
  return readMigrationFiles({ migrationsFolder }).map(({ sql, hash, folderMillis }, index) => {
    return { name: journal.entries[index]?.tag ?? hash, when: folderMillis, hash, statements: sql }
  })
}

/** A row of the history: what was applied, and when that was made. */
export type Applied = Readonly<{ at: string; hash: string }>

/**
 * The first that was not applied. Drizzle's migrator takes what is newer than the newest that was, and so has passed over migrations
 * that were made before another one and came after it: those are made up for. One that has got another time is known by its text.
 */
export function firstMissing(migrations: readonly Migration[], applied: readonly Applied[]): Migration | undefined {
  const times = new Set(applied.map(({ at }) => Number(at)))
  const listed = new Set(migrations.map(({ when }) => when))
  const renamed = new Set(applied.filter(({ at }) => !listed.has(Number(at))).map(({ hash }) => hash))
  return migrations.find(({ when, hash }) => !times.has(when) && !renamed.has(hash))
}

/** Those of later releases. */
export function unknownTo(migrations: readonly Migration[], applied: readonly Applied[]): readonly Applied[] {
  const times = new Set(migrations.map(({ when }) => when))
  const hashes = new Set(migrations.map(({ hash }) => hash))
  return applied.filter(({ at, hash }) => !times.has(Number(at)) && !hashes.has(hash))
}

async function nextOf(client: pg.Client, migrations: readonly Migration[]): Promise<Migration | undefined> {
  const known = await client.query<{ found: boolean }>(`select to_regclass('drizzle.__drizzle_migrations') is not null as found`)
  if (known.rows[0]?.found !== true) return migrations[0]
  const { rows } = await client.query<Applied>('select created_at as at, hash from drizzle.__drizzle_migrations')
  return firstMissing(migrations, rows)
}

type Step = Readonly<{ migrations: readonly Migration[]; next: Migration; waits: ReturnType<typeof watchWaits> }>

async function apply(client: pg.Client, { migrations, next, waits }: Step): Promise<void> {
  try {
    await client.query('begin')
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    await waits.during(next.name, rows[0]?.pid ?? 0, async () => {
      await client.query(limits)
      await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
      // Another migrator may have been faster.
      if ((await nextOf(client, migrations))?.name !== next.name) return
      if (next === migrations[0]) await client.query(createHistory)
      await lock(client, next)
      for (const statement of next.statements) await client.query(statement)
      await client.query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [next.hash, next.when])
    })
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** A server that cannot tell that its client is gone refuses to be asked to look. */
const limits = `
  set local lock_timeout = ${LOCK_TIMEOUT_MS};
  set local statement_timeout = 0;
  set local idle_in_transaction_session_timeout = 60000;
  set local client_min_messages = warning;
  do $$ begin
    set local client_connection_check_interval = 1000;
  exception when invalid_parameter_value then null;
  end $$`

async function lock(client: pg.Client, { statements }: Migration): Promise<void> {
  const locks = locksOf(statements.join('\n'))
  const { rows } = await client.query<{ relation: string; table: string }>(
    `select n.relation, coalesce(i.indrelid, c.oid)::regclass::text as table from unnest($1::text[]) as n(relation)
     join pg_class c on c.oid = to_regclass(quote_ident(n.relation)) left join pg_index i on i.indexrelid = c.oid
     where c.relkind in ('r', 'p', 'i', 'I')`,
    [locks.map(({ relation }) => relation)]
  )
  const modeOf = (table: string) => {
    const names = rows.filter((row) => row.table === table).map(({ relation }) => relation)
    const isExclusive = locks.some(({ relation, mode }) => mode === 'access exclusive' && names.includes(relation))
    return isExclusive ? 'access exclusive' : 'share row exclusive'
  }
  const tables = inLockOrder([...new Set(rows.map(({ table }) => table))])
  for (const table of tables) await client.query(`lock table ${table} in ${modeOf(table)} mode`)
}

/** A lock that others held for too long, a deadlock with them, or another database's migrator met over a role of the cluster. */
function isWorthAnotherTry(error: unknown): boolean {
  return isLockTimeout(error) || isRetryable(error) || isRoleRace(error)
}

/** Roles belong to the cluster, and what keeps migrators apart to one database. */
function isRoleRace(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false
  if (error.code === 'XX000') return error.message.includes('tuple concurrently updated')
  return error.code === '42710' || (error.code === '23505' && error.constraint?.startsWith('pg_auth') === true)
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function failed(what: string, error: unknown): Error {
  return new Error(`${what} failed, and changed nothing: ${messageOf(error)}`, { cause: error })
}
