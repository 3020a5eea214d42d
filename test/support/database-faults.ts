import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startEmbedded } from '../../src/db/embedded.ts'
import { runMigrations } from '../../src/db/migrate.ts'
import { cableTo } from './cable.ts'
import { type Report, startCrew, underTraffic } from './delivery-faults.ts'
import { keepLedger, openShop } from './webhooks.ts'

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))

/** Longer than any of these faults, as the standard lease is, so that what waits to be written is written and not sent again. */
const env = { DUNWELL_WEBHOOK_LEASE_MS: '40000' }

/** A shop with one endpoint, whose events are fired past whatever happens to its workers. */
export async function subscribed(options: { databaseUrl?: string } = {}) {
  const ledger = await keepLedger()
  const shop = await openShop({ roles: 'api', ...options })
  const endpoint = await shop.subscribe(ledger.url, { max_in_flight: 200 })
  ledger.trust(endpoint.secret)
  return {
    ...{ shop, ledger, endpoint },
    async [Symbol.asyncDispose]() {
      await shop[Symbol.asyncDispose]()
      await ledger[Symbol.asyncDispose]()
    }
  }
}

/** Fault 4: all connections of the workers to the database go silent, and none of them is ever closed by anybody else. */
export async function loseTheWay(forMs: number): Promise<Report> {
  await using at = await subscribed()
  const { cable, url } = await cableTo(at.shop.url)
  const crew = await startCrew(2, url, env)
  let isDone = false
  const fault = async () => {
    if (isDone) return
    isDone = true
    cable.stall()
    await pause(1_000)
    cable.mend()
  }
  try {
    return await underTraffic('4 half-open connections', { ...at, forMs, perSecond: 100, everyMs: 3_000, fault })
  } finally {
    await crew[Symbol.asyncDispose]()
    await cable[Symbol.asyncDispose]()
  }
}

/** Fault 5: others hold all connections that the server has, so that the workers cannot get theirs back. */
export async function takeAllConnections(forMs: number): Promise<Report & { refused: boolean }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'dunwell-fault-'))
  const server = await startEmbedded({ dataDir, persistent: false, log: () => undefined, durability: 'none' })
  await runMigrations({ connectionString: server.url, migrationsFolder })
  let refused = false
  try {
    await using at = await subscribed({ databaseUrl: server.url })
    await using _crew = await startCrew(2, server.url, env)
    const fault = async () => {
      const { held, wasRefused } = await takeAll(server.url)
      refused ||= wasRefused
      await pause(4_000)
      await Promise.all(held.map((client) => client.end()))
    }
    const traffic = { ...at, forMs, perSecond: 200, everyMs: 3_000, fault }
    const report = await underTraffic('5 all connections held by others for 4 s', traffic)
    return { ...report, refused }
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

const CONNECTIONS_MAX = 500

/** Takes what is free, ends what the service has, and takes that too. */
async function takeAll(url: string): Promise<{ held: pg.Client[]; wasRefused: boolean }> {
  const held: pg.Client[] = []
  for (let ended = false; held.length < CONNECTIONS_MAX; ) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    try {
      await client.connect()
      held.push(client)
    } catch {
      if (ended) return { held, wasRefused: true }
      ended = true
      const end = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dunwell'`
      await held[0]?.query(end)
      await pause(50)
    }
  }
  return { held, wasRefused: false }
}

/** Fault 9: for some seconds no outcome can be written, first for want of space, then for a lock that somebody holds. */
export async function refuseOutcomes(forMs: number): Promise<Report> {
  await using at = await subscribed()
  const { shop } = at
  await shop.sql('create table outage ()')
  await shop.sql(`create function no_space() returns trigger language plpgsql security definer set search_path from current as
    $$ begin if exists (select from outage) then raise exception using errcode = '53100', message = 'No space left on device'; end if;
    return new; end $$`)
  await shop.sql('create trigger no_space before insert on webhook_attempts for each row execute function no_space()')
  await using _crew = await startCrew(2, shop.url, env)
  const full = async () => {
    await shop.sql('insert into outage default values')
    await pause(3_000)
    await shop.sql('delete from outage')
  }
  const locked = async () => {
    const client = new pg.Client({ connectionString: shop.url })
    await client.connect()
    await client.query('begin')
    await client.query('lock table webhook_attempts in access exclusive mode')
    // Longer than anyone waits for a lock.
    await pause(12_000)
    await client.query('rollback')
    await client.end()
  }
  const faults = [full, locked]
  const fault = async () => faults.shift()?.()
  return await underTraffic('9 outcomes refused for 3 s and for 12 s', { ...at, forMs, perSecond: 200, everyMs: 2_000, fault })
}
