import { randomUUID } from 'node:crypto'
import { afterAll, expect, it } from 'vitest'
import { keepLedger, type Ledger, openShop, startProcess, until } from '../../support/webhooks.ts'

// Nothing is sent until a worker is started: as if every receiver had been away.
const shop = await openShop({ roles: 'api' })
afterAll(() => shop[Symbol.asyncDispose]())

const DAY_MS = 86_400_000
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10)

async function done(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await shop.api(method, path, body)
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

const stages = [
  { code: 'reminder', offset_days: 3, tone: 'friendly' },
  { code: 'final', offset_days: 30, tone: 'firm' }
]
const policy = await done('POST', '/dunning-policies', { name: 'At once', stages, business_days: false, send_at: '00:00' })
await done('PATCH', '/organization', { default_dunning_policy_id: policy['id'] })

const newClient = async () => String((await done('POST', '/clients', { name: 'Late Ltd' }))['id'])
const issue = async (clientId: string, { total = '100.00', late = 10 } = {}) => {
  const body = {
    client_id: clientId,
    number: randomUUID(),
    currency: 'EUR',
    total,
    issued_on: daysAgo(60),
    due_on: daysAgo(late)
  }
  return String((await done('POST', '/invoices', body))['id'])
}
const pay = (clientId: string, invoiceId: string, amount = '100.00') =>
  done('POST', '/payments', {
    ...{ client_id: clientId, currency: 'EUR', amount, received_on: daysAgo(0) },
    allocations: [{ invoice_id: invoiceId, amount }]
  })

/** Everything that is due enters its stage, and its events wait. */
async function sweep(): Promise<void> {
  for (;;) {
    const { decided } = await shop.parts.database.scoped(shop.orgId, (tx) =>
      shop.parts.services.dunning.sweepBatch(tx, { at: new Date(), clients: 100, wait: true })
    )
    if (decided === 0) return
  }
}

type Sent = { type: string; data: { object: { id: string }; context: Context } }
type Context = {
  net_total: string
  replaces_event_ids?: string[]
  obligations: { invoice_id: string; balance: string; entry_id: string | null }[]
}
const sentTo = (ledger: Ledger) =>
  ledger.received.map(({ id, request }) => ({ id, ...(JSON.parse(request.body.toString()) as Sent) }))
const ofType = (ledger: Ledger, type: string) => sentTo(ledger).filter((sent) => sent.type === type)

/** Lets a worker deliver until nothing is left, reissued notices included. */
async function deliverAll(): Promise<void> {
  const worker = await startProcess(shop.url, { roles: 'worker' })
  const due = 'select 1 from dunning_notice_reissues where done_at is null and look_at <= now()'
  const isDone = async () => (await shop.sql(`select 1 from webhook_queue union all ${due}`)).length === 0
  await until('all is sent', isDone)
  await worker.stop()
}

const dunningTypes = ['invoice.dunning_stage_entered', 'client.dunning_notice_due']
const [STAGE, NOTICE] = dunningTypes as [string, string]
const deliveriesOf = async (endpoint: { id: string }, status: string) =>
  (await done('GET', `/webhook-deliveries?endpoint_id=${endpoint.id}&status=${status}`))['data'] as {
    id: string
    event_type: string
  }[]
const remove = (endpoint: { id: string }) => shop.api('DELETE', `/webhook-endpoints/${endpoint.id}`)

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

it('a part payment leaves the stage true, and the notice is told afresh with what remains', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes })
  const client = await newClient()
  const invoice = await issue(client)
  await sweep()
  await pay(client, invoice, '40.00')
  await deliverAll()
  expect(ofType(ledger, STAGE)).toHaveLength(1)
  expect(ofType(ledger, NOTICE).map(({ data }) => data.context.net_total)).toEqual(['60.00'])
  await remove(endpoint)
})

it('is closed where the total was corrected and what is left is too little to ask for', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes })
  const manner = { business_days: false, send_at: '00:00', min_balance: { EUR: '5.00' } }
  const lenient = await done('POST', '/dunning-policies', { name: 'Lenient', stages, ...manner })
  const client = await newClient()
  await done('PATCH', `/clients/${client}`, { dunning_policy_id: lenient['id'] })
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
    business_days: false,
    send_at: '00:00'
  })
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: dunningTypes })
  const [referred, alsoHeld] = [await newClient(), await newClient()]
  for (const id of [referred, alsoHeld]) {
    await done('PATCH', `/clients/${id}`, { dunning_policy_id: referring['id'] })
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
