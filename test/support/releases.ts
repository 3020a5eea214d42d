import { glob, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { readMigrations } from '../../src/db/migrate.ts'
import { statements } from '../../src/db/statement.ts'
import { migrationsFolder } from '../../src/main.ts'
import { root } from '../docs/blocks.ts'

/** What a release asks of its schema, for the schemas of the releases after it. */
export type Release = Readonly<{
  version: string
  /** How many it has. */
  migrations: number
  /** Columns that an insert must fill, as `table.column`. */
  filled: readonly string[]
  /** Its prepared texts, by name. */
  statements: Readonly<Record<string, string>>
}>

export const releasesFolder = join(root, 'test/fixtures/releases')

/** @param client of a database with the schema of these sources */
export async function presentRelease(client: pg.Client): Promise<Release> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  return {
    version,
    migrations: (await readMigrations(migrationsFolder)).length,
    filled: await filledColumns(client),
    statements: Object.fromEntries(await presentStatements())
  }
}

export async function recordedReleases(): Promise<Release[]> {
  const files = (await readdir(releasesFolder)).filter((name) => name.endsWith('.json')).sort()
  return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(releasesFolder, name), 'utf8')) as Release))
}

/**
 * Those of tables, by name, and not those that other tests made in this process. What ends and begins transactions names no table, and
 * PREPARE takes none of it.
 */
async function presentStatements(): Promise<[name: string, text: string][]> {
  const source = join(root, 'src')
  for await (const file of glob('{client-standing,{checks,db,jobs,modules}/**/*}.ts', { cwd: source }))
    await import(join(source, file))
  return statements()
    .filter(({ name, text }) => !name.startsWith('test') && !/^(begin|commit|rollback|savepoint|release|discard)\b/.test(text))
    .map(({ name, text }): [string, string] => [name, text])
    .sort(([one], [other]) => (one < other ? -1 : 1))
}

async function filledColumns(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0
       and not a.attisdropped and a.attnotnull and not a.atthasdef and a.attidentity = '' order by 1`
  )
  return rows.map(({ name }) => name)
}

/** What of a release this database does not take once `changes` are made, each with the reason. The changes are undone. */
export async function refusals(client: pg.Client, release: Release, changes = ''): Promise<string[]> {
  await client.query('begin')
  try {
    await client.query(changes)
    const refused: string[] = []
    for (const [name, text] of Object.entries(release.statements)) {
      await client.query('savepoint one')
      await client.query(`prepare "${name}" as ${text}`).catch((error: Error) => refused.push(`${name}: ${error.message}`))
      await client.query('rollback to one')
    }
    // A table that the release does not know, it does not write.
    const tables = new Set(release.filled.map(tableOf))
    const more = (await filledColumns(client)).filter((name) => tables.has(tableOf(name)) && !release.filled.includes(name))
    return [...refused, ...more.map((name) => `${name}: must be filled, which the release does not do`)]
  } finally {
    await client.query('rollback; deallocate all')
  }
}

const tableOf = (column: string) => column.split('.')[0] ?? ''
