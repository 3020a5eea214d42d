import { afterAll, expect, test } from 'vitest'
import { refusalOf } from '../../support/app.ts'
import { done, type EntryBody, startDunning } from '../../support/dunning.ts'

const { newLedger, sweepJob, close } = await startDunning()
afterAll(close)

const twoStages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 }
]
const tenthOfJanuary = { issued_on: '2026-01-01', due_on: '2026-01-10' }

type Explanation = {
  invoice_id: string
  obligations: {
    stage: string | null
    is_policy_pinned: boolean
    decision: { effect: string; rule: string; stage: string | null }
    next: { at: string | null; stage: string | null; overdue_at: string | null }
    why: { rule: string; detail: string }[]
    entries: EntryBody[]
  }[]
}
type Page = { data: EntryBody[]; next_cursor: string | null }

test('an invoice tells why it stands where it stands, what comes next, and what was entered', async () => {
  const { call, addClient, issue, usePolicy, advance } = await newLedger()
  await usePolicy(twoStages, { min_balance: { EUR: '5.00' } })
  const { id } = await issue(await addClient(), tenthOfJanuary)
  await advance('2026-01-14T00:00:00Z')
  const { obligations } = await done(call<Explanation>('GET', `/v1/invoices/${id}/dunning`))
  expect(obligations).toMatchObject([
    {
      stage: 'reminder',
      is_policy_pinned: true,
      decision: { effect: 'stay', rule: 'waiting', stage: 'reminder' },
      next: { at: '2026-01-20T00:00:00.000Z', stage: 'second' },
      entries: [{ stage: 'reminder', entered_on: '2026-01-13' }]
    }
  ])
  expect(obligations[0]?.why).toContainEqual(expect.objectContaining({ rule: 'offset', stage: 'second' }))
})

test('the next stage and the next instant are of one entry, though it becomes overdue before', async () => {
  const { call, addClient, issue, usePolicy, advance, invoice, events, entries } = await newLedger()
  await usePolicy(twoStages)
  const { id } = await issue(await addClient(), tenthOfJanuary)
  const next = { next_stage: 'reminder', next_at: '2026-01-13T00:00:00.000Z' }
  const explained = async () => {
    const { obligations } = await done(call<Explanation>('GET', `/v1/invoices/${id}/dunning`))
    return obligations[0]?.next
  }
  expect((await invoice(id)).dunning).toMatchObject(next)
  expect(await explained()).toEqual({ stage: 'reminder', at: next.next_at, overdue_at: '2026-01-11T00:00:00.000Z' })
  await advance('2026-01-12T00:00:00Z')
  expect((await invoice(id)).dunning).toMatchObject(next)
  expect(await explained()).toEqual({ stage: 'reminder', at: next.next_at, overdue_at: null })
  const told = await events('invoice.created', 'invoice.overdue')
  expect(told.map(({ object }) => object['dunning'])).toMatchObject([next, next])
  await advance('2026-01-13T00:00:00Z')
  expect((await entries(id)).map(({ stage, entered_at: at }) => [stage, at])).toEqual([['reminder', next.next_at]])
})

test('after a payment the explanation says that nothing is open', async () => {
  const { call, addClient, issue, usePolicy, advance, pay } = await newLedger()
  await usePolicy(twoStages)
  const clientId = await addClient()
  const { id } = await issue(clientId, tenthOfJanuary)
  await advance('2026-01-14T00:00:00Z')
  await pay(clientId, '100.00', { received_on: '2026-01-11' })
  const { obligations } = await done(call<Explanation>('GET', `/v1/invoices/${id}/dunning`))
  expect(obligations).toMatchObject([
    {
      stage: null,
      is_policy_pinned: false,
      decision: { rule: 'closed' },
      next: { at: null },
      entries: [{ mistaken_reason: 'paid_in_time' }]
    }
  ])
})

test('asking for an explanation changes nothing', async () => {
  const { call, addClient, issue, usePolicy, invoice, events } = await newLedger()
  await usePolicy([{ code: 'now', offset_days: -5 }])
  const { id } = await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-04' })
  const before = await invoice(id)
  const { obligations } = await done(call<Explanation>('GET', `/v1/invoices/${id}/dunning`))
  expect(obligations[0]?.decision).toMatchObject({ effect: 'enter', stage: 'now' })
  expect(await invoice(id)).toEqual(before)
  expect(await events('invoice.dunning_stage_entered')).toEqual([])
})

test("another organization's invoice is not explained, and its entries are not listed", async () => {
  const other = await newLedger()
  await other.usePolicy(twoStages)
  const { id } = await other.issue(await other.addClient(), tenthOfJanuary)
  await other.advance('2026-01-14T00:00:00Z')
  const { call } = await newLedger()
  expect(refusalOf(await call('GET', `/v1/invoices/${id}/dunning`))).toBe('404 not_found')
  expect((await done(call<Page>('GET', `/v1/dunning/entries?invoice_id=${id}`))).data).toEqual([])
})

test('entries are listed newest first, page by page, and by client, invoice, stage and day', async () => {
  const { call, addClient, issue, usePolicy, advance, pay } = await newLedger()
  await usePolicy(twoStages)
  const [a, b] = [await addClient(), await addClient()]
  const first = await issue(a, tenthOfJanuary)
  await issue(b, { issued_on: '2026-01-01', due_on: '2026-01-12' })
  await advance('2026-01-23T00:00:00Z')
  const list = (query: string) => done(call<Page>('GET', `/v1/dunning/entries?${query}`))
  const days = (page: Page) => page.data.map(({ stage, entered_on }) => `${stage} ${entered_on}`)
  const one = await list('limit=3')
  expect(days(one)).toEqual(['second 2026-01-22', 'second 2026-01-20', 'reminder 2026-01-15'])
  expect(days(await list(`limit=3&cursor=${one.next_cursor}`))).toEqual(['reminder 2026-01-13'])
  expect(days(await list(`client_id=${b}`))).toEqual(['second 2026-01-22', 'reminder 2026-01-15'])
  expect(days(await list(`invoice_id=${first.id}`))).toEqual(['second 2026-01-20', 'reminder 2026-01-13'])
  expect(days(await list('stage=reminder'))).toEqual(['reminder 2026-01-15', 'reminder 2026-01-13'])
  expect(days(await list('from_on=2026-01-15&to_on=2026-01-20'))).toEqual(['second 2026-01-20', 'reminder 2026-01-15'])
  await pay(a, '100.00', { received_on: '2026-01-14' })
  const changed = await list('updated_since=2026-01-23T00:00:00Z')
  expect(changed.data).toMatchObject([{ stage: 'second', entered_on: '2026-01-20', mistaken_reason: 'paid_in_time' }])
})

type RunBody = { id: string; status: string; dry_run: boolean; entered: number; overdue: number; finished_at: string | null }

test('a dry run counts what a sweep would do and does nothing; the run after it does just that', async () => {
  const { call, addClient, issue, usePolicy, entries } = await newLedger()
  await usePolicy([{ code: 'late', offset_days: 1 }])
  const clientId = await addClient()
  for (let n = 0; n < 3; n += 1) await issue(clientId, { issued_on: '2025-12-01', due_on: '2025-12-20', dunning_start: 'normal' })
  await issue(clientId, { issued_on: '2025-12-01', due_on: '2026-03-20' })
  const ask = (dry_run: boolean) => call<RunBody>('POST', '/v1/dunning/runs', { body: { dry_run } })
  const dry = await ask(true)
  expect(dry).toMatchObject({ status: 202, body: { status: 'queued', dry_run: true, entered: 0, finished_at: null } })
  expect((await ask(true)).body.id).toBe(dry.body.id)
  await sweepJob.executeRuns()
  const counted = await done(call<RunBody>('GET', `/v1/dunning/runs/${dry.body.id}`))
  expect(counted).toMatchObject({ status: 'done', entered: 3, overdue: 3 })
  expect(await entries()).toEqual([])
  const real = await ask(false)
  await sweepJob.executeRuns()
  expect(await done(call<RunBody>('GET', `/v1/dunning/runs/${real.body.id}`))).toMatchObject({
    status: 'done',
    entered: 3,
    overdue: 3
  })
  expect(await entries()).toHaveLength(3)
  const { data } = await done(call<{ data: RunBody[] }>('GET', '/v1/dunning/runs'))
  expect(data.map(({ id }) => id)).toEqual([real.body.id, dry.body.id])
})

test('a run with nothing due is done with nothing', async () => {
  const { call } = await newLedger()
  const { body } = await call<RunBody>('POST', '/v1/dunning/runs', { body: {} })
  await sweepJob.executeRuns()
  expect(await done(call<RunBody>('GET', `/v1/dunning/runs/${body.id}`))).toMatchObject({
    status: 'done',
    entered: 0,
    overdue: 0
  })
})
