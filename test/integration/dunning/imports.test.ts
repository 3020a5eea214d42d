import { afterAll, describe, expect, test } from 'vitest'
import { done, type InvoiceBody, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const stages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 210 }
]
const twoHundredDaysLate = { issued_on: '2025-05-01', due_on: '2025-06-15' }

test('an import of invoices 200 days late raises no storm, and each goes on from the stage that its age says', async () => {
  const { addClient, call, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const clientId = await addClient()
  const invoices = Array.from({ length: 20 }, (_, n) => ({
    ...{ client_id: clientId, number: `I-${n}`, currency: 'EUR', total: '10.00' },
    ...{ ...twoHundredDaysLate, dunning_start: 'baseline' }
  }))
  const { body } = await call<{ results: { invoice: { id: string; is_overdue: boolean; dunning: { stage: string } } }[] }>(
    'POST',
    '/v1/invoices/batch',
    { body: { invoices } }
  )
  expect(body.results.map(({ invoice }) => [invoice.is_overdue, invoice.dunning.stage])).toEqual(
    Array.from({ length: 20 }, () => [true, 'second'])
  )
  await advance(5)
  const quiet = ['invoice.overdue', 'invoice.dunning_stage_entered', 'client.dunning_notice_due']
  expect(await told(...quiet)).toEqual([])
  await advance(31)
  const id = body.results[7]?.invoice.id ?? ''
  expect(await ladder(id)).toEqual(['second 2026-01-01 baseline', 'final 2026-01-11'])
  expect(await told('client.dunning_notice_due')).toEqual(['2026-01-11 client.dunning_notice_due'])
})

test('a baseline below the first stage enters nothing and does not say again that it is overdue', async () => {
  const { addClient, issue, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const { id } = await issue(await addClient(), { issued_on: '2025-12-01', due_on: '2025-12-30', dunning_start: 'baseline' })
  await advance(31)
  expect(await ladder(id)).toEqual(['reminder 2026-01-02', 'second 2026-01-09'])
  expect(await told('invoice.overdue')).toEqual([])
})

test('an old invoice that starts normally enters the stage of its age at once', async () => {
  const { addClient, issue, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const { id } = await issue(await addClient(), { ...twoHundredDaysLate, dunning_start: 'normal' })
  await advance('2026-01-01T00:00:01Z')
  expect(await ladder(id)).toEqual(['second 2026-01-01'])
  expect(await told('invoice.overdue')).toEqual(['2026-01-01 invoice.overdue'])
})

test('an invoice with dunning off is told to be overdue and never dunned, until it is switched on', async () => {
  const { addClient, issue, call, usePolicy, advance, ladder, told } = await newLedger()
  await usePolicy(stages)
  const { id } = await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10', dunning_start: 'off' })
  await advance('2026-01-21T00:00:00Z')
  expect(await ladder(id)).toEqual([])
  expect(await told('invoice.overdue')).toEqual(['2026-01-11 invoice.overdue'])
  await call('PATCH', `/v1/invoices/${id}`, { body: { dunning_start: 'normal' } })
  await advance('2026-01-21T01:00:00Z')
  expect(await ladder(id)).toEqual(['second 2026-01-21'])
})

test('a payment of before the import makes its baseline mistaken without an apology', async () => {
  const { addClient, issue, usePolicy, pay, ladder, told, invoice } = await newLedger()
  await usePolicy(stages)
  const clientId = await addClient()
  const { id } = await issue(clientId, { ...twoHundredDaysLate, dunning_start: 'baseline' })
  await pay(clientId, '100.00', { received_on: '2025-08-01' })
  expect(await ladder(id)).toEqual(['second 2026-01-01 baseline mistaken'])
  expect((await invoice(id)).dunning.stage).toBe(null)
  expect(await told('invoice.dunning_retracted', 'invoice.dunning_cleared')).toEqual([])
})

test('a client that is exempt is not dunned through that day, and by its age afterwards', async () => {
  const { addClient, issue, call, usePolicy, advance, ladder } = await newLedger()
  await usePolicy(stages)
  const clientId = await addClient({ dunning_exempt_until_on: '2026-01-25' })
  const { id } = await issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await advance('2026-01-20T00:00:00Z')
  expect(await ladder(id)).toEqual([])
  await call('PATCH', `/v1/clients/${clientId}`, { body: { dunning_exempt_until_on: '2026-01-22' } })
  await advance('2026-01-23T00:00:00Z')
  expect(await ladder(id)).toEqual(['second 2026-01-23'])
})

type Body = Readonly<Record<string, unknown>>
type Results = Readonly<{ results: { invoice: InvoiceBody }[] }>

/** Every way in. */
const ways: Readonly<Record<string, (ledger: Ledger, body: Body) => Promise<InvoiceBody>>> = {
  POST: ({ call }, body) => done(call<InvoiceBody>('POST', '/v1/invoices', { body })),
  batch: async ({ call }, body) => {
    const { results } = await done(call<Results>('POST', '/v1/invoices/batch', { body: { invoices: [body] } }))
    const [first] = results
    if (first === undefined) throw new Error('One invoice gives one result.')
    return first.invoice
  },
  'PUT by-ref': ({ call }, body) => {
    const path = `/v1/invoices/by-ref?source=books&id=${String(body['number'])}`
    return done(call<InvoiceBody>('PUT', path, { body }))
  }
}

const invoice = { currency: 'EUR', total: '100.00', issued_on: '2025-11-01' }
const told = ['invoice.overdue', 'invoice.dunning_stage_entered', 'client.dunning_notice_due']

describe.each(Object.entries(ways))('an invoice that comes in by %s', (_name, bring) => {
  /** Dunning began here on 1 January; the clock stands on the 20th. */
  async function begun() {
    const ledger = await newLedger()
    await ledger.usePolicy(stages)
    const clientId = await ledger.addClient()
    await ledger.advance('2026-01-20T00:00:00Z')
    return { ledger, bring: (body: Body) => bring(ledger, { ...invoice, client_id: clientId, ...body }) }
  }

  test('four days late is announced as overdue and dunned from the next sweep on', async () => {
    const { ledger, bring: bringIn } = await begun()
    const { id, dunning } = await bringIn({ number: 'R-1', due_on: '2026-01-16' })
    expect(dunning).toMatchObject({ start: 'normal', stage: null })
    await ledger.advance('2026-01-20T00:00:01Z')
    expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-20'])
    expect((await ledger.told(...told)).toSorted()).toEqual([
      '2026-01-20 client.dunning_notice_due',
      '2026-01-20 invoice.dunning_stage_entered',
      '2026-01-20 invoice.overdue'
    ])
  })

  test('and fell due before dunning began starts silently at the stage of its age', async () => {
    const { ledger, bring: bringIn } = await begun()
    const { id, dunning } = await bringIn({ number: 'R-2', due_on: '2025-12-31' })
    expect(dunning).toMatchObject({ start: 'baseline', stage: 'second' })
    await ledger.advance(10)
    expect(await ledger.ladder(id)).toEqual(['second 2026-01-20 baseline'])
    expect(await ledger.told(...told)).toEqual([])
  })

  test('starts as it states, whenever it fell due', async () => {
    const { ledger, bring: bringIn } = await begun()
    const old = await bringIn({ number: 'R-3', due_on: '2025-12-31', dunning_start: 'normal' })
    const young = await bringIn({ number: 'R-4', due_on: '2026-01-16', dunning_start: 'baseline' })
    expect([old, young].map(({ dunning }) => dunning)).toMatchObject([
      { start: 'normal', stage: null },
      { start: 'baseline', stage: 'reminder' }
    ])
    await ledger.advance('2026-01-20T00:00:01Z')
    expect(await ledger.told('invoice.overdue')).toEqual(['2026-01-20 invoice.overdue'])
  })

  test('before it is due is announced as overdue when it becomes so, though it states that it starts silently', async () => {
    const { ledger, bring: bringIn } = await begun()
    await bringIn({ number: 'R-5', due_on: '2026-01-22', dunning_start: 'baseline' })
    await ledger.advance('2026-01-24T00:00:00Z')
    expect(await ledger.told('invoice.overdue')).toEqual(['2026-01-23 invoice.overdue'])
  })
})

test('what started silently says so when it is asked why, and what started normally or anew since does not', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  await ledger.advance('2026-01-20T00:00:00Z')
  type Why = { rule: string; stage: string | null; detail: string }
  const whyOf = async (body: object) => {
    const { id } = await ledger.issue(clientId, { issued_on: '2025-11-01', ...body })
    const read = async () => {
      const { obligations } = await done(ledger.call<{ obligations: { why: Why[] }[] }>('GET', `/v1/invoices/${id}/dunning`))
      return obligations[0]?.why.filter(({ rule }) => rule === 'silent_start') ?? []
    }
    return { id, why: await read(), read }
  }
  const second = await whyOf({ due_on: '2025-12-31' })
  const detail =
    'It started silently on 2026-01-20, at second, by its age since 2025-12-31: what comes up to second was neither sent nor done.'
  expect(second.why).toMatchObject([{ stage: 'second', detail }])
  const before = await whyOf({ due_on: '2026-01-19', dunning_start: 'baseline' })
  const unsent =
    'It started silently on 2026-01-20, before the first stage, by its age since 2026-01-19: that it is overdue was not sent.'
  expect(before.why).toMatchObject([{ stage: null, detail: unsent }])
  expect((await whyOf({ due_on: '2026-01-16' })).why).toEqual([])
  expect((await whyOf({ due_on: '2025-12-31', dunning_start: 'normal' })).why).toEqual([])
  expect((await whyOf({ due_on: '2026-02-10', dunning_start: 'baseline' })).why).toEqual([])
  await done(ledger.call('POST', `/v1/invoices/${second.id}/reschedule`, { body: { due_on: '2026-02-20' } }))
  expect(await second.read()).toEqual([])
})

test('of an invoice in parts only those start silently that fell due before dunning began', async () => {
  const ledger = await newLedger()
  await ledger.usePolicy(stages)
  const clientId = await ledger.addClient()
  await ledger.advance('2026-01-20T00:00:00Z')
  const due_schedule = ['2025-12-20', '2026-01-15', '2026-02-20'].map((due_on, n) => ({ due_on, amount: `${n + 1}0.00` }))
  const { id, dunning } = await ledger.issue(clientId, { total: '60.00', issued_on: '2025-11-01', due_schedule })
  expect(dunning).toMatchObject({ start: 'baseline', stage: 'second' })
  await ledger.advance('2026-01-20T00:00:01Z')
  expect(await ledger.ladder(id)).toEqual(['second 2026-01-20 baseline', 'reminder 2026-01-20'])
  expect(await ledger.told('invoice.overdue')).toEqual(['2026-01-20 invoice.overdue'])
})

test('dunning begins on the day on which the organization was made, by its own clock and zone, until another day is set', async () => {
  const { call, usePolicy, addClient, issue } = await newLedger({ clockAt: '2025-12-31T20:00:00Z', timeZone: 'Asia/Tokyo' })
  const read = () => done(call<{ dunning_from_on: string }>('GET', '/v1/organization'))
  expect(await read()).toMatchObject({ dunning_from_on: '2026-01-01' })
  await done(call('PATCH', '/v1/organization', { body: { dunning_from_on: '2025-12-10' } }))
  expect(await read()).toMatchObject({ dunning_from_on: '2025-12-10' })
  await usePolicy(stages)
  const clientId = await addClient()
  const starts = await Promise.all(
    ['2025-12-09', '2025-12-10'].map((due_on) => issue(clientId, { issued_on: '2025-12-01', due_on }))
  )
  expect(starts.map(({ dunning }) => dunning)).toMatchObject([{ start: 'baseline' }, { start: 'normal' }])
})
