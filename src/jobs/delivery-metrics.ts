import { Counter, Gauge, type Registry } from 'prom-client'
import type { DeliveryMetrics } from './webhook-delivery.ts'

/** @param oldestDueAgeMs asked when the metrics are read, not before */
export function deliveryMetrics(registry: Registry, oldestDueAgeMs: () => Promise<number>): DeliveryMetrics {
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
      this.set((await oldestDueAgeMs()) / 1000)
    }
  })
  return {
    attempt: (outcome) => attempts.inc({ outcome }),
    fencedOut: (count) => fenced.inc(count),
    leaseExpired: (count) => expired.inc(count)
  }
}
