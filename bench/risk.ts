import type { Bench, BenchContext, Result } from './bench.ts'
import { httpRounds } from './http-rounds.ts'
import { loadPaidLedger, multiplyClients } from './risk-ledger.ts'
import { execute, makeTenant, startService } from './service.ts'

const CONNECTIONS = 16
const DAY_MS = 86_400_000
const ON = '2026-03-10'

/** P9 and P10. */
export const bench: Bench = {
  ids: ['P9', 'P10'],
  run: async (context) => [await scoreOne(context), await rescoreAll(context)]
}

type Loaded = Readonly<{ clients: number; invoicesPerClient: number; openPerClient: number }>

/** A service whose organization's scores stand at `ON`, counted from a ledger; its clock is turned by hand. */
async function startScored(context: BenchContext, sizes: Loaded) {
  const { name, url } = await context.server.createDatabase()
  const time = { at: Date.parse(`${ON}T09:00:00Z`) }
  const service = await startService(url, { clock: { now: () => new Date(time.at) } })
  const { orgId, key } = await makeTenant(service)
  await loadPaidLedger(url, { orgId, on: ON, ...sizes })
  const { database, services } = service
  const refresh = async () => {
    while (await database.scoped(orgId, (tx) => services.risk.refresh(tx)));
  }
  // No event tells of rows that no request made: another serious level counts everything anew.
  await database.scoped(orgId, (tx) => services.risk.updateModel(tx, { change: { seriousDays: 20 }, expectedVersion: undefined }))
  await refresh()
  return { name, url, service, key, orgId, refresh, time }
}

/** A client's score beside P1's route, both of this service. */
async function scoreOne(context: BenchContext): Promise<Result> {
  const { name, url, service, key } = await startScored(context, { clients: 20, invoicesPerClient: 1_000, openPerClient: 20 })
  try {
    await execute(url, 'vacuum (analyze)')
    const [invoices, clients] = await Promise.all([
      execute<{ id: string }>(url, 'select id from invoices order by random() limit 5000'),
      execute<{ id: string }>(url, 'select id from clients')
    ])
    const common = {
      method: 'GET' as const,
      bodies: [],
      headers: { authorization: `Bearer ${key}` },
      expectStatus: 200,
      connections: CONNECTIONS
    }
    const load = { ...common, paths: clients.map(({ id }) => `/v1/clients/${id}/risk-score`) }
    const floorLoad = { ...common, paths: invoices.map(({ id }) => `/v1/invoices/${id}`) }
    const { p99Ms, ...found } = await httpRounds(context, {
      id: 'P9',
      floorOrigin: service.url,
      origin: service.url,
      load,
      floorLoad
    })
    return { id: 'P9', unit: 'req/s', ...found, beside: `1,000 invoices, 20 of them open, p99 at most ${p99Ms.toFixed(0)} ms` }
  } finally {
    await service.stop()
    await context.server.drop(name)
  }
}

const aggregate = `
  select client_id, count(*), sum(amount), avg(settled_on - due_on), count(*) filter (where settled_on > due_on), max(settled_on),
    sum(amount) filter (where settled_on is null)
  from risk_claims where org_id = $1 group by client_id`

/** The daily pass, into one day after the other, beside one aggregate over the invoices that it stands for. */
async function rescoreAll(context: BenchContext): Promise<Result> {
  const { rounds, isQuick, progress } = context
  const times = isQuick ? 5 : 100
  const { name, url, service, orgId, refresh, time } = await startScored(context, {
    clients: 1_000,
    invoicesPerClient: 10,
    openPerClient: 2
  })
  try {
    progress.step(`P10 copies each of 1,000 clients ${times} times`)
    await multiplyClients(url, times)
    const [floor, figure]: [number[], number[]] = [[], []]
    for (let round = 0; round <= rounds; round += 1) {
      await context.server.checkpoint()
      const least = await secondsOf(() => execute(url, aggregate, [orgId]))
      time.at += DAY_MS
      const ours = await secondsOf(refresh)
      progress.step(
        `P10 ${round === 0 ? 'warms up' : `round ${round} of ${rounds}`}: floor ${least.toFixed(2)} s, figure ${ours.toFixed(2)} s`
      )
      if (round > 0) floor.push(least) && figure.push(ours)
    }
    const [scored] = await execute<{ count: string }>(url, 'select count(*) from risk_rankings where scored_on > $1', [ON])
    if (Number(scored?.count ?? 0) === 0) throw new Error('Nobody was scored anew.')
    return {
      id: 'P10',
      unit: 's',
      floor,
      figure,
      beside: `${(times * 1_000).toLocaleString('en')} clients with 10 invoices, 2 of them open`
    }
  } finally {
    await service.stop()
    await context.server.drop(name)
  }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1_000
}
