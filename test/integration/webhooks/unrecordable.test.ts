import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { keepLedger, openShop, type Shop, startProcess, until } from '../../support/webhooks.ts'

const LEASE_MS = 3_000

/** As a migration of a later release does that a worker of this one meets. */
const moveOn = ({ sql }: Shop) => sql('alter table webhook_attempts rename column answer to answer_text')
const moveBack = ({ sql }: Shop) => sql('alter table webhook_attempts rename column answer_text to answer')

const attemptsOf = async ({ api }: Shop) => {
  const { data } = (await api('GET', '/webhook-deliveries?limit=200')).body as { data: { attempts: number }[] }
  return data.map(({ attempts }) => attempts)
}

it('an attempt is counted when it is claimed, not when its outcome is written', async () => {
  await using shop = await openShop()
  await using ledger = await keepLedger()
  ledger.linger(1_000)
  await shop.subscribe(ledger.url)
  await shop.fire(1)
  await until('it is under way', () => ledger.received.length === 1)
  const { data } = (await shop.api('GET', '/webhook-deliveries')).body as { data: object[] }
  expect(data).toMatchObject([{ status: 'queued', attempts: 1, next_attempt_at: null }])
})

it('a worker that cannot record an outcome stops claiming, sends nothing again, and goes on once it can', async () => {
  await using shop = await openShop()
  await using ledger = await keepLedger()
  const { secret } = await shop.subscribe(ledger.url)
  ledger.trust(secret)
  await moveOn(shop)
  await shop.fire(5)
  await until('they arrived', () => ledger.received.length === 5)
  await pause(500)
  await shop.fire(30)
  await pause(2 * LEASE_MS)
  expect(ledger.received).toHaveLength(5)
  expect((await attemptsOf(shop)).sort()).toEqual([...Array<number>(30).fill(0), ...Array<number>(5).fill(1)])
  await moveBack(shop)
  await until('all is written', async () => (await shop.sql('select from webhook_queue')).length === 0)
  expect([ledger.received.length, ledger.ids().size]).toEqual([35, 35])
  expect(await attemptsOf(shop)).toEqual(Array<number>(35).fill(1))
}, 60_000)

it('such a worker stops when it is told to, and what it had sent is due again when its lease ends', async () => {
  await using shop = await openShop({ roles: 'api' })
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url)
  await moveOn(shop)
  const worker = await startProcess(shop.url, { roles: 'worker' })
  await shop.fire(3)
  await until('they arrived', () => ledger.received.length === 3)
  const since = performance.now()
  await worker.stop()
  expect(performance.now() - since).toBeLessThan(5_000)
  await moveBack(shop)
  const next = await startProcess(shop.url, { roles: 'worker' })
  await until('they are written', async () => (await shop.sql('select from webhook_queue')).length === 0)
  expect(ledger.ids().size).toBe(3)
  expect(await attemptsOf(shop)).toEqual([2, 2, 2])
  await next.stop()
}, 30_000)
