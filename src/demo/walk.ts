import type { Api } from './api.ts'
import { awaitDeliveries } from './deliveries.ts'
import type { Postings } from './postings.ts'
import { createWalkingClock, STEP_MS } from './test-clock.ts'
import type { Timeline } from './timeline.ts'

export type WalkOptions = Readonly<{
  api: Api
  timeline: Timeline
  postings: Postings
  /** Where the webhooks go. */
  endpointId: string
  /** Told often, with the organization's time. */
  onProgress: (nowMs: number) => void
  /** Told once, when everything up to the end of the last issue day is posted. */
  onIssued: () => Promise<void>
  signal: AbortSignal
}>

/**
 * What was fired in the morning must have been delivered when a payment of the next midnight is posted: a reminder for an invoice that
 * was paid meanwhile is rightly not sent. Between 09:00 and midnight lie at least 14 hours.
 */
const FIRED_BEFORE_POSTING_MS = 12 * 3_600_000

/** Walks the ledger in the order of time: posts, lets the clock run to the next stop, and has deliveries drained each day. */
export async function walk({ api, timeline, postings, endpointId, onProgress, onIssued, signal }: WalkOptions): Promise<void> {
  const clock = createWalkingClock(api, timeline.startAt)

  async function drainUnless(isFresh: (firedMs: number) => boolean): Promise<void> {
    const firedSinceMs = clock.firedSinceMs()
    if (firedSinceMs === undefined || isFresh(firedSinceMs)) return
    await awaitDeliveries(api, { endpointId })
    clock.awaited()
  }

  async function walkTo(at: Date): Promise<void> {
    while (clock.nowMs() < at.getTime()) {
      signal.throwIfAborted()
      const nextMs = Math.min(at.getTime(), clock.nowMs() + STEP_MS)
      await drainUnless((firedMs) => nextMs - firedMs <= STEP_MS)
      await clock.toward(at)
      onProgress(clock.nowMs())
    }
  }

  let issued = false
  for (const stop of timeline.stops) {
    if (!issued && stop.at.getTime() >= timeline.issuedAt.getTime()) {
      await walkTo(timeline.issuedAt)
      await onIssued()
      issued = true
    }
    await walkTo(stop.at)
    await drainUnless((firedMs) => clock.nowMs() - firedMs < FIRED_BEFORE_POSTING_MS)
    await postings.post(stop)
    await stop.act?.()
  }
  await walkTo(timeline.issuedAt)
  if (!issued) await onIssued()
  await walkTo(timeline.endAt)
  await awaitDeliveries(api, { endpointId })
}
