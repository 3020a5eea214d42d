import { isDeepStrictEqual } from 'node:util'
import type { Reader, Tx } from '../../db/client.ts'
import { createGathering } from '../../db/gathering.ts'
import { addDays, type Day, instantOn, startOfDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { formatAmount } from '../../kernel/money.ts'
import { clientContext } from '../clients/client-context.ts'
import type { ClientService } from '../clients/service.ts'
import type { SetDeadline } from '../deadlines/service.ts'
import { addressesDebtor } from '../events/addressing.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import type { HoldService } from '../holds/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import {
  isRemindedLate,
  nextDay,
  type PaymentPlan,
  type PlanInstallment,
  type Progress,
  progressOf,
  REMINDED_DAYS_BEFORE,
  withheld
} from './plan.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

export type PlanFollowDeps = Readonly<{
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
  holds: HoldService
  setDeadline: SetDeadline
}>

type Ended = Pick<PaymentPlan, 'status' | 'endedOn' | 'endReason'> & Partial<Pick<PaymentPlan, 'replacedById'>>
type PlanDraft = EventDraft & Readonly<{ context: Readonly<{ holds: readonly object[] }> }>
type Told = Readonly<{ type: EventType; installment?: PlanInstallment & { position: number } }>

/** When in its client's day a plan speaks. */
const SPEAKS_AT = '09:00'

/** What becomes of a plan by what is paid and by time: reminders, misses, its end, and the way back where the ledger is corrected. */
export function createPlanFollow({ events, clients, invoices, holds, setDeadline }: PlanFollowDeps) {
  async function get(reader: Reader, id: string): Promise<PaymentPlan> {
    const plan = await repository.find(reader, id)
    if (plan === undefined) throw new DomainError('not_found', 'There is no such payment plan.')
    return plan
  }

  async function eventOf(
    reader: Reader,
    books: Books,
    { type, plan, before, installment }: Told & { plan: PaymentPlan; before?: PaymentPlan | undefined }
  ): Promise<PlanDraft> {
    const [client, silent] = await Promise.all([clients.get(reader, plan.clientId), holds.silencingOf(reader, books, plan)])
    const context = {
      client: clientContext(client, books.organization),
      ...silent,
      ...(installment !== undefined && {
        installment: {
          position: installment.position,
          due_on: installment.dueOn,
          amount: formatAmount(installment.amountMinor, plan.currency),
          paid: formatAmount(installment.paidMinor, plan.currency),
          credited: formatAmount(installment.creditedMinor, plan.currency),
          open: formatAmount(installment.amountMinor - installment.paidMinor - installment.creditedMinor, plan.currency),
          currency: plan.currency
        }
      })
    }
    const subject = { kind: 'payment_plan', id: plan.id, version: plan.version }
    const previous = before === undefined ? null : previousOf(toApi(before), toApi(plan))
    return { type, subject, clientId: plan.clientId, object: toApi(plan), previous, context }
  }

  /** After the invoices that its installments were paid with. */
  function tell(tx: Tx, books: Books, drafts: readonly EventDraft[]): void {
    if (drafts.length > 0) tx.atEnd(async () => void (await events.append(tx, { occurredAt: books.now, drafts })))
  }

  /** When the plan is next to be looked at by itself. */
  async function setNext(tx: Tx, books: Books, plan: PaymentPlan): Promise<void> {
    const timeZone = await clients.zoneOf(tx, plan.clientId, books)
    const today = todayFor(books, timeZone)
    const next = plan.status === 'active' ? nextDay(plan, today) : null
    const speaksAt = next === null ? null : instantOn(next, { time: SPEAKS_AT, timeZone })
    const at = plan.status === 'proposed' ? startOfDay(addDays(plan.expiresOn, 1), timeZone) : speaksAt
    await setDeadline(tx, { kind: 'payment_plan', objectId: plan.id, clientId: plan.clientId, at })
  }

  async function hold(tx: Tx, books: Books, { id, clientId, invoiceIds, restoresService }: PaymentPlan): Promise<void> {
    const origin = { kind: 'payment_plan', id } as const
    await holds.place(tx, books, {
      ...{ clientId, invoiceIds, reason: 'payment_plan', resume: 'by_age', untilOn: null, restoresService, origin }
    })
  }

  const release = (tx: Tx, books: Books, { plan, reason }: { plan: PaymentPlan; reason: string }) =>
    holds.releaseOf(tx, books, { origin: { kind: 'payment_plan', id: plan.id }, reason })

  const save = (tx: Tx, plan: PaymentPlan) => repository.save(tx, plan)

  /** Ends a plan or a proposal by hand, by time, or with its invoices. */
  async function end(tx: Tx, books: Books, { plan, to }: { plan: PaymentPlan; to: Ended }): Promise<PaymentPlan> {
    const after: PaymentPlan = { ...plan, ...to, version: plan.version + 1, updatedAt: books.now }
    await save(tx, after)
    await setNext(tx, books, after)
    if (plan.status === 'active') await release(tx, books, { plan, reason: after.endReason ?? after.status })
    const type = (
      { rejected: 'payment_plan.rejected', expired: 'payment_plan.expired', cancelled: 'payment_plan.cancelled' } as const
    )[after.status as 'rejected' | 'expired' | 'cancelled']
    tell(tx, books, [await eventOf(tx, books, { type, plan: after, before: plan })])
    return after
  }

  /** What the ledger and the day make of an accepted plan, written and told if anything changed. */
  async function decide(tx: Tx, books: Books, plan: PaymentPlan): Promise<void> {
    const [views, timeZone] = await Promise.all([invoices.viewsOf(tx, plan.invoiceIds), clients.zoneOf(tx, plan.clientId, books)])
    const today = todayFor(books, timeZone)
    if (views.some(({ invoice }) => invoice.status === 'void' || invoice.status === 'written_off')) {
      const to = { status: 'cancelled', endedOn: today, endReason: 'invoice_closed' } as const
      if (plan.status === 'active') await end(tx, books, { plan, to })
      return
    }
    const { acceptedOn: sinceOn, already, invoiceIds } = plan
    if (sinceOn === null) return
    const since = { invoiceIds, sinceOn }
    const [receipts, claims] = await Promise.all([invoices.receiptsOf(tx, since), invoices.claimsOf(tx, since)])
    const isSettled = views.every(({ invoice }) => invoice.balanceMinor === 0n)
    // It ended, and nothing is open again: whatever is credited or corrected later changes no more of it.
    if (plan.status === 'completed' && isSettled) return
    const progress = progressOf(plan, { money: { receipts, already }, claims, today, isSettled })
    // Another agreement took its place.
    if (progress.status === 'active' && plan.status !== 'active' && (await repository.activeOn(tx, invoiceIds)).length > 0) return
    await apply(tx, books, { plan, progress, today })
  }

  async function apply(
    tx: Tx,
    books: Books,
    { plan, progress, today }: { plan: PaymentPlan; progress: Progress; today: Day }
  ): Promise<void> {
    const outcome = outcomeOf(plan, { progress, today, at: books.now })
    const draftOf = (one: Told) => eventOf(tx, books, { ...one, plan: outcome.after, before: plan })
    const news = await Promise.all(outcome.told.map(async (one) => ({ ...one, draft: await draftOf(one) })))
    // A reminder that is not sent while the client is not to be addressed is sent once it may be, unless its day is over by then.
    const [sent = [], kept = []] = [true, false].map((may) => news.filter(({ draft }) => mayBeSent(draft) === may))
    const positions = new Set(kept.flatMap(({ installment }) => (installment === undefined ? [] : [installment.position])))
    const after = withheld(outcome.after, { positions, today })
    if (isDeepStrictEqual({ ...after, version: plan.version, updatedAt: plan.updatedAt }, plan)) return setNext(tx, books, plan)
    await save(tx, after)
    await setNext(tx, books, after)
    if (plan.status === 'active' && after.status !== 'active') await release(tx, books, { plan, reason: after.status })
    if (plan.status !== 'active' && after.status === 'active') await hold(tx, books, after)
    tell(
      tx,
      books,
      sent.map(({ draft }) => draft)
    )
    await settleDiscount(tx, { plan, after, how: { books, ids: plan.invoiceIds } })
  }

  /** A plan that is kept gives up its discount, and one that turns out not to be takes back what it gave. */
  async function settleDiscount(
    tx: Tx,
    {
      plan,
      after,
      how
    }: { plan: PaymentPlan; after: PaymentPlan; how: Omit<Parameters<typeof invoices.discountRest>[1], 'upToMinor'> }
  ): Promise<void> {
    const [wasKept, isKept] = [plan.status === 'completed', after.status === 'completed']
    if (wasKept === isKept || plan.discountMinor === 0n) return
    if (wasKept) await invoices.restoreRest(tx, { ...how, upToMinor: plan.givenMinor })
    const givenMinor = isKept ? await invoices.discountRest(tx, { ...how, upToMinor: plan.discountMinor }) : 0n
    await repository.saveGiven(tx, { id: plan.id, givenMinor })
  }

  return {
    get,
    save,
    end,
    hold,
    decide,
    setNext,
    eventOf,
    tell,

    /** Something of these invoices changed: their plans are decided before the commit, by what the transaction leaves. */
    follow: createGathering(async (tx, books: Books, invoiceIds) => {
      for (const found of await repository.ofInvoices(tx, invoiceIds)) {
        const plan = await get(tx, found.id) // as the one before left it
        if (plan.status === 'proposed') await withdrawIfClosed(tx, books, plan)
        else await decide(tx, books, plan)
      }
    }),

    /** The client may be addressed again, unless another hold stands: what was kept back today is looked at once more. */
    async silenceEnded(tx: Tx, { books, clientId }: { books: Books; clientId: string }): Promise<void> {
      const plans = await repository.activeOfClient(tx, clientId)
      if (plans.length === 0) return
      const timeZone = await clients.zoneOf(tx, clientId, books)
      const today = todayFor(books, timeZone)
      const speaksAt = instantOn(today, { time: SPEAKS_AT, timeZone })
      for (const { id: objectId } of plans.filter((plan) => isRemindedLate(plan, today))) {
        const at = books.now > speaksAt ? books.now : speaksAt
        await setDeadline(tx, { kind: 'payment_plan', objectId, clientId, at })
      }
    },

    /** A reminder, a miss, or the end of a proposal is due. */
    async meet(tx: Tx, { books, objectId }: { books: Books; objectId: string }): Promise<void> {
      const plan = await get(tx, objectId)
      if (plan.status === 'active') return decide(tx, books, plan)
      const today = todayFor(books, await clients.zoneOf(tx, plan.clientId, books))
      if (plan.status !== 'proposed') return
      // The client's day changed with its time zone.
      if (plan.expiresOn >= today) return setNext(tx, books, plan)
      await end(tx, books, { plan, to: { status: 'expired', endedOn: addDays(plan.expiresOn, 1), endReason: 'not_accepted' } })
    }
  }

  /** Nothing is open any more that the proposal could cover. */
  async function withdrawIfClosed(tx: Tx, books: Books, plan: PaymentPlan): Promise<void> {
    const views = await invoices.viewsOf(tx, plan.invoiceIds)
    if (views.every(({ invoice }) => invoice.status === 'open')) return
    const endedOn = todayFor(books, await clients.zoneOf(tx, plan.clientId, books))
    await end(tx, books, { plan, to: { status: 'cancelled', endedOn, endReason: 'invoice_closed' } })
  }
}

/** Whoever is not to be addressed is not reminded. */
function mayBeSent({ type, context }: PlanDraft): boolean {
  return !addressesDebtor(type) || context.holds.length === 0
}

/** The plan after the progress, and what is to be told of it: installments first, then the plan. */
function outcomeOf(
  plan: PaymentPlan,
  { progress, today, at }: { progress: Progress; today: Day; at: Date }
): { after: PaymentPlan; told: Told[] } {
  const told: Told[] = []
  const isActive = progress.status === 'active'
  const installments = plan.installments.map((before, index): PlanInstallment => {
    const { paidMinor, creditedMinor, status, missedOn } = progress.installments[index] ?? before
    const isDue = isActive && status !== 'paid' && before.dueOn <= today
    const isSoon = isActive && status === 'upcoming' && addDays(before.dueOn, -REMINDED_DAYS_BEFORE) <= today
    const toldDue = before.toldDue || isDue
    const after = {
      ...before,
      paidMinor,
      creditedMinor,
      status,
      missedOn,
      toldDue,
      toldSoon: before.toldSoon || toldDue || isSoon
    }
    const tell = (type: EventType) => told.push({ type, installment: { ...after, position: index + 1 } })
    if (isSoon && !before.toldSoon) tell('installment.due_soon')
    // Known to be due, and kept back until its day was over.
    const isTooLate = before.status === 'due' && before.dueOn < today
    if (isDue && !before.toldDue && !isTooLate && missedOn === null) tell('installment.due')
    if (missedOn !== null && before.missedOn === null) tell('installment.missed')
    if (status === 'paid' && before.status !== 'paid') tell('installment.paid')
    return after
  })
  if (progress.status !== plan.status) {
    told.push({
      type: ({ active: 'payment_plan.restored', completed: 'payment_plan.completed', broken: 'payment_plan.broken' } as const)[
        progress.status
      ]
    })
  }
  const after: PaymentPlan = {
    ...plan,
    installments,
    status: progress.status,
    endedOn: progress.endedOn,
    endReason: progress.endReason,
    version: plan.version + 1,
    updatedAt: at
  }
  return { after, told }
}
