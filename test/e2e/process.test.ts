import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startEmbedded } from '../../src/db/embedded.ts'
import { freshDatabase } from '../support/database.ts'
import { begin, complete, type Running } from '../support/processes.ts'

const SECRET_KEY = '5a'.repeat(32)
const OPERATOR_TOKEN = 'the-operator-of-the-process-tests'
const serve = `exec ${process.execPath} src/cli.ts serve`

// Each starts a process, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dunwell-process-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function environmentFor(url: string): Record<string, string> {
  return {
    DATABASE_URL: url,
    DUNWELL_SECRET_KEY: SECRET_KEY,
    DUNWELL_OPERATOR_TOKEN: OPERATOR_TOKEN,
    PORT: '0',
    LOG_LEVEL: 'info'
  }
}

async function urlOf(running: Running): Promise<string> {
  const [, url = ''] = await running.waitFor(/"url":"(http[^"]+)","msg":"ready"/)
  return url
}

/** The database dies at once, as in a crash of its host; who stops it politely waits for its users. */
async function kill(dataDir: string): Promise<void> {
  const [pid] = (await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGQUIT')
}

/** Asks until the answer has the status, for at most twenty seconds. */
async function untilStatus(status: number, ask: () => Promise<Response>): Promise<Response> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await ask()
    if (answer.status === status) return answer
    await answer.body?.cancel()
    await pause(100)
  }
  throw new Error(`No answer had the status ${status}.`)
}

test('a wrong environment is told whole in one message, with exit code 1', async () => {
  const wrong = {
    ...{ DATABASE_URL: 'mysql://x', PORT: 'abc', LOG_LEVEL: 'loud', DUNWELL_TYPO: '1', DUNWELL_WEBHOOK_LEASE_MS: '5' },
    ...{ DUNWELL_SWEEP_CRON: 'at noon', DUNWELL_WEBHOOK_ALLOW: 'everywhere' }
  }
  const { code, output } = await complete(serve, wrong)
  expect(code).toBe(1)
  for (const name of Object.keys(wrong)) expect(output).toContain(name)
  expect(output).not.toContain('    at ')
})

test('a database without a key that seals secrets is refused by name', async () => {
  const { code, output } = await complete(serve, { DATABASE_URL: 'postgres://127.0.0.1:1/x', DUNWELL_SECRET_KEY: '' })
  expect(code).toBe(1)
  expect(output).toContain('DUNWELL_SECRET_KEY')
})

test('SIGTERM ends a serving process with exit code 0, and a request under way is answered', async () => {
  const fresh = await freshDatabase()
  const running = begin(serve, environmentFor(fresh.url))
  const url = await urlOf(running)
  const under = Array.from({ length: 20 }, () =>
    fetch(`${url}/v1/organizations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'A', time_zone: 'UTC', default_currency: 'EUR', mode: 'live' })
    })
  )
  await under[0]
  const stopped = running.stop()
  const statuses = (await Promise.all(under)).map(({ status }) => status)
  expect(await stopped).toBe(0)
  // Who comes while it drains is told to come again; nobody is cut off or told of an error.
  for (const status of statuses) expect([201, 503]).toContain(status)
  await fresh.dispose()
})

test('a database that goes away is 503 with Retry-After; the process lives and goes on when it is back', async () => {
  const dataDir = join(folder, 'postgres')
  const log = () => {}
  const first = await startEmbedded({ dataDir, persistent: true, log, durability: 'none' })
  const running = begin(serve, environmentFor(first.url))
  const url = await urlOf(running)
  const ask = () => fetch(`${url}/v1/organization`, { headers: { authorization: 'Bearer dw_live_unknown' } })
  expect((await ask()).status).toBe(401)
  await kill(first.dataDir)
  const away = await untilStatus(503, ask)
  expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await away.json()).toMatchObject({ code: 'unavailable' })
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
  const second = await startEmbedded({ dataDir, persistent: true, log, durability: 'none', port: first.port })
  await untilStatus(401, ask)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  expect(await running.stop()).toBe(0)
  await second.stop()
})
