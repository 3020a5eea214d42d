import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbedded } from '../../src/db/embedded.ts'
import {
  type Account,
  binary,
  type Distribution,
  findDistribution,
  reachableDistribution,
  serverAccount
} from '../../src/db/embedded-host.ts'
import { runMigrations } from '../../src/db/migrate.ts'
import { type Cable, layCable } from './cable.ts'
import { until } from './webhooks.ts'

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))

/** A primary and a standby that streams from it, two real servers that wait for their disk, and one address that leads to the primary. */
export type Pair = AsyncDisposable &
  Readonly<{
    /** A superuser's, by the address. */
    url: string
    /** The way by which the standby streams. */
    stream: Cable
    /** All processes of the primary, in one moment, as when its host dies. */
    killPrimary: () => void
    /** Makes the standby a primary, and lets the address lead to it. */
    promote: () => Promise<void>
    killStandby: () => Promise<void>
    restartStandby: () => void
  }>

/** @param synchronous a commit waits for the standby */
export async function startPair({ synchronous }: { synchronous: boolean }): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'dunwell-pair-'))
  await chmod(folder, 0o755)
  const [first, second] = [join(folder, 'primary'), join(folder, 'standby')]
  // Made, migrated and stopped in order, so that a copy of its files is a base backup.
  const embedded = await startEmbedded({ dataDir: first, persistent: true, log: () => undefined })
  await runMigrations({ connectionString: embedded.url, migrationsFolder })
  await embedded.stop()
  await mkdir(second, { mode: 0o755 })
  const standbyCluster = join(second, 'cluster')
  await promisify(execFile)('cp', ['-a', join(embedded.dataDir, 'cluster'), standbyCluster])

  const account = await serverAccount(standbyCluster)
  const distribution = await reachableDistribution(await findDistribution(), account)
  const [primaryPort, standbyPort] = [await freePort(), await freePort()]
  const stream = await layCable({ host: '127.0.0.1', port: primaryPort })
  const { password } = new URL(embedded.url)
  const conninfo = `host=127.0.0.1 port=${stream.port} user=postgres password=${password} application_name=standby`
  await appendFile(join(standbyCluster, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`)
  await writeFile(join(standbyCluster, 'standby.signal'), '')

  const start = (cluster: string, port: number, settings: readonly string[]) =>
    startServer({ distribution, account, cluster, port, settings })
  const primary = start(join(embedded.dataDir, 'cluster'), primaryPort, [
    ...(synchronous ? ['synchronous_standby_names=standby'] : [])
  ])
  let standby = start(standbyCluster, standbyPort, [])
  const to = { host: '127.0.0.1', port: primaryPort }
  const address = await layCable(to)
  const urlAt = (port: number) => Object.assign(new URL(embedded.url), { port: String(port) }).href
  await until('the standby streams', () => isStreaming(urlAt(primaryPort)), 60_000)
  return {
    ...{ url: urlAt(address.port), stream, killPrimary: primary.kill },
    async promote() {
      await query(urlAt(standbyPort), 'select pg_promote()')
      to.port = standbyPort
    },
    async killStandby() {
      standby.kill()
      await standby.ended
    },
    restartStandby() {
      standby = start(standbyCluster, standbyPort, [])
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([address[Symbol.asyncDispose](), stream[Symbol.asyncDispose]()])
      for (const server of [primary, standby]) {
        server.kill()
        await server.ended
      }
      await rm(folder, { recursive: true, force: true })
    }
  }
}

type ServerOptions = Readonly<{
  distribution: Distribution
  account: Account
  cluster: string
  port: number
  settings: readonly string[]
}>

/** In a process group of its own, so that all of it can be killed at once. */
function startServer({ distribution, account, cluster, port, settings }: ServerOptions) {
  const all = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'timezone=UTC', ...settings]
  const child = spawn(
    binary(distribution, 'postgres'),
    ['-D', cluster, '-p', String(port), ...all.flatMap((one) => ['-c', one])],
    {
      ...account,
      cwd: cluster,
      env: { LC_ALL: 'C', TZ: 'UTC' },
      stdio: 'ignore',
      detached: true
    }
  )
  const ended = once(child, 'exit')
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  process.once('exit', kill)
  return { kill, ended }
}

async function isStreaming(url: string): Promise<boolean> {
  const rows = await query(url, `select from pg_stat_replication where state = 'streaming' and application_name = 'standby'`)
  return rows === 1
}

/** @returns how many rows; none while there is no server. */
async function query(connectionString: string, text: string): Promise<number> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query(text)).rowCount ?? 0
  } catch {
    return 0
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
