import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { createRiskJob } from '../../src/jobs/risk-refresh.ts'
import { addDays, day } from '../../src/kernel/day.ts'
import { refusalOf } from '../support/app.ts'
import { done, type Ledger, startDunning } from '../support/dunning.ts'

const app = await startDunning({ now: '2026-01-01T00:00:00Z' })
const { newLedger, services, database, clock } = app
const admin = new pg.Client({ connectionString: app.databaseUrl })
await admin.connect()
afterAll(async () => {
  await admin.end()
  await app.close()
})

const stages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 }
]
const due = { issued_on: '2026-01-01', due_on: '2026-01-10' }

/** As if what was written in one currency had been written in another, which was active then. */
async function rewriteCurrency(orgId: string, [from, to]: readonly [string, string]): Promise<void> {
  const { rows } = await admin.query<{ table: string; column: string }>(
    `select c.table_name as table, c.column_name as column from information_schema.columns c join information_schema.tables t
     on t.table_name = c.table_name and t.table_type = 'BASE TABLE' and t.table_schema = c.table_schema
     where c.table_schema = 'public' and c.data_type = 'text' and (c.column_name = 'currency' or c.column_name like '%\\_currency')`
  )
  expect(rows.length).toBeGreaterThan(10)
  await admin.query(`set session_replication_role = 'replica'`)
  for (const { table, column } of rows)
    await admin.query(`update ${table} set ${column} = $3 where ${column} = $2 and org_id = $1`, [orgId, from, to])
  await admin.query(`set session_replication_role = 'origin'`)
}

async function readsEverything(ledger: Ledger, { clientId, invoiceIds }: { clientId: string; invoiceIds: readonly string[] }) {
  const paths = [
    ...[
      '/organization',
      '/clients',
      '/invoices',
      '/payments',
      '/promises',
      '/payment-plans',
      '/credit-notes',
      '/disputes',
      '/holds'
    ],
    ...['/dunning/entries', '/dunning-policies', '/risk-scores', '/events', '/interactions', '/invoices?is_overdue=true'],
    ...[`/clients/${clientId}`, `/clients/${clientId}/balance`, `/clients/${clientId}/risk-score`],
    ...invoiceIds.flatMap((id) => [`/invoices/${id}`, `/invoices/${id}/dunning`, `/invoices/${id}/risk`])
  ]
  const answers = await Promise.all(paths.map(async (path) => [path, (await ledger.call('GET', `/v1${path}`)).status] as const))
  return answers.filter(([path, status]) => status !== 200 && !(path.includes('risk') && status === 404))
}

describe('what is open in a currency', () => {
  test.each(['HRK', 'BYR', 'QQQ'])(
    'that is retired since (%s) is read, dunned, settled and given up, and nothing new is',
    async (code) => {
      const ledger = await newLedger()
      await ledger.usePolicy(stages, { min_balance: { BWP: '1' } })
      const clientId = await ledger.addClient({ currency: 'BWP' })
      const issue = () => ledger.issue(clientId, { ...due, currency: 'BWP', total: '100' })
      const [voided, writtenOff, disputed, planned, promised, credited, kept] = await Promise.all([
        issue(),
        issue(),
        issue(),
        issue(),
        issue(),
        issue(),
        issue()
      ])
      const post = (path: string, body: object) => done(ledger.call<{ id: string }>('POST', `/v1${path}`, { body }))
      const money = { client_id: clientId, currency: 'BWP' }
      const part = { ...money, amount: '100', allocations: [{ invoice_id: promised.id, amount: '10' }] }
      const { id: paymentId } = await post('/payments', part)
      await post('/promises', { ...money, amount: '90', invoice_ids: [promised.id], promised_on: '2026-01-12' })
      await post('/disputes', { invoice_id: disputed.id, reason: 'other', amount: '5' })
      const schedule = { kind: 'equal', count: 2, every: 'weekly', first_on: '2026-01-12' }
      const plan = await post('/payment-plans', { client_id: clientId, invoice_ids: [planned.id], schedule })
      await post(`/payment-plans/${plan.id}/accept`, { accepted_by: 'Ada' })
      const { id: answered } = await post('/disputes', { invoice_id: credited.id, reason: 'other', amount: '20' })
      await post(`/disputes/${answered}/resolve`, { outcome: 'partly_upheld', at_fault: 'ours', credit: '5' })
      await ledger.advance('2026-01-05T00:00:00Z')
      await createRiskJob({ services, database, clock, log: { info: () => {}, warn: () => {}, error: () => {} } }).refreshAll()
      await rewriteCurrency(ledger.id, ['BWP', code])
      await admin.query(
        `update dunning_policy_versions set document = replace(document::text, 'BWP', $2)::jsonb where org_id = $1`,
        [ledger.id, code]
      )
      const invoiceIds = [voided, writtenOff, disputed, planned, promised, credited, kept].map(({ id }) => id)
      expect(await readsEverything(ledger, { clientId, invoiceIds })).toEqual([])
      await ledger.advance('2026-01-15T00:00:00Z')
      expect(await ledger.ladder(kept.id)).toEqual(['reminder 2026-01-13'])
      expect(await readsEverything(ledger, { clientId, invoiceIds })).toEqual([])
      await ledger.reverse(paymentId, { reason: 'bounced' })
      await post(`/invoices/${voided.id}/void`, {})
      await post(`/invoices/${writtenOff.id}/write-off`, {})
      expect((await ledger.invoice(writtenOff.id)).balance).toBe(code === 'BYR' ? '0' : '0.00')
      const number = { client_id: clientId, number: 'new', currency: code, total: '100', ...due }
      expect(refusalOf(await ledger.call('POST', '/v1/invoices', { body: number }))).toBe('400 invalid_request /currency')
      expect(await ledger.told('client.processing_parked')).toEqual([])
    }
  )
})

test('an open invoice in a currency that is retired since is promised, planned, credited, filtered and paid, and restated by its source', async () => {
  const ledger = await newLedger()
  const clientId = await ledger.addClient({ currency: 'BWP' })
  const issue = (number: string) => ledger.issue(clientId, { ...due, currency: 'BWP', total: '100', number })
  const [paid, promised, planned, credited] = [await issue('1'), await issue('2'), await issue('3'), await issue('4')]
  const ref = (id: string) => `/v1/invoices/by-ref?source=erp&id=${id}`
  const stated = { client_id: clientId, number: '5', total: '100', ...due }
  await done(ledger.call('PUT', ref('5'), { body: { ...stated, currency: 'BWP' } }))
  await rewriteCurrency(ledger.id, ['BWP', 'HRK'])
  const money = { client_id: clientId, currency: 'HRK' }
  const post = (path: string, body: object) => done(ledger.call<{ id: string }>('POST', `/v1${path}`, { body }))
  await post('/payments', { ...money, amount: '100', allocations: [{ invoice_id: paid.id, amount: '100' }] })
  await post('/promises', { ...money, amount: '90', invoice_ids: [promised.id], promised_on: '2026-01-12' })
  const schedule = { kind: 'equal', count: 2, every: 'weekly', first_on: '2026-01-12' }
  await post('/payment-plans', { client_id: clientId, invoice_ids: [planned.id], schedule })
  const { id: disputeId } = await post('/disputes', { invoice_id: credited.id, reason: 'other', amount: '40' })
  await post(`/disputes/${disputeId}/resolve`, { outcome: 'partly_upheld', at_fault: 'ours', credit: '40' })
  const body = { ...money, amount: '50' }
  const paidByRef = await done(ledger.call('PUT', '/v1/payments/by-ref?source=bank&id=1', { body }))
  expect(await done(ledger.call('PUT', '/v1/payments/by-ref?source=bank&id=1', { body }))).toMatchObject(paidByRef)
  await done(ledger.call('PUT', ref('5'), { body: { ...stated, currency: 'HRK', total: '80' } }))
  const { data } = await done(ledger.call<{ data: readonly unknown[] }>('GET', '/v1/invoices?currency=HRK'))
  expect(data).toHaveLength(5)
  expect((await ledger.invoice(paid.id)).balance).toBe('0.00')
  expect((await ledger.invoice(credited.id)).balance).toBe('60.00')
  const anew = { ...stated, currency: 'HRK', total: '80', issued_on: '2025-12-31' }
  expect(await done(ledger.call('PUT', ref('5'), { body: anew }))).toMatchObject({ status: 'open', issued_on: '2025-12-31' })
  await done(ledger.call('DELETE', ref('5')))
  expect(await done(ledger.call('PUT', ref('5'), { body: { ...anew, number: '5a' } }))).toMatchObject({ status: 'open' })
  const fresh = { ...stated, currency: 'HRK', number: '6' }
  expect(refusalOf(await ledger.call('POST', '/v1/invoices', { body: fresh }))).toBe('400 invalid_request /currency')
  expect(refusalOf(await ledger.call('PUT', ref('6'), { body: fresh }))).toBe('400 unknown_currency /currency')
  expect(refusalOf(await ledger.call('POST', '/v1/payments', { body: { ...body, currency: 'XXQ' } }))).toBe(
    '400 invalid_request /currency'
  )
})

test('what was stored with a zone, a country, a locale and a policy that would be refused today is read and dunned', async () => {
  const ledger = await newLedger()
  const policyId = await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  await admin.query(
    `update dunning_policy_versions set document = document || '{"min_days_between": 9999, "contact_limits": {"min_days": 0, "per_week": 999}}' where org_id = $1 and policy_id = $2`,
    [ledger.id, policyId]
  )
  await admin.query(`update organizations set time_zone = 'Gone/City', locale = 'not a locale' where org_id = $1`, [ledger.id])
  await admin.query(`update clients set time_zone = 'Mars/Phobos', locale = '??' where org_id = $1`, [ledger.id])
  await admin.query(`update business_calendars set country = 'ZZ', region = 'Z' where org_id = $1`, [ledger.id])
  const { id } = await ledger.issue(clientId, due)
  await ledger.advance('2026-01-15T00:00:00Z')
  expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13'])
  expect(await readsEverything(ledger, { clientId, invoiceIds: [id] })).toEqual([])
  expect((await ledger.call('PATCH', '/v1/organization', { body: { calendar: { weekend: [7] } } })).status).toBe(200)
  expect((await ledger.call('PATCH', `/v1/clients/${clientId}`, { body: { name: 'Other' } })).status).toBe(200)
})

test('what stands is restated by whoever reads it and sends it back, and nothing that is retired begins to stand', async () => {
  const ledger = await newLedger()
  const policyId = await ledger.usePolicy(stages, { min_balance: { BWP: '1' } })
  await rewriteCurrency(ledger.id, ['EUR', 'HRK'])
  await admin.query(`update business_calendars set country = 'ZZ', region = 'Z' where org_id = $1`, [ledger.id])
  await admin.query(
    `update dunning_policy_versions set document = replace(document::text, 'BWP', 'HRK')::jsonb where org_id = $1`,
    [ledger.id]
  )
  type Calendar = { version?: number; country: string | null }
  const organization = await done(ledger.call<{ calendar: Calendar; version: number }>('GET', '/v1/organization'))
  const { version: _, ...calendar } = organization.calendar
  const patch = (body: object) => ledger.call('PATCH', '/v1/organization', { body })
  const restated = await done(patch({ default_currency: 'HRK', calendar, name: 'Renamed' }))
  expect(restated).toMatchObject({ default_currency: 'HRK', name: 'Renamed', calendar: { version: 1, country: 'ZZ' } })
  const otherWeekend = await done(patch({ calendar: { ...calendar, weekend: [7] } }))
  expect(otherWeekend).toMatchObject({ calendar: { version: 2, country: 'ZZ', weekend: [7] } })
  expect(refusalOf(await patch({ default_currency: 'BYR' }))).toBe('400 unknown_currency /default_currency')
  const url = `/v1/dunning-policies/${policyId}`
  const { id: __, version, created_at: ___, updated_at: ____, ...policy } = await done(ledger.call('GET', url))
  expect((await done(ledger.call('PUT', url, { body: policy })))['version']).toBe(version)
  const stricter = { ...policy, min_balance: { HRK: '2' } }
  expect(await done(ledger.call('PUT', url, { body: stricter }))).toMatchObject({ min_balance: { HRK: '2.00' } })
  const other = { ...policy, min_balance: { BYR: '1' } }
  expect(refusalOf(await ledger.call('PUT', url, { body: other }))).toBe('400 unknown_currency /min_balance/BYR')
})

const days = (count: number, step = 1) => Array.from({ length: count }, (_, n) => addDays(day('2026-01-05'), n * step))

describe('a calendar that is closed for too long', () => {
  test.each([
    ['400 closed days in a row', { closed_days: days(400) }],
    ['a week open on Mondays, and 186 closed Mondays', { weekend: [2, 3, 4, 5, 6, 7], closed_days: days(186, 7) }],
    [
      'weekends between closed days',
      { weekend: [6, 7], closed_days: days(700).filter((d) => !days(300, 7).includes(addDays(d, 1))) }
    ]
  ])('is refused when it is sent: %s', async (_, calendar) => {
    const ledger = await newLedger()
    const refused = await ledger.call('PATCH', '/v1/organization', { body: { calendar } })
    expect(refusalOf(refused)).toBe('400 invalid_request /calendar/closed_days')
    await expect(newLedger({ calendar })).rejects.toThrow('At most 366 days in a row may be closed')
  })

  test('up to 366 days is lived with, and one that was stored before is too', async () => {
    const ledger = await newLedger({ calendar: { closed_days: days(366), weekend: [] } })
    await ledger.usePolicy(stages, { business_days: true, contact_limits: { min_days: 90, per_week: 1 } })
    const clientId = await ledger.addClient()
    const issue = async () => (await ledger.issue(clientId, due)).id
    const first = await issue()
    expect((await ledger.invoice(first)).dunning.next_at).toMatch(/^2027-01-0/)
    await admin.query(
      `with version as (insert into business_calendars (org_id, version, weekend, closed_days, created_at)
         values ($1, 2, '{}', $2, now()))
       update organizations set calendar_version = 2 where org_id = $1`,
      [ledger.id, days(1_000)]
    )
    await done(ledger.call('PATCH', '/v1/organization', { body: { name: 'Renamed' } }))
    const second = await issue()
    for (const id of [first, second]) expect((await ledger.call('GET', `/v1/invoices/${id}/dunning`)).status).toBe(200)
    expect((await ledger.invoice(second)).dunning.next_at).toMatch(/^2028-10-0/)
    await ledger.advance('2026-01-20T00:00:00Z')
    expect(await ledger.ladder(second)).toEqual([])
  })
})
