import { createRefreshService, type RefreshDeps } from './refresh-service.ts'
import { createScoreService, type ScoreDeps } from './score-service.ts'

/** How likely clients and invoices are paid late: what is kept of it, and what is asked. */
export function createRiskService(deps: RefreshDeps & ScoreDeps) {
  return { ...createScoreService(deps), ...createRefreshService(deps) }
}

export type RiskService = ReturnType<typeof createRiskService>
