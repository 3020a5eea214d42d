import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { clockFrom } from '../../src/kernel/clock.ts'
import { httpReceiver } from '../integration/webhooks-transport/receivers.ts'
import { reportOn, unharmed } from '../support/delivery-faults.ts'
import { endConnections, killWorkers, restartDatabase, stallWorkers } from '../support/fault-scenarios.ts'
import { keepLedger, openShop, startProcess, until } from '../support/webhooks.ts'

it('nothing is lost when workers are killed for 40 s, and few are sent twice', async () => {
  const report = await killWorkers(40_000)
  expect(report).toMatchObject(unharmed)
  expect(report.duplicated / report.sent).toBeLessThan(0.02)
})

it('nothing is lost when connections to the database are cut for 20 s', async () => {
  const report = await endConnections(20_000)
  expect(report).toMatchObject(unharmed)
  expect(report.duplicated / report.sent).toBeLessThan(0.02)
})

it('nothing is lost when the database restarts three times', async () => {
  expect(await restartDatabase(3)).toMatchObject(unharmed)
})

it('nothing is lost, and no late outcome is written, when a worker stalls past its lease', async () => {
  expect(await stallWorkers(12_000)).toMatchObject(unharmed)
})

it('eight workers on one endpoint send 10,000 deliveries once each, never more at a time than it allows', async () => {
  const [counts, limit] = [new Map<string, number>(), 40]
  let [open, most] = [0, 0]
  await using receiver = await httpReceiver((response, { headers }) => {
    const id = String(headers['webhook-id'])
    counts.set(id, (counts.get(id) ?? 0) + 1)
    most = Math.max(most, ++open)
    setTimeout(() => {
      open -= 1
      response.writeHead(204).end()
    }, 2)
  })
  await using shop = await openShop({ roles: 'api' })
  await shop.subscribe(receiver.url, { max_in_flight: limit })
  for (let batch = 0; batch < 10; batch++) await shop.fire(1_000)
  // A lease or a deadline that ends only because eight workers share one event loop would be no fault of theirs.
  const times = { DUNWELL_WEBHOOK_LEASE_MS: '60000', DUNWELL_WEBHOOK_TIMEOUT_MAX_MS: '30000' }
  const env = { ...times, DUNWELL_DATABASE_CONNECTIONS: '4' }
  const workers = await Promise.all(Array.from({ length: 8 }, () => startProcess(shop.url, { roles: 'worker', env })))
  await until('the queue is empty', async () => (await shop.sql('select from webhook_queue limit 1')).length === 0, 240_000)
  for (const worker of workers) await worker.stop()
  process.stdout.write(`  10 eight claimers: ${counts.size} sent, at most ${most} of ${limit} at a time\n`)
  const again = await shop.sql('select attempt, status, error from webhook_attempts where attempt > 1 or not succeeded limit 5')
  expect({ again, sent: counts.size, most: Math.max(...counts.values()) }).toEqual({ again: [], sent: 10_000, most: 1 })
  expect(most).toBeLessThanOrEqual(limit)
})

it('workers whose clocks are a day off deliver in time, once, with a signature that verifies', async () => {
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'api' })
  const { secret } = await shop.subscribe(ledger.url)
  ledger.trust(secret)
  const day = 86_400_000
  const clocks = [day, -day].map((off) => clockFrom(() => new Date(Date.now() + off)))
  const workers = await Promise.all(clocks.map((clock) => startProcess(shop.url, { roles: 'worker', clock })))
  for (let burst = 0; burst < 20; burst++) {
    // The first ones fail: when they are tried again must not follow the wrong clocks either.
    ledger.answer(burst < 2 ? 500 : 204)
    await shop.fire(20)
    await pause(100)
  }
  await until('the queue is empty', async () => (await shop.sql('select from webhook_queue limit 1')).length === 0, 30_000)
  for (const worker of workers) await worker.stop()
  const report = await reportOn('7 clocks a day off', { shop, ledger })
  expect(report).toMatchObject({ ...unharmed, sent: 400 })
  expect(report.worstDelayMs).toBeLessThan(10_000)
})
