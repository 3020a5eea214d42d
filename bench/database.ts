import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startEmbedded } from '../src/db/embedded.ts'
import { runMigrations } from '../src/db/migrate.ts'

const migrationsFolder = fileURLToPath(new URL('../drizzle', import.meta.url))

/** The benches' own PostgreSQL, as durable as a real one: a commit waits for the disk. */
export type BenchServer = Readonly<{
  version: string
  /** A fresh, migrated database. `url` is a superuser's. */
  createDatabase: () => Promise<Readonly<{ name: string; url: string }>>
  /** A copy, file by file, of a database that nobody is connected to. */
  clone: (of: string) => Promise<Readonly<{ name: string; url: string }>>
  drop: (name: string) => Promise<void>
  /** Writes out what is dirty, so that a round does not pay for the one before it. */
  checkpoint: () => Promise<void>
  stop: () => Promise<void>
}>

export async function startServer(log: (line: string) => void): Promise<BenchServer> {
  // Named like the tests' own, so that what a killed run leaves behind goes with the next of them.
  const dataDir = await mkdtemp(join(tmpdir(), `dunwell-postgres-${process.pid}-`))
  const embedded = await startEmbedded({ dataDir, persistent: false, log, durability: 'full' })
  const admin = new pg.Client({ connectionString: embedded.url })
  await admin.connect()
  const { rows } = await admin.query<{ server_version: string }>('show server_version')
  let made = 0
  const nextName = () => `bench_${++made}`
  const urlOf = (name: string) => Object.assign(new URL(embedded.url), { pathname: `/${name}` }).href
  return {
    version: rows[0]?.server_version ?? 'unknown',
    async createDatabase() {
      const name = nextName()
      await admin.query(`create database ${name}`)
      await runMigrations({ connectionString: urlOf(name), migrationsFolder })
      return { name, url: urlOf(name) }
    },
    async clone(of) {
      const name = nextName()
      await nobodyIn(admin, of)
      await admin.query(`create database ${name} template ${of} strategy file_copy`)
      return { name, url: urlOf(name) }
    },
    async drop(name) {
      await nobodyIn(admin, name)
      await admin.query(`drop database ${name}`)
    },
    checkpoint: async () => {
      await admin.query('checkpoint')
    },
    async stop() {
      await admin.end()
      await embedded.stop()
    }
  }
}

/** A connection that was just closed takes a moment to leave; autovacuum leaves when it is asked to. */
async function nobodyIn(admin: pg.Client, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    const text = "select from pg_stat_activity where datname = $1 and backend_type = 'client backend'"
    const { rowCount } = await admin.query(text, [name])
    if (rowCount === 0) return
    if (tries === 200) throw new Error(`Somebody is still connected to ${name}.`)
    await pause(50)
  }
}
