import type { FanOut } from '../events/service.ts'
import { fanOut } from './queue-repository.ts'

/** Has the events of a transaction delivered, and wakes this process's worker once they are committed. */
export function createFanOut(wake: () => void): FanOut {
  return async (tx, events) => {
    if ((await fanOut(tx, events)) > 0) tx.afterCommit(wake)
  }
}
