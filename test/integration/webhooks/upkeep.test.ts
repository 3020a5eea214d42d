import pg from 'pg'
import { pino } from 'pino'
import { afterAll, expect, it } from 'vitest'
import { resealAll } from '../../../src/commands/reseal.ts'
import { createUpkeepJob } from '../../../src/jobs/upkeep.ts'
import { clockFrom } from '../../../src/kernel/clock.ts'
import { keepLedger, openShop, startProcess, until, workerSettings } from '../../support/webhooks.ts'

const shop = await openShop()
afterAll(() => shop[Symbol.asyncDispose]())

const DAY_MS = 86_400_000

const upkeepIn = (days: number) =>
  createUpkeepJob({
    ...shop.parts,
    clock: clockFrom(() => new Date(Date.now() + days * DAY_MS)),
    kept: { attemptDays: 30, bodyDays: 90 },
    log: pino({ level: 'silent' })
  })

/** All of upkeep, so many days from now. */
async function passIn(days: number): Promise<void> {
  const upkeep = upkeepIn(days)
  await upkeep.keepMonths()
  await upkeep.run(new AbortController().signal)
}

async function connected(connectionString: string) {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

const monthsOf = async () =>
  (
    await shop.sql<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'webhook_attempts'::regclass order by 1`
    )
  ).map(({ name }) => name)
const nameOf = (at: Date) => `webhook_attempts_${at.getUTCFullYear()}_${String(at.getUTCMonth() + 1).padStart(2, '0')}`
const monthsFrom = (months: number) => {
  const now = new Date()
  return nameOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)))
}

it('months of attempts are made ahead and dropped when all of them is older than is kept; bodies go, their record stays', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url)
  const [eventId] = await shop.fire(1)
  await until('it arrived', () => ledger.received.length === 1)
  await until('it is written', async () => (await shop.sql('select from webhook_attempts')).length === 1)
  await passIn(0)
  expect(await monthsOf()).toEqual([0, 1, 2].map(monthsFrom).concat('webhook_attempts_default'))
  await passIn(29)
  expect(await shop.sql('select from webhook_attempts')).toHaveLength(1)
  await passIn(89)
  expect(await monthsOf()).not.toContain(monthsFrom(0))
  expect(await shop.sql('select from webhook_attempts')).toHaveLength(0)
  expect((await shop.api('GET', `/events/${eventId}`)).body['body']).not.toBeNull()
  await passIn(91)
  const { body: event } = await shop.api('GET', `/events/${eventId}`)
  expect(event).toMatchObject({ body: null, body_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
})

it('while somebody reads the attempts for long, months are left as they are, and nothing waits for them', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url)
  await passIn(0)
  await using backup = await connected(shop.url)
  await backup.client.query('begin; select from webhook_attempts limit 1')
  const before = await monthsOf()
  const keeping = upkeepIn(200).keepMonths()
  const since = performance.now()
  const fired = await shop.fire(5)
  await until('they arrived and are written', async () => {
    const [{ done } = { done: 0 }] = await shop.sql<{ done: number }>(
      `select count(*)::int as done from webhook_deliveries where status = 'succeeded' and event_id = any($1::uuid[])`,
      fired
    )
    return done === fired.length
  })
  expect(performance.now() - since).toBeLessThan(5_000)
  await keeping
  expect(await monthsOf()).toEqual(before)
  await backup.client.query('rollback')
  await upkeepIn(200).keepMonths()
  expect(await monthsOf()).not.toContain(monthsFrom(0))
})

it('what no month took is erased too', async () => {
  await shop.sql(
    `insert into webhook_attempts (org_id, delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded)
     select $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, now() - d * interval '1 day', 1, true from unnest(array[20, 400]) d`,
    shop.orgId
  )
  await passIn(0)
  const [left] = await shop.sql<{ days: number }>(
    `select round(extract(epoch from now() - min(started_at)) / 86400)::int as days from webhook_attempts`
  )
  expect(left).toEqual({ days: 20 })
})

it('an attempt that is written while its month is made keeps that month out, and the others are made', async () => {
  const firstOf = (month: number) => new Date(Date.UTC(new Date().getUTCFullYear() + 2, month, 1))
  await using worker = await connected(shop.url)
  await worker.client.query('begin')
  await worker.client.query(
    `insert into webhook_attempts (org_id, delivery_id, endpoint_id, event_id, attempt, started_at, duration_ms, succeeded)
     values ($1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, $2, 1, true)`,
    [shop.orgId, firstOf(0)]
  )
  const keeping = upkeepIn((firstOf(0).getTime() - Date.now()) / DAY_MS + 1).keepMonths()
  await until('the month waits for the attempt', async () => {
    const [{ waiting } = { waiting: 0 }] = await shop.sql<{ waiting: number }>(
      `select count(*)::int as waiting from pg_locks where relation = 'webhook_attempts'::regclass and not granted`
    )
    return waiting > 0
  })
  await worker.client.query('commit')
  await keeping
  const months = await monthsOf()
  expect([0, 1, 2].map((month) => months.includes(nameOf(firstOf(month))))).toEqual([false, true, true])
})

it('secrets are sealed anew under another key, and then nothing needs the former one', async () => {
  await using ledger = await keepLedger()
  // Only writes: a worker that knows the former key alone could not sign any more.
  await using writer = await openShop({ roles: 'api' })
  const key = { 'idempotency-key': 'shown once' }
  const wanted = { url: ledger.url, event_types: ['payment.settled'] }
  const { body: made } = await writer.api('POST', '/webhook-endpoints', wanted, key)
  ledger.trust(String(made['secret']))
  await writer.fire(3, 'payment.settled')
  const [former, next] = [workerSettings.DUNWELL_SECRET_KEY, 'c3'.repeat(32)]
  const both = await startProcess(writer.url, {
    roles: 'api',
    env: { DUNWELL_SECRET_KEY: next, DUNWELL_OTHER_SECRET_KEYS: former }
  })
  expect(await resealAll(both)).toEqual({ organizations: 1, secrets: 1, answers: 1 })
  expect(await resealAll(both)).toEqual({ organizations: 1, secrets: 0, answers: 0 })
  await both.stop()
  const after = await startProcess(writer.url, { roles: 'all', env: { DUNWELL_SECRET_KEY: next } })
  await until('all arrived', () => ledger.received.length === 3)
  expect(ledger.received.every(({ verified }) => verified)).toBe(true)
  const { text } = await after.database.scoped(writer.orgId, (tx) =>
    after.services.apiKeys.create(tx, { mode: 'live', name: 'Other', scopes: ['admin'], expiresAt: null })
  )
  const again = await fetch(`${after.url}/v1/webhook-endpoints`, {
    method: 'POST',
    headers: { authorization: `Bearer ${text}`, 'content-type': 'application/json', ...key },
    body: JSON.stringify(wanted)
  })
  expect(await again.json()).toEqual(made)
  await after.stop()
})

it('what the operator was answered is sealed anew too, and is answered again without the former key', async () => {
  const DUNWELL_OPERATOR_TOKEN = 'o'.repeat(40)
  await using writer = await openShop({ roles: 'api', env: { DUNWELL_OPERATOR_TOKEN } })
  const organization = { name: 'Second', mode: 'live', time_zone: 'UTC', locale: 'en', default_currency: 'EUR' }
  const authorization = `Bearer ${DUNWELL_OPERATOR_TOKEN}`
  const ask = async ({ url }: typeof writer.parts) => {
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': 'shown once' }
    const answer = await fetch(`${url}/v1/organizations`, { method: 'POST', headers, body: JSON.stringify(organization) })
    return { status: answer.status, body: await answer.json() }
  }
  const first = await ask(writer.parts)
  const [former, next] = [workerSettings.DUNWELL_SECRET_KEY, 'c3'.repeat(32)]
  const env = { DUNWELL_SECRET_KEY: next, DUNWELL_OPERATOR_TOKEN }
  const both = await startProcess(writer.url, { roles: 'none', env: { ...env, DUNWELL_OTHER_SECRET_KEYS: former } })
  expect(await resealAll(both)).toEqual({ organizations: 2, secrets: 0, answers: 1 })
  await both.stop()
  const after = await startProcess(writer.url, { roles: 'api', env })
  expect(first.status).toBe(201)
  expect(await ask(after)).toEqual(first)
  await after.stop()
})
