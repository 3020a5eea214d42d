import Fastify, { type FastifyInstance } from 'fastify'
import pg from 'pg'
import { viewColumns, viewSource } from '../src/modules/invoices/rows.ts'
import type { Bench } from './bench.ts'
import { httpRounds } from './http-rounds.ts'
import { loadLedger } from './ledger.ts'
import { execute, makeTenant, startService } from './service.ts'

const CONNECTIONS = 16
const DATABASE_CONNECTIONS = 10

/** P1. The service and the floor live in this process, one of them idle at a time; the requests come from another one. */
export const bench: Bench = {
  ids: ['P1'],
  async run(context) {
    const { name, url } = await context.server.createDatabase()
    const service = await startService(url)
    const { orgId, policyId, key } = await makeTenant(service)
    await loadLedger(url, { orgId, policyId, clients: 2_500, dueClients: 500, invoicesPerClient: 4, sweepOn: '2026-03-10' })
    const rows = await execute<{ id: string }>(url, 'select id from invoices order by random() limit 5000')
    const floor = await startFloor(url, orgId)
    try {
      const load = {
        method: 'GET' as const,
        paths: rows.map(({ id }) => `/v1/invoices/${id}`),
        bodies: [],
        headers: { authorization: `Bearer ${key}` },
        expectStatus: 200,
        connections: CONNECTIONS
      }
      const { p99Ms, ...found } = await httpRounds(context, { id: 'P1', floorOrigin: floor.origin, origin: service.url, load })
      return [{ id: 'P1', unit: 'req/s', ...found, beside: `${CONNECTIONS} connections, p99 at most ${p99Ms.toFixed(0)} ms` }]
    } finally {
      await floor.app.close()
      await floor.pool.end()
      await service.stop()
      await context.server.drop(name)
    }
  }
}

type Floor = Readonly<{ app: FastifyInstance; pool: pg.Pool; origin: string }>

/**
 * The least that the answer could cost: the same read in the same kind of transaction, all of it in one packet to the database,
 * and the row sent as it is. No key, no schema, no mapping, no headers of ours, and the commit not waited for either.
 */
async function startFloor(url: string, orgId: string): Promise<Floor> {
  const pool = new pg.Pool({ connectionString: url, max: DATABASE_CONNECTIONS, pipeline: true })
  const begin = `begin read only; set local role dunwell_app; set local dunwell.org_id = '${orgId}'`
  const select = { name: 'find', text: `select ${viewColumns} from ${viewSource} where i.org_id = $1 and i.id = $2` }
  const app = Fastify()
  app.get<{ Params: { id: string } }>('/v1/invoices/:id', async (request) => {
    const client = await pool.connect()
    const release = () => client.release()
    client.connection.stream.cork()
    const sent = [client.query(begin), client.query({ ...select, values: [orgId, request.params.id] })] as const
    client.connection.stream.uncork()
    const [, { rows }] = await Promise.all(sent)
    void client.query('commit').then(release, release)
    return rows[0] as object
  })
  return { app, pool, origin: await app.listen({ host: '127.0.0.1', port: 0 }) }
}
