import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import { versionWithClientLocked } from '../clients/owned.ts'
import type { EventDraft } from '../events/event.ts'
import { alreadyOf } from '../invoices/ledger.ts'
import { todayFor } from '../organizations/organization.ts'
import { createPlanFollow, type PlanFollowDeps } from './follow-service.ts'
import type { Acceptance, PaymentPlan } from './plan.ts'
import { createProposals, type NewPlan } from './proposal-service.ts'
import { createReminderTruth } from './reminder-truth-service.ts'
import * as repository from './repository.ts'

/** Agreements to pay in parts: proposing, accepting, refusing and ending them. What becomes of them is followed in `follow-service.ts`. */
export function createPaymentPlanService(deps: PlanFollowDeps & Readonly<{ newId: () => string }>) {
  const { organizations, clients, invoices } = deps
  const follow = createPlanFollow(deps)
  const { get, save, eventOf } = follow
  const reminders = createReminderTruth(deps)
  const proposals = createProposals({ ...deps, get, eventOf, setProposalEnd: follow.setNext })

  async function open(tx: Tx, id: string) {
    const { clientId } = await get(tx, id)
    const client = await clients.lock(tx, clientId)
    const [books, plan] = await Promise.all([organizations.books(tx), get(tx, id)])
    return { books, plan, today: todayFor(books, client.timeZone) }
  }

  /** A proposal that ends without being accepted. */
  async function close(tx: Tx, id: string, how: { status: 'rejected' | 'cancelled'; reason: string }): Promise<PaymentPlan> {
    const { books, plan, today } = await open(tx, id)
    const isAllowed = plan.status === 'proposed' || (how.status === 'cancelled' && plan.status === 'active')
    if (!isAllowed) throw new DomainError('plan_ended', `This plan is ${plan.status}.`)
    return follow.end(tx, books, { plan, to: { status: how.status, endedOn: today, endReason: how.reason } })
  }

  return {
    versionForUpdate: versionWithClientLocked(clients, get),

    get,
    page: (reader: Reader, filter: repository.PlanFilter) => repository.page(reader, filter),
    preview: proposals.preview,
    propose: proposals.propose,
    isOver: repository.isOver,
    moveInvoice: repository.moveInvoice,
    follow: follow.follow,
    meet: follow.meet,
    silenceEnded: follow.silenceEnded,
    outdated: reminders.outdated,
    reminderFaults: reminders.faultsOf,

    /**
     * The client agrees: from now on the installments are what is due. @throws DomainError `plan_expired`, `plan_stale` where
     * something was paid or changed since it was proposed, `invoice_planned` where another plan is active on one of its invoices.
     */
    async accept(
      tx: Tx,
      { id, acceptance }: { id: string; acceptance: Omit<Acceptance, 'at'> & { at: Date | null } }
    ): Promise<PaymentPlan> {
      const { books, plan, today } = await open(tx, id)
      if (plan.status === 'expired' || (plan.status === 'proposed' && plan.expiresOn < today)) {
        throw new DomainError('plan_expired', `This proposal was open until ${plan.expiresOn}.`)
      }
      if (plan.status !== 'proposed') throw new DomainError('plan_ended', `This plan is ${plan.status}.`)
      const at = acceptance.at ?? books.now
      if (at > books.now) throw new DomainError('invalid_date', 'It was not accepted in the future.', { pointer: '/accepted_at' })
      await refuseStale(tx, plan)
      const replaced = plan.replacesId === null ? null : await get(tx, plan.replacesId)
      await refusePlanned(tx, { plan, besides: replaced?.id ?? null })
      if (replaced !== null && replaced.status === 'active') {
        const to = { status: 'cancelled', endedOn: today, endReason: 'renegotiated', replacedById: plan.id } as const
        await follow.end(tx, books, { plan: replaced, to })
      }
      const receipts = await invoices.receiptsOf(tx, { invoiceIds: plan.invoiceIds, sinceOn: today })
      const accepted: PaymentPlan = {
        ...plan,
        status: 'active',
        acceptance: { ...acceptance, at },
        acceptedOn: today,
        already: alreadyOf(receipts),
        version: plan.version + 1,
        updatedAt: books.now
      }
      await save(tx, accepted)
      await follow.hold(tx, books, accepted)
      const drafts: EventDraft[] = [await eventOf(tx, books, { type: 'payment_plan.accepted', plan: accepted, before: plan })]
      follow.tell(tx, books, drafts)
      // The first installment may be due already.
      await follow.decide(tx, books, accepted)
      return get(tx, id)
    },

    reject: (tx: Tx, id: string): Promise<PaymentPlan> => close(tx, id, { status: 'rejected', reason: 'by_client' }),

    /** Ends a proposal, or an active plan: its discount is void, and dunning goes on where the age says. */
    cancel: (tx: Tx, { id, reason }: { id: string; reason: string | null }): Promise<PaymentPlan> =>
      close(tx, id, { status: 'cancelled', reason: reason ?? 'by_hand' }),

    /** Proposes another plan in place of an active one, which goes on until the new one is accepted. */
    async renegotiate(
      tx: Tx,
      { id, terms }: { id: string; terms: Omit<NewPlan, 'clientId' | 'invoiceIds' | 'replacesId'> }
    ): Promise<PaymentPlan> {
      const { plan } = await open(tx, id)
      if (plan.status !== 'active')
        throw new DomainError('plan_ended', `Only an active plan is renegotiated; this one is ${plan.status}.`)
      const views = await invoices.viewsOf(tx, plan.invoiceIds)
      const invoiceIds = views.flatMap(({ invoice }) => (invoice.status === 'open' ? [invoice.id] : [])).toSorted()
      return proposals.propose(tx, { ...terms, clientId: plan.clientId, invoiceIds, replacesId: plan.id })
    }
  }

  async function refuseStale(tx: Tx, plan: PaymentPlan): Promise<void> {
    const views = await invoices.viewsOf(tx, plan.invoiceIds)
    const openMinor = views.reduce((sum, { invoice }) => sum + invoice.balanceMinor, 0n)
    if (openMinor !== plan.coveredMinor || views.some(({ invoice }) => invoice.status !== 'open')) {
      throw new DomainError('plan_stale', 'What is open of its invoices changed since it was proposed: propose it anew.')
    }
  }

  async function refusePlanned(tx: Tx, { plan, besides }: { plan: PaymentPlan; besides: string | null }): Promise<void> {
    const other = (await repository.activeOn(tx, plan.invoiceIds)).find(({ planId }) => planId !== besides)
    if (other === undefined) return
    const sentence = 'Another plan is active on one of its invoices. Cancel that plan first.'
    throw new DomainError('invoice_planned', sentence, { existingId: other.planId })
  }
}

export type PaymentPlanService = ReturnType<typeof createPaymentPlanService>
