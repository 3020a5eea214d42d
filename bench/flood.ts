import type { Bench, BenchContext, Result } from './bench.ts'
import { bodyOf } from './create-invoice.ts'
import { loadLedger } from './ledger.ts'
import { type Load, startLoadGenerator } from './load.ts'
import { median } from './report.ts'
import { execute, makeTenant, startService } from './service.ts'

const BODIES = 2_000
const PER_BATCH = 100
const WORKERS = 100
/** How long the flood has run when the other organization is measured beside it. */
const RISE_S = 3

type Sides = Readonly<{ quiet: Load; flood: Load }>

/** P13. An organization posts an invoice now and then: alone, and beside one whose workers post batches as fast as they are answered. */
export const bench: Bench = {
  ids: ['P13'],
  async run(context) {
    const { name, url } = await context.server.createDatabase()
    const service = await startService(url)
    const tenant = async () => {
      const { orgId, policyId, key } = await makeTenant(service)
      await loadLedger(url, { orgId, policyId, clients: 2_500, dueClients: 500, invoicesPerClient: 4, sweepOn: '2026-03-10' })
      const text = 'select id from clients where org_id = $1 order by random() limit $2'
      const clients = await execute<{ id: string }>(url, text, [orgId, BODIES])
      const both = { origin: service.url, method: 'POST', headers: { authorization: `Bearer ${key}` }, requestsMax: 1e6 } as const
      return { both, bodies: clients.map(({ id }, index) => bodyOf(id, index)) }
    }
    try {
      const [one, other] = [await tenant(), await tenant()]
      const seconds = context.isQuick ? 2 : 8
      const quiet = {
        ...one.both,
        paths: ['/v1/invoices'],
        bodies: one.bodies,
        expectStatus: 201,
        connections: 2,
        pauseMs: 20,
        seconds
      }
      const flood = {
        ...{ ...other.both, paths: ['/v1/invoices/batch'], bodies: batchesOf(other.bodies), expectStatus: null },
        ...{ connections: WORKERS, seconds: seconds + 2 * RISE_S }
      }
      return [await measure(context, { quiet, flood })]
    } finally {
      await service.stop()
      await context.server.drop(name)
    }
  }
}

async function measure({ rounds, progress }: BenchContext, { quiet, flood }: Sides): Promise<Result> {
  const [asker, flooder] = [await startLoadGenerator(), await startLoadGenerator()]
  const found = { floor: [] as number[], figure: [] as number[] }
  const taken: number[] = []
  try {
    for (let round = 0; round <= rounds; round++) {
      const alone = await asker.send(quiet)
      const flooding = flooder.send(flood)
      await asker.send({ ...quiet, seconds: RISE_S })
      const beside = await asker.send(quiet)
      const { requests, refused, seconds } = await flooding
      const name = round === 0 ? 'warming up' : `round ${round} of ${rounds}`
      const flooded = `${((requests - refused) / seconds).toFixed(1)} batches/s taken, ${(refused / seconds).toFixed(0)} refused`
      progress.step(`P13 ${name}: p95 ${alone.p95Ms.toFixed(1)} ms alone, ${beside.p95Ms.toFixed(1)} ms beside ${flooded}`)
      if (round === 0) continue
      found.floor.push(alone.p95Ms)
      found.figure.push(beside.p95Ms)
      taken.push((requests - refused) / seconds)
    }
  } finally {
    await asker.stop()
    await flooder.stop()
  }
  const beside = `beside ${WORKERS} workers that post batches of ${PER_BATCH}, of which ${median(taken).toFixed(1)} a second are taken`
  return { id: 'P13', unit: 'ms', ...found, beside }
}

function batchesOf(bodies: readonly string[]): string[] {
  const count = bodies.length / PER_BATCH
  return Array.from({ length: count }, (_, n) => `{"invoices":[${bodies.slice(n * PER_BATCH, (n + 1) * PER_BATCH).join(',')}]}`)
}
