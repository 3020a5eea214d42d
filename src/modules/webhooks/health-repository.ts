import type { Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Health } from './health.ts'

export type EndpointHealth = Health & Readonly<{ endpointId: string; maxInFlight: number; lastSuccessAt: Date | null }>

const selectForUpdate = statement<EndpointHealth>(
  'webhooks.health_for_update',
  `select h.endpoint_id as "endpointId", h.consecutive_failures as "consecutiveFailures", h.opens, h.open_until as "openUntil",
     h.slow_start_limit as "slowStartLimit", h.last_success_at as "lastSuccessAt", e.max_in_flight as "maxInFlight"
   from webhook_endpoint_health h join webhook_endpoints e on e.org_id = h.org_id and e.id = h.endpoint_id
   where h.org_id = $1 and h.endpoint_id = any($2::uuid[]) order by h.endpoint_id for no key update of h`
)

export function forUpdate(tx: Tx, endpointIds: readonly string[]): Promise<EndpointHealth[]> {
  return tx.run(selectForUpdate, [tx.orgId, endpointIds])
}

const update = statement<{ id: string }>(
  'webhooks.save_health',
  `update webhook_endpoint_health set consecutive_failures = $3, opens = $4, open_until = $5, slow_start_limit = $6,
     last_success_at = coalesce($7, last_success_at), last_failure_at = coalesce($8, last_failure_at), last_failure = coalesce($9, last_failure)
   where org_id = $1 and endpoint_id = $2`
)

export type HealthWrite = Readonly<{
  endpointId: string
  health: Health
  succeededAt: Date | null
  failedAt: Date | null
  failure: string | null
}>

export async function save(tx: Tx, { endpointId, health, succeededAt, failedAt, failure }: HealthWrite): Promise<void> {
  const { consecutiveFailures, opens, openUntil, slowStartLimit } = health
  await tx.run(update, [
    tx.orgId,
    endpointId,
    consecutiveFailures,
    opens,
    openUntil,
    slowStartLimit,
    succeededAt,
    failedAt,
    failure
  ])
}

const disableOne = statement<{ id: string }>(
  'webhooks.disable_endpoint',
  `update webhook_endpoints set status = 'disabled', disabled_reason = $3, version = version + 1, updated_at = $4
   where org_id = $1 and id = $2 and status = 'enabled'`
)

export async function disable(
  tx: Tx,
  { endpointId, reason, at }: { endpointId: string; reason: string; at: Date }
): Promise<void> {
  await tx.run(disableOne, [tx.orgId, endpointId, reason, at])
}

const insertRow = statement<{ id: string }>(
  'webhooks.insert_health',
  'insert into webhook_endpoint_health (org_id, endpoint_id, consecutive_failures, opens) values ($1, $2, 0, 0)'
)

export async function insert(tx: Tx, endpointId: string): Promise<void> {
  await tx.run(insertRow, [tx.orgId, endpointId])
}
