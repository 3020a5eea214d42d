import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { createSweepJob } from '../../../src/jobs/dunning-sweep.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { keepLedger, openShop, startProcess, until } from '../../support/webhooks.ts'

it('an event of which cannot be told whether it is still true waits alone, and holds back nothing else', async () => {
  await using ledger = await keepLedger()
  await using shop = await openShop({ roles: 'api' })
  const { id, secret } = await shop.subscribe(ledger.url)
  ledger.trust(secret)
  // A notice of nothing that is anything: none is made, but what if one were.
  const [unclear] = await shop.fire(1, 'client.dunning_notice_due')
  const body = { timestamp: new Date(), data: { object: { id: randomUUID() }, context: { obligations: [null] } } }
  await shop.sql('update event_bodies set body = $1 where event_id = $2', JSON.stringify(body), unclear)
  const plain = await shop.fire(20)
  const worker = await startProcess(shop.url, { roles: 'worker' })
  await until('the others arrived', () => plain.every((one) => ledger.ids().has(one)))
  expect(ledger.ids()).not.toContain(unclear)
  const logged = async () => {
    const { body: page } = await shop.api('GET', `/webhook-deliveries?endpoint_id=${id}&event_id=${unclear}`)
    const [delivery] = page['data'] as { id: string; status: string }[]
    return (await shop.api('GET', `/webhook-deliveries/${delivery?.id}`)).body as { status: string; log: { error: string }[] }
  }
  await until('it is logged', async () => (await logged()).log.length > 0)
  expect(await logged()).toMatchObject({ status: 'queued', log: [{ error: expect.stringMatching(/^not_ready: /) as string }] })
  const old = `update webhook_queue set ready_at = now(), first_at = now() - interval '8 days' where event_id = $1`
  await until('it ends like everything else', async () => {
    await shop.sql(old, unclear)
    return (await logged()).status === 'failed'
  })
  await worker.stop()
})

it('a notice that cannot be told afresh is tried again, and keeps no other from being told', async () => {
  await using shop = await openShop({ roles: 'api' })
  const notices = await shop.fire(2, 'client.dunning_notice_due')
  const [unclear, erased] = notices.toSorted()
  const { id } = await shop.subscribe('https://consumer.example')
  const newClient = async () => String((await shop.api('POST', '/clients', { name: 'Late Ltd' })).body['id'])
  const clients = [await newClient(), await newClient()]
  await shop.sql('update event_bodies set body = $1 where event_id = $2', '{"data":{}}', unclear)
  await shop.sql('delete from event_bodies where event_id = $1', erased)
  await shop.sql(
    `insert into dunning_notice_reissues (org_id, event_id, endpoint_id, client_id, created_at, look_at)
     select $1, t.event_id, $2, t.client_id, now(), now() from unnest($3::uuid[], $4::uuid[]) as t(event_id, client_id)`,
    shop.orgId,
    id,
    [unclear, erased],
    clients
  )
  const told: object[] = []
  const log = { info: () => {}, warn: () => {}, error: (details: object) => void told.push(details) }
  await createSweepJob({ ...shop.parts, clock: systemClock, log }).reissueNotices(undefined)
  const left = await shop.sql<{ id: string }>('select event_id as id from dunning_notice_reissues where done_at is null')
  expect(left.map((one) => one.id)).toEqual([unclear])
  expect(told).toEqual([expect.objectContaining({ err: expect.objectContaining({ id: clients[0] }) as Error })])
})
