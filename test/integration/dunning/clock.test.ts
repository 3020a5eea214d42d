import { afterAll, expect, test } from 'vitest'
import type { Database } from '../../../src/db/client.ts'
import { createTestClockJob } from '../../../src/jobs/test-clock.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, clockJob, services, database, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'courtesy', offset_days: -3 },
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10, grace_days: 5 },
  { code: 'last', offset_days: 12, repeat_every_days: 3 }
]

/** A few clients in several zones with invoices due around the month, some paid, some in parts. */
async function filled(): Promise<Ledger> {
  const ledger = await newLedger({ timeZone: 'Europe/Berlin', calendar: { country: 'DE' } })
  await ledger.usePolicy(stages, { business_days: true, send_at: '09:30', min_days_between: 2 })
  for (const [n, time_zone] of [null, 'Asia/Tehran', 'America/Los_Angeles', 'Pacific/Kiritimati'].entries()) {
    const clientId = await ledger.addClient({ name: `Client ${n}`, time_zone })
    for (const day of [2, 7, 13])
      await ledger.issue(clientId, { number: `${n}/${day}`, issued_on: '2026-01-01', due_on: `2026-01-${10 + day}` })
    const due_schedule = [
      { due_on: '2026-01-08', amount: '30.00' },
      { due_on: '2026-01-22', amount: '70.00' }
    ]
    await ledger.issue(clientId, { number: `${n}/parts`, issued_on: '2026-01-01', due_schedule })
    await ledger.pay(clientId, '40.00')
  }
  return ledger
}

/** What happened, without the ids that differ from organization to organization. */
async function story(ledger: Ledger): Promise<string[]> {
  const events = await ledger.events()
  const lines = events.map(({ type, occurredAt, object, context }) => {
    const { stage, skipped } = (context['stage'] ?? {}) as { code?: string; stage?: string; skipped?: string[] }
    return JSON.stringify([
      occurredAt,
      type,
      object['number'] ?? object['name'] ?? null,
      object.version,
      stage,
      skipped,
      context['days_overdue'],
      context['total']
    ])
  })
  return lines.toSorted()
}

test('a month in one call gives what thirty-one calls of a day give', async () => {
  const [atOnce, dayByDay] = [await filled(), await filled()]
  await atOnce.advance(31)
  for (let day = 0; day < 31; day += 1) await dayByDay.advance(1)
  const told = await story(atOnce)
  expect(told.filter((line) => line.includes('dunning_stage_entered')).length).toBeGreaterThan(30)
  expect(await story(dayByDay)).toEqual(told)
})

test('a clock whose process dies on the way is taken on by the next, and gives the same', async () => {
  const [whole, interrupted] = [await filled(), await filled()]
  await whole.advance(31)
  await done(interrupted.call('POST', '/v1/test-clock/advance', { body: { days: 31 } }))
  let transactions = 0
  const dying: Database = {
    ...database,
    scoped: (orgId, work) => {
      transactions += 1
      return database.scoped(orgId, async (tx) => {
        const result = await work(tx)
        if (transactions % 3 === 0) throw new Error('The process died before the commit.')
        return result
      })
    }
  }
  const job = createTestClockJob({ services, database: dying, log: { info: () => {}, warn: () => {}, error: () => {} } })
  for (let life = 0; life < 5; life += 1) await job.advanceAll()
  type ClockBody = { status: string; now_at: string; target_at: string | null }
  const meanwhile = await done(interrupted.call<ClockBody>('GET', '/v1/test-clock'))
  expect(meanwhile).toMatchObject({ status: 'advancing', target_at: '2026-02-01T00:00:00.000Z' })
  expect(meanwhile.now_at > '2026-01-01T00:00:00.000Z').toBe(true)
  await clockJob.advanceAll()
  expect(await done(interrupted.call('GET', '/v1/test-clock'))).toEqual({
    status: 'still',
    now_at: '2026-02-01T00:00:00.000Z',
    target_at: null
  })
  expect(await story(interrupted)).toEqual(await story(whole))
})

test('two processes that move the same clock at once move it once', async () => {
  const [alone, shared] = [await filled(), await filled()]
  await alone.advance(20)
  await done(shared.call('POST', '/v1/test-clock/advance', { body: { days: 20 } }))
  await Promise.all([clockJob.advanceAll(), clockJob.advanceAll(), clockJob.advanceAll()])
  expect(await story(shared)).toEqual(await story(alone))
})

test('the clock stays at an instant until all that is due there is done', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
  const clientIds = await ledger.addClients(520)
  const invoices = clientIds.map((clientId, n) => ({
    ...{ client_id: clientId, number: `R-${n}`, currency: 'EUR', total: '10.00' },
    ...{ issued_on: '2026-01-01', due_on: '2026-01-10', dunning_start: 'normal' }
  }))
  await done(ledger.call('POST', '/v1/invoices/batch', { body: { invoices } }))
  await ledger.advance('2026-01-13T00:00:00Z')
  const entries = await ledger.entries()
  expect(entries).toHaveLength(520)
  expect(new Set(entries.map(({ entered_at }) => entered_at))).toEqual(new Set(['2026-01-13T00:00:00.000Z']))
})

test('a clock is put forward only over time in which nothing is due, at most to the instant at which something is', async () => {
  const { call, usePolicy, issue, addClient, told } = await newLedger()
  await usePolicy([{ code: 'reminder', offset_days: 3 }])
  await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
  const put = (now_at: string) => call('PUT', '/v1/test-clock', { body: { now_at } })
  expect(refusalOf(await put('2026-01-11T00:00:01Z'))).toBe('422 clock_passes_due_work /now_at')
  expect((await put('2026-01-11T00:00:00Z')).status).toBe(200)
  expect(await told('invoice.overdue')).toEqual([])
})
