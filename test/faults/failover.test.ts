import { beforeEach, expect, it } from 'vitest'
import { findDistribution } from '../../src/db/embedded-host.ts'
import { unharmed } from '../support/delivery-faults.ts'
import { type Failover, failOver, loseStandby } from '../support/failover.ts'

function print(name: string, { webhooks, ...run }: Failover): void {
  process.stdout.write(`  ${name}: ${JSON.stringify(run)}; webhooks ${JSON.stringify(webhooks)}\n`)
}

beforeEach(async (context) => {
  const isInstalled = await findDistribution().then(
    () => true,
    () => false
  )
  if (!isInstalled) context.skip('no PostgreSQL is installed by npm here')
})

it('no acknowledged write is lost when a synchronous standby is promoted under load', async () => {
  const run = await failOver({ synchronous: true })
  print('synchronous standby', run)
  expect(run).toMatchObject({ acknowledgedLost: 0, unacknowledged: 0, positionsLost: 0, gone: 0, missed: 0 })
  expect(Object.keys(run.refusals).filter((status) => status !== '503')).toEqual([])
  expect(run.webhooks).toMatchObject(unharmed)
  expect(run.writesAgainMs).toBeLessThan(10_000)
})

it('of an asynchronous standby what it had not received is lost and nothing else, and consumers are told', async () => {
  const lagMs = 2_500
  const run = await failOver({ synchronous: false, lagMs })
  print('asynchronous standby, 2.5 s behind', run)
  expect(run.acknowledgedLost).toBeGreaterThan(0)
  expect(run.oldestLostMs).toBeLessThan(lagMs + 100)
  expect(run).toMatchObject({ unacknowledged: 0, missed: 0 })
  expect(run.positionsLost).toBeGreaterThan(0)
  expect(run.gone).toBeGreaterThan(0)
  expect(run.webhooks).toMatchObject({ lost: 0, unverified: 0, misnumbered: 0 })
})

it('while the only synchronous standby is away nothing is acknowledged, a read is answered, and a write is done once when it is back', async () => {
  const run = await loseStandby()
  process.stdout.write(`  synchronous standby away: ${JSON.stringify(run)}\n`)
  expect(run).toMatchObject({ away: 503, read: 200, written: 1 })
  expect(run.afterMs).toBeLessThan(30_000)
})
