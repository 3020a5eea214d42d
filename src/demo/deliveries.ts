import { setTimeout as pause } from 'node:timers/promises'
import type { Api } from './api.ts'

export type DeliveryStatus = 'queued' | 'succeeded' | 'failed' | 'cancelled' | 'superseded'
type Delivery = Readonly<{ status: DeliveryStatus }>
type Endpoint = Readonly<{ status: string; health: Readonly<{ queued: number; last_failure: string | null }> }>

const POLL_FIRST_MS = 5
const POLL_MAX_MS = 20

/**
 * Waits until the service has nothing more to deliver to the endpoint. The clock stands still meanwhile, so nothing is added.
 * Ends with an error when the queue has not become shorter for `patienceMs`.
 */
export async function awaitDeliveries(
  api: Api,
  { endpointId, patienceMs = 60_000 }: { endpointId: string; patienceMs?: number }
): Promise<void> {
  let [shortest, since] = [Number.POSITIVE_INFINITY, performance.now()]
  for (let pollMs = POLL_FIRST_MS; ; pollMs = Math.min(pollMs * 2, POLL_MAX_MS)) {
    const { status, health } = await api.get<Endpoint>(`/v1/webhook-endpoints/${endpointId}`)
    if (health.queued === 0) return
    if (health.queued < shortest) [shortest, since] = [health.queued, performance.now()]
    if (status !== 'enabled' || performance.now() - since > patienceMs) {
      const reason = health.last_failure === null ? '' : ` Last failure: ${health.last_failure}`
      throw new Error(`${health.queued} webhooks are queued and do not go out; the endpoint is ${status}.${reason}`)
    }
    await pause(pollMs)
  }
}

/** The deliveries of the organization by what became of them. */
export async function countDeliveries(api: Api): Promise<Record<DeliveryStatus, number>> {
  const counts = { queued: 0, succeeded: 0, failed: 0, cancelled: 0, superseded: 0 }
  for await (const page of api.pages<Delivery>('/v1/webhook-deliveries')) for (const { status } of page) counts[status] += 1
  return counts
}
