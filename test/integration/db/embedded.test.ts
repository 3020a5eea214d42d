import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { startEmbedded, startThrowaway } from '../../../src/db/embedded.ts'

const directories: string[] = []

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true })
})

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'dunwell-embedded-'))
  directories.push(directory)
  return directory
}

function start(dataDir: string, lines: string[] = []) {
  return startEmbedded({ dataDir, persistent: true, durability: 'none', log: (line) => lines.push(line) })
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function postmaster(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0])
}

test('what was written is there after a restart, under the same password', async () => {
  const dataDir = await emptyDirectory()
  const first = await start(dataDir)
  await query(first.url, 'create table kept (n int)')
  await first.stop()
  const second = await start(dataDir)
  expect(await query(second.url, 'select * from kept')).toEqual([])
  expect(new URL(second.url).password).toBe(new URL(first.url).password)
  await second.stop()
})

test('a crash of the server and a lock file whose number another process has taken do not prevent a start', async () => {
  const dataDir = await emptyDirectory()
  const first = await start(dataDir)
  await query(first.url, 'create table kept (n int)')
  const pid = await postmaster(dataDir)
  const lock = await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => query(first.url, 'select 1').catch(() => 'gone')).toBe('gone')
  await writeFile(join(dataDir, 'cluster/postmaster.pid'), lock.replace(String(pid), String(process.pid)))
  const second = await start(dataDir)
  expect(await query(second.url, 'select * from kept')).toEqual([])
  await second.stop()
})

test('a second start of the same directory joins the running server, and the last one to stop ends it', async () => {
  const dataDir = await emptyDirectory()
  const lines: string[] = []
  const first = await start(dataDir)
  const second = await start(dataDir, lines)
  expect(second.url).toBe(first.url)
  expect(lines.join()).toContain('already runs')
  const user = new pg.Client({ connectionString: second.url })
  await user.connect()
  await first.stop()
  expect((await user.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await user.end()
  await second.stop()
  await expect(stat(join(dataDir, 'cluster/postmaster.pid'))).rejects.toThrow('ENOENT')
})

test('two processes that start the same empty directory at once end up with one server', async () => {
  const dataDir = await emptyDirectory()
  const [first, second] = await Promise.all([start(dataDir), start(dataDir)])
  expect(second.url).toBe(first.url)
  await first.stop()
  await second.stop()
})

test('a service that is killed leaves a server that the next start takes over', async () => {
  const dataDir = await emptyDirectory()
  const program = `
    const { startEmbedded } = await import(${JSON.stringify(new URL('../../../src/db/embedded.ts', import.meta.url).href)})
    await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, persistent: true, durability: 'none', log: console.log })
    console.log('ready')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const chunk of child.stdout) if (String(chunk).includes('ready')) break
  const pid = await postmaster(dataDir)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const next = await start(dataDir)
  expect(await postmaster(dataDir)).toBe(pid)
  await next.stop()
  await expect(stat(join(dataDir, 'cluster/postmaster.pid'))).rejects.toThrow('ENOENT')
})

test('nobody but the owner reads the password, and the server listens on loopback only', async () => {
  const dataDir = await emptyDirectory()
  const { url, stop } = await start(dataDir)
  expect((await stat(join(dataDir, 'password'))).mode & 0o077).toBe(0)
  expect(await query(url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }])
  await stop()
})

test('data of another major version is refused in words and left alone', async () => {
  const dataDir = await emptyDirectory()
  const { stop } = await start(dataDir)
  await stop()
  await writeFile(join(dataDir, 'cluster/PG_VERSION'), '12\n')
  await expect(start(dataDir)).rejects.toThrow('was written by PostgreSQL 12')
})

test('a throw-away server leaves nothing behind', async () => {
  const { dataDir, stop } = await startThrowaway({ log: () => {} })
  expect((await stat(dataDir)).isDirectory()).toBe(true)
  await stop()
  await expect(stat(dataDir)).rejects.toThrow('ENOENT')
})

test('of those that share a server the last to leave stops it, also where all leave at once', async () => {
  const directory = await emptyDirectory()
  const all = [await start(directory), await start(directory), await start(directory)]
  const [first, ...others] = all
  const place = first?.dataDir ?? ''
  const user = new pg.Client({ connectionString: others[0]?.url })
  await user.connect()
  await first?.stop()
  expect(await postmaster(place)).toBeGreaterThan(0)
  await user.end()
  await Promise.all(others.map(({ stop }) => stop()))
  await expect(postmaster(place)).rejects.toThrow('ENOENT')
})
