import { Counter, type Registry } from 'prom-client'

/** Counts the events that this process has recorded. */
export function eventMetrics(registry: Registry): (types: readonly string[]) => void {
  const events = new Counter({
    name: 'dunwell_events_total',
    help: 'Events that this process has recorded, by type; of dunning, the stages entered are invoice.dunning_stage_entered',
    labelNames: ['type'],
    registers: [registry]
  })
  return (types) => {
    for (const type of types) events.inc({ type })
  }
}
