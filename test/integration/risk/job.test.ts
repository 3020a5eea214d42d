import { afterAll, expect, test } from 'vitest'
import { createSealingJob } from '../../../src/jobs/event-sealing.ts'
import { createRiskJob } from '../../../src/jobs/risk-refresh.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { expectFaithful } from '../../support/risk.ts'

const { newLedger, database, services, clock, close } = await startDunning()
afterAll(close)

async function withDebt(): Promise<{ ledger: Ledger; clientId: string }> {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-05' })
  await ledger.advance(8)
  return { ledger, clientId }
}

function jobThatLogs() {
  const failures: unknown[] = []
  const log = { info: () => {}, warn: () => {}, error: (details: object) => void failures.push(details) }
  const sealing = createSealingJob({ events: services.events, database, log })
  return {
    job: createRiskJob({ services, database, clock, log }),
    seal: () => sealing.sealAll(new AbortController().signal),
    failures
  }
}

test('every organization with something to follow, or with a day to pass, is brought up to date', async () => {
  const [a, b] = [await withDebt(), await withDebt()]
  const { job, seal, failures } = jobThatLogs()
  await seal()
  await job.refreshAll()
  for (const { ledger, clientId } of [a, b]) {
    await expectFaithful({ database, services, orgId: ledger.id })
    const { data } = await done(ledger.call<{ data: { client_id: string }[] }>('GET', '/v1/risk-scores'))
    expect(data.map(({ client_id: id }) => id)).toEqual([clientId])
  }
  await a.ledger.advance(3)
  await job.refreshAll()
  const { data } = await done(a.ledger.call<{ data: { as_of: string }[] }>('GET', '/v1/risk-scores'))
  expect(data[0]?.as_of).toBe('2026-01-12')
  expect(failures).toEqual([])
})

test('an organization that another process is at is left to it, and keeps nobody waiting', async () => {
  const [taken, other, fine] = [await withDebt(), await withDebt(), await withDebt()]
  const { job, seal, failures } = jobThatLogs()
  await seal()
  await database.scoped(taken.ledger.id, async (tx) => {
    await services.risk.refresh(tx)
    await job.refreshAll()
  })
  expect(failures).toEqual([])
  const { data } = await done(fine.ledger.call<{ data: unknown[] }>('GET', '/v1/risk-scores'))
  expect(data).toHaveLength(1)
  await expectFaithful({ database, services, orgId: other.ledger.id })
})
