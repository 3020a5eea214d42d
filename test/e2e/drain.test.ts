import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { isAlive } from '../../src/db/embedded-server.ts'
import { root } from '../docs/blocks.ts'
import { freshDatabase } from '../support/database.ts'
import { begin } from '../support/processes.ts'
import { until } from '../support/webhooks.ts'

// Each starts a process, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const OPERATOR_TOKEN = 'the-operator-of-the-drain-tests'
const serve = `exec ${process.execPath} src/cli.ts serve`

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dunwell-drain-'))
  // The database's own user gets there too.
  await chmod(folder, 0o755)
})
const groups: number[] = []
afterAll(async () => {
  for (const group of groups) if (isAlive(-group)) process.kill(-group, 'SIGTERM')
  await rm(folder, { recursive: true, force: true })
})

/** A connection on which bytes are written by hand. */
async function dial(url: string) {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const closed = once(socket, 'close')
  await once(socket, 'connect')
  return { write: (bytes: string) => void socket.write(bytes), answered: () => text, closed }
}

const organization = JSON.stringify({ name: 'A', time_zone: 'UTC', default_currency: 'EUR', mode: 'live' })
const post = [
  'POST /v1/organizations HTTP/1.1',
  'Host: dunwell',
  `Authorization: Bearer ${OPERATOR_TOKEN}`,
  'Content-Type: application/json',
  `Content-Length: ${organization.length}`,
  '\r\n'
].join('\r\n')
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: dunwell\r\nRequest-Id: mine\r\n\r\n`

function problemIn(answer: string): object {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')).trim()) as object
}

async function serving() {
  const fresh = await freshDatabase()
  const running = begin(serve, {
    DATABASE_URL: fresh.url,
    DUNWELL_SECRET_KEY: '5a'.repeat(32),
    DUNWELL_OPERATOR_TOKEN: OPERATOR_TOKEN,
    PORT: '0',
    LOG_LEVEL: 'info'
  })
  const [, url = ''] = await running.waitFor(/"url":"(http[^"]+)","msg":"ready"/)
  return { running, url, [Symbol.asyncDispose]: fresh.dispose }
}

test('a process that stops waits for no one who is slow to send, and answers each as it answers others', async () => {
  await using at = await serving()
  const { running, url } = at
  const lines = await Promise.all(Array.from({ length: 7 }, () => dial(url)))
  const [silent, halfHead, halfBody, late, next, ready, live] = lines
  halfHead?.write(post.slice(0, 60))
  halfBody?.write(post + organization.slice(0, 20))
  late?.write(post + organization.slice(0, 20))
  for (const line of [next, ready, live]) line?.write(get('/').slice(0, 3))
  await pause(500)
  const startedAt = performance.now()
  const stopped = running.stop()
  await silent?.closed
  expect(performance.now() - startedAt).toBeLessThan(2_000)
  await pause(1_000)
  late?.write(organization.slice(20))
  next?.write(get('/v1/organizations').slice(3))
  ready?.write(get('/readyz').slice(3))
  live?.write(get('/livez').slice(3))
  expect(await stopped).toBe(0)
  const tookMs = performance.now() - startedAt
  expect(tookMs).toBeGreaterThan(4_000)
  expect(tookMs).toBeLessThan(15_000)
  await Promise.all(lines.map(({ closed }) => closed))
  expect(silent?.answered()).toBe('')
  expect(late?.answered()).toMatch(/^HTTP\/1\.1 201 /)
  expect(live?.answered()).toMatch(/^HTTP\/1\.1 200 /)
  for (const line of [halfHead, halfBody, next, ready]) {
    const answer = line?.answered() ?? ''
    expect(answer).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
    expect(answer).toMatch(/^content-type: application\/problem\+json/im)
    expect(answer).toMatch(/^retry-after: \d+/im)
    expect(answer).toMatch(/^request-id: \S+/im)
    expect(answer).toMatch(/^connection: close/im)
    expect(problemIn(answer)).toMatchObject({ type: 'urn:dunwell:problem:unavailable', status: 503, code: 'unavailable' })
  }
  expect(next?.answered()).toMatch(/^request-id: mine/im)
  expect(running.output()).not.toMatch(/"level":[45]0/)
})

/** Removing its lock is the last thing that a server does. */
const isServerRunning = () => existsSync(join(folder, 'postgres/cluster/postmaster.pid'))

/** `npm start` over the development server, in a process group of its own, as on a terminal. */
async function npmStart() {
  const child = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: '', DUNWELL_DATA_DIR: folder, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true
  })
  groups.push(child.pid ?? 0)
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = once(child, 'close') as Promise<[number | null]>
  await until('the service is ready', () => text.includes('"msg":"ready"'), 60_000)
  return { pid: child.pid ?? 0, output: () => text, code: async () => (await ended)[0] }
}

test('SIGTERM to npm start, and Ctrl-C on its terminal, stop the service and its database in order', async () => {
  const first = await npmStart()
  process.kill(first.pid, 'SIGTERM')
  expect(await first.code()).toBe(0)
  expect(first.output()).toContain('"msg":"stopped"')
  expect(isServerRunning()).toBe(false)
  const second = await npmStart()
  process.kill(-second.pid, 'SIGINT')
  expect(await second.code()).toBe(0)
  expect(second.output()).toContain('"msg":"stopped"')
  expect(isServerRunning()).toBe(false)
})

test('development processes that share a database and stop at once take it along', async () => {
  const both = [await npmStart(), await npmStart()]
  for (const { pid } of both) process.kill(pid, 'SIGTERM')
  for (const { code } of both) expect(await code()).toBe(0)
  expect(isServerRunning()).toBe(false)
})
