import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createDatabase, type Tx } from '../../../src/db/client.ts'
import type { Statement } from '../../../src/db/statement.ts'
import { createSweepJob } from '../../../src/jobs/dunning-sweep.ts'
import { currency } from '../../../src/kernel/money.ts'
import { done, type Ledger, policyBody, startDunning } from '../../support/dunning.ts'

const app = await startDunning({ now: '2026-01-01T00:00:00Z', connections: 20 })
const { newLedger, clock, sweepJob, services, database, databaseUrl } = app
const admin = new pg.Client({ connectionString: databaseUrl })
await admin.connect()

afterAll(async () => {
  await admin.end()
  await app.close()
})

const silent = { info: () => {}, warn: () => {}, error: (details: object) => fail(details) }

function fail(details: object): never {
  throw new Error('a sweep failed', { cause: (details as { err?: unknown }).err })
}

/** A sweeper with connections of its own, as another process has. */
function anotherSweeper() {
  const own = createDatabase({ url: databaseUrl, connections: 3 })
  return { job: createSweepJob({ services, database: own, clock, log: silent }), close: own.close }
}

async function due(ledger: Ledger, { clients, each }: { clients: number; each: number }): Promise<void> {
  const clientIds = await ledger.addClients(clients)
  const invoices = clientIds.flatMap((clientId, n) =>
    Array.from({ length: each }, (_, k) => ({
      ...{ client_id: clientId, number: `${n}/${k}`, currency: 'EUR', total: '10.00' },
      ...{ issued_on: '2026-01-01', due_on: '2026-01-10', dunning_start: 'normal' }
    }))
  )
  for (let from = 0; from < invoices.length; from += 1000) {
    await done(ledger.call('POST', '/v1/invoices/batch', { body: { invoices: invoices.slice(from, from + 1000) } }))
  }
}

async function live(): Promise<Ledger> {
  clock.set('2026-01-01T00:00:00Z')
  const ledger = await newLedger({ mode: 'live' })
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
  return ledger
}

async function count(text: string, orgId: string): Promise<number> {
  const { rows } = await admin.query<{ count: string }>(text, [orgId])
  return Number(rows[0]?.count)
}

/** Until a connection of this database waits for a lock. */
async function someoneWaits(): Promise<void> {
  const text = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  await expect.poll(async () => (await admin.query(text)).rowCount).toBe(1)
}

test('eight sweepers at once over 10,000 due enter exactly 10,000 stages, with one event each and one notice per client', async () => {
  const ledger = await live()
  await due(ledger, { clients: 500, each: 20 })
  clock.set('2026-01-14T00:00:00Z')
  const sweepers = Array.from({ length: 8 }, anotherSweeper)
  const counts = await Promise.all(sweepers.map(({ job }) => job.sweepAll()))
  await Promise.all(sweepers.map(({ close }) => close()))
  expect(counts.reduce((sum, { entered }) => sum + entered, 0)).toBe(10_000)
  expect(await count('select count(*) from stage_entries where org_id = $1', ledger.id)).toBe(10_000)
  expect(await count('select count(distinct obligation_id) from stage_entries where org_id = $1', ledger.id)).toBe(10_000)
  const events = (type: string) => count(`select count(*) from events where org_id = $1 and type = '${type}'`, ledger.id)
  expect(await events('invoice.overdue')).toBe(10_000)
  expect(await events('invoice.dunning_stage_entered')).toBe(10_000)
  expect(await events('client.dunning_notice_due')).toBe(500)
  expect(await count('select count(*) from invoices where org_id = $1 and version = 2', ledger.id)).toBe(10_000)
  expect(await sweepJob.sweepAll()).toEqual({ decided: 0, overdue: 0, entered: 0, notices: 0 })
}, 60_000)

test('two sweepers that tick in the same second, again and again, enter once', async () => {
  const ledger = await live()
  await due(ledger, { clients: 3, each: 2 })
  const [one, two] = [anotherSweeper(), anotherSweeper()]
  for (let day = 10; day < 16; day += 1) {
    clock.set(`2026-01-${day}T00:00:00Z`)
    await Promise.all([one.job.sweepAll(), two.job.sweepAll(), one.job.sweepAll(), two.job.sweepAll()])
  }
  await Promise.all([one.close(), two.close()])
  expect((await ledger.entries()).map(({ entered_on }) => entered_on)).toEqual(Array.from({ length: 6 }, () => '2026-01-13'))
})

test('a sweeper that is killed between claim and commit leaves everything to the next, which enters once', async () => {
  const ledger = await live()
  await due(ledger, { clients: 2, each: 2 })
  clock.set('2026-01-14T00:00:00Z')
  const own = createDatabase({ url: databaseUrl, connections: 1 })
  const killed = own.scoped(ledger.id, async (tx) => {
    await services.dunning.sweepBatch(tx, { at: clock.now(), clients: 10, wait: true })
    const [backend] = await tx.run<{ pid: number }>({ name: 'test.pid', text: 'select pg_backend_pid() as pid' }, [])
    await admin.query('select pg_terminate_backend($1)', [backend?.pid])
  })
  await expect(killed).rejects.toThrow('The database does not answer.')
  await own.close()
  expect(await ledger.entries()).toEqual([])
  await sweepJob.sweepAll()
  expect((await ledger.entries()).map(({ entered_on }) => entered_on)).toEqual(Array.from({ length: 4 }, () => '2026-01-14'))
  expect(await ledger.events('invoice.dunning_stage_entered')).toHaveLength(4)
})

test('a payment and a sweep at the same instant: once the payment is committed, nothing is entered', async () => {
  const ledger = await live()
  const clientIds = await ledger.addClients(40)
  const ids: string[] = []
  for (const clientId of clientIds) ids.push((await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })).id)
  clock.set('2026-01-13T00:00:00Z')
  const sweepers = [anotherSweeper(), anotherSweeper()]
  await Promise.all([
    ...clientIds.map((clientId) => ledger.pay(clientId, '100.00')),
    ...sweepers.map(({ job }) => job.sweepAll())
  ])
  await Promise.all(sweepers.map(({ job }) => job.sweepAll()))
  await Promise.all(sweepers.map(({ close }) => close()))
  // Each invoice was either entered first and cleared by its payment, or paid first and never entered.
  for (const id of ids) {
    const entered = (await ledger.ladder(id)).length
    const invoice = await ledger.invoice(id)
    expect(invoice).toMatchObject({ status: 'paid', dunning: { stage: null, next_at: null } })
    const { rows } = await admin.query<{ type: string }>('select type from events where object_id = $1 order by id', [id])
    const types = rows.map(({ type }) => type).filter((type) => type !== 'invoice.overdue' && type !== 'invoice.created')
    expect(types.toSorted()).toEqual(
      entered === 0 ? ['invoice.paid'] : ['invoice.dunning_cleared', 'invoice.dunning_stage_entered', 'invoice.paid']
    )
  }
})

test('a sweep that waits for a payment decides by what the payment left', async () => {
  const ledger = await live()
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  clock.set('2026-01-13T00:00:00Z')
  let paid = () => {}
  const isPaid = new Promise<void>((resolve) => (paid = resolve))
  const payment = database.scoped(ledger.id, async (tx) => {
    await services.payments.record(tx, {
      ...{
        id: null,
        clientId,
        currency: currency('EUR'),
        amountMinor: 10_000n,
        status: 'settled',
        receivedOn: null,
        maturesOn: null
      },
      ...{ instrument: null, method: null, reference: null, reservedFor: null, allocations: null, metadata: {}, externalRefs: [] }
    })
    paid()
    await someoneWaits()
  })
  await isPaid
  const sweep = database.scoped(ledger.id, (tx) => services.dunning.sweepBatch(tx, { at: clock.now(), clients: 10, wait: true }))
  await payment
  expect(await sweep).toEqual({ decided: 0, overdue: 0, entered: 0, notices: 0, parked: [] })
  expect(await ledger.ladder(id)).toEqual([])
})

test('an edit of the policy between what a sweep read and what it writes is not lost', async () => {
  const ledger = await live()
  const policyId = await ledger.usePolicy([{ code: 'far', offset_days: 60 }])
  const { id } = await ledger.issue(await ledger.addClient(), { issued_on: '2026-01-01', due_on: '2026-01-10' })
  clock.set('2026-01-14T00:00:00Z')
  const body = policyBody([{ code: 'near', offset_days: 2 }])
  const edit: { done?: Promise<unknown> } = {}
  await database.scoped(ledger.id, (tx) => {
    const watched = (one: Tx): Tx => ({
      ...one,
      run: (async (statement: Statement<object>, parameters: readonly unknown[]) => {
        // What the sweep decides by was read, and nothing of it is written yet.
        if (statement.name === 'clients.find_many') {
          edit.done = ledger.call('PUT', `/v1/dunning-policies/${policyId}`, { body })
          await Promise.race([edit.done, someoneWaits()])
        }
        return one.run(statement, parameters)
      }) as Tx['run'],
      attempt: (work) => one.attempt((part) => work(watched(part)))
    })
    return services.dunning.sweepBatch(watched(tx), { at: clock.now(), clients: 10, wait: true })
  })
  expect(edit.done).toBeDefined()
  await edit.done
  expect(await ledger.ladder(id)).toEqual([])
  await sweepJob.sweepAll()
  expect(await ledger.ladder(id)).toEqual(['near 2026-01-14'])
})

test('one large organization does not make the small ones wait for its end', async () => {
  const large = await live()
  await due(large, { clients: 700, each: 1 })
  const small = await live()
  await due(small, { clients: 1, each: 1 })
  clock.set('2026-01-14T00:00:00Z')
  await sweepJob.sweepAll()
  const last = 'select max(recorded_at) from stage_entries where org_id = $1'
  const { rows } = await admin.query<{ ahead: boolean }>(`select (${last}) <= (${last.replace('$1', '$2')}) as ahead`, [
    small.id,
    large.id
  ])
  expect(rows[0]?.ahead).toBe(true)
}, 60_000)

test('a deadline that cannot be met is told, tried again, and keeps nothing else from being met, of its client neither', async () => {
  const ledger = await live()
  const promises = await Promise.all(
    (await ledger.addClients(2)).map(async (clientId) => {
      const { id: invoiceId } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
      const body = { client_id: clientId, invoice_ids: [invoiceId], amount: '100.00', currency: 'EUR', promised_on: '2026-01-05' }
      const { id } = await done(ledger.call<{ id: string }>('POST', '/v1/promises', { body }))
      return { clientId, id }
    })
  )
  const [bad, good] = promises
  await admin.query(
    `insert into deadlines (org_id, kind, object_id, client_id, at) values ($1, 'hold', gen_random_uuid(), $2, '2026-01-02')`,
    [ledger.id, bad?.clientId]
  )
  const told: string[] = []
  const log = { ...silent, error: (_: object, message: string) => void told.push(message) }
  clock.set('2026-01-10T00:00:00Z')
  await createSweepJob({ services, database, clock, log }).sweepAll()
  const statusOf = async (id?: string) => (await ledger.call<{ status: string }>('GET', `/v1/promises/${id}`)).body.status
  expect([await statusOf(bad?.id), await statusOf(good?.id)]).toEqual(['broken', 'broken'])
  expect(told).toEqual(['a deadline failed and will be tried again'])
})
