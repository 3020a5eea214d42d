import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import type { Tx } from '../../../src/db/client.ts'
import { newId } from '../../../src/ids.ts'
import { createSweepJob } from '../../../src/jobs/dunning-sweep.ts'
import { createTestClockJob } from '../../../src/jobs/test-clock.ts'
import { type DeadlineKind, deadlineKinds } from '../../../src/modules/deadlines/deadline.ts'
import { createDeadlineService, type Meet } from '../../../src/modules/deadlines/service.ts'
import { decideCase } from '../../../src/modules/dunning/decided.ts'
import { createDunningService } from '../../../src/modules/dunning/service.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const app = await startDunning({ now: '2026-01-01T00:00:00Z' })
const { newLedger, clock, services, database } = app
const admin = new pg.Client({ connectionString: app.databaseUrl })
await admin.connect()
afterAll(async () => {
  await admin.end()
  await app.close()
})

type Broken = 'answers now' | 'throws' | 'throws at the end' | 'answers now at the end'
type Kind = DeadlineKind | 'obligation'

/** The service with a rule of one kind that is wrong for one organization, until it is mended. */
function brokenService(kind: Kind, broken: Broken, orgId: string, { othersAreMet = false } = {}) {
  const state = { isBroken: true, asked: 0, logged: [] as string[], counted: [] as string[] }
  const isBroken = (of: string) => state.isBroken && of === orgId
  const wrong = () => {
    state.asked += 1
    if (broken === 'throws') throw new Error('The rule is wrong.')
  }
  /** What is decided by what the whole transaction leaves, such as a service status. */
  const wrongAtTheEnd = (tx: Tx) =>
    tx.beforeCommit(async () => {
      throw new Error('The rule is wrong.')
    })
  const badIds = new Set<string>()
  const { payments, promises, plans, disputes, holds, dunning: sound } = services
  const meets: Record<DeadlineKind, Meet> = {
    ...{ payment: payments.meet, promise: promises.meet, payment_plan: plans.meet, dispute: disputes.meet, hold: holds.meet },
    notice: sound.meetNotice
  }
  const nothing = Object.fromEntries(deadlineKinds.map((one) => [one, async () => {}])) as unknown as Record<DeadlineKind, Meet>
  const meet: Meet = async (tx, due) => {
    if (!isBroken(tx.orgId)) return
    wrong()
    if (broken === 'throws at the end') return wrongAtTheEnd(tx)
    const { objectId, clientId, books } = due
    const set = () => deadlines.set(tx, { kind: kind as DeadlineKind, objectId, clientId, at: books.now })
    if (broken === 'answers now at the end') tx.beforeCommit(set)
    else await set()
  }
  const deadlines = createDeadlineService({
    ...services,
    meet: kind === 'obligation' ? meets : { ...(othersAreMet ? nothing : meets), [kind]: meet }
  })
  const dunning = createDunningService({
    ...{ ...services, clock, newId, setDeadline: deadlines.set, wakeSweep: () => {} },
    reminderFaults: services.plans.reminderFaults,
    invoices: {
      ...services.invoices,
      saveDunning: (tx, write) => {
        if (isBroken(tx.orgId) && write.states.some(({ obligationId }) => badIds.has(obligationId))) wrongAtTheEnd(tx)
        return services.invoices.saveDunning(tx, write)
      }
    },
    receivers: {
      find: async () => undefined,
      deliveriesAt: async () => new Map(),
      send: async () => {},
      sendAgain: async () => {}
    },
    decide: (found, deciding) => {
      const decided = decideCase(found, deciding)
      if (kind !== 'obligation' || !isBroken(deciding.books.organization.id) || found.view.invoice.number !== 'BAD')
        return decided
      wrong()
      badIds.add(found.obligation.id)
      if (broken === 'throws at the end') return decided
      return { ...decided, state: { ...decided.state, nextAt: deciding.books.now } }
    }
  })
  const log = (_: object, message: string) => void state.logged.push(message)
  const deps = {
    ...{ services: { ...services, deadlines, dunning }, database, clock },
    ...{ log: { info: log, warn: log, error: log }, parked: (one: string) => void state.counted.push(one) }
  }
  return { state, sweepJob: createSweepJob(deps), clockJob: createTestClockJob(deps) }
}

type Watched = Ledger & Readonly<{ clientId: string; badId: string; goodId: string }>

/** A client with something due on 10 January whose rule is wrong, and one with a reminder due on the 13th. */
async function watched(kind: Kind | null, mode: 'live' | 'test'): Promise<Watched> {
  clock.set('2026-01-01T00:00:00Z')
  const ledger = await newLedger({ mode })
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
  const [clientId, other] = [await ledger.addClient(), await ledger.addClient()]
  const due = { issued_on: '2026-01-01', due_on: '2026-01-10' }
  const { id: goodId } = await ledger.issue(other, due)
  if (kind === 'obligation') {
    const { id: badId } = await ledger.issue(clientId, { ...due, number: 'BAD', due_on: '2026-01-09' })
    return { ...ledger, clientId, badId, goodId }
  }
  const badId = newId()
  if (kind === null) return { ...ledger, clientId, badId, goodId }
  const insert = 'insert into deadlines (org_id, kind, object_id, client_id, at) values ($1, $2, $3, $4, $5)'
  await admin.query(insert, [ledger.id, kind, badId, clientId, '2026-01-10T00:00:00Z'])
  return { ...ledger, clientId, badId, goodId }
}

async function nextLook({ id }: Ledger): Promise<Date | undefined> {
  const text = `select min(at) as at from (select at from deadlines where org_id = $1 and parked_at is not null
    union all select next_at from obligations where org_id = $1 and parked_at is not null) parked`
  const { rows } = await admin.query<{ at: Date | null }>(text, [id])
  return rows[0]?.at ?? undefined
}

const parkedEvents = (ledger: Ledger) => ledger.events('client.processing_parked')
const kinds: readonly Kind[] = [...deadlineKinds, 'obligation']
const cases = kinds.flatMap((kind) =>
  (['answers now', 'throws', 'throws at the end'] as const).map((broken) => [kind, broken] as const)
)

describe.each(cases)('a rule of a %s that %s', (kind, broken) => {
  test('keeps nobody from being dunned, is put off and told once, and goes on when it is mended', async () => {
    const [stuck, other] = [await watched(kind, 'live'), await watched(null, 'live')]
    const { state, sweepJob } = brokenService(kind, broken, stuck.id)
    clock.set('2026-01-13T00:00:00Z')
    await sweepJob.sweepAll()
    expect(await stuck.ladder(stuck.goodId)).toEqual(['reminder 2026-01-13'])
    expect(await other.ladder(other.goodId)).toEqual(['reminder 2026-01-13'])
    expect(await nextLook(stuck)).toEqual(new Date('2026-01-13T00:01:00Z'))
    const [event, ...more] = await parkedEvents(stuck)
    expect(more).toEqual([])
    expect(event).toMatchObject({
      object: { id: stuck.clientId },
      context: {
        client: { id: stuck.clientId },
        reason: broken === 'answers now' ? 'no_progress' : 'failed',
        parked: [{ kind, look_again_at: '2026-01-13T00:01:00.000Z' }]
      }
    })
    expect(state.counted).toEqual([kind])
    expect(state.logged).toContain('something due makes no progress and is put off')
    const asked = state.asked
    await sweepJob.sweepAll()
    expect(state.asked).toBe(asked)
    clock.set('2026-01-13T00:01:00Z')
    await sweepJob.sweepAll()
    expect(state.asked).toBeGreaterThan(asked)
    expect(await parkedEvents(stuck)).toHaveLength(1)
    state.isBroken = false
    clock.set('2026-01-13T01:00:00Z')
    await sweepJob.sweepAll()
    expect(await nextLook(stuck)).toBeUndefined()
    if (kind === 'obligation') expect(await stuck.ladder(stuck.badId)).toEqual(['reminder 2026-01-13'])
  })

  test('lets a run that was asked for by hand end, and obeys the stop', async () => {
    const stuck = await watched(kind, 'live')
    const { state, sweepJob } = brokenService(kind, broken, stuck.id)
    clock.set('2026-01-13T00:00:00Z')
    const { id } = await done(stuck.call<{ id: string }>('POST', '/v1/dunning/runs', { body: {} }))
    const stopping = new AbortController()
    stopping.abort()
    await sweepJob.executeRuns(stopping.signal)
    await sweepJob.sweepAll(stopping.signal)
    expect(state.asked).toBe(0)
    await sweepJob.executeRuns()
    expect(await done(stuck.call('GET', `/v1/dunning/runs/${id}`))).toMatchObject({ status: 'done', entered: 1 })
    expect(await stuck.ladder(stuck.goodId)).toEqual(['reminder 2026-01-13'])
  })

  test('lets every test clock arrive, its own too, and is looked at again on the way', async () => {
    const [stuck, other] = [await watched(kind, 'test'), await watched(null, 'test')]
    const { state, clockJob } = brokenService(kind, broken, stuck.id)
    for (const { call } of [stuck, other]) await done(call('POST', '/v1/test-clock/advance', { body: { days: 14 } }))
    await clockJob.advanceAll()
    for (const { call, ladder, goodId } of [stuck, other]) {
      expect(await done(call('GET', '/v1/test-clock'))).toMatchObject({ status: 'still', now_at: '2026-01-15T00:00:00.000Z' })
      expect(await ladder(goodId)).toEqual(['reminder 2026-01-13'])
    }
    expect(state.asked).toBeGreaterThan(5 * 24)
    expect((await nextLook(stuck))?.getTime()).toBeGreaterThan(Date.parse('2026-01-15T00:00:00Z'))
    expect((await parkedEvents(stuck)).map(({ occurredAt }) => occurredAt)).toEqual(['2026-01-10T00:00:00.000Z'])
    state.isBroken = false
    await done(stuck.call('POST', '/v1/test-clock/advance', { body: { days: 1 } }))
    await clockJob.advanceAll()
    expect(await nextLook(stuck)).toBeUndefined()
  })
})

test.each([
  ['throws', 'failed'],
  ['throws at the end', 'failed'],
  ['answers now', 'no_progress'],
  ['answers now at the end', 'no_progress']
] as const)('of two deadlines of a client, the one whose rule %s is put off and the other met', async (broken, reason) => {
  const stuck = await watched('promise', 'live')
  const [clientId, objectId] = [stuck.clientId, newId()]
  const insert = 'insert into deadlines (org_id, kind, object_id, client_id, at) values ($1, $2, $3, $4, $5)'
  await admin.query(insert, [stuck.id, 'dispute', objectId, clientId, '2026-01-10T00:00:00Z'])
  const { state, sweepJob } = brokenService('promise', broken, stuck.id, { othersAreMet: true })
  clock.set('2026-01-13T00:00:00Z')
  await sweepJob.sweepAll()
  const parked = (await parkedEvents(stuck)).map(({ context }) => context)
  expect(parked).toMatchObject([{ reason, parked: [{ kind: 'promise', id: stuck.badId }] }])
  const { rows } = await admin.query('select object_id from deadlines where org_id = $1 and client_id = $2', [stuck.id, clientId])
  expect(rows).toEqual([{ object_id: stuck.badId }])
  expect(state.counted).toEqual(['promise'])
})

test('a dry run that cannot be decided fails, names the client, and is not tried again', async () => {
  const stuck = await watched('obligation', 'live')
  const { state, sweepJob } = brokenService('obligation', 'throws', stuck.id)
  clock.set('2026-01-13T00:00:00Z')
  const { id } = await done(stuck.call<{ id: string }>('POST', '/v1/dunning/runs', { body: { dry_run: true } }))
  await sweepJob.executeRuns()
  const run = await done(stuck.call<{ failure: string }>('GET', `/v1/dunning/runs/${id}`))
  expect(run).toMatchObject({ status: 'failed', entered: 0, overdue: 0, finished_at: '2026-01-13T00:00:00.000Z' })
  expect(run.failure).toContain(stuck.clientId)
  expect(state.logged).toContain('a dry run failed')
  const { asked } = state
  await sweepJob.executeRuns()
  expect(state.asked).toBe(asked)
  // What `failure` advises: a run that is not dry.
  const real = await done(stuck.call<{ id: string }>('POST', '/v1/dunning/runs', { body: {} }))
  await sweepJob.executeRuns()
  expect(await done(stuck.call('GET', `/v1/dunning/runs/${real.id}`))).toMatchObject({
    status: 'done',
    failure: null,
    entered: 1
  })
  expect(await parkedEvents(stuck)).toHaveLength(1)
})

test('a run that fails for no client’s reason is failed, logged, and not tried again, and the runs of others are done', async () => {
  clock.set('2026-01-13T00:00:00Z')
  const [stuck, other] = [await newLedger({ mode: 'live' }), await newLedger({ mode: 'live' })]
  const logged: string[] = []
  let tries = 0
  const log = { info: () => {}, warn: () => {}, error: (_: object, message: string) => void logged.push(message) }
  const dunning = {
    ...services.dunning,
    sweepBatch: (tx: Tx, batch: Parameters<typeof services.dunning.sweepBatch>[1]) => {
      if (tx.orgId !== stuck.id) return services.dunning.sweepBatch(tx, batch)
      tries += 1
      throw new Error('No client is named.')
    }
  }
  const sweepJob = createSweepJob({ services: { ...services, dunning }, database, clock, log })
  const ask = ({ call }: Ledger) => done(call<{ id: string }>('POST', '/v1/dunning/runs', { body: {} }))
  const [failing, going] = [await ask(stuck), await ask(other)]
  await sweepJob.executeRuns()
  const run = ({ call }: Ledger, { id }: { id: string }) => done(call<{ failure: string }>('GET', `/v1/dunning/runs/${id}`))
  expect(await run(stuck, failing)).toMatchObject({ status: 'failed', finished_at: '2026-01-13T00:00:00.000Z' })
  expect((await run(stuck, failing)).failure).toContain('log of the service')
  expect(await run(other, going)).toMatchObject({ status: 'done', failure: null })
  expect([tries, logged.at(-1)]).toEqual([1, 'a run failed'])
  await sweepJob.executeRuns()
  expect(tries).toBe(1)
})

test('a command may leave an instant that has passed: it is met once', async () => {
  clock.set('2026-01-13T00:00:00Z')
  const ledger = await newLedger({ mode: 'live' })
  const clientId = await ledger.addClient()
  const body = { client_id: clientId, currency: 'EUR', amount: '10.00', status: 'pending', matures_on: '2026-01-02' }
  await done(ledger.call('POST', '/v1/payments', { body }))
  await app.sweepJob.sweepAll()
  await app.sweepJob.sweepAll()
  expect(await ledger.told('payment.unconfirmed', 'client.processing_parked')).toEqual(['2026-01-13 payment.unconfirmed'])
})
