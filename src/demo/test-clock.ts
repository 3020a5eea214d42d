import { setTimeout as pause } from 'node:timers/promises'
import { type Api, ApiRefusal } from './api.ts'

/** The organization's clock, driven over HTTP. It is told in which stretch of its time sweeps ran whose webhooks nobody awaited yet. */
export type WalkingClock = Readonly<{
  nowMs: () => number
  /** Moves the clock to `at`, or part of the way: at most `STEP_MS`, so that what fires can be awaited each day. */
  toward: (at: Date) => Promise<void>
  /** Since when in its time things have fired that were not awaited; undefined when there are none. */
  firedSinceMs: () => number | undefined
  /** All that fired has been awaited. */
  awaited: () => void
}>

type ClockDocument = Readonly<{ now_at: string; status: 'still' | 'advancing' }>

/** Shorter than the shortest day of any zone, so that no obligation enters two stages within one step. */
export const STEP_MS = 22 * 3_600_000
const POLL_FIRST_MS = 4
const POLL_MAX_MS = 16
const STANDSTILL_MS = 120_000

export function createWalkingClock(api: Api, startAt: Date): WalkingClock {
  let nowMs = startAt.getTime()
  let firedSinceMs: number | undefined

  /** Where nothing falls due on the way the clock is simply put there. */
  async function isPut(at: Date): Promise<boolean> {
    try {
      await api.put('/v1/test-clock', { now_at: at.toISOString() })
      return true
    } catch (error) {
      if (error instanceof ApiRefusal && error.code === 'clock_passes_due_work') return false
      throw error
    }
  }

  async function advance(atMs: number): Promise<void> {
    let { status } = await api.post<ClockDocument>('/v1/test-clock/advance', { to_at: new Date(atMs).toISOString() })
    const deadline = performance.now() + STANDSTILL_MS
    for (let pollMs = POLL_FIRST_MS; status === 'advancing'; pollMs = Math.min(pollMs * 2, POLL_MAX_MS)) {
      if (performance.now() > deadline) throw new Error(`The test clock did not arrive within ${STANDSTILL_MS / 1_000} seconds.`)
      await pause(pollMs)
      status = (await api.get<ClockDocument>('/v1/test-clock')).status
    }
  }

  return {
    nowMs: () => nowMs,
    firedSinceMs: () => firedSinceMs,
    awaited: () => {
      firedSinceMs = undefined
    },
    async toward(at) {
      if (await isPut(at)) {
        nowMs = at.getTime()
        return
      }
      // Up to the last moment before: what is posted at 00:00 is posted before the sweep of 00:00.
      const before = at.getTime() - 1
      const stepMs = Math.min(nowMs < before ? before : at.getTime(), nowMs + STEP_MS)
      await advance(stepMs)
      firedSinceMs ??= nowMs
      nowMs = stepMs
    }
  }
}
