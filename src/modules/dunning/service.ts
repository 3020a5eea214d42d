import type { Reader, Tx } from '../../db/client.ts'
import type { GroundsChange } from '../clients/service.ts'
import type { Books } from '../organizations/organization.ts'
import type { OrganizationGrounds } from '../organizations/service.ts'
import { createActionService } from './action-service.ts'
import { createCurrentNotice } from './current-notice-service.ts'
import { createCurrentStages } from './current-stage-service.ts'
import { decideCase } from './decided.ts'
import { createEntryService, type EntryDeps } from './entry-service.ts'
import { createExplainService } from './explain-service.ts'
import { currentPolicy, type PolicyRef } from './facts.ts'
import { createFollowService, endOfTime } from './follow-service.ts'
import { createNettingService, type NettingDeps } from './netting-service.ts'
import { createNoticeService, type NoticeDeps } from './notice-service.ts'
import { createParkingService } from './parking-service.ts'
import { createPlanService } from './plan-service.ts'
import type { InFlight } from './policy-service.ts'
import { createReissueService, type ReissueDeps } from './reissue-service.ts'
import { createRunService } from './run-service.ts'
import { createSweepService, type SweepDeps } from './sweep-service.ts'
import { createToldNotices } from './told-notices-service.ts'
import { createTruthService } from './truth-service.ts'

export type DunningServiceDeps = Omit<SweepDeps, 'actions' | 'notices' | 'creditCovering' | 'park' | 'decide'> &
  Partial<Pick<SweepDeps, 'decide'>> &
  Omit<NoticeDeps, 'creditCovering'> &
  NettingDeps &
  EntryDeps &
  Omit<ReissueDeps, 'currentNotice' | 'toldNotices' | 'truth'>

/** Everything that dunning does. Where the rules are: `decide` alone. */
export function createDunningService(given: DunningServiceDeps) {
  const creditCovering = createNettingService(given)
  const notices = createNoticeService({ ...given, creditCovering })
  const currentNotice = createCurrentNotice({ ...given, creditCovering })
  const currentStages = createCurrentStages({ ...given, creditCovering })
  const park = createParkingService(given)
  const deps = { decide: decideCase, ...given, actions: createActionService(given), notices, creditCovering, park }
  const { invoices, organizations } = deps
  const follow = createFollowService(deps)
  const entries = createEntryService(deps)
  const toldNotices = createToldNotices(deps)
  const truth = createTruthService({ ...deps, currentNotice, currentStages, toldNotices })
  return {
    ...createPlanService(deps),
    ...follow,
    ...createSweepService(deps),
    ...entries,
    ...createExplainService({ ...deps, entriesOf: entries.entriesOf }),
    ...createRunService(deps),
    ...truth,
    ...createReissueService({ ...deps, currentNotice, toldNotices, truth }),
    meetNotice: notices.meet,
    checkService: deps.actions.checkService,

    /** The organization's calendar, time zone or default policy changed: everything open is decided anew by the next sweep. */
    async groundsChanged(tx: Tx, { now, movesTo }: OrganizationGrounds): Promise<void> {
      if (movesTo !== null) await invoices.repinFollowing(tx, movesTo)
      await invoices.markDue(tx, { at: now })
    },

    /**
     * The same for what one client decides: its policy, its time zone, its exemption. What keeps its policy is decided by what it was.
     * @returns how many invoices another policy moved or left.
     */
    async clientChanged(tx: Tx, { clientId, policy, isOtherwiseChanged }: GroundsChange): Promise<number> {
      const books = await organizations.books(tx)
      const policyOf = (clientPolicyId: string | null) => currentPolicy({ invoicePolicyId: null, clientPolicyId }, books)
      const moves = policy?.appliesTo === 'all'
      if (moves) await invoices.repinFollowing(tx, { ...policyOf(policy.afterId), clientId })
      if (moves || isOtherwiseChanged) await invoices.markDue(tx, { at: books.now, clientId })
      if (policy === null) return 0
      if (moves) return invoices.countFollowing(tx, clientId)
      return invoices.keepPolicy(tx, { books, clientId, policyId: policyOf(policy.beforeId).policyId })
    },

    /** A policy has a new version: what follows it is decided anew, on the new version if it is to move. */
    async policyChanged(
      tx: Tx,
      { policyId, version, inFlight, now }: PolicyRef & { inFlight: InFlight; now: Date }
    ): Promise<void> {
      if (inFlight === 'move') await invoices.repin(tx, { policyId, version })
      await invoices.markDue(tx, { at: now, policyId })
    },

    /** A hold began or ended, or the client's credit changed: what is open is found anew, without entering anything. */
    async reconsider(
      tx: Tx,
      {
        books,
        clientId,
        invoiceIds,
        reason
      }: { books: Books; clientId: string; invoiceIds: readonly string[] | null; reason: string }
    ): Promise<void> {
      const open = await invoices.openOfClients(tx, [clientId])
      const concerned = open.filter(({ invoiceId }) => invoiceIds === null || invoiceIds.includes(invoiceId))
      await follow.obligationsChanged(tx, { books, obligationIds: concerned.map(({ id }) => id), effectiveOn: endOfTime, reason })
      await notices.reconsider(tx, { books, clientId })
    },

    /** Whether a test clock may be put to `until` without passing over anything. What is due at that very instant still lies ahead. */
    async nothingDue(reader: Reader, until: Date): Promise<boolean> {
      const dueAt = await invoices.nextDueAt(reader, until)
      return dueAt === null || dueAt >= until
    }
  }
}

export type DunningService = ReturnType<typeof createDunningService>
