import { randomUUID } from 'node:crypto'
import { afterAll, expect, it } from 'vitest'
import { atOnce, daysAgo, NOTICE, openReminders, STAGE, stages } from '../../support/reminders.ts'
import { keepLedger, type Ledger, startProcess, until } from '../../support/webhooks.ts'

const { shop, done, newClient, issue, pay, sweep, sentTo, ofType, deliverAll, deliveriesOf, remove } = await openReminders()
afterAll(() => shop[Symbol.asyncDispose]())

const dunningTypes = [STAGE, NOTICE]

it('whoever has paid while a receiver was away is not accused: closed with the reason, and what is left is told afresh', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url)
  const client = await newClient()
  const [paid, open] = [await issue(client), await issue(client, { late: 11 })]
  await sweep()
  await pay(client, paid)
  await deliverAll()
  expect(ofType(ledger, STAGE).map(({ data }) => data.object.id)).toEqual([open])
  const [notice, ...more] = ofType(ledger, NOTICE)
  expect(more).toEqual([])
  expect(notice?.data.context).toMatchObject({ net_total: '100.00', obligations: [{ invoice_id: open }] })
  expect(notice?.data.context.obligations[0]?.entry_id).not.toBeNull()
  expect(notice?.data.context.replaces_event_ids).toHaveLength(1)
  expect(ofType(ledger, 'invoice.paid').map(({ data }) => data.object.id)).toEqual([paid])
  const closed = await deliveriesOf(endpoint, 'superseded')
  expect(closed.map(({ event_type: type }) => type).sort()).toEqual([NOTICE, STAGE])
  for (const { id } of closed) {
    const { log } = (await done('GET', `/webhook-deliveries/${id}`)) as { log: { error: string; succeeded: boolean }[] }
    expect(log).toEqual([
      expect.objectContaining({ succeeded: false, error: expect.stringMatching(/^superseded: Not sent: /) as string })
    ])
  }
  await remove(endpoint)
})

it('an endpoint that has had a notice does not get it again because another one missed it', async () => {
  await using early = await keepLedger()
  await using away = await keepLedger()
  const client = await newClient()
  const first = await shop.subscribe(early.url, { event_types: dunningTypes })
  const second = await shop.subscribe(away.url, { event_types: dunningTypes })
  const [paid, open] = [await issue(client), await issue(client, { late: 12 })]
  await sweep()
  await shop.sql(`update webhook_endpoint_health set open_until = now() + interval '1 hour' where endpoint_id = $1`, second.id)
  const worker = await startProcess(shop.url, { roles: 'worker' })
  await until('one has it', () => ofType(early, NOTICE).length === 1)
  await worker.stop()
  await pay(client, paid)
  await shop.sql('update webhook_endpoint_health set open_until = null where endpoint_id = $1', second.id)
  await deliverAll()
  expect(ofType(early, NOTICE)).toHaveLength(1)
  expect(ofType(away, NOTICE).map(({ data }) => data.context.obligations.map(({ invoice_id: id }) => id))).toEqual([[open]])
  await Promise.all([first, second].map(remove))
})

/** Three that are subscribed before two invoices are due, of which one is paid when only the third has heard of them. */
async function oneHadIt(ledgers: readonly Ledger[]) {
  const client = await newClient()
  const endpoints: { id: string }[] = []
  for (const { url } of ledgers) endpoints.push(await shop.subscribe(url, { event_types: dunningTypes }))
  const [paid, open] = [await issue(client), await issue(client, { late: 13 })]
  await sweep()
  const ids = endpoints.map(({ id }) => id)
  const opensAgain = (at: string, ...of: readonly (string | undefined)[]) =>
    shop.sql('update webhook_endpoint_health set open_until = $1::timestamptz where endpoint_id = any($2::uuid[])', at, of)
  await opensAgain('2100-01-01', ids[0], ids[1])
  const worker = await startProcess(shop.url, { roles: 'worker' })
  /** What each was told of the client. Replays send what happened to others too. */
  const noticesAt = (which: number) =>
    ofType(ledgers[which] as Ledger, NOTICE)
      .filter(({ data }) => data.object.id === client)
      .map(({ id, data }) => ({ id, about: data.context.obligations.map((one) => one.invoice_id) }))
  await until('the third has it', () => noticesAt(2).length === 1)
  await pay(client, paid)
  await opensAgain('2000-01-01', ids[0])
  await until('the first is told afresh', () => noticesAt(0).length === 1)
  await until('all have their numbers', async () => (await shop.sql('select from events where seq is null limit 1')).length === 0)
  return { ids, noticesAt, open, worker, opensAgain, remove: () => Promise.all(endpoints.map(remove)) }
}

it('what one endpoint is told afresh is sent to another by no replay, only in place of what that one missed', async () => {
  await using early = await keepLedger()
  await using away = await keepLedger()
  await using had = await keepLedger()
  const { ids, noticesAt, open, worker, remove: removeAll } = await oneHadIt([early, away, had])
  const since = { replay_since: new Date(Date.now() - 600_000).toISOString() }
  for (const id of ids.slice(1)) await done('POST', `/webhook-endpoints/${id}/enable`, since)
  const behind = 'select from webhook_replays where after_seq < (select max(seq) from events)'
  await until('the replays have seen everything', async () => (await shop.sql(behind)).length === 0)
  await worker.stop()
  await deliverAll()
  for (const which of [0, 1]) expect(noticesAt(which).map(({ about }) => about)).toEqual([[open]])
  expect(noticesAt(2)).toHaveLength(1)
  await removeAll()
})

it('is told afresh once, where what is told in its place is at the endpoint already', async () => {
  await using early = await keepLedger()
  await using away = await keepLedger()
  await using had = await keepLedger()
  const { ids, noticesAt, worker, opensAgain, remove: removeAll } = await oneHadIt([early, away, had])
  const [fresh] = noticesAt(0)
  await shop.sql(
    `insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
     values ($1, dunwell_uuidv7(), $2, (select event_id from webhook_deliveries where endpoint_id = $3 order by id desc limit 1),
       'succeeded', 1, now(), now())`,
    ...[shop.orgId, ids[1], ids[0]]
  )
  await worker.stop()
  await opensAgain('2000-01-01', ids[1])
  await deliverAll()
  expect(noticesAt(0)).toEqual([fresh])
  expect(noticesAt(1)).toEqual([])
  await removeAll()
})

it('is closed with nothing in its place where all of it is paid, held, or retracted', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [...dunningTypes, 'invoice.dunning_cleared', 'hold.placed'] })
  const [payer, disputer] = [await newClient(), await newClient()]
  const [paid] = [await issue(payer), await issue(disputer)]
  await sweep()
  await pay(payer, paid)
  await done('POST', '/holds', { client_id: disputer, reason: 'manual' })
  await deliverAll()
  expect(
    sentTo(ledger)
      .map(({ type }) => type)
      .sort()
  ).toEqual(['hold.placed', 'invoice.dunning_cleared'])
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(4)
  await remove(endpoint)
})

it('after a part payment stage and notice are told with what remains, and not as they were', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes })
  const client = await newClient()
  const invoice = await issue(client)
  await sweep()
  await pay(client, invoice, '40.00')
  await deliverAll()
  expect(ofType(ledger, STAGE).map(({ data }) => data.context.amounts?.net_total)).toEqual(['60.00'])
  expect(ofType(ledger, STAGE)[0]?.data.context.replaces_event_ids).toHaveLength(1)
  expect(ofType(ledger, NOTICE).map(({ data }) => data.context.net_total)).toEqual(['60.00'])
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(2)
  await remove(endpoint)
})

it('is closed where the total was corrected and what is left is too little to ask for', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes })
  const manner = { business_days: false, send_at: '00:00', min_balance: { EUR: '5.00' } }
  const lenient = await done('POST', '/dunning-policies', { name: 'Lenient', stages, ...manner })
  const client = await newClient()
  await done('PATCH', `/clients/${client}`, { dunning_policy_id: lenient['id'], applies_to: 'all' })
  const claim = { client_id: client, number: randomUUID(), currency: 'EUR', issued_on: daysAgo(60), due_on: daysAgo(10) }
  const put = (total: string) =>
    done('PUT', '/invoices/by-ref?source=erp&id=corrected', { ...claim, total, dunning_start: 'normal' })
  await put('100.00')
  await sweep()
  await put('4.00')
  await deliverAll()
  expect(sentTo(ledger)).toEqual([])
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(2)
  await remove(endpoint)
})

it('who wants to be told all the same is: the setting is the endpoint’s', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes, supersede: false })
  const client = await newClient()
  const invoice = await issue(client)
  await sweep()
  await pay(client, invoice)
  await deliverAll()
  expect(
    sentTo(ledger)
      .map(({ type }) => type)
      .sort()
  ).toEqual([...dunningTypes].sort())
  await remove(endpoint)
})

it('an exemption given since keeps reminders back, though nothing of the invoices changed', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes })
  const client = await newClient()
  await issue(client)
  await sweep()
  await done('PATCH', `/clients/${client}`, { dunning_exempt_until_on: daysAgo(-30) })
  await deliverAll()
  expect(sentTo(ledger)).toEqual([])
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(2)
  await remove(endpoint)
})

it('a stage that hands the client over holds everything, and is told all the same, with its notice', async () => {
  const handing = [{ code: 'collections', offset_days: 5, tone: 'final', action: 'refer_to_collections' }]
  const referring = await done('POST', '/dunning-policies', {
    name: 'Refers',
    stages: handing,
    ...atOnce
  })
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes })
  const [referred, alsoHeld] = [await newClient(), await newClient()]
  for (const id of [referred, alsoHeld]) {
    await done('PATCH', `/clients/${id}`, { dunning_policy_id: referring['id'], applies_to: 'all' })
    await issue(id)
  }
  await sweep()
  await done('POST', '/holds', { client_id: alsoHeld, reason: 'manual' })
  await deliverAll()
  const told = sentTo(ledger).map(({ type, data }) => [type, type === NOTICE ? data.object.id : referred])
  expect(told.sort()).toEqual([
    [NOTICE, referred],
    [STAGE, referred]
  ])
  expect(await deliveriesOf(endpoint, 'superseded')).toHaveLength(2)
  await remove(endpoint)
})
