import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Database } from '../db/client.ts'
import { statement } from '../db/statement.ts'
import type { Clock } from '../kernel/clock.ts'
import type { SweepCounts } from '../modules/dunning/sweep-service.ts'

const BUCKETS_S = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800]

/** Of each live organization the first of its obligations and of its deadlines, by their indexes: test organizations follow their clocks. */
const selectLag = statement<{ seconds: number | null }>(
  'metrics.sweep_lag',
  `select extract(epoch from $1::timestamptz - min(least(n.at, d.at)))::float8 as seconds from organizations o
   left join lateral (select c.next_at as at from obligations c where c.org_id = o.org_id and c.next_at <= $1 order by c.next_at limit 1) n on true
   left join lateral (select d.at from deadlines d where d.org_id = o.org_id and d.at <= $1 order by d.at limit 1) d on true
   where o.mode = 'live'`
)

export type SweepMetricsDeps = Readonly<{ registry: Registry; database: Database; clock: Clock }>

/** @returns the sweep, measured. */
export function measuredSweep(
  { registry, database, clock }: SweepMetricsDeps,
  sweepAll: (signal: AbortSignal) => Promise<SweepCounts>
): (signal: AbortSignal) => Promise<void> {
  const registers = [registry]
  const seconds = new Histogram({
    name: 'dunwell_sweep_seconds',
    help: 'How long sweeps took in this process',
    buckets: BUCKETS_S,
    registers
  })
  const failures = new Counter({ name: 'dunwell_sweep_failures_total', help: 'Sweeps of this process that failed', registers })
  const results = new Counter({
    name: 'dunwell_sweep_results_total',
    help: 'What sweeps of this process did: obligations decided, overdue, stages entered, notices made',
    labelNames: ['result'],
    registers
  })
  new Gauge({
    name: 'dunwell_sweep_lag_seconds',
    help: 'How long the oldest due obligation or deadline of a live organization has waited',
    registers,
    async collect() {
      const [row] = await database.scheduling((scheduler) => scheduler.run(selectLag, [clock.now()]))
      this.set(row?.seconds ?? 0)
    }
  })
  return async (signal) => {
    const end = seconds.startTimer()
    try {
      for (const [result, count] of Object.entries(await sweepAll(signal))) results.inc({ result }, count)
    } catch (error) {
      failures.inc()
      throw error
    } finally {
      end()
    }
  }
}
