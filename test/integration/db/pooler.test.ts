import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { createDatabase } from '../../../src/db/client.ts'
import { statement } from '../../../src/db/statement.ts'
import { turnableClock } from '../../support/app.ts'
import { emptyDatabase, freshDatabase } from '../../support/database.ts'
import { type PoolerOptions, startPooler } from '../../support/pooler.ts'
import { keepLedger, openShop, startProcess, until } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 120_000 })

const ORGANIZATION = '00000000-0000-0000-0000-000000000001'
const FORGETS =
  'does not keep prepared statements for its clients. Set max_prepared_statements of PgBouncer, 1.21 or later, to 500; or its pool_mode to session.'

test('from the first migration to the last delivery, nothing outlives its transaction on a connection that others share', async () => {
  await using empty = await emptyDatabase()
  await using ledger = await keepLedger()
  await using pooler = await startPooler(empty.url, { connections: 8 })
  const clock = turnableClock(new Date())
  const env = { DUNWELL_MIGRATE_ON_START: 'true', DUNWELL_SWEEP_CRON: '* * * * * *' }
  await using shop = await openShop({ databaseUrl: pooler.url, env, clock })
  const { secret } = await shop.subscribe(ledger.url)
  ledger.trust(secret)
  const made = async (path: string, body: object) => {
    const answer = await shop.api('POST', path, body)
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
    return String(answer.body['id'])
  }
  const clientId = await made('/clients', { name: 'Pooled Ltd' })
  const dayIn = (days: number) => new Date(clock.now().getTime() + days * 86_400_000).toISOString().slice(0, 10)
  const invoice = { client_id: clientId, currency: 'EUR', total: '100.00', issued_on: dayIn(0), due_on: dayIn(3) }
  await made('/invoices', { ...invoice, number: 'A-1' })
  await made('/invoices', { ...invoice, number: 'A-2' })
  await made('/payments', { client_id: clientId, currency: 'EUR', amount: '100.00' })
  clock.advance(10 * 86_400_000)
  const typesOf = () => ledger.received.map(({ request }) => (JSON.parse(request.body.toString()) as { type: string }).type)
  await until('the sweep is delivered', () => typesOf().includes('invoice.overdue'), 60_000)
  expect(typesOf()).toEqual(expect.arrayContaining(['client.created', 'invoice.created', 'invoice.paid', 'payment.settled']))
  expect(ledger.received.every(({ verified }) => verified)).toBe(true)
  expect((await fetch(`${shop.parts.url}/readyz`)).status).toBe(200)
  expect(pooler.transactions()).toBeGreaterThan(100)
  expect([...pooler.leaks()]).toEqual([])
})

test('a statement and a wait for a lock take no longer than they may, and the next transaction is not held to it', async () => {
  await using fresh = await freshDatabase()
  await using pooler = await startPooler(fresh.url, { connections: 1 })
  const database = createDatabase({ url: pooler.url, connections: 1, statementTimeoutMs: 200, lockTimeoutMs: 100 })
  const asked = await database.scoped(ORGANIZATION, (tx) => tx.run(selectLimits, []))
  expect(asked).toEqual([{ statement: '200ms', lock: '100ms', idle: '1min' }])
  const endless = database.scoped(ORGANIZATION, (tx) => tx.run(sleepLong, []))
  await expect(endless).rejects.toMatchObject({ code: '57014' })
  await database.close()
  const other = new pg.Client({ connectionString: pooler.url })
  await other.connect()
  expect((await other.query(selectLimits.text)).rows).toEqual([{ statement: '0', lock: '0', idle: '0' }])
  await other.end()
})

const selectLimits = statement<{ statement: string; lock: string; idle: string }>(
  'test.limits_of_transaction',
  `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
     current_setting('idle_in_transaction_session_timeout') as idle`
)
const sleepLong = statement<object>('test.sleep_in_transaction', 'select pg_sleep(5)')

/** Why the service does not start behind such a pooler; its readiness where it does. */
async function startBehind(options: PoolerOptions): Promise<string> {
  await using fresh = await freshDatabase()
  await using pooler = await startPooler(fresh.url, options)
  const running = await startProcess(pooler.url, { roles: 'api' }).catch((error: Error) => error)
  if (running instanceof Error) return running.message
  const { status } = await fetch(`${running.url}/readyz`)
  await running.stop()
  return `ready: ${status}`
}

test('where a pooler does not keep prepared statements, the start names the setting, however quiet it is', async () => {
  expect(await startBehind({ connections: 4 })).toBe('ready: 200')
  for (const connections of [2, 4]) {
    expect(await startBehind({ keepsStatements: false, connections })).toContain(FORGETS)
  }
})
