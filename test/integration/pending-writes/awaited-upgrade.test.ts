import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { done, startDunning } from '../../support/dunning.ts'

const { newLedger, databaseUrl, close } = await startDunning()
afterAll(close)

test('money that was announced before the upgrade holds the invoice that comes after it', async () => {
  const ledger = await newLedger()
  const client_id = await ledger.addClient()
  const at = (kind: string) => `/v1/${kind}/by-ref?source=erp&id=x`
  const allocations = [{ invoice_ref: { source: 'erp', id: 'x' }, amount: '100.00' }]
  const announced = { client_id, currency: 'EUR', amount: '100.00', status: 'pending', matures_on: '2026-02-01', allocations }
  await done(ledger.call('PUT', at('payments'), { body: announced }))

  const owner = new pg.Client(databaseUrl)
  await owner.connect()
  await owner.query(`delete from external_refs where kind = 'invoice'`)
  const migration = readFileSync(new URL('../../../drizzle/0043_awaited_invoices.sql', import.meta.url), 'utf8')
  await owner.query(migration.replaceAll('--> statement-breakpoint', ''))
  await owner.end()

  const body = { client_id, number: 'R-1', currency: 'EUR', total: '100.00', issued_on: '2026-01-01', due_on: '2026-01-15' }
  expect(await done(ledger.call('PUT', at('invoices'), { body }))).toMatchObject({ dunning: { held: true } })
})
