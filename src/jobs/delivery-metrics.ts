import { Counter, Gauge, type Registry } from 'prom-client'
import type { Reader } from '../db/client.ts'
import type { DispatchService } from '../modules/webhooks/dispatch-service.ts'
import type { DeliveryMetrics } from './webhook-delivery.ts'

type Asked = Pick<DispatchService, 'oldestDueAgeMs' | 'endpointStates' | 'deadRows'>
const states = ['closed', 'open', 'probing', 'slow_start', 'disabled'] as const

/** @param ask asks the database when the metrics are read, not before */
export function deliveryMetrics(
  registry: Registry,
  ask: <T>(of: (dispatch: Asked, scheduler: Reader) => Promise<T>) => Promise<T>
): DeliveryMetrics {
  const registers = [registry]
  const attempts = new Counter({
    name: 'dunwell_webhook_attempts_total',
    help: 'Attempts by what came of them',
    labelNames: ['outcome'],
    registers
  })
  const fenced = new Counter({
    name: 'dunwell_webhook_fenced_out_total',
    help: 'Outcomes of claims that another worker had taken over',
    registers
  })
  const expired = new Counter({
    name: 'dunwell_webhook_lease_expired_total',
    help: 'Claims taken over from a worker that died or stalled',
    registers
  })
  new Gauge({
    name: 'dunwell_webhook_oldest_due_seconds',
    help: 'How long the oldest due delivery has waited',
    registers,
    async collect() {
      this.set((await ask((dispatch, scheduler) => dispatch.oldestDueAgeMs(scheduler))) / 1000)
    }
  })
  new Gauge({
    name: 'dunwell_webhook_endpoints',
    help: 'Endpoints by the state of their circuit, or disabled',
    labelNames: ['state'],
    registers,
    async collect() {
      const counts = new Map(
        (await ask((dispatch, scheduler) => dispatch.endpointStates(scheduler))).map((c) => [c.state, c.count])
      )
      for (const state of states) this.set({ state }, counts.get(state) ?? 0)
    }
  })
  new Gauge({
    name: 'dunwell_webhook_queue_dead_rows',
    help: 'Rows of the queue that are gone and not cleared away yet',
    registers,
    async collect() {
      this.set(await ask((dispatch, scheduler) => dispatch.deadRows(scheduler)))
    }
  })
  return {
    attempt: (outcome) => attempts.inc({ outcome }),
    fencedOut: (count) => fenced.inc(count),
    leaseExpired: (count) => expired.inc(count)
  }
}
