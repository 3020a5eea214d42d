import type { Bench } from './bench.ts'
import { startFloor } from './create-invoice-floor.ts'
import { httpRounds } from './http-rounds.ts'
import { loadLedger } from './ledger.ts'
import { findPgbench } from './pgbench.ts'
import { median } from './report.ts'
import { execute, makeTenant, startService, subscribe } from './service.ts'

const CONNECTIONS = 16
const BODIES = 2_000

/** P2. With one endpoint that is subscribed to everything; nothing is sent, for no worker runs. */
export const bench: Bench = {
  ids: ['P2'],
  async run(context) {
    const { name, url } = await context.server.createDatabase()
    const service = await startService(url)
    const { orgId, policyId, key } = await makeTenant(service)
    const endpointId = await subscribe(url, orgId)
    await loadLedger(url, { orgId, policyId, clients: 2_500, dueClients: 500, invoicesPerClient: 4, sweepOn: '2026-03-10' })
    const clients = await execute<{ id: string }>(url, 'select id from clients order by random() limit $1', [BODIES])
    const floor = await startFloor(url, { orgId, endpointId })
    const pgbench = await findPgbench(url, { orgId, endpointId, connections: CONNECTIONS })
    const perSecond: number[] = []
    const also = async () => {
      perSecond.push((await pgbench?.run(context.isQuick ? 1 : 4)) ?? Number.NaN)
      return pgbench === undefined ? 'no pgbench' : `pgbench ${perSecond.at(-1)?.toFixed(0)}/s`
    }
    try {
      const load = {
        method: 'POST' as const,
        paths: ['/v1/invoices'],
        bodies: clients.map(({ id }, index) => bodyOf(id, index)),
        headers: { authorization: `Bearer ${key}` },
        expectStatus: 201,
        connections: CONNECTIONS
      }
      const analyze = () => execute(url, 'analyze')
      const sides = { id: 'P2', floorOrigin: floor.origin, origin: service.url, load, analyze, also }
      const { p99Ms, ...found } = await httpRounds(context, sides)
      await refuseOtherRows(url)
      const beside =
        pgbench === undefined ? 'pgbench not found' : `the floor's statement by pgbench ${median(perSecond).toFixed(0)}/s`
      const remark = `${CONNECTIONS} connections, p99 at most ${p99Ms.toFixed(0)} ms, ${beside}`
      return [{ id: 'P2', unit: 'req/s', ...found, beside: remark }]
    } finally {
      await pgbench?.stop()
      await floor.stop()
      await service.stop()
      await context.server.drop(name)
    }
  }
}

export function bodyOf(clientId: string, index: number): string {
  return JSON.stringify({
    client_id: clientId,
    number: `2026-${index}`,
    currency: 'EUR',
    total: `${100 + index}.50`,
    issued_on: dayIn(0),
    due_on: dayIn(30),
    payment_links: [{ kind: 'card', url: 'https://pay.example/i/1' }],
    metadata: { order: '4711' }
  })
}

/** An invoice that is overdue when it arrives leaves other rows behind than one that is not. */
const dayIn = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

/** A figure of a service that forgot half of the work would be a fine one: each invoice has all of its rows, whoever made it. */
async function refuseOtherRows(url: string): Promise<void> {
  const [counts] = await execute<Record<string, string>>(
    url,
    `select (select count(*) from idempotency_keys where status = 201) as keys, (select count(*) from events) as events,
       (select count(*) from event_bodies) as bodies, (select count(*) from webhook_deliveries) as deliveries,
       (select count(*) from webhook_queue) as queued,
       (select count(*) from events e where not exists (select from stage_entries s where s.invoice_id = e.object_id)) as without_stage`
  )
  if (counts === undefined || new Set(Object.values(counts)).size !== 1) {
    throw new Error(`What was written does not match: ${JSON.stringify(counts)}`)
  }
}
