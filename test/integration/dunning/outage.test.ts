import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const { newLedger, sweepJob, clock, close } = await startDunning({ now: '2026-01-01T00:00:00Z' })
afterAll(close)

const threeStages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]

/** A live organization follows the time of the service, so an outage is a clock that is turned without a sweep. */
async function liveWith(progression: 'jump' | 'sequential', min_days_between: number) {
  clock.set('2026-01-01T00:00:00Z')
  const ledger = await newLedger({ mode: 'live' })
  await ledger.usePolicy(threeStages, { progression, min_days_between })
  const { id } = await ledger.issue(await ledger.addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
  return { ...ledger, id }
}

const sweepOn = async (day: string) => {
  clock.set(`${day}T12:00:00Z`)
  await sweepJob.sweepAll()
}

test.each([
  [1, '2026-01-14', ['reminder 2026-01-14', 'second 2026-01-20']],
  [3, '2026-01-16', ['reminder 2026-01-16', 'second 2026-01-20']],
  [40, '2026-02-22', ['final 2026-02-22']]
])('after an outage of %i days jump enters the stage that the age says, once', async (_days, back, expected) => {
  const { ladder, id, events } = await liveWith('jump', 0)
  await sweepOn(back)
  await sweepOn(back)
  if (back < '2026-01-20') await sweepOn('2026-01-20')
  expect(await ladder(id)).toEqual(expected)
  expect(await events('invoice.dunning_stage_entered')).toHaveLength(expected.length)
  expect(await events('invoice.overdue')).toHaveLength(1)
})

test('what an outage of 40 days passed over is listed with the entry, and not entered afterwards', async () => {
  const { entries, id, ladder } = await liveWith('jump', 0)
  await sweepOn('2026-02-22')
  expect((await entries(id)).map(({ stage, skipped }) => ({ stage, skipped }))).toEqual([
    { stage: 'final', skipped: ['reminder', 'second'] }
  ])
  await sweepOn('2026-03-22')
  expect(await ladder(id)).toEqual(['final 2026-02-22'])
})

test('after an outage of 40 days sequential goes on with its spacing instead of a burst', async () => {
  const { ladder, id } = await liveWith('sequential', 4)
  for (const day of ['2026-02-22', '2026-02-23', '2026-02-25', '2026-02-26', '2026-03-01', '2026-03-02', '2026-03-30'])
    await sweepOn(day)
  expect(await ladder(id)).toEqual(['reminder 2026-02-22', 'second 2026-02-26', 'final 2026-03-02'])
})

test('the sweep leaves a test organization to its own clock', async () => {
  clock.set('2026-01-01T00:00:00Z')
  const { usePolicy, issue, addClient, ladder } = await newLedger()
  await usePolicy(threeStages)
  const { id } = await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await sweepOn('2026-06-01')
  expect(await ladder(id)).toEqual([])
})
