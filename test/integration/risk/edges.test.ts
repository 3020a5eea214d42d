import { afterAll, describe, expect, test } from 'vitest'
import { BEFORE_ALL_IDS } from '../../../src/kernel/keyset.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, clock, close } = await startDunning()
afterAll(close)

type ScoreBody = Readonly<{
  score: number
  as_of: string
  percentile: number | null
  exposure: object[]
  factors: { name: string; value: number; points: number; is_assumed: boolean }[]
}>

const of = (ledger: Ledger) => ({ database, services, orgId: ledger.id })
const scoreOf = (ledger: Ledger, clientId: string, query = '') =>
  done(ledger.call<ScoreBody>('GET', `/v1/clients/${clientId}/risk-score${query}`))
const ofInvoice = (ledger: Ledger, id: string) => done(ledger.call<ScoreBody>('GET', `/v1/invoices/${id}/risk-score`))

const FIVE_DAYS = { issued_on: '2026-01-01', due_on: '2026-01-05' }
const WEST = 'Etc/GMT+12'
const EAST = 'Pacific/Kiritimati'

async function isDue({ id }: Ledger): Promise<boolean> {
  const page = { now: clock.now(), after: BEFORE_ALL_IDS, limit: 1_000 }
  return (await database.scheduling((scheduler) => services.risk.organizationsDue(scheduler, page))).includes(id)
}

describe('a percentile', () => {
  test('counts the others as ranked last, and never the client itself, whose score may have moved since', async () => {
    const ledger = await newLedger()
    const [slow = '', other = ''] = await ledger.addClients(2)
    for (const clientId of [slow, other]) await ledger.issue(clientId, FIVE_DAYS)
    await ledger.advance(1)
    await refresh(of(ledger))
    await ledger.advance(20)
    expect((await scoreOf(ledger, slow)).percentile).toBe(100)
  })

  test('is of nobody where there is no other client', async () => {
    const ledger = await newLedger()
    const clientId = await ledger.addClient()
    const { id } = await ledger.issue(clientId, FIVE_DAYS)
    await refresh(of(ledger))
    expect((await scoreOf(ledger, clientId)).percentile).toBeNull()
    await done(ledger.call('POST', `/v1/invoices/${id}/void`, { body: {} }))
    await ledger.advance(1)
    await refresh(of(ledger))
    expect((await scoreOf(ledger, clientId)).percentile).toBeNull()
  })
})

describe('time zones', () => {
  test('an organization that moves west is scored for its today, though a later day was passed already', async () => {
    const ledger = await newLedger({ timeZone: EAST, clockAt: '2026-01-01T11:00:00Z' })
    const clientId = await ledger.addClient()
    const [paid, open] = [await ledger.issue(clientId, FIVE_DAYS), await ledger.issue(clientId, FIVE_DAYS)]
    await ledger.advance(9)
    await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: paid.id, amount: '100.00' }] })
    await ledger.advance(1)
    await refresh(of(ledger))
    expect((await scoreOf(ledger, clientId)).as_of).toBe('2026-01-12')
    const that = await scoreOf(ledger, clientId, '?as_of=2026-01-10')
    await done(ledger.call('PATCH', '/v1/organization', { body: { time_zone: WEST } }))
    const { exposure, ...found } = await scoreOf(ledger, clientId)
    expect({ ...that, ...found }).toEqual(that)
    expect(exposure).toMatchObject([{ open: '100.00' }])
    const of12 = await ledger.issue(clientId, { issued_on: '2026-01-12', due_on: '2026-01-20' })
    for (const { id } of [open, of12]) expect((await ofInvoice(ledger, id)).as_of).toBe('2026-01-10')
    await refresh(of(ledger))
    await expectFaithful(of(ledger))
    await ledger.advance(3)
    await refresh(of(ledger))
    await expectFaithful(of(ledger))
    expect([(await scoreOf(ledger, clientId)).as_of, await isDue(ledger)]).toEqual(['2026-01-13', false])
  })

  test.each([
    [EAST, '2026-01-01T11:00:00Z', 2, 3],
    [WEST, '2026-01-01T11:00:00Z', 1, 1]
  ])('a call of today counts from the next day of the organization’s own zone: %s', async (timeZone, clockAt, today, from) => {
    const ledger = await newLedger({ timeZone, clockAt })
    const clientId = await ledger.addClient()
    const assumed = async (query = '') => {
      const { as_of: asOf, factors } = await scoreOf(ledger, clientId, query)
      return [Number(asOf.slice(8)), factors.filter((factor) => factor.is_assumed).map(({ name }) => name)]
    }
    const body = { client_id: clientId, kind: 'call', direction: 'outbound', outcome: 'no_answer' }
    await done(ledger.call('POST', '/v1/interactions', { body }))
    if (timeZone === EAST) expect(await assumed()).toEqual([today, []])
    await ledger.advance('2026-01-02T11:30:00Z')
    expect(await assumed()).toEqual([from, ['never_answered']])
    expect(await assumed('?as_of=1900-01-01')).toEqual([1, []])
  })
})

test('an invoice is scored before it was followed, and as it stands then, whatever it is to what is usual', async () => {
  const ledger = await newLedger()
  const clientId = await ledger.addClient()
  for (const total of ['1.00', '2.00']) await ledger.issue(clientId, { ...FIVE_DAYS, total })
  await ledger.advance(5)
  await refresh(of(ledger))
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-02', due_on: '2026-01-15', total: '900.00' })
  const before = await ofInvoice(ledger, id)
  expect(before.factors.every(({ value, points }) => Number.isFinite(value) && Number.isFinite(points))).toBe(true)
  await refresh(of(ledger))
  const named = ({ factors }: ScoreBody) => factors.find(({ name }) => name === 'amt_own')?.value
  expect(named(before)).toBe(named(await ofInvoice(ledger, id)))
})

test('settings that changed are looked at once, and the scores then rest until the next day', async () => {
  const ledger = await newLedger()
  await ledger.issue(await ledger.addClient(), FIVE_DAYS)
  await ledger.advance(1)
  await refresh(of(ledger))
  for (const body of [{ model: 'v1' }, { serious_days: 119 }, { serious_days: 1 }, { assumed: { never_answered: 5 } }]) {
    await done(ledger.call('PATCH', '/v1/risk-model', { body }))
    expect(await isDue(ledger)).toBe(true)
    await refresh(of(ledger))
    expect(await isDue(ledger)).toBe(false)
    await expectFaithful(of(ledger))
  }
  await ledger.advance(1)
  expect(await isDue(ledger)).toBe(true)
})

test('the settings of an organization that was never scored are changed by the version that was read', async () => {
  const ledger = await newLedger()
  const { headers } = await ledger.call('GET', '/v1/risk-model')
  const change = { body: { serious_days: 20 }, headers: { 'if-match': headers['etag'] ?? '' } }
  expect((await ledger.call('PATCH', '/v1/risk-model', change)).status).toBe(200)
  expect((await ledger.call('PATCH', '/v1/risk-model', change)).status).toBe(412)
})

test.each(['risk', 'expected_bad'])('pages by %s hold every client once, in order, also where many are equal', async (sort) => {
  const ledger = await newLedger()
  const clientIds = await ledger.addClients(7)
  for (const clientId of clientIds) await ledger.issue(clientId, FIVE_DAYS)
  await ledger.advance(9)
  await refresh(of(ledger))
  type Page = { data: { client_id: string }[]; next_cursor: string | null }
  const found: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = `sort=${sort}&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`
    const page: Page = await done(ledger.call<Page>('GET', `/v1/risk-scores?${query}`))
    found.push(...page.data.map(({ client_id: id }) => id))
    cursor = page.next_cursor
  }
  expect(found).toEqual(clientIds.toSorted().reverse())
})
