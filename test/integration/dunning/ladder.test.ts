import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const threeStages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]
const tenthOfJanuary = { issued_on: '2026-01-01', due_on: '2026-01-10' }

test('an unpaid invoice climbs every stage on its day, and each entry is told once', async () => {
  const { addClient, issue, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(threeStages)
  const { id } = await issue(await addClient(), tenthOfJanuary)
  await advance(31)
  await advance(31)
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20', 'final 2026-02-03'])
  expect(await told('invoice.overdue', 'invoice.dunning_stage_entered', 'client.dunning_notice_due')).toEqual([
    '2026-01-11 invoice.overdue',
    '2026-01-13 invoice.dunning_stage_entered',
    '2026-01-13 client.dunning_notice_due',
    '2026-01-20 invoice.dunning_stage_entered',
    '2026-01-20 client.dunning_notice_due',
    '2026-02-03 invoice.dunning_stage_entered',
    '2026-02-03 client.dunning_notice_due'
  ])
})

test('a sweep every hour of a day adds nothing to the one that entered the stage', async () => {
  const { addClient, issue, usePolicy, advance, ladder, invoice } = await newLedger()
  await usePolicy(threeStages)
  const { id } = await issue(await addClient(), tenthOfJanuary)
  await advance('2026-01-13T00:00:00Z')
  const after = await invoice(id)
  for (let hour = 1; hour < 24; hour += 1) await advance(`2026-01-13T${String(hour).padStart(2, '0')}:00:00Z`)
  expect(await ladder(id)).toEqual(['reminder 2026-01-13'])
  expect((await invoice(id)).version).toBe(after.version)
})

test('due today is not overdue, the day after is, at both ends of the world and where a day has 23 or 25 hours', async () => {
  const { addClient, issue, advance, invoice, events } = await newLedger({
    timeZone: 'Europe/Berlin',
    clockAt: '2026-03-01T00:00:00Z'
  })
  const cases = [
    { time_zone: 'Pacific/Kiritimati', due_on: '2026-03-10', overdueAt: '2026-03-10T10:00:00.000Z' },
    { time_zone: 'Pacific/Pago_Pago', due_on: '2026-03-10', overdueAt: '2026-03-11T11:00:00.000Z' },
    { time_zone: null, due_on: '2026-03-28', overdueAt: '2026-03-28T23:00:00.000Z' },
    { time_zone: null, due_on: '2026-03-29', overdueAt: '2026-03-29T22:00:00.000Z' },
    { time_zone: 'Africa/Cairo', due_on: '2026-04-23', overdueAt: '2026-04-23T22:00:00.000Z' }
  ]
  const issued = await Promise.all(
    cases.map(async ({ time_zone, due_on, overdueAt }) => {
      const clientId = await addClient({ time_zone })
      const { id } = await issue(clientId, { issued_on: '2026-02-01', due_on })
      return { id, overdueAt }
    })
  )
  await advance('2026-03-10T09:59:59Z')
  for (const { id } of issued) expect((await invoice(id)).is_overdue).toBe(false)
  await advance(30)
  await advance(30)
  const told = new Map((await events('invoice.overdue')).map(({ object, occurredAt }) => [object.id, occurredAt]))
  expect(issued.map(({ id }) => told.get(id))).toEqual(issued.map(({ overdueAt }) => overdueAt))
  for (const { id } of issued) expect((await invoice(id)).is_overdue).toBe(true)
})

test('the age counts from the due date, not from the day of issue, and +60 is after it', async () => {
  const { addClient, issue, usePolicy, advance, ladder } = await newLedger()
  await usePolicy([
    { code: 'courtesy', offset_days: -3 },
    { code: 'late', offset_days: 60 }
  ])
  const { id } = await issue(await addClient(), { issued_on: '2025-06-01', due_on: '2026-01-10' })
  await advance(31)
  await advance(31)
  expect(await ladder(id)).toEqual(['courtesy 2026-01-07'])
  await advance('2026-03-11T00:00:00Z')
  expect(await ladder(id)).toEqual(['courtesy 2026-01-07', 'late 2026-03-11'])
})

test('weekends and holidays move an entry to an open day and never put two on one day', async () => {
  const calendar = { country: 'DE', region: 'DE-BY', closed_days: ['2026-01-05'] }
  const { addClient, issue, usePolicy, advance, ladder } = await newLedger({ calendar, timeZone: 'Europe/Berlin' })
  const stages = [
    { code: 'one', offset_days: 1 },
    { code: 'two', offset_days: 2 },
    { code: 'three', offset_days: 3 },
    { code: 'four', offset_days: 6 }
  ]
  await usePolicy(stages, { business_days: true, send_at: '09:00', progression: 'sequential' })
  // Friday 2 January; then a weekend, an own closed day, Epiphany.
  const { id } = await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-02' })
  await advance(20)
  expect(await ladder(id)).toEqual(['one 2026-01-07', 'two 2026-01-08', 'three 2026-01-09', 'four 2026-01-12'])
})

test('intervals are calendar days: an entry made late in the day does not push the next one back', async () => {
  const { addClient, issue, usePolicy, advance, entries } = await newLedger({
    timeZone: 'Europe/Berlin',
    clockAt: '2026-03-01T00:00:00Z'
  })
  await usePolicy([{ code: 'weekly', offset_days: 7, repeat_every_days: 7 }], { send_at: '09:00' })
  const { id } = await issue(await addClient(), { issued_on: '2026-03-01', due_on: '2026-03-08' })
  await advance(31)
  expect((await entries(id)).map(({ entered_at, repetition }) => `${repetition} ${entered_at}`)).toEqual([
    '1 2026-03-15T08:00:00.000Z',
    '2 2026-03-22T08:00:00.000Z',
    '3 2026-03-29T07:00:00.000Z'
  ])
})

test('a run with nothing due writes nothing', async () => {
  const { addClient, issue, advance, events, invoice } = await newLedger()
  const { id } = await issue(await addClient(), tenthOfJanuary)
  const before = { invoice: await invoice(id), events: (await events()).length }
  await advance(1)
  expect({ invoice: await invoice(id), events: (await events()).length }).toEqual(before)
})

test('the stage with a grace is followed only when the deadline that it grants is over', async () => {
  const { addClient, issue, usePolicy, advance, ladder, events } = await newLedger()
  await usePolicy([
    { code: 'final', offset_days: 5, grace_days: 10 },
    { code: 'handover', offset_days: 6 }
  ])
  const { id } = await issue(await addClient(), tenthOfJanuary)
  await advance('2026-01-24T23:59:00Z')
  expect(await ladder(id)).toEqual(['final 2026-01-15'])
  await advance('2026-01-25T00:00:00Z')
  expect(await ladder(id)).toEqual(['final 2026-01-15', 'handover 2026-01-25'])
  const [final] = await events('invoice.dunning_stage_entered')
  expect(final?.context['stage']).toMatchObject({ code: 'final', grace_days: 10, deadline_on: '2026-01-25' })
})
