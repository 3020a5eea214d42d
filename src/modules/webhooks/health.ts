import { assert } from '../../kernel/assert.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/**
 * The circuit of one endpoint: closed (`openUntil` null), open (`openUntil` ahead), or waiting for its probe (`openUntil`
 * passed). Its row lock is held while these functions decide, so that they hold over all processes.
 */
export type Health = Readonly<{
  consecutiveFailures: number
  /** How often the circuit opened since the endpoint last proved itself; the exponent of the pause. */
  opens: number
  openUntil: Date | null
  /** How many may be in flight while it proves itself again; null when it has. */
  slowStartLimit: number | null
}>

export type CircuitConfig = Readonly<{
  /** Failures in a row that open the circuit. */
  failuresToOpen: number
  pauseMinMs: number
  pauseMaxMs: number
  /** How much of a pause is added at random, so that many circuits opened by one fault do not probe together. */
  jitterShare: number
}>

export const standardCircuit: CircuitConfig = Object.freeze({
  failuresToOpen: 5,
  pauseMinMs: 30 * SECOND,
  pauseMaxMs: 15 * MINUTE,
  jitterShare: 0.2
})

export const unblemished: Health = Object.freeze({ consecutiveFailures: 0, opens: 0, openUntil: null, slowStartLimit: null })

/**
 * How many attempts may be in flight to the endpoint, those that already are included: the caller subtracts its live
 * claims. None while the circuit is open, one as the probe, then as many as the slow start allows.
 */
export function roomFor(health: Health, { now, maxInFlight }: Readonly<{ now: Date; maxInFlight: number }>): number {
  assert(maxInFlight >= 1, 'An endpoint may always have one attempt in flight.')
  if (health.openUntil !== null) return health.openUntil > now ? 0 : 1
  return Math.min(maxInFlight, health.slowStartLimit ?? maxInFlight)
}

/**
 * A 2xx closes the circuit, whether it was the probe or a straggler from before the opening, and begins the slow start.
 * Each further one raises the limit by one, which doubles it with every round of answers: 1, 2, 4 … . Only the end of the
 * slow start forgets how often the circuit opened; else one that fails under load would be asked every 30 seconds for ever.
 */
export function afterSuccess(health: Health, { maxInFlight }: Readonly<{ maxInFlight: number }>): Health {
  if (health.openUntil === null && health.slowStartLimit === null) {
    return health.consecutiveFailures === 0 && health.opens === 0 ? health : unblemished
  }
  const limit = health.openUntil === null ? (health.slowStartLimit ?? 0) + 1 : 1
  if (limit >= maxInFlight) return unblemished
  return { consecutiveFailures: 0, opens: health.opens, openUntil: null, slowStartLimit: limit }
}

/**
 * Any failed attempt. It opens the circuit when enough came in a row, again and longer when it was the probe. While the
 * circuit is open it only counts: attempts that were in flight at the opening fail together and are one fault.
 */
export function afterFailure(
  health: Health,
  { now, random, config = standardCircuit }: Readonly<{ now: Date; random: number; config?: CircuitConfig }>
): Health {
  assert(random >= 0 && random < 1, 'Randomness lies in [0, 1).')
  const consecutiveFailures = health.consecutiveFailures + 1
  if (health.openUntil !== null && health.openUntil > now) return { ...health, consecutiveFailures }
  const wasProbe = health.openUntil !== null
  if (!wasProbe && consecutiveFailures < config.failuresToOpen) {
    return { ...health, consecutiveFailures, slowStartLimit: health.slowStartLimit === null ? null : 1 }
  }
  const pauseMs = Math.min(config.pauseMinMs * 2 ** Math.min(health.opens, 30), config.pauseMaxMs)
  const openUntil = new Date(now.getTime() + Math.ceil(pauseMs * (1 + config.jitterShare * random)))
  return { consecutiveFailures, opens: health.opens + 1, openUntil, slowStartLimit: null }
}

/**
 * What an attempt says about its endpoint. `interrupted` says nothing, for it was us who hung up, and `too_large` tells of the event:
 * neither counts as the endpoint's failure.
 */
export type AttemptVerdict = 'succeeded' | 'failed' | 'gone' | 'too_large' | 'interrupted'

/** 2xx is the only success, a redirect is a failure, 410 disables the endpoint (Standard Webhooks), and 413 refuses the event. */
export function verdictOf(
  outcome: Readonly<{ kind: 'response'; status: number } | { kind: 'error'; reason: string }>
): AttemptVerdict {
  if (outcome.kind === 'error') return outcome.reason === 'aborted' ? 'interrupted' : 'failed'
  if (outcome.status === 410) return 'gone'
  if (outcome.status === 413) return 'too_large'
  return outcome.status >= 200 && outcome.status < 300 ? 'succeeded' : 'failed'
}
