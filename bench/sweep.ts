import { createSweepJob } from '../src/jobs/dunning-sweep.ts'
import type { Bench, BenchContext, Result } from './bench.ts'
import { loadLedger } from './ledger.ts'
import { execute, makeTenant, startService, subscribe } from './service.ts'
import { type Bodies, sweepByOneStatement } from './sweep-floor.ts'

const SWEEP_ON = '2026-03-10'
const AT = new Date('2026-03-10T13:30:00Z') // past 09:00 in Berlin and in New York
const INVOICES_PER_CLIENT = 4

type Sizes = Readonly<{ open: number; smallOpen: number; due: number }>
/** A loaded database that is never swept itself: every round works on a copy. */
type Loaded = Readonly<{ name: string; url: string; orgId: string; endpointId: string }>
type Swept = Readonly<{ seconds: number; bodies: Bodies; counts: Counts }>
type Counts = Readonly<Record<'entries' | 'events' | 'deliveries' | 'queued', number>>

/** P4 and P5. The same obligations are due in both databases; in the large one more clients owe more that is not due. */
export const bench: Bench = {
  ids: ['P4', 'P5'],
  async run(context) {
    const sizes = context.isQuick
      ? { open: 50_000, smallOpen: 5_000, due: 5_000 }
      : { open: 1_000_000, smallOpen: 100_000, due: 100_000 }
    const large = await load(context, { open: sizes.open, due: sizes.due })
    const small = await load(context, { open: sizes.smallOpen, due: sizes.due })
    const results = await measure(context, { large, small, sizes })
    await context.server.drop(large.name)
    await context.server.drop(small.name)
    return results
  }
}

async function load({ server, progress }: BenchContext, { open, due }: { open: number; due: number }): Promise<Loaded> {
  progress.step(`P4 loads ${open.toLocaleString('en')} open invoices, ${due.toLocaleString('en')} of them due`)
  const { name, url } = await server.createDatabase()
  const service = await startService(url, { clock: { now: () => AT } })
  const { orgId, policyId } = await makeTenant(service)
  const endpointId = await subscribe(url, orgId)
  await service.stop()
  const [clients, dueClients] = [open / INVOICES_PER_CLIENT, due / INVOICES_PER_CLIENT]
  await loadLedger(url, { orgId, policyId, clients, dueClients, invoicesPerClient: INVOICES_PER_CLIENT, sweepOn: SWEEP_ON })
  return { name, url, orgId, endpointId }
}

async function measure(
  context: BenchContext,
  { large, small, sizes }: { large: Loaded; small: Loaded; sizes: Sizes }
): Promise<Result[]> {
  const { rounds, progress } = context
  const found = { floor: [] as number[], large: [] as number[], small: [] as number[] }
  // The first sweep of the process compiles; it also gives the floor its bodies.
  const { bodies, counts } = await sweepOnce(context, small)
  if (counts.entries !== 2 * sizes.due)
    throw new Error(`A sweep of ${sizes.due} made ${counts.entries} entries, old ones included.`)
  for (let round = 1; round <= rounds; round++) {
    const floor = await floorOnce(context, large, bodies)
    const ours = await sweepOnce(context, large)
    const ofSmall = await sweepOnce(context, small)
    for (const other of [floor.counts, ofSmall.counts]) refuseOthers(other, ours.counts)
    found.floor.push(floor.seconds)
    found.large.push(ours.seconds)
    found.small.push(ofSmall.seconds)
    const [least, figure, few] = [floor, ours, ofSmall].map(({ seconds }) => seconds.toFixed(1))
    progress.step(`P4 and P5 round ${round} of ${rounds}: floor ${least} s, figure ${figure} s, of the few ${few} s`)
  }
  const beside = `${counts.events.toLocaleString('en')} events and deliveries, ${sizes.due.toLocaleString('en')} stage entries`
  return [
    { id: 'P4', unit: 's', floor: found.floor, figure: found.large, beside },
    { id: 'P5', unit: 's', floor: found.small, figure: found.large }
  ]
}

/** As the job does it, in this process, with the service's own pool. */
async function sweepOnce(context: BenchContext, loaded: Loaded): Promise<Swept> {
  return onCopy(context, loaded, async (url) => {
    const parts = await startService(url, { clock: { now: () => AT } })
    try {
      const job = createSweepJob({ ...parts, log: { info: () => {}, warn: () => {}, error: fail } })
      return await secondsOf(() => job.sweepAll())
    } finally {
      await parts.stop()
    }
  })
}

async function floorOnce(context: BenchContext, loaded: Loaded, bodies: Bodies): Promise<Swept> {
  const { orgId, endpointId } = loaded
  const onServer = { orgId, endpointId, at: AT, bodies }
  return onCopy(context, loaded, (url) => secondsOf(() => sweepByOneStatement(url, onServer)))
}

async function onCopy({ server }: BenchContext, { name: of }: Loaded, work: (url: string) => Promise<number>): Promise<Swept> {
  const { name, url } = await server.clone(of)
  await server.checkpoint()
  const seconds = await work(url)
  const swept = { seconds, bodies: await bodiesIn(url), counts: await countsIn(url) }
  await server.drop(name)
  return swept
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}

async function bodiesIn(url: string): Promise<Bodies> {
  const bodyOf = async (type: string) => {
    const text =
      'select b.body from events e join event_bodies b on b.org_id = e.org_id and b.event_id = e.id where e.type = $1 limit 1'
    const [row] = await execute<{ body: string }>(url, text, [type])
    if (row === undefined) throw new Error(`The sweep fired no ${type}.`)
    return row.body
  }
  return { stage: await bodyOf('invoice.dunning_stage_entered'), notice: await bodyOf('client.dunning_notice_due') }
}

async function countsIn(url: string): Promise<Counts> {
  const [row] = await execute<Counts>(
    url,
    `select (select count(*)::int from stage_entries) as entries, (select count(*)::int from events) as events,
       (select count(*)::int from webhook_deliveries) as deliveries, (select count(*)::int from webhook_queue) as queued`
  )
  if (row === undefined) throw new Error('A count is a row.')
  return row
}

function refuseOthers(counts: Counts, ours: Counts): void {
  if (JSON.stringify(counts) !== JSON.stringify(ours)) {
    throw new Error(`What was written does not match: ${JSON.stringify(counts)}, ${JSON.stringify(ours)}`)
  }
}

function fail(details: object, message: string): never {
  throw new Error(message, { cause: details })
}
