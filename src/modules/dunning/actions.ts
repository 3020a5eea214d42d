import type { Day } from '../../kernel/day.ts'
import { covers, type HoldFact, type HoldsOf } from '../../kernel/holding.ts'
import { isFurther, type ServiceStatus } from '../clients/client.ts'
import { agreementReasons, type Hold } from '../holds/hold.ts'
import type { StageAction } from './policy.ts'

/**
 * A stage with an action that stands: its entry is of the obligation's current cycle and not mistaken, and something of the obligation is
 * open. The action is the one that the stage had when it was entered: editing a policy neither suspends nor restores.
 */
export type Cause = Readonly<{ clientId: string; entryId: string; invoiceId: string; stage: string; action: StageAction }>

const statusOf: Readonly<Record<StageAction, ServiceStatus>> = {
  suspend_service: 'suspended',
  end_service: 'ending',
  refer_to_collections: 'active',
  refer_to_legal: 'active'
}

export type Asked = Readonly<{ status: ServiceStatus; cause: Cause | null }>

/**
 * The service status of one client: the furthest that a stage that stands asks for, unless a promise or a plan over its invoice lets
 * service go on today.
 */
export function serviceOf(causes: readonly Cause[], { holdsOf, today }: Readonly<{ holdsOf: HoldsOf; today: Day }>): Asked {
  const counting = causes.filter((cause) => !holdsOf(cause).some((hold) => hold.restoresService && covers(hold, today)))
  return counting.reduce<Asked>(
    (asked, cause) => (isFurther(statusOf[cause.action], asked.status) ? { status: statusOf[cause.action], cause } : asked),
    { status: 'active', cause: null }
  )
}

export type Handover = Readonly<{ kind: 'keep' }> | Readonly<{ kind: 'place'; cause: Cause }> | Readonly<{ kind: 'end' }>

/**
 * The hold of a client that a stage handed over: in force as long as any stage that hands over stands. Whoever releases it by hand takes
 * the client back, so that only a stage entered afterwards places it again.
 * @param holds of the client, oldest first.
 * @param entered the entries that this transaction made.
 */
export function handoverOf(
  causes: readonly Cause[],
  { holds, entered }: Readonly<{ holds: readonly Hold[]; entered: ReadonlySet<string> }>
): Handover {
  const standing = causes.filter(({ action }) => handsOver(action))
  const [first] = standing
  if (first === undefined) return { kind: 'end' }
  const referred = holds.filter(({ reason, scope }) => reason === 'third_party' && scope === 'client')
  if (referred.some(({ releasedAt }) => releasedAt === null)) return { kind: 'keep' }
  const last = referred.findLast(isHandover)
  const isLetGo = last !== undefined && last.releaseReason !== 'released'
  const cause = isLetGo ? first : standing.find(({ entryId }) => entered.has(entryId))
  return cause === undefined ? { kind: 'keep' } : { kind: 'place', cause }
}

export function handsOver(action: StageAction | null): boolean {
  return action === 'refer_to_collections' || action === 'refer_to_legal'
}

/** A hold that a person or a handover placed lasts until somebody ends it, or nothing is left of what was handed over. */
export function isHeldForGood(holds: readonly HoldFact[]): boolean {
  return holds.some(({ reason, throughOn }) => throughOn === null && !(agreementReasons as readonly string[]).includes(reason))
}

/** Placed by a stage that hands over. */
export function isHandover({ origin }: Pick<Hold, 'origin'>): boolean {
  return origin?.kind === 'stage_entry'
}
