import { assert } from '../../kernel/assert.ts'

/** An invoice is late at a level when it is paid more than so many days after it was due. */
export type Level = number

/** Days late at which the delay curve is kept. Its ends, where nothing is left to say, are those of `clipDelay`. */
export const EDGES = [-30, -15, -7, -3, -1, 0, 1, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90] as const

export const DELAY_DAYS_MIN = -60
export const DELAY_DAYS_MAX = 120

/** "Seriously late" of an organization that has not said otherwise, in days. */
export const SERIOUS_DAYS = 30

/** A delay as the sums take it, so that one forgotten invoice does not outweigh a year of payments. */
export function clipDelay(days: number): number {
  return days < DELAY_DAYS_MIN ? DELAY_DAYS_MIN : days > DELAY_DAYS_MAX ? DELAY_DAYS_MAX : days
}

/**
 * The delays above which outcomes are counted, ascending: the curve's edges, and the organization's own level where it is none of
 * them. States that are counted by one list cannot be read by another: a new level means a rebuild from the ledger.
 */
export function thresholdsFor(seriousDays: Level): readonly number[] {
  assert(Number.isInteger(seriousDays) && seriousDays >= 1 && seriousDays < DELAY_DAYS_MAX, 'Seriously late is 1 to 119 days.')
  return [...new Set<number>([...EDGES, seriousDays])].toSorted((a, b) => a - b)
}

/** Where a level stands among the thresholds. */
export function thresholdIndex(thresholds: readonly number[], level: Level): number {
  const index = thresholds.indexOf(level)
  assert(index >= 0, `Outcomes late by more than ${level} days are not counted.`)
  return index
}

/** Outcomes of the organization's own rate that a client is given beforehand: the rarer the event, the more it takes to believe it. */
export function pseudoCount(level: Level): number {
  if (level <= 0) return 2
  return level <= 15 ? 4 : 8
}

/** The share of invoices that is late, before an organization has outcomes of its own. */
export function priorRate(level: Level): number {
  if (level <= 0) return 0.3
  if (level <= 5) return 0.2
  return level <= 15 ? 0.1 : 0.08
}
