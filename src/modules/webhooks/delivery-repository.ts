import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { DeliveryStatus } from './table.ts'

export type Delivery = Readonly<{
  id: string
  endpointId: string
  eventId: string
  eventType: string
  status: DeliveryStatus
  /** Counted when it is claimed: the one under way too, and one whose process died. */
  attempts: number
  /** The next attempt starts no earlier; null where none is to come: it ended, one is under way, or its endpoint is disabled. */
  nextAttemptAt: Date | null
  createdAt: Date
  updatedAt: Date
}>

export type LoggedAttempt = Readonly<{
  attempt: number
  startedAt: Date
  durationMs: number
  succeeded: boolean
  status: number | null
  error: string | null
  answer: string | null
}>

const columns = `d.id, d.endpoint_id as "endpointId", d.event_id as "eventId", e.type as "eventType", d.status, greatest(d.attempts, q.attempt) as attempts,
  case when p.id is not null then greatest(q.ready_at, h.open_until) end as "nextAttemptAt", d.created_at as "createdAt", d.updated_at as "updatedAt"`
const source = `webhook_deliveries d join events e on e.org_id = d.org_id and e.id = d.event_id
  left join webhook_queue q on q.org_id = d.org_id and q.delivery_id = d.id
  left join webhook_endpoints p on p.org_id = q.org_id and p.id = q.endpoint_id and p.status = 'enabled'
    and (q.claimed_at is null or q.ready_at <= now())
  left join webhook_endpoint_health h on h.org_id = p.org_id and h.endpoint_id = p.id`

const select = statement<Delivery>(
  'webhook_deliveries.find',
  `select ${columns} from ${source} where d.org_id = $1 and d.id = $2`
)

export async function find(reader: Reader, id: string): Promise<Delivery | undefined> {
  const [row] = await reader.run(select, [reader.orgId, id])
  return row
}

type At = Readonly<{ id: string; eventId: string; status: DeliveryStatus }>

const selectAt = statement<At>(
  'webhook_deliveries.at',
  `select id, event_id as "eventId", status from webhook_deliveries where org_id = $1 and event_id = any($2::uuid[]) and endpoint_id = $3`
)

/** What became of these events at an endpoint; of those that were for it. */
export async function deliveriesAt(
  reader: Reader,
  { endpointId, eventIds }: { endpointId: string; eventIds: readonly string[] }
): Promise<ReadonlyMap<string, At>> {
  if (eventIds.length === 0) return new Map()
  const rows = await reader.run(selectAt, [reader.orgId, eventIds, endpointId])
  return new Map(rows.map((row) => [row.eventId, row]))
}

const selectAttempts = statement<LoggedAttempt>(
  'webhook_deliveries.attempts',
  `select attempt, started_at as "startedAt", duration_ms as "durationMs", succeeded, status, error, answer from webhook_attempts
   where org_id = $1 and delivery_id = $2 order by attempt`
)

export function attemptsOf(reader: Reader, deliveryId: string): Promise<LoggedAttempt[]> {
  return reader.run(selectAttempts, [reader.orgId, deliveryId])
}

export type DeliveryFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  endpointId: string | null
  eventId: string | null
  status: string | null
  updatedSince: Date | null
}>

const selectPage = statement<Delivery>(
  'webhook_deliveries.page',
  `select ${columns} from ${source}
   where d.org_id = $1 and ($3::uuid is null or d.id < $3) and ($4::uuid is null or d.endpoint_id = $4) and ($5::uuid is null or d.event_id = $5)
     and ($6::text is null or d.status = $6) and ($7::timestamptz is null or d.updated_at >= $7)
   order by d.id desc limit $2`
)

/** Newest first: the ids are UUIDv7. */
export function page(
  reader: Reader,
  { limit, after, endpointId, eventId, status, updatedSince }: DeliveryFilter
): Promise<Delivery[]> {
  return reader.run(selectPage, [reader.orgId, limit, after?.id ?? null, endpointId, eventId, status, updatedSince])
}
