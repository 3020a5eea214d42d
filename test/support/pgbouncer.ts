import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from './webhooks.ts'

export type Installed = Readonly<{ path: string; version: string; keepsStatements: boolean }>

/** Those that TEST_PGBOUNCER names and that PATH leads to. */
export const installed: readonly Installed[] = [process.env['TEST_PGBOUNCER'] ?? '', 'pgbouncer', '/usr/sbin/pgbouncer'].flatMap(
  (path) => {
    const version = path === '' ? undefined : versionOf(path)
    return version === undefined
      ? []
      : [{ path, version: version.join('.'), keepsStatements: version[0] > 1 || version[1] >= 21 }]
  }
)

function versionOf(path: string): readonly [number, number, number] | undefined {
  try {
    const [, major, minor, patch] = /PgBouncer (\d+)\.(\d+)\.(\d+)/.exec(execFileSync(path, ['--version']).toString()) ?? []
    return [Number(major), Number(minor), Number(patch)]
  } catch {
    return undefined
  }
}

type Settings = Readonly<Record<string, string | number>>
export type PgBouncer = AsyncDisposable &
  Readonly<{
    url: string
    /** Ends it at once, as a crash does. */
    kill: () => Promise<void>
    /** @param settings in place of the former */
    start: (settings?: Settings) => Promise<void>
  }>

export async function startPgBouncer(databaseUrl: string, { path }: Installed, first: Settings = {}): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'dunwell-pgbouncer-'))
  await chmod(folder, 0o755)
  const server = new URL(databaseUrl)
  const port = await freePort()
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const to = { host: server.hostname, port: server.port, user: server.username, password: server.password }
  const fixed = { listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', auth_type: 'any', max_client_conn: 200 }
  let child: ChildProcess | undefined
  let settings = first

  async function start(next: Settings = settings): Promise<void> {
    settings = next
    const own = { ...fixed, pool_mode: 'transaction', default_pool_size: 10, ...settings }
    const lines = ['[databases]', `* = ${listed(to, ' ')}`, '[pgbouncer]', listed(own, '\n')]
    await writeFile(join(folder, 'pgbouncer.ini'), `${lines.join('\n')}\n`)
    // It does not run as root.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    child = spawn(path, ['--quiet', join(folder, 'pgbouncer.ini')], { ...user, stdio: ['ignore', 'ignore', 'ignore'] })
    await until('PgBouncer listens', () => isListening(port))
  }
  async function kill(): Promise<void> {
    const ended = child && once(child, 'exit')
    child?.kill('SIGKILL')
    await ended
    child = undefined
  }
  await start()
  return {
    url: url.href,
    start,
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

const listed = (of: Settings, separator: string) =>
  Object.entries(of)
    .map(([key, value]) => `${key}=${value}`)
    .join(separator)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function isListening(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    await pause(20)
    return false
  } finally {
    socket.destroy()
  }
}
