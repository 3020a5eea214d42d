import { pino } from 'pino'
import { afterAll, expect, it } from 'vitest'
import { resealAll } from '../../../src/commands/reseal.ts'
import { createUpkeepJob } from '../../../src/jobs/upkeep.ts'
import { clockFrom } from '../../../src/kernel/clock.ts'
import type { Process } from '../../../src/main.ts'
import { keepLedger, openShop, type Shop, startProcess, until, workerSettings } from '../../support/webhooks.ts'

const shop = await openShop()
afterAll(() => shop[Symbol.asyncDispose]())

const SECRET = 'Bearer a-token-of-the-receiver'
const headers = { Authorization: SECRET, 'x-team': 'dunning' }

const keptOf = async ({ sql }: Shop, id: string) => {
  const [row] = await sql<{ headers: string }>('select headers::text from webhook_endpoints where id = $1', id)
  return row?.headers ?? ''
}

/** As a release that did not seal them has left them. */
const keepInTheClear = ({ sql }: Shop, id: string) =>
  sql('update webhook_endpoints set headers = $2 where id = $1', id, JSON.stringify(headers))

const pass = (parts: Process) =>
  createUpkeepJob({
    ...parts,
    clock: clockFrom(() => new Date()),
    kept: { attemptDays: 30, bodyDays: 90 },
    log: pino({ level: 'silent' })
  }).run(new AbortController().signal)

it('the values of an endpoint’s headers are in no row of the database, and are sent as they were given', async () => {
  await using ledger = await keepLedger()
  const { id } = await shop.subscribe(ledger.url, { headers })
  expect(await keptOf(shop, id)).not.toContain(SECRET)
  await shop.fire(1)
  await until('it arrived', () => ledger.received.length === 1)
  expect(ledger.received[0]?.request.headers).toMatchObject({ authorization: SECRET, 'x-team': 'dunning' })
  expect((await shop.api('GET', `/webhook-endpoints/${id}`)).body['header_names']).toEqual(['x-team', 'Authorization'])
  await shop.api('DELETE', `/webhook-endpoints/${id}`)
})

it('changed headers are sealed; the same again, or a change of something else, leaves them as they are', async () => {
  await using ledger = await keepLedger()
  const { id } = await shop.subscribe(ledger.url, { headers })
  const path = `/webhook-endpoints/${id}`
  const before = await keptOf(shop, id)
  expect((await shop.api('PATCH', path, { headers })).body['version']).toBe(1)
  expect((await shop.api('PATCH', path, { description: 'Books' })).body['version']).toBe(2)
  expect(await keptOf(shop, id)).toBe(before)
  const changed = { ...headers, Authorization: 'Bearer another-token' }
  expect((await shop.api('PATCH', path, { headers: changed })).body['version']).toBe(3)
  expect(await keptOf(shop, id)).not.toContain('another-token')
  await shop.fire(1)
  await until('it arrived', () => ledger.received.length === 1)
  expect(ledger.received[0]?.request.headers).toMatchObject({ authorization: 'Bearer another-token' })
  await shop.api('DELETE', path)
})

it('a value that was moved to another header or endpoint does not open there: nothing is sent, and the endpoint is not blamed', async () => {
  await using ledger = await keepLedger()
  const { id } = await shop.subscribe(ledger.url, { headers })
  await shop.sql(
    `update webhook_endpoints set headers = jsonb_build_object('x-other', headers -> 'Authorization') where id = $1`,
    id
  )
  const [event] = await shop.fire(1)
  const logged = () => shop.sql<{ error: string }>('select error from webhook_attempts where event_id = $1', event)
  await until('it is logged', async () => (await logged()).length === 1)
  expect((await logged())[0]?.error).toMatch(/^not_ready: /)
  expect(ledger.received).toEqual([])
  const { body } = await shop.api('GET', `/webhook-endpoints/${id}`)
  expect(body['health']).toMatchObject({ consecutive_failures: 0, last_failure: null })
  await shop.api('DELETE', `/webhook-endpoints/${id}`)
})

it('headers of a former release are sent, and the nightly upkeep seals them', async () => {
  await using ledger = await keepLedger()
  const { id } = await shop.subscribe(ledger.url, { headers })
  await keepInTheClear(shop, id)
  const arrives = async (count: number) => {
    await shop.fire(1)
    await until('it arrived', () => ledger.received.length === count)
    expect(ledger.received.at(-1)?.request.headers).toMatchObject({ authorization: SECRET, 'x-team': 'dunning' })
  }
  await arrives(1)
  await pass(shop.parts)
  expect(await keptOf(shop, id)).not.toContain(SECRET)
  await arrives(2)
  await shop.api('DELETE', `/webhook-endpoints/${id}`)
})

it('`reseal` seals what stands in the clear and what another key sealed, and then nothing needs the former key', async () => {
  await using ledger = await keepLedger()
  await using writer = await openShop({ roles: 'api' })
  const [clear, sealed] = [await writer.subscribe(ledger.url, { headers }), await writer.subscribe(ledger.url, { headers })]
  await keepInTheClear(writer, clear.id)
  await writer.fire(1)
  const [former, next] = [workerSettings.DUNWELL_SECRET_KEY, 'c3'.repeat(32)]
  const env = { DUNWELL_SECRET_KEY: next, DUNWELL_OTHER_SECRET_KEYS: former }
  const both = await startProcess(writer.url, { roles: 'none', env })
  expect(await resealAll(both)).toEqual({ organizations: 1, secrets: 6, answers: 0 })
  expect(await resealAll(both)).toEqual({ organizations: 1, secrets: 0, answers: 0 })
  await both.stop()
  for (const { id } of [clear, sealed]) expect(await keptOf(writer, id)).not.toContain(SECRET)
  const after = await startProcess(writer.url, { roles: 'worker', env: { DUNWELL_SECRET_KEY: next } })
  await until('both arrived', () => ledger.received.length === 2)
  for (const { request } of ledger.received) expect(request.headers).toMatchObject({ authorization: SECRET })
  await after.stop()
})
