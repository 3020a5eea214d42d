import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { runMigrations } from '../../src/db/migrate.ts'
import { migrationsFolder } from '../../src/main.ts'
import { emptyDatabase, freshDatabase } from '../support/database.ts'
import { reportOn, startServer, unharmed, untilDrained } from '../support/delivery-faults.ts'
import { write } from '../support/failover.ts'
import { type Installed, installed, startPgBouncer } from '../support/pgbouncer.ts'
import { keepLedger, openShop, startProcess, until } from '../support/webhooks.ts'

const FORGETS = /does not keep prepared statements for its clients\. Set max_prepared_statements of PgBouncer, 1\.21 or later/
const old = installed.find(({ keepsStatements }) => !keepsStatements)
const current = installed.find(({ keepsStatements }) => keepsStatements)

type Skip = (isSkipped: boolean, why: string) => void

function found(skip: Skip, bouncer: Installed | undefined, which: string): Installed {
  const why = `there is no PgBouncer ${which}: TEST_PGBOUNCER names one, or PATH leads to it`
  if (bouncer === undefined) process.stdout.write(`  skipped: ${why}\n`)
  skip(bouncer === undefined, why)
  if (bouncer === undefined) throw new Error(why)
  return bouncer
}

/** Why the service does not start behind it. */
async function refusalBehind(bouncer: Installed, settings: Readonly<Record<string, string | number>>): Promise<string> {
  await using fresh = await freshDatabase()
  await using pooler = await startPgBouncer(fresh.url, bouncer, settings)
  const running = await startProcess(pooler.url, { roles: 'api' }).catch((error: Error) => error)
  if (running instanceof Error) return running.message
  await running.stop()
  return 'it starts'
}

test('PgBouncer before 1.21 is refused, whichever connection it gives next, and works in session mode', async ({ skip }) => {
  const bouncer = found(skip, old, 'before 1.21')
  expect(await refusalBehind(bouncer, {})).toMatch(FORGETS)
  expect(await refusalBehind(bouncer, { server_round_robin: 1 })).toMatch(FORGETS)
  expect(await refusalBehind(bouncer, { pool_mode: 'statement' })).toContain('Set pool_mode of the pooler to transaction')
  expect(await refusalBehind(bouncer, { pool_mode: 'session', default_pool_size: 30 })).toBe('it starts')
})

test('PgBouncer from 1.21 on is refused without prepared statements, and works with them', async ({ skip }) => {
  const bouncer = found(skip, current, '1.21 or later')
  expect(await refusalBehind(bouncer, { max_prepared_statements: 0 })).toMatch(FORGETS)
  expect(await refusalBehind(bouncer, { max_prepared_statements: 0, server_round_robin: 1 })).toMatch(FORGETS)
  expect(await refusalBehind(bouncer, { pool_mode: 'statement' })).toContain('Set pool_mode of the pooler to transaction')
  expect(await refusalBehind(bouncer, { max_prepared_statements: 500 })).toBe('it starts')
  // Fewer than there are, on fewer connections than are asked for.
  expect(await refusalBehind(bouncer, { max_prepared_statements: 5, default_pool_size: 2 })).toBe('it starts')
})

test('migrations through PgBouncer leave no lock and no limit behind, so that others can follow', async ({ skip }) => {
  const bouncer = found(skip, current ?? old, 'of any version')
  await using empty = await emptyDatabase()
  await using pooler = await startPgBouncer(empty.url, bouncer, { default_pool_size: 4 })
  const migrate = () => runMigrations({ connectionString: pooler.url, migrationsFolder })
  await Promise.all([migrate(), migrate()])
  await migrate()
  const locks = `select locktype, query from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and datname = current_database()`
  const other = new pg.Client({ connectionString: pooler.url })
  await other.connect()
  expect((await other.query(locks)).rows).toEqual([])
  expect((await other.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '0' }])
  await other.end()
})

test('a pooler that dies under load loses nothing that was acknowledged; one that comes back without its setting is told of', async ({
  skip
}) => {
  const bouncer = found(skip, current, '1.21 or later')
  await using fresh = await freshDatabase()
  await using pooler = await startPgBouncer(fresh.url, bouncer, { max_prepared_statements: 500 })
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'api', databaseUrl: fresh.url })
  const { secret } = await shop.subscribe(ledger.url, { max_in_flight: 100 })
  ledger.trust(secret)
  const server = startServer(pooler.url, { DUNWELL_ROLES: 'all', LOG_LEVEL: 'info' })
  try {
    await until('the service is ready', server.isReady, 60_000)
    let isOver = false
    const writing = write({ api: server.url(), key: shop.key, isOver: () => isOver })
    for (const downMs of [0, 1_000]) {
      await pause(1_500)
      await pooler.kill()
      await pause(downMs)
      await pooler.start()
    }
    await pause(2_000)
    isOver = true
    const { acknowledged, refusals } = await writing
    const there = new Set((await shop.sql<{ id: string }>('select id from clients')).map(({ id }) => id))
    expect(acknowledged.filter(({ id }) => !there.has(id))).toEqual([])
    expect(there.size).toBe(acknowledged.length)
    expect([...refusals.keys()]).toEqual([503])
    await untilDrained(shop)
    const report = await reportOn('pooler that dies', { shop, ledger })
    const counts = `${acknowledged.length} writes acknowledged, refused ${JSON.stringify([...refusals])}`
    process.stdout.write(`  PgBouncer ${bouncer.version}, killed twice: ${counts}; webhooks ${JSON.stringify(report)}\n`)
    expect(report).toMatchObject(unharmed)
    const readiness = async () => (await fetch(`${server.url()}/readyz`)).status
    expect(await readiness()).toBe(200)
    await pooler.kill()
    await pooler.start({ max_prepared_statements: 0 })
    await until('it is not ready', async () => (await readiness()) === 503)
    await pause(1_000)
    expect(await readiness()).toBe(503)
    await pooler.kill()
    await pooler.start({ max_prepared_statements: 500 })
    await until('it is ready again', async () => (await readiness()) === 200)
  } finally {
    await server.kill('SIGTERM')
  }
})
