import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbedded } from '../../src/db/embedded.ts'
import { isAlive } from '../../src/db/embedded-server.ts'
import { runMigrations } from '../../src/db/migrate.ts'
import { type Report, startCrew, underTraffic } from './delivery-faults.ts'
import { keepLedger, openShop, type ShopOptions, until } from './webhooks.ts'

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))

async function subscribedShop(options: ShopOptions) {
  const ledger = await keepLedger()
  const shop = await openShop({ roles: 'api', ...options })
  const { secret } = await shop.subscribe(ledger.url, { max_in_flight: 200 })
  ledger.trust(secret)
  return { shop, ledger }
}

/** Fault 1: one of three workers is killed every 700 ms. */
export async function killWorkers(forMs: number): Promise<Report & { killed: number }> {
  const { shop, ledger } = await subscribedShop({})
  const crew = await startCrew(3, shop.url)
  try {
    const traffic = { shop, ledger, forMs, perSecond: 200, everyMs: 700, fault: crew.killOne }
    const report = await underTraffic('1 a worker killed every 700 ms', traffic)
    process.stdout.write(`  1 ${crew.killed()} killed\n`)
    return { ...report, killed: crew.killed() }
  } finally {
    await crew[Symbol.asyncDispose]()
    await shop[Symbol.asyncDispose]()
    await ledger[Symbol.asyncDispose]()
  }
}

/** Fault 2: every connection to the database but the tests' own is ended every 1.5 s. */
export async function endConnections(forMs: number): Promise<Report> {
  const { shop, ledger } = await subscribedShop({})
  const crew = await startCrew(2, shop.url)
  const fault = () =>
    shop.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'dunwell'`
    )
  try {
    return await underTraffic('2 connections ended every 1.5 s', { shop, ledger, forMs, perSecond: 200, everyMs: 1_500, fault })
  } finally {
    await crew[Symbol.asyncDispose]()
    await shop[Symbol.asyncDispose]()
    await ledger[Symbol.asyncDispose]()
  }
}

/** Faults 7 and 8: one of two workers stands still for longer than its lease, again and again, then goes on as if nothing had been. */
export async function stallWorkers(forMs: number): Promise<Report> {
  const { shop, ledger } = await subscribedShop({})
  const crew = await startCrew(2, shop.url)
  try {
    const fault = () => crew.pauseOne(4_000)
    return await underTraffic('8 a worker stalled past its lease', { shop, ledger, forMs, perSecond: 200, everyMs: 500, fault })
  } finally {
    await crew[Symbol.asyncDispose]()
    await shop[Symbol.asyncDispose]()
    await ledger[Symbol.asyncDispose]()
  }
}

/** Fault 3: the database is stopped without a word, as by a crash, and comes back, which takes it a moment. */
export async function restartDatabase(times: number): Promise<Report> {
  const dataDir = await mkdtemp(join(tmpdir(), 'dunwell-fault-'))
  const options = { dataDir, persistent: true, log: () => undefined, durability: 'none' } as const
  let server = await startEmbedded(options)
  const { port, url } = server
  await runMigrations({ connectionString: url, migrationsFolder })
  const { shop, ledger } = await subscribedShop({ databaseUrl: url })
  const crew = await startCrew(2, url)
  const fault = async () => {
    const pid = Number((await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0])
    process.kill(pid, 'SIGQUIT')
    await until('the server is gone', () => !isAlive(pid))
    server = await startEmbedded({ ...options, port })
  }
  try {
    const forMs = 3_500 * times + 1_500
    const traffic = { shop, ledger, forMs, perSecond: 200, everyMs: 2_500, fault }
    return await underTraffic(`3 the database restarted ${times === 1 ? 'once' : `${times} times`}`, traffic)
  } finally {
    await crew[Symbol.asyncDispose]()
    await shop[Symbol.asyncDispose]()
    await ledger[Symbol.asyncDispose]()
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
