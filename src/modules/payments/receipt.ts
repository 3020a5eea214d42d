import { type Day, maxDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import { EARLIEST_ON, LATEST_ON } from '../invoices/draft.ts'
import type { ExternalRef } from '../invoices/invoice.ts'
import type { LedgerEntry } from '../invoices/ledger.ts'
import type { Payment, Wanted } from './payment.ts'
import type { Instrument } from './table.ts'

export type NewPayment = Readonly<{
  /** Given where a reference was claimed for it already. */
  id: string | null
  clientId: string
  currency: Currency
  amountMinor: bigint
  status: 'settled' | 'pending'
  /** The day the money counts for; today unless said. For settled ones. */
  receivedOn: Day | null
  /** For pending ones. */
  maturesOn: Day | null
  instrument: Instrument | null
  method: string | null
  reference: string | null
  reservedFor: string | null
  /** Null sets it against what is oldest due; for pending ones, once they are there. */
  allocations: readonly Wanted[] | null
  metadata: Readonly<Record<string, string>>
  externalRefs: readonly ExternalRef[]
}>

export function paymentOf(input: NewPayment, { id, at }: { id: string; at: Date }): Payment {
  if (input.amountMinor <= 0n) throw new DomainError('invalid_amount', 'The amount must be more than 0.', { pointer: '/amount' })
  if (input.status === 'pending' && input.receivedOn !== null) {
    throw new DomainError('invalid_request', 'Announced money was not received yet: give matures_on.', {
      pointer: '/received_on'
    })
  }
  if (input.status === 'pending' && input.maturesOn !== null && (input.maturesOn > LATEST_ON || input.maturesOn < EARLIEST_ON)) {
    throw new DomainError('invalid_date', `Days lie between ${EARLIEST_ON} and ${LATEST_ON}.`, { pointer: '/matures_on' })
  }
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
