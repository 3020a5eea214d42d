import type { FanOut } from '../events/service.ts'
import { fanOut } from './queue-repository.ts'

/** Has the events of a transaction delivered, and wakes this process's worker once they are committed. */
export function createFanOut(wake: () => void): FanOut {
  return (tx, events) =>
    fanOut(tx, events, (made) => {
      if (made > 0) tx.afterCommit(wake)
    })
}
