import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'

const selectOldest = statement<{ ageMs: number | null }>(
  'webhooks.oldest_due_age',
  `with recursive waiting as (
     (select q.endpoint_id, q.ready_at from webhook_queue q order by q.endpoint_id, q.ready_at limit 1)
     union all
     select next.* from waiting w cross join lateral (
       select q.endpoint_id, q.ready_at from webhook_queue q where q.endpoint_id > w.endpoint_id
       order by q.endpoint_id, q.ready_at limit 1) next
   )
   select (extract(epoch from now() - min(ready_at)) * 1000)::float8 as "ageMs" from waiting where ready_at <= now()`
)

/** Needs the scheduler's reader: how long the oldest due delivery has waited, in milliseconds; for metrics. */
export async function oldestDueAgeMs(scheduler: Reader): Promise<number> {
  const [row] = await scheduler.run(selectOldest, [])
  return row?.ageMs ?? 0
}

export type EndpointState = 'closed' | 'open' | 'probing' | 'slow_start' | 'disabled'

const countStates = statement<{ state: EndpointState; count: number }>(
  'webhooks.endpoint_states',
  `select case when e.status = 'disabled' then 'disabled' when h.open_until > now() then 'open' when h.open_until is not null then 'probing'
       when h.slow_start_limit is not null then 'slow_start' else 'closed' end as state, count(*)::int as count
   from webhook_endpoints e join webhook_endpoint_health h on h.org_id = e.org_id and h.endpoint_id = e.id group by 1`
)

/** Needs the scheduler's reader: how many endpoints are in each state of the circuit, or disabled. */
export function endpointStates(scheduler: Reader): Promise<{ state: EndpointState; count: number }[]> {
  return scheduler.run(countStates, [])
}

const selectDead = statement<{ dead: number }>(
  'webhooks.queue_dead_rows',
  `select n_dead_tup::int as dead from pg_stat_user_tables where relid = 'webhook_queue'::regclass`
)

/** Rows that the queue's table still holds and nobody sees: what a held snapshot keeps vacuum from clearing away. */
export async function deadRows(reader: Reader): Promise<number> {
  const [row] = await reader.run(selectDead, [])
  return row?.dead ?? 0
}
