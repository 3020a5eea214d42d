import { afterAll, expect, test } from 'vitest'
import { type DunningApp, startDunning } from '../../support/dunning.ts'

const apps: DunningApp[] = []

afterAll(async () => {
  for (const app of apps) await app.close()
})

async function started(options: Parameters<typeof startDunning>[0] = {}): Promise<DunningApp> {
  const app = await startDunning({ clockAt: '2026-01-01T00:00:00Z', ...options })
  apps.push(app)
  return app
}

const threeStages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]

test('an unpaid invoice climbs every stage on its day, and each entry is told once', async () => {
  const { addClient, issue, usePolicy, advance, ladder, events } = await started()
  await usePolicy(threeStages)
  const { id } = await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await advance(31)
  await advance(31)
  expect(await ladder(id)).toEqual(['reminder 2026-01-13', 'second 2026-01-20', 'final 2026-02-03'])
  const told = await events('invoice.overdue', 'invoice.dunning_stage_entered', 'client.dunning_notice_due')
  expect(told.map(({ type, occurredAt }) => `${occurredAt.slice(0, 10)} ${type}`)).toEqual([
    '2026-01-11 invoice.overdue',
    '2026-01-13 invoice.dunning_stage_entered',
    '2026-01-13 client.dunning_notice_due',
    '2026-01-20 invoice.dunning_stage_entered',
    '2026-01-20 client.dunning_notice_due',
    '2026-02-03 invoice.dunning_stage_entered',
    '2026-02-03 client.dunning_notice_due'
  ])
})
