import { setTimeout as pause } from 'node:timers/promises'
import type { Api, Page } from './api.ts'

export type DeliveryStatus = 'queued' | 'succeeded' | 'failed' | 'cancelled' | 'superseded'
type Delivery = Readonly<{ id: string; event_id: string; status: DeliveryStatus }>

const POLL_FIRST_MS = 4
const POLL_MAX_MS = 50

/**
 * Waits until the service has nothing more to deliver. The clock stands still meanwhile, so nothing is added.
 * @param arrived how many webhooks came so far: as long as some come, waiting goes on; without any for `patienceMs` it ends with
 * an error.
 */
export async function awaitDeliveries(
  api: Api,
  { arrived, patienceMs = 30_000 }: { arrived: () => number; patienceMs?: number }
): Promise<void> {
  let [seen, since] = [arrived(), performance.now()]
  for (let pollMs = POLL_FIRST_MS; ; pollMs = Math.min(pollMs * 2, POLL_MAX_MS)) {
    const { data } = await api.get<Page<Delivery>>('/v1/webhook-deliveries?status=queued&limit=1')
    if (data.length === 0) return
    if (arrived() !== seen) [seen, since] = [arrived(), performance.now()]
    if (performance.now() - since > patienceMs) {
      throw new Error(`No webhook came for ${patienceMs / 1_000} seconds, and the service still has some to deliver.`)
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
