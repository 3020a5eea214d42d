import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { dueOnTheTenth } from '../../support/agreements.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, databaseUrl, close } = await startDunning()
afterAll(close)

/** As an earlier release kept it: what was announced or promised held all of its invoices. */
const FORMER = `
  update holds set amount_minor = null, currency = null where origin_kind in ('payment', 'promise');
  update hold_invoices set amount_minor = null;
  update obligations set next_at = null, next_stage_code = null, next_entry_at = null where next_at is not null;`

type HoldBody = Readonly<{ reason: string; part: { amount: string } | null }>
const holdsOf = async (ledger: Ledger) =>
  (await done(ledger.call<{ data: HoldBody[] }>('GET', '/v1/holds?active=true'))).data.map(
    ({ reason, part }) => `${reason} ${part?.amount ?? 'all'}`
  )

test('what was announced or promised before the upgrade holds no more than its amount afterwards, and the rest is dunned', async () => {
  const [named, oldest, promised, whole] = [
    await dueOnTheTenth(newLedger),
    await dueOnTheTenth(newLedger),
    await dueOnTheTenth(newLedger),
    await dueOnTheTenth(newLedger)
  ]
  const pending = { status: 'pending', matures_on: '2026-12-01' }
  await named.ledger.pay(named.clientId, '1.00', { ...pending, allocations: [{ invoice_id: named.id, amount: '1.00' }] })
  const later = await oldest.ledger.issue(oldest.clientId, { issued_on: '2026-01-01', due_on: '2026-01-12' })
  await oldest.ledger.pay(oldest.clientId, '130.00', pending)
  const promise = { client_id: promised.clientId, currency: 'EUR', amount: '0.01', promised_on: '2026-12-01' }
  await done(promised.ledger.call('POST', '/v1/promises', { body: promise }))
  await whole.ledger.pay(whole.clientId, '100.00', pending)
  const before = await Promise.all([named, oldest, promised, whole].map(({ ledger }) => holdsOf(ledger)))

  const owner = new pg.Client(databaseUrl)
  await owner.connect()
  await owner.query(FORMER)
  const migration = readFileSync(new URL('../../../drizzle/0033_parts_of_announcements.sql', import.meta.url), 'utf8')
  await owner.query(migration.replaceAll('--> statement-breakpoint', ''))
  await owner.end()

  expect(await Promise.all([named, oldest, promised, whole].map(({ ledger }) => holdsOf(ledger)))).toEqual(before)
  for (const { ledger } of [named, oldest, promised, whole]) await ledger.advance('2026-01-14T00:00:00Z')
  const dunned = ['courtesy 2026-01-07', 'reminder 2026-01-13']
  expect(await named.ledger.ladder(named.id)).toEqual(dunned)
  expect(await promised.ledger.ladder(promised.id)).toEqual(dunned)
  expect(await oldest.ledger.ladder(oldest.id)).toEqual([])
  expect(await oldest.ledger.ladder(later.id)).toEqual(['courtesy 2026-01-09'])
  expect(await whole.ledger.ladder(whole.id)).toEqual([])
})
