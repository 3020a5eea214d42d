import { Gauge, type Registry } from 'prom-client'
import type { Database } from '../db/client.ts'

/** Shows how the connections of this process are used, and by whom. Organizations are counted together: their number has no bound. */
export function poolMetrics(registry: Registry, database: Pick<Database, 'use'>): void {
  const registers = [registry]
  new Gauge({
    name: 'dunwell_pool_connections',
    help: 'Connections to the database that this process has, by state',
    labelNames: ['state'],
    registers,
    collect() {
      const { inUse, idle } = database.use()
      this.set({ state: 'in_use' }, inUse)
      this.set({ state: 'idle' }, idle)
    }
  })
  new Gauge({
    name: 'dunwell_pool_connections_max',
    help: 'Connections to the database that this process may have: DUNWELL_DATABASE_CONNECTIONS',
    registers,
    collect() {
      this.set(database.use().max)
    }
  })
  new Gauge({
    name: 'dunwell_pool_share_connections',
    help: 'Connections in use, by holder: the requests of all organizations, or jobs. Look-ups of keys and readiness have no share',
    labelNames: ['holder'],
    registers,
    collect() {
      const { organizations, jobs } = database.use().shares
      this.set({ holder: 'organizations' }, organizations.running)
      this.set({ holder: 'jobs' }, jobs.running)
    }
  })
  new Gauge({
    name: 'dunwell_pool_share_waiting',
    help: 'Transactions that wait for a connection, by holder',
    labelNames: ['holder'],
    registers,
    collect() {
      const { organizations, jobs } = database.use().shares
      this.set({ holder: 'organizations' }, organizations.waiting)
      this.set({ holder: 'jobs' }, jobs.waiting)
    }
  })
  new Gauge({
    name: 'dunwell_pool_largest_share_connections',
    help: 'Connections in use by the organization that uses the most',
    registers,
    collect() {
      this.set(database.use().shares.largest)
    }
  })
}
