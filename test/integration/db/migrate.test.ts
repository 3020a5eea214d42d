import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { afterAll, expect, test, vi } from 'vitest'
import { runMigrations } from '../../../src/db/migrate.ts'
import { root } from '../../docs/blocks.ts'
import { startApp } from '../../support/app.ts'
import { freshDatabase } from '../../support/database.ts'
import { until } from '../../support/webhooks.ts'

// Locks are waited for in real time.
vi.setConfig({ testTimeout: 60_000 })

const folders: string[] = []
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** Migrations that come after all that there are. */
function folderOf(...migrations: string[]): Promise<string> {
  return folderAt(migrations, (idx) => 9_000_000_000_000 + idx)
}

/** @param when a migration was made. */
async function folderAt(migrations: readonly string[], when: (idx: number) => number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dunwell-migrations-'))
  folders.push(folder)
  await mkdir(join(folder, 'meta'))
  const entries = migrations.map((_, idx) => ({
    idx,
    version: '7',
    when: when(idx),
    tag: `${idx}_test`,
    breakpoints: true
  }))
  await writeFile(join(folder, 'meta', '_journal.json'), JSON.stringify({ version: '7', dialect: 'postgresql', entries }))
  for (const [idx, text] of migrations.entries()) await writeFile(join(folder, `${idx}_test.sql`), text)
  return folder
}

async function connect(url: string) {
  const client = new pg.Client({ connectionString: url, application_name: 'test' })
  await client.connect()
  const ask = async <Row extends object>(text: string) => (await client.query<Row>(text)).rows
  return { ask, [Symbol.asyncDispose]: () => client.end() }
}

type Connection = Awaited<ReturnType<typeof connect>>

const applied = async ({ ask }: Connection) =>
  (await ask<{ n: number }>('select count(*)::int as n from drizzle.__drizzle_migrations where created_at >= 9000000000000'))[0]
    ?.n
const migratorsIn = ({ ask }: Connection) =>
  ask<{ wait: string | null }>(
    `select wait_event_type as wait from pg_stat_activity where datname = current_database() and application_name = 'dunwell migrate' and state = 'active'`
  )
const untilMigratorWaits = (connection: Connection) =>
  until('the migrator waits for a lock', async () => (await migratorsIn(connection)).some(({ wait }) => wait === 'Lock'))

/** In a process of its own, to be killed. */
function migrator(connectionString: string, migrationsFolder: string): ChildProcess {
  const script = `import { runMigrations } from './src/db/migrate.ts'; await runMigrations(${JSON.stringify({ connectionString, migrationsFolder })})`
  return spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: root, stdio: 'inherit' })
}

test('each migration is a transaction: one that fails leaves those before it, and nothing of itself', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  const steps = [
    'create table a (x int)',
    'create table b (x int);--> statement-breakpoint\nselect 1/0',
    'create table c (x int)'
  ]
  const run = async (...migrations: string[]) =>
    runMigrations({ connectionString: fresh.url, migrationsFolder: await folderOf(...migrations) })
  await expect(run(...steps)).rejects.toThrow('Migration 1_test failed, and changed nothing: division by zero')
  expect(await applied(own)).toBe(1)
  const tables = () => own.ask(`select to_regclass('a') is not null as a, to_regclass('b') is not null as b`)
  expect(await tables()).toEqual([{ a: true, b: false }])
  await run('select 1', 'create table b (x int)', 'create table c (x int)')
  expect(await applied(own)).toBe(3)
  await run('select 1/0', 'select 1/0', 'select 1/0')
  expect(await applied(own)).toBe(3)
})

test('a database that Drizzle’s own migrator has brought up goes on from there, and it from ours', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  const client = new pg.Client({ connectionString: fresh.url })
  await client.connect()
  await migrate(drizzle(client), { migrationsFolder: await folderOf('create table a (x int)') })
  await runMigrations({ connectionString: fresh.url, migrationsFolder: await folderOf('select 1/0', 'create table b (x int)') })
  await migrate(drizzle(client), { migrationsFolder: await folderOf('select 1/0', 'select 1/0', 'create table c (x int)') })
  await client.end()
  expect(await applied(own)).toBe(3)
})

test('a migration that was made before another one and came after it is applied, once', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  const steps = ['create table a (x int)', 'create table b (x int)', 'create table c (x int)']
  const whens = [9_000_000_000_005, 9_000_000_000_002, 9_000_000_000_009]
  const run = async (...made: number[]) =>
    runMigrations({ connectionString: fresh.url, migrationsFolder: await folderAt(steps, (idx) => made[idx] ?? 0) })
  const client = new pg.Client({ connectionString: fresh.url })
  await client.connect()
  // Which Drizzle's passes over where it comes alone.
  for (const count of [1, 2, 3])
    await migrate(drizzle(client), { migrationsFolder: await folderAt(steps.slice(0, count), (idx) => whens[idx] ?? 0) })
  await client.end()
  expect(await applied(own)).toBe(2)
  await run(...whens)
  expect(await applied(own)).toBe(3)
  await own.ask('select from a, b, c')
  // One that was made anew since, and says the same.
  await run(9_000_000_000_006, 9_000_000_000_002, 9_000_000_000_009)
  expect(await applied(own)).toBe(3)
})

test('every migration of the project is applied, whenever it was made', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  const journal = JSON.parse(await readFile(join(root, 'drizzle/meta/_journal.json'), 'utf8')) as { entries: { when: number }[] }
  const rows = await own.ask<{ at: string }>('select created_at as at from drizzle.__drizzle_migrations')
  expect(new Set(rows.map(({ at }) => Number(at)))).toEqual(new Set(journal.entries.map(({ when }) => when)))
})

test('migrators at the same time apply each migration once', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  const migrationsFolder = await folderOf('create table a (x int)', 'create table b (x int)', 'create table c (x int)')
  await Promise.all(Array.from({ length: 4 }, () => runMigrations({ connectionString: fresh.url, migrationsFolder })))
  expect(await applied(own)).toBe(3)
})

test('while a migration waits for a long select, requests are answered, and it says whom it waits for', async () => {
  await using service = await startApp()
  await using other = await connect(service.databaseUrl)
  await other.ask('begin; select from clients')
  const lines: string[] = []
  const migrationsFolder = await folderOf('alter table clients add column test_only int')
  let isDone = false
  const migrating = runMigrations({ connectionString: service.databaseUrl, migrationsFolder, log: (line) => lines.push(line) })
  void migrating.then(() => (isDone = true))
  const tookMs: number[] = []
  const until = performance.now() + 7_000
  while (performance.now() < until) {
    const startedAt = performance.now()
    expect((await service.call('GET', '/v1/clients')).status).toBe(200)
    tookMs.push(performance.now() - startedAt)
    await pause(20)
  }
  expect(isDone).toBe(false)
  expect(Math.max(...tookMs)).toBeLessThan(3_000)
  // For most of the time nobody waits for it.
  expect(tookMs.filter((ms) => ms < 500).length).toBeGreaterThan(20)
  expect(lines[0]).toMatch(
    /^Migration 0_test waits for process \d+ \(test\), idle in transaction, in its transaction for \d+ s\.$/
  )
  expect(lines).toContain('Migration 0_test is tried again: canceling statement due to lock timeout.')
  await other.ask('commit')
  await migrating
  expect((await service.call('GET', '/v1/clients')).status).toBe(200)
})

test('a migration that waits longer than it may says what it is and fails', async () => {
  await using fresh = await freshDatabase()
  await using other = await connect(fresh.url)
  await other.ask('begin; lock table clients')
  const migrationsFolder = await folderOf('alter table clients add column test_only int')
  const migrating = runMigrations({ connectionString: fresh.url, migrationsFolder, patienceMs: 0 })
  await expect(migrating).rejects.toThrow('Migration 0_test failed, and changed nothing: canceling statement due to lock timeout')
})

test('a service that is told to stop while it waits to migrate ends at once', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  await using other = await connect(fresh.url)
  await other.ask('begin; lock table clients')
  const stopping = new AbortController()
  const migrationsFolder = await folderOf('alter table clients add column test_only int')
  const migrating = runMigrations({ connectionString: fresh.url, migrationsFolder, signal: stopping.signal })
  await untilMigratorWaits(own)
  stopping.abort('SIGTERM')
  const startedAt = performance.now()
  await expect(migrating).rejects.toThrow('Migration 0_test failed, and changed nothing')
  expect(performance.now() - startedAt).toBeLessThan(4_000)
})

test('a migrator that is killed while it waits, or at work, leaves nothing behind', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  await using other = await connect(fresh.url)
  await other.ask('begin; select from clients')
  const waiting = migrator(fresh.url, await folderOf('alter table clients add column test_only int'))
  await untilMigratorWaits(own)
  waiting.kill('SIGKILL')
  await once(waiting, 'exit')
  const nobodyLeft = async () => (await migratorsIn(own)).length === 0
  await until('nothing waits for the lock any more', nobodyLeft, 4_000)
  await other.ask('commit')
  const working = migrator(fresh.url, await folderOf('alter table clients add column test_only int; select pg_sleep(30)'))
  await until('the migration is at work', async () => (await migratorsIn(own)).some(({ wait }) => wait === 'Timeout'))
  working.kill('SIGKILL')
  await once(working, 'exit')
  await until('its statement has ended', nobodyLeft, 4_000)
  await own.ask('select from clients')
  expect(await applied(own)).toBe(0)
  await runMigrations({
    connectionString: fresh.url,
    migrationsFolder: await folderOf('alter table clients add column test_only int')
  })
  expect(await applied(own)).toBe(1)
})

test('locks are taken in the order of the transactions that they meet, however the migration is written', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  await using worker = await connect(fresh.url)
  await worker.ask('begin; lock table webhook_queue in row exclusive mode')
  const text = 'alter table webhook_deliveries add column test_only int; drop index webhook_queue_ready'
  const migrating = runMigrations({ connectionString: fresh.url, migrationsFolder: await folderOf(text) })
  await untilMigratorWaits(own)
  await worker.ask('lock table webhook_deliveries in row exclusive mode; commit')
  await migrating
  expect(await applied(own)).toBe(1)
})

test('a migration that a deadlock ended is done again', async () => {
  await using fresh = await freshDatabase()
  await using own = await connect(fresh.url)
  await using worker = await connect(fresh.url)
  await own.ask(
    'create table apple (x int); create table zebra (x int); insert into apple values (1); insert into zebra values (1)'
  )
  // It waits longer than the migrator before it looks for one, so that it is not the one to give way.
  await worker.ask(`set deadlock_timeout = '30s'; begin; lock table zebra in row exclusive mode`)
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const migrationsFolder = await folderOf('alter table apple add column y int; alter table zebra add column y int')
  const migrating = runMigrations({ connectionString: fresh.url, migrationsFolder, log })
  await untilMigratorWaits(own)
  await worker.ask('lock table apple in row exclusive mode; commit')
  await migrating
  expect(lines).toContain('Migration 0_test is tried again: deadlock detected.')
  expect(await applied(own)).toBe(1)
})
