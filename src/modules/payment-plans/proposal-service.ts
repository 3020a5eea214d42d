import type { Reader, Tx } from '../../db/client.ts'
import { addDays, type Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { type Currency, formatAmount } from '../../kernel/money.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import type { InvoiceView } from '../invoices/invoice.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import type { PlanFollowDeps } from './follow-service.ts'
import type { PaymentPlan } from './plan.ts'
import * as repository from './repository.ts'
import { type Installment, installmentsOf, type Schedule } from './schedule.ts'

export type NewPlan = Readonly<{
  clientId: string
  invoiceIds: readonly string[]
  schedule: (currency: Currency) => Schedule
  /** Given up if the plan is kept, in minor units of the invoices' currency. */
  discount: ((currency: Currency) => bigint) | null
  graceDays: number
  breakAfterMissed: number
  restoresService: boolean
  expiresOn: Day | null
  note: string | null
  replacesId: string | null
}>

export type Previewed = Readonly<{
  currency: Currency
  coveredMinor: bigint
  discountMinor: bigint
  installments: readonly Installment[]
}>

type Deps = Pick<PlanFollowDeps, 'events' | 'organizations' | 'clients' | 'invoices'> &
  Readonly<{
    newId: () => string
    get: (reader: Reader, id: string) => Promise<PaymentPlan>
    eventOf: (
      reader: Reader,
      books: Books,
      of: { type: EventType; plan: PaymentPlan; before?: PaymentPlan | undefined }
    ) => Promise<EventDraft>
    setProposalEnd: (tx: Tx, books: Books, plan: PaymentPlan) => Promise<void>
  }>

const OPEN_FOR_DAYS = 14

export function createProposals({ newId, events, organizations, clients, invoices, eventOf, setProposalEnd }: Deps) {
  /** @throws DomainError naming the field, see `preview`. */
  async function agree(tx: Tx, input: NewPlan, today: Day): Promise<Previewed> {
    const views = await coveredBy(tx, input)
    const [first] = views
    if (first === undefined) {
      throw new DomainError('invoice_not_open', 'Nothing is open that a plan could cover.', { pointer: '/invoice_ids' })
    }
    const { currency } = first.invoice
    const coveredMinor = views.reduce((sum, { invoice }) => sum + invoice.balanceMinor, 0n)
    const discountMinor = input.discount?.(currency) ?? 0n
    if (discountMinor >= coveredMinor) {
      const open = `${formatAmount(coveredMinor, currency)} ${currency}`
      throw new DomainError('exceeds_balance', `A discount leaves something of the ${open} to be paid.`, { pointer: '/discount' })
    }
    const totalMinor = coveredMinor - discountMinor
    const installments = installmentsOf(input.schedule(currency), { totalMinor, currency, today })
    if (input.breakAfterMissed > installments.length) {
      throw new DomainError('invalid_request', `The plan has only ${installments.length} installments.`, {
        pointer: '/break_after_missed'
      })
    }
    return { currency, coveredMinor, discountMinor, installments }
  }

  async function coveredBy(tx: Tx, { clientId, invoiceIds, replacesId }: NewPlan): Promise<InvoiceView[]> {
    const all = await invoices.requireOfClient(tx, { clientId, ids: invoiceIds })
    const currency = all[0]?.invoice.currency ?? ''
    const views = await invoices.requireOpen(tx, { clientId, ids: invoiceIds, currency })
    const planned = (await repository.activeOn(tx, invoiceIds)).find(({ planId }) => planId !== replacesId)
    if (planned === undefined) return views
    const pointer = `/invoice_ids/${invoiceIds.indexOf(planned.invoiceId)}`
    const sentence = 'An active plan covers this invoice. Renegotiate that plan, or cancel it first.'
    throw new DomainError('invoice_planned', sentence, { pointer, existingId: planned.planId })
  }

  return {
    /**
     * What a plan would be, without proposing it. @throws DomainError naming the field: invoices of several clients or currencies,
     * paid or in a plan already, installments that do not sum or are out of order, days that are past.
     */
    async preview(tx: Tx, input: NewPlan): Promise<Previewed> {
      const [books, client] = await Promise.all([organizations.books(tx), clients.lock(tx, input.clientId)])
      return agree(tx, input, todayFor(books, client.timeZone))
    },

    /** Proposes it to the client; nothing changes until it is accepted. */
    async propose(tx: Tx, input: NewPlan): Promise<PaymentPlan> {
      const [books, client] = await Promise.all([organizations.books(tx), clients.lock(tx, input.clientId)])
      const today = todayFor(books, client.timeZone)
      const { installments, ...agreed } = await agree(tx, input, today)
      const expiresOn = input.expiresOn ?? addDays(today, OPEN_FOR_DAYS)
      if (expiresOn < today) {
        throw new DomainError('invalid_date', `A proposal is open through today, ${today}, or longer.`, {
          pointer: '/expires_on'
        })
      }
      const at = books.now
      const { clientId, graceDays, breakAfterMissed, restoresService, replacesId, note } = input
      const plan: PaymentPlan = {
        id: newId(),
        ...{
          clientId,
          invoiceIds: input.invoiceIds.toSorted(),
          ...agreed,
          graceDays,
          breakAfterMissed,
          restoresService,
          expiresOn,
          note,
          replacesId
        },
        installments: installments.map((one) => ({
          ...one,
          ...{ paidMinor: 0n, creditedMinor: 0n, status: 'upcoming', missedOn: null, toldSoon: false, toldDue: false }
        })),
        ...{ status: 'proposed', acceptance: null, acceptedOn: null, already: {}, givenMinor: 0n, replacedById: null },
        ...{ endedOn: null, endReason: null, version: 1, createdAt: at, updatedAt: at }
      }
      await repository.insert(tx, plan)
      await setProposalEnd(tx, books, plan)
      const drafts = [await eventOf(tx, books, { type: 'payment_plan.proposed', plan })]
      await events.append(tx, { occurredAt: books.now, drafts })
      return plan
    }
  }
}
