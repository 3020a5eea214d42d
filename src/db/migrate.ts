import { setTimeout as pause } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'

/** An arbitrary number that only Dunwell's migrations lock. */
const migrationLock = 7_230_411

const attemptsMax = 4

/**
 * Brings the database at `connectionString` up to the last migration in `migrationsFolder`; doing so again changes nothing.
 *
 * Drizzle's migrator takes no lock of its own, so two replicas starting together would race: the second waits here, at most five
 * minutes, and then finds nothing to do. All pending migrations commit together or not at all.
 */
export async function runMigrations({
  connectionString,
  migrationsFolder
}: {
  connectionString: string
  migrationsFolder: string
}): Promise<void> {
  const client = new pg.Client({ connectionString, application_name: 'dunwell migrate' })
  await client.connect()
  try {
    await client.query("set lock_timeout = '5min'")
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    await client.query('set client_min_messages = warning')
    for (let attempt = 1; ; attempt += 1) {
      try {
        await migrate(drizzle(client), { migrationsFolder })
        return
      } catch (error) {
        if (attempt === attemptsMax || !isRoleRace(error)) throw error
        await pause(50 * attempt)
      }
    }
  } finally {
    // The lock goes with the session.
    await client.end()
  }
}

/**
 * Roles belong to the cluster and advisory locks to one database, so migrations of two databases of one cluster can still meet over
 * a role. The loser's transaction is rolled back whole and succeeds when repeated.
 */
function isRoleRace(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof pg.DatabaseError)) return false
  if (cause.code === 'XX000') return cause.message.includes('tuple concurrently updated')
  return cause.code === '42710' || (cause.code === '23505' && cause.constraint === 'pg_authid_rolname_index')
}
