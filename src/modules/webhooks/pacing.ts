/** How much of a second's worth may be claimed at once: a claim for each attempt would cost more than the attempts. */
const SHARE_AT_ONCE = 0.1

export type Pace = Readonly<{
  /** Null for as many as there are. */
  ratePerSecond: number | null
  /** What was claimed so far fills the rate until then. */
  pacedUntil: Date | null
  now: Date
}>

/** How many attempts an endpoint's rate lets start now; Infinity without one. At a steady load exactly the rate, on average. */
export function paceRoom({ ratePerSecond, pacedUntil, now }: Pace): number {
  if (ratePerSecond === null) return Number.POSITIVE_INFINITY
  if (pacedUntil !== null && pacedUntil > now) return 0
  return Math.max(1, Math.floor(ratePerSecond * SHARE_AT_ONCE))
}
