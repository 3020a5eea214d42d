import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Host, startHost } from '../../src/demo/host.ts'
import { type LedgerRow, openLedger } from '../../src/demo/ledger.ts'
import { sampleLedger } from '../../src/demo/sample-ledger.ts'
import { type FreshDatabase, freshDatabase } from '../support/database.ts'
import { checkLedger } from '../support/ledger-check.ts'

const ibm = fileURLToPath(new URL('../../../shared/data/ledgers/ibm-ar.csv', import.meta.url))
const WALK_MS = 600_000

let database: FreshDatabase
let host: Host

beforeAll(async () => {
  database = await freshDatabase()
  host = await startHost({ databaseUrl: database.url })
})

afterAll(async () => {
  await host.stop()
  await database.dispose()
})

/**
 * Each client under one of eight policies, so that one walk tries all, over as much of a ledger as half a minute allows.
 * `npm run check:ledgers` walks the ledgers whole, every invoice under each policy.
 */
async function expectNoDifference(rows: readonly LedgerRow[]): Promise<void> {
  const outcomes = await checkLedger({ host, rows, spread: 'one' })
  expect(outcomes.flatMap(({ variant, missing }) => missing.map((line) => `${variant}: ${line}`))).toEqual([])
  expect(outcomes.flatMap(({ variant, extra }) => extra.map((line) => `${variant}: ${line}`))).toEqual([])
  for (const { entries, overdue } of outcomes) expect(Math.min(entries, overdue)).toBeGreaterThan(10)
}

describe('what arrives at a webhook receiver is what a naive walk through the days gives, every entry and no other', () => {
  it('for five months of the sample ledger, eight zones and eight currencies', { timeout: WALK_MS }, () =>
    expectNoDifference(sampleLedger({ spanDays: 150 }))
  )

  it.skipIf(!existsSync(ibm))('for the first 400 invoices of the IBM ledger', { timeout: WALK_MS }, async () => {
    await expectNoDifference((await openLedger(ibm)).rows.slice(0, 400))
  })
})

if (!existsSync(ibm)) console.log(`The IBM ledger is not walked: ${ibm} does not exist.`)
