import { type Day, maxDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import { EARLIEST_ON, LATEST_ON } from '../invoices/draft.ts'
import type { ExternalRef } from '../invoices/invoice.ts'
import type { Allocation, LedgerEntry } from '../invoices/ledger.ts'
import { checkNamed, type Named, type Payment } from './payment.ts'
import type { Instrument, ReversalReason } from './table.ts'

export type NewPayment = Readonly<{
  /** Given where a reference was claimed for it already. */
  id: string | null
  clientId: string
  currency: Currency
  amountMinor: bigint
  /** `failed` for money that its source tells of only when it is gone again. */
  status: 'settled' | 'pending' | 'failed'
  /** The day the money counts for; today unless said. For settled ones. */
  receivedOn: Day | null
  /** For pending ones. */
  maturesOn: Day | null
  instrument: Instrument | null
  method: string | null
  reference: string | null
  reservedFor: string | null
  /** Null sets it against what is oldest due; for pending ones, once they are there. */
  allocations: readonly Named[] | null
  metadata: Readonly<Record<string, string>>
  externalRefs: readonly ExternalRef[]
}> &
  Partial<Reversal>

/** Why and when money that came went again: null stands for a bounce, and for today. */
export type Reversal = Readonly<{ reason: ReversalReason | null; reversedOn: Day | null }>

/** What of a payment can be told to be wrong whoever its client is. @throws DomainError that names the field. */
export function checkNewPayment(input: NewPayment): void {
  if (input.amountMinor <= 0n) throw new DomainError('invalid_amount', 'The amount must be more than 0.', { pointer: '/amount' })
  if (input.status === 'pending' && input.receivedOn !== null) {
    throw new DomainError('invalid_request', 'Announced money was not received yet: give matures_on.', {
      pointer: '/received_on'
    })
  }
  if (input.status === 'pending' && input.maturesOn !== null && (input.maturesOn > LATEST_ON || input.maturesOn < EARLIEST_ON)) {
    throw new DomainError('invalid_date', `Days lie between ${EARLIEST_ON} and ${LATEST_ON}.`, { pointer: '/matures_on' })
  }
  const { amountMinor: availableMinor, currency } = input
  if (input.allocations !== null) checkNamed(input.allocations, { availableMinor, currency })
}

export function paymentOf(input: NewPayment, { id, at }: { id: string; at: Date }): Payment {
  checkNewPayment(input)
  const { clientId, currency, amountMinor, maturesOn, instrument, method, reference, reservedFor, metadata } = input
  return {
    id,
    clientId,
    currency,
    amountMinor,
    unappliedMinor: 0n,
    status: 'pending',
    receivedOn: null,
    maturesOn,
    instrument,
    method,
    reference,
    reservedFor,
    reversalReason: null,
    reversedOn: null,
    reversalNote: null,
    unconfirmedAt: null,
    metadata,
    version: 1,
    createdAt: at,
    updatedAt: at
  }
}

export function pastDay(day: Day, { today, pointer }: { today: Day; pointer: string }): Day {
  if (day > today)
    throw new DomainError(
      'invalid_date',
      `It is ${today} for this client: money of a later day is not there yet. Record it as pending.`,
      { pointer }
    )
  return maxDay(day)
}

/** The day on which a payment is taken back. */
export function reversalDay(on: Day | null, { receivedOn, today }: { receivedOn: Day; today: Day }): Day {
  const pointer = '/reversed_on'
  const reversedOn = pastDay(on ?? today, { today, pointer })
  if (reversedOn < receivedOn)
    throw new DomainError('invalid_date', 'A payment is not reversed before it is received.', { pointer })
  return reversedOn
}

/** Announced money that does not come, or of which only now is said that it came, and went again. It never settled anything. */
export function endedOf(
  payment: Payment,
  { receivedOn, today, at, reason, reversedOn }: Partial<Reversal> & { receivedOn: Day | null; today: Day; at: Date }
): Payment {
  const ended = { ...payment, updatedAt: at }
  if (receivedOn === null) return { ...ended, status: 'failed', reversalReason: reason ?? null }
  pastDay(receivedOn, { today, pointer: '/received_on' })
  const day = reversalDay(reversedOn ?? null, { receivedOn, today })
  return { ...ended, status: 'reversed', receivedOn, reversalReason: reason ?? 'bounced', reversedOn: day }
}

export function requirePending(payment: Payment): void {
  if (payment.status !== 'pending') throw new DomainError('payment_not_pending', `The payment is ${payment.status} already.`)
}

export function entryOf(
  payment: Payment,
  how: { id: string; kind: 'payment' | 'payment_reversed'; unappliedMinor: bigint; effectiveOn: Day }
): LedgerEntry {
  const { clientId, currency, id: paymentId } = payment
  return {
    id: how.id,
    kind: how.kind,
    clientId,
    currency,
    invoiceId: null,
    obligationId: null,
    paymentId,
    balanceMinor: 0n,
    unappliedMinor: how.unappliedMinor,
    effectiveOn: how.effectiveOn
  }
}

/** Whose entries these are. */
export function clientsOf(entries: readonly LedgerEntry[]): string[] {
  return [...new Set(entries.map(({ clientId }) => clientId))]
}

/** What entries change the unapplied rest of each payment by. */
export function creditChanges(entries: readonly LedgerEntry[]): { paymentId: string; byMinor: bigint }[] {
  return entries.flatMap(({ paymentId, unappliedMinor: byMinor }) =>
    paymentId === null || byMinor === 0n ? [] : [{ paymentId, byMinor }]
  )
}

/** As much of what a payment has set against one obligation as is to be taken, what was set last first. */
export function latestOf(set: readonly Allocation[], minor: bigint): Allocation[] {
  let left = minor
  return set.toReversed().flatMap((allocation) => {
    const amountMinor = allocation.amountMinor < left ? allocation.amountMinor : left
    if (amountMinor <= 0n) return []
    left -= amountMinor
    return [{ ...allocation, amountMinor }]
  })
}
