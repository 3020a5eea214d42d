import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { begin, complete, type Running } from '../support/processes.ts'

const OPERATOR_TOKEN = 'the-operator-of-the-tests-of-keys'
const WITHIN_MS = 1_000

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const fresh = await freshDatabase()
const environment = {
  ...{ DATABASE_URL: fresh.url, DUNWELL_SECRET_KEY: '5a'.repeat(32), DUNWELL_OPERATOR_TOKEN: OPERATOR_TOKEN },
  ...{ DUNWELL_ROLES: 'api', PORT: '0', LOG_LEVEL: 'info' }
}
const node = `exec ${process.execPath} src/cli.ts`
let running: Running[] = []
let urls: string[] = []
let admin = { id: '', key: '', keyId: '' }

const json = { 'content-type': 'application/json' }
const authorized = (key: string) => ({ headers: { authorization: `Bearer ${key}`, ...json } })
const ask = async (url: string, key: string) => {
  const answer = await fetch(`${url}/v1/organization`, authorized(key))
  await answer.body?.cancel()
  return { status: answer.status, limit: answer.headers.get('ratelimit-limit') }
}

beforeAll(async () => {
  running = [begin(`${node} serve`, environment)]
  const ready = /"url":"(http[^"]+)","msg":"ready"/
  const [, first = ''] = (await running[0]?.waitFor(ready)) ?? []
  running.push(begin(`${node} serve`, environment))
  const [, second = ''] = (await running[1]?.waitFor(ready)) ?? []
  urls = [first, second]
  const body = JSON.stringify({ name: 'Example Ltd', mode: 'live', time_zone: 'UTC', default_currency: 'EUR' })
  const made = await fetch(`${first}/v1/organizations`, { method: 'POST', body, ...authorized(OPERATOR_TOKEN) })
  const { organization, api_key: key } = (await made.json()) as {
    organization: { id: string }
    api_key: { id: string; key: string }
  }
  admin = { id: organization.id, key: key.key, keyId: key.id }
})
afterAll(async () => {
  await Promise.all(running.map(({ stop }) => stop()))
  await fresh.dispose()
})

/** Asks the other process all the time, until an answer is as it should be. @returns how long the former answer was given, at most */
async function untilAnswered(key: string, since: () => number, isRight: (answer: Awaited<ReturnType<typeof ask>>) => boolean) {
  for (;;) {
    const sentAt = performance.now()
    if (isRight(await ask(urls[1] ?? '', key))) return 0
    if (sentAt - since() > WITHIN_MS) return sentAt - since()
    await pause(5)
  }
}

test('a key that is revoked in one process is refused by another to whatever is sent a second later', async () => {
  const [first = '', second = ''] = urls
  // At several times of the second for which the other process remembers a key.
  for (const ageMs of [0, 150, 400, 650, 880]) {
    const body = JSON.stringify({ name: 'Job', scopes: ['read'] })
    const made = await fetch(`${first}/v1/api-keys`, { method: 'POST', body, ...authorized(admin.key) })
    const { id, key } = (await made.json()) as { id: string; key: string }
    expect(await ask(second, key)).toMatchObject({ status: 200 })
    await pause(ageMs)
    const { headers } = authorized(admin.key)
    const revoked = await fetch(`${first}/v1/api-keys/${id}`, {
      method: 'DELETE',
      headers: { authorization: headers.authorization }
    })
    expect(revoked.status).toBe(204)
    const revokedAt = performance.now()
    expect(
      await untilAnswered(
        key,
        () => revokedAt,
        ({ status }) => status === 401
      )
    ).toBe(0)
  }
})

test('limits that the operator sets are shown, and followed by each process within a second', async () => {
  for (const url of urls) expect((await ask(url, admin.key)).limit).toBe('60000')
  const followed = async (limit: string) => {
    const setAt = performance.now()
    for (const url of urls) expect((await ask(url, admin.key)).status).toBe(200)
    expect(
      await untilAnswered(
        admin.key,
        () => setAt,
        (answer) => answer.limit === limit
      )
    ).toBe(0)
    expect((await ask(urls[0] ?? '', admin.key)).limit).toBe(limit)
  }
  const org = await complete(`${node} org limits --org ${admin.id} --items 500 --connections 2`, environment)
  expect(org).toEqual({ code: 0, output: 'items per minute  500\nconnections       2\n' })
  await followed('500')
  const key = await complete(`${node} key limits --org ${admin.id} --key ${admin.keyId} --items 40 --json`, environment)
  expect(key).toEqual({ code: 0, output: '{"items_per_minute":40}\n' })
  await followed('40')
  const shown = await complete(`${node} org limits --org ${admin.id} --items default --json`, environment)
  expect(JSON.parse(shown.output)).toEqual({ items_per_minute: null, connections: 2 })
})
