import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import {
  type Account,
  binary,
  type Distribution,
  findDistribution,
  reachableDirectory,
  reachableDistribution,
  serverAccount
} from './embedded-host.ts'
import { type Durability, findRunning, type Home, halt, homeAt, isAlive, launch, type Running } from './embedded-server.ts'

export type EmbeddedOptions = Readonly<{
  /** Where the cluster lives; made when missing. */
  dataDir: string
  /** Whether the data stays after `stop`. */
  persistent: boolean
  log: (line: string) => void
  /** A free one by default. */
  port?: number
  durability?: Durability
  /** The npm package that brings the server. */
  packaged?: string | undefined
}>

/** `url` is a superuser's, on the loopback address, database `postgres`. */
export type Embedded = Readonly<{ url: string; port: number; dataDir: string; stop: () => Promise<void> }>

const superuser = 'postgres'
const launchesMax = 3

/**
 * Starts the real PostgreSQL from an npm package, for development and tests; production brings its own database. Where a server of
 * the same directory runs already (a second terminal, or a service that was killed), that one is used.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const installed = await findDistribution(options.packaged)
  const wanted = resolve(options.dataDir)
  const account = await serverAccount(homeAt(wanted).cluster)
  const home = homeAt(await reachableDirectory(wanted, account))
  const running = await findRunning(home)
  if (running !== undefined) {
    options.log(`Using the PostgreSQL that already runs in ${home.directory}, port ${running.port}.`)
    return embedded({ home, running, options, password: await readFile(home.passwordFile, 'utf8') })
  }
  const distribution = await reachableDistribution(installed, account)
  const password = await ensurePassword(home, account)
  const context = { home, distribution, account, options }
  await ensureCluster(context)
  const started = await launchOrJoin(context)
  options.log(`PostgreSQL ${distribution.version.split('-')[0]} listens on 127.0.0.1:${started.port}, data in ${home.directory}.`)
  return embedded({ home, running: started, options, password })
}

/**
 * A server without durability in the temporary directory, deleted by `stop`. What earlier processes left behind because they
 * were killed is removed first.
 */
export async function startThrowaway({ log, packaged }: Pick<EmbeddedOptions, 'log' | 'packaged'>): Promise<Embedded> {
  await findDistribution(packaged)
  const dataDir = await mkdtemp(join(tmpdir(), `dunwell-postgres-${process.pid}-`)).catch((cause: Error) => {
    throw new Error(`A database that is thrown away needs a directory to write in: set TMPDIR. ${cause.message}`, { cause })
  })
  await sweepThrowaways()
  return startEmbedded({ dataDir, persistent: false, log, durability: 'none', packaged })
}

async function sweepThrowaways(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = /^dunwell-postgres-(\d+)-\w{6}$/.exec(name)?.[1]
    if (owner === undefined || isAlive(Number(owner))) continue
    const home = homeAt(join(tmpdir(), name))
    const { uid } = await stat(home.directory).catch(() => ({ uid: -1 }))
    if (uid !== process.getuid?.()) continue
    const running = await findRunning(home)
    if (running !== undefined) await halt(home, { pid: running.pid, signal: 'SIGQUIT' })
    await rm(home.directory, { recursive: true, force: true })
  }
}

/** Random, readable by the server's user alone, and kept, so that a restart finds the same. */
async function ensurePassword({ passwordFile }: Home, { uid, gid }: Account): Promise<string> {
  const password = randomBytes(24).toString('base64url')
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  if (uid !== undefined && gid !== undefined) await chown(passwordFile, uid, gid)
  return readFile(passwordFile, 'utf8')
}

type Context = Readonly<{ home: Home; distribution: Distribution; account: Account; options: EmbeddedOptions }>

/** Made beside its place and moved there when whole, so that an interrupted creation leaves nothing that looks like a cluster. */
async function ensureCluster({ home, distribution, account, options }: Context): Promise<void> {
  const major = await readFile(join(home.cluster, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (major !== undefined) {
    if (Number(major) === distribution.major) return
    throw new Error(
      `${home.cluster} was written by PostgreSQL ${major.trim()}; this is ${distribution.major}. Move it away to start with an empty one.`
    )
  }
  options.log(`Creating a database cluster in ${home.directory} …`)
  const unfinished = await mkdtemp(`${home.cluster}.unfinished-`)
  if (account.uid !== undefined && account.gid !== undefined) await chown(unfinished, account.uid, account.gid)
  // The builtin provider sorts by code point and still knows case beyond ASCII; it is the same on every host, but new in 17.
  const locale = distribution.major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []
  const flags = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions', ...locale]
  if (options.durability === 'none') flags.push('--no-sync')
  await promisify(execFile)(
    binary(distribution, 'initdb'),
    [`--pgdata=${unfinished}`, `--username=${superuser}`, `--pwfile=${home.passwordFile}`, ...flags],
    { ...account, cwd: home.directory, env: { LC_ALL: 'C', TZ: 'UTC' } }
  )
  await rename(unfinished, home.cluster).catch((error: NodeJS.ErrnoException) => {
    // Another process was faster; launching joins its server.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    return rm(unfinished, { recursive: true, force: true })
  })
}

/** A launch fails when the port was taken meanwhile, or when another process started the same cluster, which is then joined. */
async function launchOrJoin({ home, distribution, account, options }: Context): Promise<Running> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launch({ home, distribution, account, durability: options.durability ?? 'full', port: options.port })
    } catch (error) {
      const other = await findRunning(home)
      if (other !== undefined) return other
      if (attempt === launchesMax) throw error
      // After a crash the old server's children need a moment to let go of its shared memory.
      await pause(200)
    }
  }
}

function embedded({
  home,
  running,
  options,
  password
}: {
  home: Home
  running: Running
  options: EmbeddedOptions
  password: string
}): Embedded {
  const url = `postgres://${superuser}:${password}@127.0.0.1:${running.port}/postgres`
  const signal = options.persistent ? 'SIGINT' : 'SIGQUIT'
  // A process that ends without `stop` (a crash, process.exit) takes the server along; only a kill leaves it to the next start.
  const onExit = () => {
    if (isAlive(running.pid)) process.kill(running.pid, signal)
  }
  if (running.started) process.once('exit', onExit)
  return {
    url,
    port: running.port,
    dataDir: home.directory,
    async stop() {
      process.off('exit', onExit)
      if (options.persistent && (await isUsedByOthers(url))) return
      await halt(home, { pid: running.pid, signal })
      if (!options.persistent) await rm(home.directory, { recursive: true, force: true })
    }
  }
}

const leaving = 'dunwell leaves'

/**
 * The last one out turns off the light: of several that leave at once each sees only others that leave. Connections that this process
 * has just closed may take a moment to go.
 */
async function isUsedByOthers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, application_name: leaving })
  // Another may be faster, and stop the server under it.
  client.on('error', () => undefined)
  try {
    await client.connect()
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const { rowCount } = await client.query(
        `select 1 from pg_stat_activity where backend_type = 'client backend' and application_name <> '${leaving}' limit 1`
      )
      if (rowCount === 0) return false
      await client.query('select pg_sleep(0.03)')
    }
    return true
  } catch {
    // Whatever is wrong with it, it is no reason to leave it running.
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}
