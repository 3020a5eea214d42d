import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import * as repository from './delivery-repository.ts'
import * as queue from './queue-repository.ts'

export type DeliveryServiceDeps = Readonly<{ wakeDeliveries: () => void }>

/** What the API tells of deliveries, and starts over. How they are sent is the dispatch service's. */
export function createDeliveryService({ wakeDeliveries }: DeliveryServiceDeps) {
  async function find(reader: Reader, id: string): Promise<repository.Delivery> {
    const delivery = await repository.find(reader, id)
    if (delivery === undefined) throw new DomainError('not_found', 'There is no such delivery.')
    return delivery
  }

  return {
    find,
    page: (reader: Reader, filter: repository.DeliveryFilter) => repository.page(reader, filter),

    async get(reader: Reader, id: string): Promise<{ delivery: repository.Delivery; attempts: repository.LoggedAttempt[] }> {
      const [delivery, attempts] = await Promise.all([find(reader, id), repository.attemptsOf(reader, id)])
      return { delivery, attempts }
    },

    /** Sends an event to one endpoint, whether it subscribed or not, unless it has it already. */
    async send(tx: Tx, delivery: { endpointId: string; eventId: string }): Promise<void> {
      if ((await queue.deliverTo(tx, delivery)) !== undefined) tx.afterCommit(wakeDeliveries)
    },

    deliveriesAt: repository.deliveriesAt,

    /** Sends what an endpoint was not sent once more, if it can be. */
    async sendAgain(tx: Tx, { endpointId, eventId }: { endpointId: string; eventId: string }): Promise<void> {
      const delivery = (await repository.deliveriesAt(tx, { endpointId, eventIds: [eventId] })).get(eventId)
      if (delivery !== undefined && (await queue.requeue(tx, delivery.id))) tx.afterCommit(wakeDeliveries)
    },

    /** Starts a delivery over that had ended without success. */
    async retry(tx: Tx, id: string): Promise<repository.Delivery> {
      const delivery = await find(tx, id)
      if (await queue.requeue(tx, id)) {
        tx.afterCommit(wakeDeliveries)
        return find(tx, id)
      }
      throw new DomainError('delivery_not_retryable', whyNot(delivery.status))
    }
  }
}

export type DeliveryService = ReturnType<typeof createDeliveryService>

function whyNot(status: repository.Delivery['status']): string {
  if (status === 'queued' || status === 'succeeded')
    return `Only what failed, was cancelled or superseded can be sent again; this is ${status}.`
  return 'It cannot be sent again: its endpoint is disabled or deleted, or the retention of its body is over.'
}
