import type { Reader, Tx } from '../../db/client.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DomainError } from '../../kernel/errors.ts'
import * as repository from './delivery-repository.ts'
import { afterFailure, afterSuccess, type CircuitConfig, type Health } from './health.ts'
import * as healthRepository from './health-repository.ts'
import * as queue from './queue-repository.ts'

export type DeliveryServiceDeps = Readonly<{
  clock: Clock
  random: () => number
  circuit: CircuitConfig
  wakeDeliveries: () => void
}>

/** An outcome with what it says of its endpoint. */
export type Outcome = queue.Settled & Readonly<{ verdict: 'succeeded' | 'failed' | 'gone' | 'interrupted' }>

/** While nothing else changes, when an endpoint last answered well is kept to the second: it must not be written each time. */
const SUCCESS_NOTED_EVERY_MS = 1_000

/** The queue's rules: what is claimed, what an outcome changes. Sending is the job's. */
export function createDeliveryService({ clock, random, circuit, wakeDeliveries }: DeliveryServiceDeps) {
  /** Folds outcomes, in the order in which they came, into an endpoint's health. */
  function fold(before: healthRepository.EndpointHealth, outcomes: readonly Outcome[]): healthRepository.HealthWrite | undefined {
    const now = clock.now()
    let health: Health = before
    let [succeededAt, failedAt, failure]: [Date | null, Date | null, string | null] = [null, null, null]
    for (const { verdict, error, status } of outcomes) {
      if (verdict === 'interrupted') continue
      if (verdict === 'succeeded') {
        health = afterSuccess(health, before)
        succeededAt = now
      } else {
        health = afterFailure(health, { now, random: random(), config: circuit })
        failedAt = now
        failure = error ?? `The endpoint answered ${status ?? 'nothing'}.`
      }
    }
    const isNoted = before.lastSuccessAt !== null && now.getTime() - before.lastSuccessAt.getTime() < SUCCESS_NOTED_EVERY_MS
    if (health === before && failedAt === null && (succeededAt === null || isNoted)) return undefined
    return { endpointId: before.endpointId, health, succeededAt, failedAt, failure }
  }

  return {
    readyEndpoints: queue.readyEndpoints,
    oldestDueAgeMs: queue.oldestDueAgeMs,
    claim: queue.claim,

    /**
     * Writes what came of attempts of one organization, fenced, with what it says of their endpoints.
     * @returns the deliveries that were still ours to write.
     */
    async settle(tx: Tx, outcomes: readonly Outcome[]): Promise<ReadonlySet<string>> {
      const endpointIds = [...new Set(outcomes.map(({ endpointId }) => endpointId))]
      const [healths, written] = await Promise.all([healthRepository.forUpdate(tx, endpointIds), queue.settle(tx, outcomes)])
      const mine = new Set(written)
      const counted = outcomes.filter(({ deliveryId }) => mine.has(deliveryId))
      const writes = healths.map(async (before) => {
        const own = counted.filter(({ endpointId }) => endpointId === before.endpointId)
        const write = fold(before, own)
        if (write !== undefined) await healthRepository.save(tx, write)
        if (own.some(({ verdict }) => verdict === 'gone')) {
          await healthRepository.disable(tx, { endpointId: before.endpointId, reason: 'It answered 410 Gone.', at: clock.now() })
        }
      })
      await Promise.all(writes)
      return mine
    },

    page: (reader: Reader, filter: repository.DeliveryFilter) => repository.page(reader, filter),

    async get(reader: Reader, id: string): Promise<{ delivery: repository.Delivery; attempts: repository.LoggedAttempt[] }> {
      const [delivery, attempts] = await Promise.all([repository.find(reader, id), repository.attemptsOf(reader, id)])
      if (delivery === undefined) throw new DomainError('not_found', 'There is no such delivery.')
      return { delivery, attempts }
    },

    /** Starts a delivery over that had ended without success. */
    async retry(tx: Tx, id: string): Promise<repository.Delivery> {
      const delivery = await repository.find(tx, id)
      if (delivery === undefined) throw new DomainError('not_found', 'There is no such delivery.')
      if (!(await queue.requeue(tx, id))) {
        throw new DomainError(
          'delivery_not_retryable',
          `Only what failed or was cancelled can be sent again; this is ${delivery.status}.`
        )
      }
      tx.afterCommit(wakeDeliveries)
      return { ...delivery, status: 'queued' }
    }
  }
}

export type DeliveryService = ReturnType<typeof createDeliveryService>
