import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

export type FreshDatabase = AsyncDisposable & {
  readonly url: string
  readonly name: string
  readonly dispose: () => Promise<void>
}

/**
 * A private database, cloned from the migrated template; `url` is a superuser's. Take one per test file:
 *
 *     const database = await freshDatabase()
 *     const { db, … } = createDatabase(database.url)
 *     afterAll(() => database.dispose())
 *
 * Disposing ends every connection that is still open, so a pool is closed before.
 */
export function freshDatabase(): Promise<FreshDatabase> {
  return databaseOf(inject('templateName'))
}

/** One without any table of ours. */
export function emptyDatabase(): Promise<FreshDatabase> {
  return databaseOf('template1')
}

async function databaseOf(template: string): Promise<FreshDatabase> {
  const adminUrl = inject('adminUrl')
  const name = `dunwell_test_${randomBytes(6).toString('hex')}`
  await execute(adminUrl, `create database ${name} template ${template}`)
  const dispose = () => execute(adminUrl, `drop database if exists ${name} with (force)`)
  return { url: withDatabase(adminUrl, name), name, dispose, [Symbol.asyncDispose]: dispose }
}

/** The same server, another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

async function execute(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
