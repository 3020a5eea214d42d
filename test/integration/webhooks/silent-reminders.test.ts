import { afterAll, expect, it } from 'vitest'
import { createReplayJob } from '../../../src/jobs/webhook-replay.ts'
import { daysAgo, openReminders } from '../../support/reminders.ts'
import { keepLedger, type Ledger } from '../../support/webhooks.ts'

// What reminds of an installment is asked about before it is sent, however it came to be sent: the first time, again, or in a replay.

const { shop, done, idOf, newClient, issue, pay, sentTo, deliverAll, deliveriesOf, remove } = await openReminders()
afterAll(() => shop[Symbol.asyncDispose]())
const { database, services } = shop.parts
const log = { info: () => {}, warn: () => {}, error: expect.fail }
const { replayAll } = createReplayJob({ replays: services.replays, database, log })

const DUE = 'installment.due'
const SOON = 'installment.due_soon'

const remindersAt = (ledger: Ledger) => sentTo(ledger).filter(({ type }) => type === DUE || type === SOON)

/** An accepted plan whose first part is due in so many days, of which its client is reminded: the reminder waits to be sent. */
async function reminded(inDays = 0) {
  const clientId = await newClient()
  const invoiceId = await issue(clientId)
  const schedule = { kind: 'equal', count: 2, every: 'monthly', first_on: daysAgo(-inDays) }
  const plan = { client_id: clientId, invoice_ids: [invoiceId], schedule, grace_days: 3 }
  const planId = await idOf('POST', '/payment-plans', plan)
  await done('POST', `/payment-plans/${planId}/accept`, { accepted_by: 'Ada' })
  return { clientId, invoiceId, planId }
}

/** As if the day were at its end: reminders are made from nine o'clock on. */
async function speak(ago = 0): Promise<void> {
  const at = new Date(`${daysAgo(ago)}T23:30:00Z`)
  const batch = { at, clients: 100, wait: true }
  while ((await database.scoped(shop.orgId, (tx) => services.deadlines.meetBatch(tx, batch))).met > 0);
}

const hold = (clientId: string, reason: string) => idOf('POST', '/holds', { client_id: clientId, reason })

/** Every reminder of the client again, whatever became of it. */
async function replay(endpoint: { id: string }, clientId: string): Promise<void> {
  await database.scoped(shop.orgId, (tx) => services.events.seal(tx))
  const states = ['succeeded', 'failed', 'cancelled', 'superseded', 'missing']
  const from = new Date(Date.now() - 600_000).toISOString()
  await done('POST', `/webhook-endpoints/${endpoint.id}/replay`, { from, client_id: clientId, states })
  await replayAll()
}

it.each(['insolvency', 'cease_contact', 'third_party', 'legal_representation'])(
  'a reminder that was queued before a hold for %s is not sent after it, by no replay and no retry, and is sent once when it is released',
  async (reason) => {
    await using ledger = await keepLedger()
    const endpoint = await shop.subscribe(ledger.url, { event_types: [DUE, SOON] })
    const { clientId } = await reminded()
    await speak()
    const holdId = await hold(clientId, reason)
    await deliverAll()
    expect(remindersAt(ledger)).toEqual([])
    const [closed, ...more] = await deliveriesOf(endpoint, 'superseded')
    expect(more).toEqual([])
    const { log } = (await done('GET', `/webhook-deliveries/${closed?.id}`)) as { log: { error: string }[] }
    expect(log[0]?.error).toContain(`the client is not to be addressed: ${reason.replaceAll('_', ' ')}`)
    await replay(endpoint, clientId)
    await deliverAll()
    await done('POST', `/webhook-deliveries/${closed?.id}/retry`)
    await deliverAll()
    expect(remindersAt(ledger)).toEqual([])
    await done('POST', `/holds/${holdId}/release`, {})
    await deliverAll()
    expect(remindersAt(ledger).map(({ type }) => type)).toEqual([DUE])
    await deliverAll()
    expect(remindersAt(ledger)).toHaveLength(1)
    await remove(endpoint)
  }
)

it('a reminder that had arrived is not sent again by a replay under a hold, and stays one that arrived', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [DUE, SOON] })
  const { clientId } = await reminded()
  await speak()
  await deliverAll()
  expect(remindersAt(ledger)).toHaveLength(1)
  const holdId = await hold(clientId, 'insolvency')
  await deliverAll()
  await replay(endpoint, clientId)
  await deliverAll()
  expect(remindersAt(ledger)).toHaveLength(1)
  expect(await deliveriesOf(endpoint, 'succeeded')).toHaveLength(1)
  await done('POST', `/holds/${holdId}/release`, {})
  await deliverAll()
  await replay(endpoint, clientId)
  await deliverAll()
  expect(remindersAt(ledger)).toHaveLength(2)
  await remove(endpoint)
})

it('that an installment is due soon is not said once it is due, nor that it is due once it was missed or paid', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [DUE, SOON, 'installment.missed'] })
  const soon = await reminded(2)
  await speak()
  // As if it had waited for days: its part is due today.
  await shop.sql('update installments set due_on = due_on - 2')
  await deliverAll()
  expect(remindersAt(ledger)).toEqual([])
  expect((await deliveriesOf(endpoint, 'superseded')).map(({ event_type: type }) => type)).toEqual([SOON])
  const paid = await reminded()
  await speak()
  await pay(paid.clientId, paid.invoiceId, '50.00')
  await deliverAll()
  const missed = await reminded()
  await speak()
  await speak(-5)
  await deliverAll()
  const plans = [soon, paid, missed].map(({ planId }) => planId)
  const sent = sentTo(ledger).filter(({ data }) => plans.includes(data.object.id))
  // Days later that of the first one was missed, too.
  expect(sent.map(({ type, data }) => [type, data.object.id]).toSorted()).toEqual(
    [
      ['installment.missed', soon.planId],
      ['installment.missed', missed.planId]
    ].toSorted()
  )
  await remove(endpoint)
})

it('a reminder that was kept back until its day was over is not sent any more', async () => {
  await using ledger = await keepLedger()
  const endpoint = await shop.subscribe(ledger.url, { event_types: [DUE, SOON] })
  const { clientId, planId } = await reminded()
  await speak()
  const holdId = await hold(clientId, 'insolvency')
  await deliverAll()
  // As if it had been due yesterday; its grace is not over.
  await shop.sql(`update installments set due_on = due_on - 1 where plan_id = '${planId}'`)
  await deliverAll()
  await done('POST', `/holds/${holdId}/release`, {})
  await deliverAll()
  expect(remindersAt(ledger)).toEqual([])
  expect(await shop.sql('select 1 from dunning_notice_reissues where done_at is null')).toEqual([])
  await remove(endpoint)
})
