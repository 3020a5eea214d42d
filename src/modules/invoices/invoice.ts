import { isDeepStrictEqual } from 'node:util'
import { assert } from '../../kernel/assert.ts'
import { addDays, type Day, daysBetween, maxDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import type { EventType } from '../events/event.ts'
import type { InvoiceStatus, PaymentLink } from './table.ts'

export type DunningStart = 'normal' | 'baseline' | 'off'

export type Invoice = Readonly<{
  id: string
  clientId: string
  number: string
  currency: Currency
  totalMinor: bigint
  balanceMinor: bigint
  issuedOn: Day
  /** The last day on which something of it falls due. */
  dueOn: Day
  status: InvoiceStatus
  collectionMethod: 'manual' | 'autopay'
  dunningStart: DunningStart
  dunningPolicyId: string | null
  paymentLinks: readonly PaymentLink[]
  metadata: Readonly<Record<string, string>>
  replacedById: string | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** What dunning keeps on an obligation. Only dunning decides it. */
export type DunningState = Readonly<{
  /** The first day on which it is overdue. */
  overdueFromOn: Day
  /** Whether `invoice.overdue` was said in this cycle. */
  overdueAnnounced: boolean
  stageCode: string | null
  stageEnteredAt: Date | null
  nextStageCode: string | null
  /** When that stage is entered, if nothing changes. */
  nextEntryAt: Date | null
  /** The earliest instant at which deciding again could change something: an entry, or becoming overdue. Null if nothing can by itself. */
  nextAt: Date | null
  /** A hold keeps it from being dunned. */
  isHeld: boolean
  /** Pinned at the cycle's first entry. */
  policyId: string | null
  policyVersion: number | null
}>

export type Obligation = DunningState &
  Readonly<{
    id: string
    invoiceId: string
    clientId: string
    kind: 'invoice' | 'part'
    dueOn: Day
    currency: Currency
    amountMinor: bigint
    balanceMinor: bigint
    cycle: number
  }>

export type ExternalRef = Readonly<{ source: string; id: string }>

/** An invoice with all that GET shows of it. `timeZone` is the client's own, null where the organization's counts. */
export type InvoiceView = Readonly<{
  invoice: Invoice
  /** By due date. */
  obligations: readonly Obligation[]
  externalRefs: readonly ExternalRef[]
  timeZone: string | null
}>

/** One due obligation with what a decision rests on. */
export type DunningCase = Readonly<{
  obligation: Obligation
  view: InvoiceView
  /** The client's settings that count for dunning. */
  client: Readonly<{ dunningPolicyId: string | null; dunningExemptUntilOn: Day | null }>
}>

/** One open obligation as a client is told of it. */
export type OpenObligation = Obligation & Readonly<Pick<Invoice, 'number' | 'dunningStart' | 'collectionMethod'>>

export type Part = Readonly<{ dueOn: Day; amountMinor: bigint }>

/** What an invoice claims and when; null leaves it as it is. Either a due day or a schedule. */
export type DueTerms = Readonly<{ totalMinor: bigint | null; dueOn: Day | null; schedule: readonly Part[] | null }>

/** @throws DomainError when the parts do not sum to the total or are not in the order of their days. */
export function checkSchedule(parts: readonly Part[], totalMinor: bigint): void {
  parts.forEach((part, index) => {
    const before = parts[index - 1]
    if (before !== undefined && before.dueOn >= part.dueOn) {
      throw new DomainError('invalid_request', 'Each part falls due after the one before it.', {
        pointer: `/due_schedule/${index}/due_on`
      })
    }
    if (part.amountMinor <= 0n) {
      throw new DomainError('invalid_amount', 'A part must be more than 0.', { pointer: `/due_schedule/${index}/amount` })
    }
  })
  if (parts.reduce((sum, part) => sum + part.amountMinor, 0n) !== totalMinor) {
    throw new DomainError('invalid_amount', 'The parts must sum to the total.', { pointer: '/due_schedule' })
  }
}

/** Calendar days since the oldest open obligation fell due; 0 when none is overdue. */
export function daysOverdue(obligations: readonly Obligation[], today: Day): number {
  return obligations.reduce((days, { balanceMinor, overdueFromOn }) => {
    const late = balanceMinor > 0n ? daysBetween(overdueFromOn, today) + 1 : 0
    return Math.max(days, late)
  }, 0)
}

/** The day from which it counts as late: its due date, or the open day that takes its place under the policy. */
export function effectiveDueOn({ overdueFromOn }: Pick<Obligation, 'overdueFromOn'>): Day {
  return addDays(overdueFromOn, -1)
}

/** @param obligations by due date, at least one. */
export function lastEffectiveDueOn(obligations: readonly Obligation[]): Day {
  const last = obligations.at(-1)
  assert(last !== undefined, 'an invoice has an obligation')
  return effectiveDueOn(last)
}

/** The obligation whose dunning an invoice shows: the open one that fell due first, else the last. */
export function leading(obligations: readonly Obligation[]): Obligation | undefined {
  return obligations.find((obligation) => obligation.balanceMinor > 0n) ?? obligations.at(-1)
}

export function lastDueOn(parts: readonly [Part, ...Part[]]): Day {
  return maxDay(parts[0].dueOn, ...parts.slice(1).map((part) => part.dueOn))
}

/**
 * The events of an invoice that was `before` and is `after`, in the order in which they are sent: settings and total, the due date,
 * and what became of it. What of the dunning changed has events of its own.
 */
export function eventTypesOf(before: InvoiceView, after: InvoiceView): EventType[] {
  const turn = turnOf(before.invoice, after.invoice)
  const moved = !isDeepStrictEqual(amountsOf(before), amountsOf(after))
  const isUpdated = !isDeepStrictEqual(settingsOf(before), settingsOf(after)) || (moved && turn === undefined)
  const isRescheduled = !isDeepStrictEqual(dueDaysOf(before), dueDaysOf(after))
  return [
    ...(isUpdated ? (['invoice.updated'] as const) : []),
    ...(isRescheduled ? (['invoice.rescheduled'] as const) : []),
    ...(turn === undefined ? [] : [turn])
  ]
}

/** A lower total settles nothing: only what is claimed and no longer owed does. */
function turnOf(before: Invoice, after: Invoice): EventType | undefined {
  if (before.status !== after.status) {
    const turns = { open: 'invoice.reopened', paid: 'invoice.paid', void: 'invoice.voided', written_off: 'invoice.written_off' }
    return (turns as Record<InvoiceStatus, EventType>)[after.status]
  }
  const settledMinor = (invoice: Invoice) => invoice.totalMinor - invoice.balanceMinor
  return after.status === 'open' && settledMinor(after) > settledMinor(before) ? 'invoice.partially_paid' : undefined
}

/** What is neither money that moved, nor a due day, nor a status. */
function settingsOf({ invoice, externalRefs }: InvoiceView) {
  const { status, balanceMinor, dueOn, replacedById, version, updatedAt, ...settings } = invoice
  return { ...settings, externalRefs }
}

const amountsOf = ({ obligations }: InvoiceView) =>
  obligations.map(({ amountMinor, balanceMinor }) => [amountMinor, balanceMinor])
const dueDaysOf = ({ obligations }: InvoiceView) => obligations.map(({ dueOn }) => dueOn)

/** What the balance makes of the status. Void and written off are ends of their own. */
export function statusFor(balanceMinor: bigint): InvoiceStatus {
  return balanceMinor > 0n ? 'open' : 'paid'
}
