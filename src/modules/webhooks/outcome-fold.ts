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
  const answers = settlements.filter(({ verdict: of }) => of === 'succeeded' || of === 'failed' || of === 'gone')
  if (answers.length === 0) return undefined
  let [health, failing, verdict]: [Health, Failing, Folded['verdict']] = [before, before, null]
  let lastFailure: Pick<HealthWrite, 'failedAt' | 'failure'> = { failedAt: null, failure: null }
  for (const { verdict: of, error, status } of answers) {
    if (of === 'succeeded') {
      health = afterSuccess(health, { maxInFlight })
      failing = answering
      if (verdict?.kind !== 'gone') verdict = null
    } else {
      health = afterFailure(health, { now, random: random(), config: circuit })
      const step = afterFailedAttempt(failing, { now, failures: health.consecutiveFailures, config: disabling })
      failing = step.failing
      if (verdict?.kind !== 'gone') verdict = of === 'gone' ? { kind: 'gone' } : (step.verdict ?? verdict)
      lastFailure = { failedAt: now, failure: error ?? `The endpoint answered ${status}.` }
    }
  }
  return { write: { endpointId, health, failing, ...lastFailure }, verdict }
}
