import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { platform } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Account, binary, type Distribution } from './embedded-host.ts'

/** One cluster's place on disk: the data, the superuser's password and the log of the last start. */
export type Home = Readonly<{ directory: string; cluster: string; passwordFile: string; logFile: string }>

/** `started` says that this call started it, instead of finding it. */
export type Running = Readonly<{ pid: number; port: number; started: boolean }>

/** `none` gives up what a power cut or a crash of the host would cost, not what a killed server would: for clusters that are thrown away. */
export type Durability = 'full' | 'none'

/** Crash recovery replays at most `max_wal_size` (1 GB); a minute is plenty. */
const readyTimeoutMs = 60_000
const pollMs = 10

const settings = {
  listen_addresses: '127.0.0.1',
  // TCP alone is enough, and a socket directory would need rights of its own.
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  max_connections: '200',
  log_checkpoints: 'off',
  // In a database that was empty a moment ago every plan rests on guesses, and the guess for a key that is led by the
  // organization is wrong. Statistics after seconds instead of a minute keep a first large import from crawling.
  autovacuum_naptime: '5s'
}

const careless = { fsync: 'off', full_page_writes: 'off', max_wal_size: '2GB' }

export function homeAt(directory: string): Home {
  return {
    directory,
    cluster: join(directory, 'cluster'),
    passwordFile: join(directory, 'password'),
    logFile: join(directory, 'server.log')
  }
}

/** The server of this home when one runs, after waiting until it is ready. A lock file that a crash left behind is removed. */
export async function findRunning(home: Home): Promise<Running | undefined> {
  const deadline = performance.now() + readyTimeoutMs
  for (;;) {
    const lock = await readLock(home)
    if (lock === undefined) return undefined
    if (!(await isServer(lock.pid, home))) {
      // The number may meanwhile belong to another process, and PostgreSQL would then refuse to start.
      await rm(join(home.cluster, 'postmaster.pid'), { force: true })
      return undefined
    }
    if (lock.ready) return { pid: lock.pid, port: lock.port, started: false }
    if (performance.now() > deadline) throw new Error(`PostgreSQL in ${home.cluster} did not become ready. See ${home.logFile}.`)
    await pause(pollMs)
  }
}

/** postmaster.pid: process, data directory, start time, port, socket directory, address, shared memory, status; one per line. */
async function readLock(home: Home): Promise<{ pid: number; port: number; ready: boolean } | undefined> {
  const text = await readFile(join(home.cluster, 'postmaster.pid'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

async function isServer(pid: number, { cluster }: Home): Promise<boolean> {
  if (platform() === 'linux') {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return commandLine.includes(`-D\0${cluster}\0`)
  }
  // Windows has no ps; there PostgreSQL's own check of its lock has to do.
  if (platform() === 'win32') return isAlive(pid)
  const listed = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return listed.stdout.includes(`-D ${cluster} `)
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // It lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export type LaunchOptions = Readonly<{
  home: Home
  distribution: Distribution
  account: Account
  durability: Durability
  port?: number | undefined
}>

/**
 * Starts the server and waits until it accepts connections. It gets a session of its own, so that Ctrl-C in a terminal reaches the
 * service first and the service ends the server, and a log file instead of a pipe, so that it outlives a service that is killed.
 */
export async function launch({ home, distribution, account, durability, port }: LaunchOptions): Promise<Running> {
  const chosen = port ?? (await freePort())
  const flags = Object.entries({ ...settings, ...(durability === 'none' ? careless : {}) }).flatMap(([k, v]) => [
    '-c',
    `${k}=${v}`
  ])
  const log = await open(home.logFile, 'w', 0o600)
  const child = spawn(binary(distribution, 'postgres'), ['-D', home.cluster, '-p', String(chosen), ...flags], {
    ...account,
    cwd: home.directory,
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
    windowsHide: true
  })
  const ended = once(child, 'exit').then(() => 'ended' as const)
  ended.catch(() => undefined)
  child.unref()
  await log.close()
  const deadline = performance.now() + readyTimeoutMs
  for (;;) {
    if ((await Promise.race([ended, pause(pollMs, 'waiting' as const)])) === 'ended') throw await launchError(home)
    const lock = await readLock(home)
    if (lock?.pid === child.pid && lock?.ready) return { pid: lock.pid, port: lock.port, started: true }
    if (performance.now() > deadline) throw new Error(`PostgreSQL did not become ready. See ${home.logFile}.`)
  }
}

async function launchError({ logFile }: Home): Promise<Error> {
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n')
  return new Error(`The embedded PostgreSQL ended while starting (${logFile}):\n${lines.slice(-8).join('\n')}`)
}

/** Asks a loopback port of the operating system. Another process may take it before the server does: then the launch is repeated. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('The operating system gave no port.')
  return address.port
}

/**
 * Stops the server and waits until its lock file is gone, which is the last thing it does: at most 30 seconds.
 * `SIGINT` rolls back what is open and writes a checkpoint, `SIGQUIT` just ends, for data that nobody will read.
 */
export async function halt(home: Home, { pid, signal }: { pid: number; signal: 'SIGINT' | 'SIGQUIT' }): Promise<void> {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
    throw error
  }
  const deadline = performance.now() + 30_000
  while ((await readLock(home))?.pid === pid && isAlive(pid)) {
    if (performance.now() > deadline) throw new Error(`PostgreSQL (process ${pid}) did not stop. See ${home.logFile}.`)
    await pause(pollMs)
  }
}
