import { setTimeout as pause } from 'node:timers/promises'
import type { Outcome } from '../modules/webhooks/delivery-service.ts'
import type { Log } from './loop.ts'

export type OutboxOptions = Readonly<{
  write: (orgId: string, outcomes: readonly Outcome[]) => Promise<void>
  /** After each write: the endpoints have room again. */
  onWritten: () => void
  log: Log
}>

const FLUSH_AFTER_MS = 10
const FLUSH_AT = 200
const TRY_AGAIN_MS = [50, 200, 1_000, 2_000] as const

/**
 * Gathers outcomes and writes those of an organization together. What cannot be written, though tried again, is left to
 * the lease: the delivery is claimed anew, so a receiver may get it twice and never not at all.
 */
export function createOutbox({ write, onWritten, log }: OutboxOptions) {
  const gathered = new Map<string, Outcome[]>()
  const writing = new Set<Promise<void>>()

  function flushOne(orgId: string): void {
    const outcomes = gathered.get(orgId)
    gathered.delete(orgId)
    if (outcomes === undefined) return
    const written = writeOut(orgId, outcomes).finally(() => {
      writing.delete(written)
      onWritten()
    })
    writing.add(written)
  }

  async function writeOut(orgId: string, outcomes: readonly Outcome[]): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return await write(orgId, outcomes)
      } catch (error) {
        const wait = TRY_AGAIN_MS[tries]
        if (wait === undefined) {
          log.error(
            { err: error, organization: orgId, outcomes: outcomes.length },
            'outcomes could not be written; their leases will end'
          )
          return
        }
        await pause(wait)
      }
    }
  }

  return {
    add(orgId: string, outcome: Outcome): void {
      const outcomes = gathered.get(orgId)
      if (outcomes === undefined) {
        gathered.set(orgId, [outcome])
        setTimeout(flushOne, FLUSH_AFTER_MS, orgId)
      } else {
        outcomes.push(outcome)
        if (outcomes.length >= FLUSH_AT) flushOne(orgId)
      }
    },

    /** Resolves when everything that was added is written, or given up. */
    async flush(): Promise<void> {
      for (const orgId of [...gathered.keys()]) flushOne(orgId)
      await Promise.all(writing)
    }
  }
}
