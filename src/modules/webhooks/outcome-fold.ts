import { afterFailedAttempt, answering, type DisablingConfig, type Failing, type FailingStep } from './failing.ts'
import { afterFailure, afterSuccess, type CircuitConfig, type Health } from './health.ts'
import type { EndpointHealth, HealthWrite } from './outcome-repository.ts'
import type { Settlement } from './settlement.ts'

export type HealthConfig = Readonly<{ circuit: CircuitConfig; disabling: DisablingConfig; random: () => number }>

export type Folded = Readonly<{ write: HealthWrite; verdict: FailingStep['verdict'] | Readonly<{ kind: 'gone' }> }>

/** Folds outcomes, in the order in which they came, into an endpoint's health; undefined where they say nothing of it. */
export function foldOutcomes(
  before: EndpointHealth,
  { settlements, config: { circuit, disabling, random } }: { settlements: readonly Settlement[]; config: HealthConfig }
): Folded | undefined {
  const { endpointId, now, maxInFlight } = before
  const last: Pick<HealthWrite, 'succeededAt' | 'failedAt' | 'failure'> = { succeededAt: null, failedAt: null, failure: null }
  let [health, failing, verdict]: [Health, Failing, Folded['verdict']] = [before, before, null]
  let said = last
  for (const { verdict: of, error, status } of settlements) {
    if (of === 'succeeded') {
      health = afterSuccess(health, { maxInFlight })
      failing = answering
      if (verdict?.kind !== 'gone') verdict = null
      said = { ...said, succeededAt: now }
    } else if (of === 'failed' || of === 'gone') {
      health = afterFailure(health, { now, random: random(), config: circuit })
      const step = afterFailedAttempt(failing, { now, failures: health.consecutiveFailures, config: disabling })
      failing = step.failing
      if (verdict?.kind !== 'gone') verdict = of === 'gone' ? { kind: 'gone' } : (step.verdict ?? verdict)
      said = { ...said, failedAt: now, failure: error ?? `The endpoint answered ${status}.` }
    }
  }
  if (said.succeededAt === null && said.failedAt === null) return undefined
  return { write: { endpointId, health, failing, ...said }, verdict }
}
