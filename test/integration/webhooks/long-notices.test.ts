import { afterAll, afterEach, expect, it } from 'vitest'
import { NOTICE, openReminders } from '../../support/reminders.ts'
import { keepLedger } from '../../support/webhooks.ts'

const { shop, done, newClient, issue, pay, sweep, ofType, deliverAll, deliveriesOf } = await openReminders()
afterEach(() => shop.sql('delete from webhook_endpoints'))
afterAll(() => shop[Symbol.asyncDispose]())

const INVOICES = 53

/** A client with more invoices than a notice lists in its body, the last of them due last. */
async function owing() {
  const client = await newClient()
  const invoices: string[] = []
  for (let n = 0; n < INVOICES; n += 1) invoices.push(await issue(client))
  return { client, last: invoices.at(-1) ?? '' }
}

it('a long notice is superseded when only an invoice that its body has no room for was paid, and told afresh without it', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const { client, last } = await owing()
  await sweep()
  await pay(client, last)
  await deliverAll()
  const [notice, ...more] = ofType(ledger, NOTICE)
  expect(more).toEqual([])
  const afresh = { obligations_count: INVOICES - 1, net_total: `${INVOICES - 1}00.00` }
  expect(notice?.data.context).toMatchObject(afresh)
  expect(notice?.data.context.replaces_event_ids).toHaveLength(1)
  expect(notice?.data.context.obligations.every(({ entry_id: id }) => id !== null)).toBe(true)
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(1)
  const rest = await done('GET', `/events/${notice?.id}/rest/obligations`)
  expect((rest['data'] as { entry_id: string | null }[]).map(({ entry_id: id }) => id !== null)).toEqual([true, true])
})

it('a long notice that is compared as a whole and still says what is so is sent as it is', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const { last } = await owing()
  await done('POST', '/disputes', { invoice_id: last, amount: '40.00', reason: 'quality' })
  await sweep()
  await deliverAll()
  expect(ofType(ledger, NOTICE).map(({ data }) => data.context)).toMatchObject([
    { obligations_count: INVOICES, net_total: `${INVOICES - 1}60.00` }
  ])
  expect(ofType(ledger, NOTICE)[0]?.data.context.replaces_event_ids).toBeUndefined()
})

it('the news of a long notice that a later one lists in its rest are not told a second time', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const { client, last } = await owing()
  await sweep(2)
  const later = await issue(client)
  await sweep()
  await deliverAll()
  const told = ofType(ledger, NOTICE)
  expect(told.map(({ data }) => data.context)).toMatchObject([{ obligations_count: INVOICES + 1 }])
  await pay(client, last)
  await pay(client, later)
  await deliverAll()
  expect(ofType(ledger, NOTICE)).toHaveLength(told.length)
})
