import { afterAll, afterEach, expect, it } from 'vitest'
import { atOnce, daysAgo, NOTICE, openReminders, STAGE, stages } from '../../support/reminders.ts'
import { keepLedger, queueAgain } from '../../support/webhooks.ts'

const { shop, done, idOf, newClient, issue, pay, sweep, sentTo, ofType, deliverAll, deliveriesOf } = await openReminders()
afterEach(() => shop.sql('delete from webhook_endpoints'))
afterAll(() => shop[Symbol.asyncDispose]())

const eur = (clientId: string, amount: string) => ({ client_id: clientId, currency: 'EUR', amount })

it('a notice that a later one took over from is told all the same when that one never arrives', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const client = await newClient()
  const former = await issue(client, { total: '900.00' })
  await sweep(3)
  const later = await issue(client)
  await sweep()
  await pay(client, later)
  await deliverAll()
  const [notice, ...more] = ofType(ledger, NOTICE)
  expect(more).toEqual([])
  expect(notice?.data.context).toMatchObject({ net_total: '900.00', obligations: [{ invoice_id: former, stage: 'reminder' }] })
  expect(notice?.data.context.obligations[0]?.entry_id).not.toBeNull()
  expect(notice?.data.context.replaces_event_ids).toHaveLength(1)
})

it('two notices that were missed are told afresh as one, which names both', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const client = await newClient()
  const invoices = [await issue(client, { total: '900.00' })]
  await sweep(3)
  invoices.push(await issue(client), await issue(client, { total: '50.00' }))
  await sweep()
  await pay(client, invoices[2] ?? '', '50.00')
  await deliverAll()
  const [notice, ...more] = ofType(ledger, NOTICE)
  expect(more).toEqual([])
  expect(notice?.data.context.obligations.map(({ invoice_id: id, entry_id: entry }) => [id, entry !== null]).sort()).toEqual(
    invoices
      .slice(0, 2)
      .map((id) => [id, true])
      .sort()
  )
  expect(notice?.data.context.replaces_event_ids).toHaveLength(2)
})

const pauses = {
  'a hold that is released': async (client: string) => {
    const id = await idOf('POST', '/holds', { client_id: client, reason: 'manual' })
    return () => done('POST', `/holds/${id}/release`, {})
  },
  'announced money that does not come': async (client: string, invoice: string) => {
    const announced = { matures_on: daysAgo(-3), status: 'pending', allocations: [{ invoice_id: invoice, amount: '900.00' }] }
    const id = await idOf('POST', '/payments', { ...eur(client, '900.00'), ...announced })
    return () => done('POST', `/payments/${id}/fail`, {})
  },
  'a promise that is cancelled': async (client: string) => {
    const id = await idOf('POST', '/promises', { ...eur(client, '900.00'), promised_on: daysAgo(-2) })
    return () => done('POST', `/promises/${id}/cancel`, {})
  }
}

it.each(Object.entries(pauses))('after %s the last stage and its notice are told', async (_, pause) => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [STAGE, NOTICE] })
  const client = await newClient()
  const invoice = await issue(client, { total: '900.00', late: 40 })
  await sweep(2)
  const stage = (await deliveriesOf(endpoint, 'queued')).find(({ event_type: type }) => type === STAGE)
  const letGo = await pause(client, invoice)
  await deliverAll()
  expect(sentTo(ledger)).toEqual([])
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(2)
  await letGo()
  await deliverAll()
  expect(ofType(ledger, STAGE).map(({ data }) => data.object.id)).toEqual([invoice])
  expect(ofType(ledger, NOTICE).map(({ data }) => data.context.net_total)).toEqual(['900.00'])
  const told = await deliveriesOf(endpoint, 'succeeded')
  expect(told.some(({ id }) => id === stage?.id)).toBe(true)
})

it('of two invoices the one that is held for a moment is told when it is let go, and the other at once', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const client = await newClient()
  const [held, open] = [await issue(client, { late: 40 }), await issue(client, { late: 41 })]
  await sweep(2)
  const hold = await idOf('POST', '/holds', { client_id: client, invoice_ids: [held], reason: 'manual' })
  const news = () =>
    ofType(ledger, NOTICE).map(({ data }) =>
      data.context.obligations.flatMap(({ invoice_id: id, entry_id: entry }) => (entry === null ? [] : [id]))
    )
  await deliverAll()
  expect(news()).toEqual([[open]])
  await deliverAll()
  expect(news()).toEqual([[open]])
  await done('POST', `/holds/${hold}/release`, {})
  await deliverAll()
  expect(news()).toEqual([[open], [held]])
})

it('the notice that hands a client over arrives, though another of its invoices was paid meanwhile', async () => {
  const handing = [...stages.slice(0, 1), { code: 'collections', offset_days: 20, tone: 'final', action: 'refer_to_collections' }]
  const policyId = await idOf('POST', '/dunning-policies', { name: 'Hands over', stages: handing, ...atOnce })
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const client = await newClient({ dunning_policy_id: policyId })
  const [referred, paid] = [await issue(client, { total: '900.00', late: 30 }), await issue(client)]
  // A hold that is long over keeps nothing back.
  const before = await idOf('POST', '/holds', { client_id: client, reason: 'manual' })
  await done('POST', `/holds/${before}/release`, {})
  await sweep()
  await pay(client, paid)
  await deliverAll()
  expect(ofType(ledger, NOTICE).map(({ data }) => data.context)).toMatchObject([
    { net_total: '900.00', obligations: [{ invoice_id: referred, stage: 'collections' }] }
  ])
})

it('credit that is gone is subtracted no longer', async () => {
  await done('PATCH', '/organization', { auto_apply_credit: false })
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const client = await newClient()
  const payment = await idOf('POST', '/payments', { ...eur(client, '300.00'), received_on: daysAgo(0) })
  await issue(client, { total: '900.00' })
  await sweep()
  await done('POST', `/payments/${payment}/reverse`, { reason: 'bounced' })
  await deliverAll()
  expect(ofType(ledger, NOTICE).map(({ data }) => data.context)).toMatchObject([
    { unapplied_credit: '0.00', net_total: '900.00' }
  ])
  await done('PATCH', '/organization', { auto_apply_credit: true })
})

it('two endpoints that missed a stage are told the same one with what is asked for by now', async () => {
  await using ledger = await keepLedger()
  for (const path of ['one', 'two']) await shop.subscribe(`${ledger.url}/${path}`, { event_types: [STAGE] })
  const client = await newClient()
  const invoice = await issue(client, { total: '1000.00' })
  await sweep()
  await done('POST', '/disputes', { invoice_id: invoice, amount: '950.00', reason: 'quality' })
  await deliverAll()
  const told = ofType(ledger, STAGE)
  expect(told.map(({ data }) => data.context.amounts?.net_total)).toEqual(['50.00', '50.00'])
  expect(new Set(told.map(({ id }) => id)).size).toBe(1)
})

it('what is covered by credit or contested in part is sent as it was entered, where nothing has changed', async () => {
  await done('PATCH', '/organization', { auto_apply_credit: false })
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [STAGE, NOTICE] })
  const client = await newClient()
  await idOf('POST', '/payments', { ...eur(client, '1000.00'), received_on: daysAgo(0) })
  const invoices = [
    await issue(client, { total: '900.00', late: 40 }),
    await issue(client, { total: '500.00' }),
    await issue(client)
  ]
  await done('POST', '/disputes', { invoice_id: invoices[2], amount: '30.00', reason: 'quality' })
  await pay(client, invoices[1] ?? '', '20.00')
  await sweep()
  await deliverAll()
  expect(await deliveriesOf(endpoint, 'superseded')).toEqual([])
  const asked = ofType(ledger, STAGE).map(({ data }) => [data.object.id, data.context.amounts?.net_total])
  expect(new Map(asked as [string, string][])).toEqual(
    new Map([
      [invoices[1], '380.00'],
      [invoices[2], '70.00']
    ])
  )
  await done('PATCH', '/organization', { auto_apply_credit: true })
})

it('a policy that asks for no such little sum any more keeps what waits from being told', async () => {
  const least = { name: 'Least', stages, ...atOnce }
  const policyId = await idOf('POST', '/dunning-policies', least)
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [STAGE, NOTICE] })
  await issue(await newClient({ dunning_policy_id: policyId }))
  await sweep()
  const { version } = await done('GET', `/dunning-policies/${policyId}`)
  const stricter = { ...least, min_balance: { EUR: '200.00' }, in_flight: 'move' }
  const { status } = await shop.api('PUT', `/dunning-policies/${policyId}`, stricter, { 'if-match': `"${String(version)}"` })
  expect(status).toBe(200)
  await deliverAll()
  expect(sentTo(ledger)).toEqual([])
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(2)
})

it('who asked to be left alone while a notice waited is named so in the one that is sent', async () => {
  await using ledger = await keepLedger()
  await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const contact = { name: 'Ada', email: 'ada@late.example' }
  const client = await newClient({ contacts: [contact] })
  await issue(client)
  await sweep()
  await done('PATCH', `/clients/${client}`, { contacts: [{ ...contact, do_not_contact: true }] })
  await deliverAll()
  expect(ofType(ledger, NOTICE).map(({ data }) => data.context.client.contacts)).toMatchObject([[{ do_not_contact: true }]])
})

it('a consumer that skips what is from before is not told of it afresh either', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [STAGE, NOTICE] })
  const client = await newClient()
  await issue(client, { late: 40 })
  await sweep()
  const hold = await idOf('POST', '/holds', { client_id: client, reason: 'manual' })
  await deliverAll()
  await done('POST', `/webhook-endpoints/${endpoint.id}/enable`, { resume: 'skip' })
  await done('POST', `/holds/${hold}/release`, {})
  await deliverAll()
  expect(sentTo(ledger)).toEqual([])
})

it('a notice that arrived and is replayed is closed as what it is, and nothing is told in its place', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [NOTICE] })
  const client = await newClient()
  const [paid] = [await issue(client), await issue(client)]
  await sweep()
  await deliverAll()
  await pay(client, paid)
  await queueAgain(shop, endpoint)
  await deliverAll()
  expect(ofType(ledger, NOTICE)).toHaveLength(1)
  expect(await deliveriesOf(endpoint, 'succeeded')).toHaveLength(1)
})
