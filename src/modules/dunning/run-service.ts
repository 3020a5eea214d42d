import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { OrganizationService } from '../organizations/service.ts'
import * as repository from './run-repository.ts'

export type RunDeps = Readonly<{ organizations: OrganizationService; newId: () => string; wakeSweep: () => void }>

const WAITING_MAX = 1_000

/** Sweeps that were asked for by hand. The row is the state: whoever takes it up works until nothing is due. */
export function createRunService({ organizations, newId, wakeSweep }: RunDeps) {
  return {
    /** One that waits already and would do the same is answered instead of another. */
    async requestRun(tx: Tx, { dryRun }: { dryRun: boolean }): Promise<repository.Run> {
      tx.afterCommit(wakeSweep)
      const waiting = await repository.findQueued(tx, dryRun)
      if (waiting !== undefined) return waiting
      const run = {
        id: newId(),
        status: 'queued',
        failure: null,
        dryRun,
        entered: 0,
        overdue: 0,
        createdAt: (await organizations.present(tx)).now,
        finishedAt: null
      } as const
      await repository.insert(tx, run)
      return run
    },

    async getRun(reader: Reader, id: string): Promise<repository.Run> {
      const run = await repository.find(reader, id)
      if (run === undefined) throw new DomainError('not_found', 'There is no such run.')
      return run
    },

    pageOfRuns: (reader: Reader, input: Parameters<typeof repository.page>[1]) => repository.page(reader, input),

    /** In the transaction of the batch that it counts. */
    countRun: (tx: Tx, counts: { id: string; entered: number; overdue: number }): Promise<void> => repository.addTo(tx, counts),

    /** @param failure why it failed, for people; null where everything was decided. */
    async finishRun(tx: Tx, id: string, failure: string | null = null): Promise<void> {
      await repository.finish(tx, { id, at: (await organizations.present(tx)).now, failure })
    },

    waitingRuns: (scheduler: Reader) => repository.waiting(scheduler, WAITING_MAX)
  }
}

export type RunService = ReturnType<typeof createRunService>
